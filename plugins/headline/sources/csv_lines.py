"""The records of a CSV file: a line that does not fit the header is quarantined alone."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from headline.ledger.schema_changes import short
from headline.sources.columns import are_most
from headline.sources.landing import Unfit
from headline.sources.names import name_key, told_apart
from headline.sources.records import record_of
from headline.sources.refused import UNREADABLE, WRONG_FIELD_COUNT, refused
from headline.sources.storage import encoding_hint, is_settled
from headline.sources.text import Taken, batch, chunks, is_text
from headline.sources.text_lines import text_lines
from headline.specs import FilesIngest

if TYPE_CHECKING:
    import pyarrow as pa

    from headline.sources.storage import AnyPath


log = logging.getLogger(__name__)


def csv_batches(path: AnyPath, ingest: FilesIngest, day: date, taken: Taken) -> Iterator[pa.RecordBatch]:
    """A line with too many or too few fields, or whose bytes are no text, is refused; a line without anything is none."""
    lines = _Csv(path, ingest, taken)
    header = [name.strip() for name in lines.header()]
    if not all(map(is_text, header)):
        raise ValueError(f"its header is not in {ingest.encoding} ({encoding_hint(path)}): {', '.join(header)[:80]!r}")
    named = [place for place, name in enumerate(header) if name_key(name)]
    names = [header[place] for place in named]
    if len(named) < len(header):
        log.warning("%s: %s of its columns have no name and are left out", path.name, len(header) - len(named))
    if told_apart(names) != names:
        message = f"{path.name}: a column is duplicated: {', '.join(map(short, header[:20]))}"
        raise Unfit(message, day, ((day, rows) for rows in _csv_batches_padded(path, ingest, taken)))
    count, odd, first = 0, 0, ""
    yield batch([dict.fromkeys(names)]).slice(0, 0)
    for chunk in chunks(lines.records(len(header)), taken):
        records = []
        for line in chunk:
            number, fields, text = line
            where = f"{path.name} line {number}"
            if len(fields) != len(header) or not is_text(text):
                odd += 1
                reason = UNREADABLE if len(fields) in (0, len(header)) else WRONG_FIELD_COUNT
                records.append(refused(reason, text.rstrip("\r\n"), where))
                first = first or _misfit(path, ingest, line, len(header))
            else:
                values = {header[place]: fields[place] or None for place in named}
                records.append(record_of(values, where))
        count += len(records)
        yield batch(records)
    if are_most(odd, count):
        message = f"{path.name}: {odd} of {count} lines do not fit its header: {first}"
        raise Unfit(message, day, ((day, rows) for rows in _csv_batches_padded(path, ingest, taken)))


def _misfit(path: AnyPath, ingest: FilesIngest, line: _Line, width: int) -> str:
    """Why a record of a CSV file is refused, in words."""
    if not line.fields:
        return f"line {line.number} has a quote in a wrong place"
    if len(line.fields) == width:
        return f"line {line.number} is not in {ingest.encoding} ({encoding_hint(path)})"
    return f"line {line.number} has {len(line.fields)} fields, the header has {width}"


class _Line(NamedTuple):
    """A record of a CSV file: the number of its first line, its fields, none where its quotes are in disorder, and its text."""

    number: int
    fields: list[str]
    text: str


class _Csv:
    """The records of a CSV file. A line that holds nothing is none.

    One with a quote in a wrong place may swallow the lines after it: of a record that has more than one line and does not fit the
    header, each line is read on its own. `is_strict`: else quotes need not be in order, and the file may break off.
    """

    def __init__(self, path: AnyPath, ingest: FilesIngest, taken: Taken, *, is_strict: bool = True) -> None:
        self._path, self._is_strict = path, is_strict
        self._how: dict[str, Any] = {"delimiter": ingest.delimiter, "quotechar": ingest.quote}
        self._text: list[str] = []  # of the record that is read
        self._reader = csv.reader(self._kept(text_lines(path, ingest, taken)), strict=is_strict, **self._how)

    def _kept(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self._text.append(line)
            yield line

    def header(self) -> list[str]:
        """The fields of the first line; raises ValueError where there is none."""
        first = next(self.records(), None)
        if first is None or not first.fields:
            raise ValueError("its header has a quote in a wrong place" if first else "it is empty, even of a header")
        return first.fields

    def records(self, width: int | None = None) -> Iterator[_Line]:
        """The records from here on, of `width` fields each if that is given; fields behind the last that are empty do not count.

        Raises csv.Error where a quote is open to the end of a file that may still be arriving.
        """
        while True:
            self._text.clear()
            number = self._reader.line_num + 1
            try:
                fields = next(self._reader, None)
            except csv.Error as error:
                if "end of data" in str(error) and not is_settled(self._path):
                    raise
                fields = []
            if fields is None:
                return
            fields = _cut(fields, width)
            is_fit = len(fields) == width if width else bool(fields)
            if self._is_strict and len(self._text) > 1 and not is_fit:
                yield from self._each_line(number, width)
            elif (text := "".join(self._text).strip()) and (not fields or any(field.strip() for field in fields)):
                yield _Line(number, fields, text)

    def _each_line(self, number: int, width: int | None) -> Iterator[_Line]:
        for place, line in enumerate(self._text):
            try:
                fields = _cut(next(csv.reader([line], strict=True, **self._how), []), width)
            except csv.Error:
                fields = []
            if line.strip() and (not fields or any(field.strip() for field in fields)):
                yield _Line(number + place, fields, line)


def _cut(fields: list[str], width: int | None) -> list[str]:
    while width is not None and len(fields) > width and not fields[-1]:
        fields.pop()
    return fields


def _csv_as_it_is(path: AnyPath, ingest: FilesIngest, taken: Taken) -> Iterator[list[str]]:
    """The lines of a file that is kept and not loaded: quotes need not be in order, and it may break off."""
    with suppress(ValueError, csv.Error):
        yield from (line.fields or [line.text] for line in _Csv(path, ingest, taken, is_strict=False).records())


def _csv_batches_padded(path: AnyPath, ingest: FilesIngest, taken: Taken) -> Iterator[pa.RecordBatch]:
    """All lines of a file whose lines do not fit its header, with a name for each field of the longest."""
    header, width = next(_csv_as_it_is(path, ingest, taken)), max(map(len, _csv_as_it_is(path, ingest, taken)))
    more = [f"field {number}" for number in range(len(header) + 1, width + 1)]
    names = told_apart([*(name if name_key(name) else "no name" for name in header), *more])
    rest = islice(_csv_as_it_is(path, ingest, taken), 1, None)
    yield from (batch(dict(zip(names, fields, strict=False)) for fields in chunk) for chunk in chunks(rest, taken))
