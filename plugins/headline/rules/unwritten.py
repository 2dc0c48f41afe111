"""What a person has yet to write: lines that say TODO, as `headline new` and `headline profile` leave them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from headline.runbooks import without_generated

_MARK = re.compile(r"\bTODO: *(?P<what>[^\"]*)")


def unwritten_lines(file: Path) -> Iterator[str]:
    """Every line of a file that is still to be written, with its number; what is generated of other files is written there."""
    text = file.read_text()
    for number, line in enumerate((without_generated(text) if file.suffix == ".md" else text).splitlines(), start=1):
        if found := _MARK.search(line):
            yield f"line {number}: TODO: {found['what'].strip()}"
