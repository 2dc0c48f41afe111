"""The records of a file of JSON lines: an invalid line is quarantined alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from headline.sources.columns import are_most
from headline.sources.json_text import loads
from headline.sources.landing import Unfit
from headline.sources.records import records_of
from headline.sources.refused import REFUSAL, UNREADABLE
from headline.sources.storage import encoding_hint
from headline.sources.text import Taken, batch, chunks, is_text
from headline.sources.text_lines import text_lines
from headline.specs import FilesIngest

if TYPE_CHECKING:
    import pyarrow as pa

    from headline.sources.storage import AnyPath


def json_batches(path: AnyPath, ingest: FilesIngest, day: date, taken: Taken) -> Iterator[pa.RecordBatch]:
    """A line that is no JSON object is refused."""
    yield batch([])
    count, odd, first = 0, 0, ""
    written = ((number, line) for number, line in enumerate(text_lines(path, ingest, taken), start=1) if line.strip())
    for chunk in chunks(written, taken):
        records = []
        for number, line in chunk:
            found = records_of(line.removeprefix("\ufeff"), f"{path.name} line {number}")
            records += found
            if found[0].get(REFUSAL) == UNREADABLE:
                odd += 1
                first = first or f"line {number} {_no_record(path, ingest, line)}"
        count += len(records)
        yield batch(records)
    if are_most(odd, count):
        raise Unfit(f"{path.name}: {odd} of {count} lines are no records: {first}", day)


def _no_record(path: AnyPath, ingest: FilesIngest, line: str) -> str:
    """Why a line of a file of JSON is no record, in words."""
    if not is_text(line):
        return f"is not in {ingest.encoding} ({encoding_hint(path)})"
    try:
        loads(line)
    except ValueError as error:
        return f"is no record: {error}"
    return "is no object"
