"""The lines of a text file, in bounded memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from headline.sources.storage import LONGEST_RECORD, is_settled
from headline.sources.text import Taken, cut
from headline.specs import FilesIngest

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath

_LINE_ENDS = ("\n", "\r")


def text_lines(path: AnyPath, ingest: FilesIngest, taken: Taken) -> Iterator[str]:
    """The lines of a text file, what is not in its encoding as half surrogates; of a line too long its beginning, as no text.

    Raises ValueError at its end where that is no line break and the file may still be arriving.
    """
    last, is_first, is_cut = "", True, False
    with (
        path.open("rb") as content,
        io.TextIOWrapper(content, encoding=ingest.encoding, errors="surrogateescape", newline="") as lines,
    ):
        while line := lines.readline(LONGEST_RECORD):
            taken.count += len(line)
            last, was_cut, is_cut = line, is_cut, len(line) == LONGEST_RECORD and not line.endswith(_LINE_ENDS)
            if was_cut:
                continue
            yield cut(line) if is_cut else line.removeprefix("\ufeff") if is_first else line
            is_first = False
    if not last.endswith(_LINE_ENDS) and not is_settled(path):
        raise ValueError("it breaks off without a line break at its end")
