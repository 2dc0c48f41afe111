"""Records become columns of text: nothing is parsed, so nothing is lost before the SQL that maps it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

import pyarrow as pa

from headline.sources.names import name_key, spelled, storable
from headline.sources.refused import LONGEST_TEXT, ORIGIN
from headline.sources.spool import BYTES_AT_A_TIME, ROWS_AT_A_TIME

log = logging.getLogger(__name__)

T = TypeVar("T")
_NO_TEXT = re.compile("[\udc80-\udcff]")


def is_text(written: str) -> bool:
    """Whether all bytes of a text that was read with `surrogateescape` were of its encoding."""
    return written.isascii() or not _NO_TEXT.search(written)


def cut(written: str) -> str:
    """What is kept of a text that is longer than a record may be: no text, so that nobody takes it for a whole one."""
    return f"{written[:LONGEST_TEXT]}\udc80"


def text_of(value: Any) -> str | None:
    """A field as text that every store takes: null stays null, lists and objects stay JSON."""
    if value is None:
        return value
    return storable(value if isinstance(value, str) else json.dumps(value))


def field_of(record: Mapping[str, Any], name: str) -> Any:
    """A field of a record, however its name is spelled; None where it is not there."""
    return record[name] if name in record else record.get(spelled(name, record) or name)


def batch(records: Iterable[Mapping[str, Any]]) -> pa.RecordBatch:
    """Records as columns of text, in the order in which the columns first appear; a field without a name is left out.

    Names that SQL cannot tell apart are one column: a record has one of them.
    """
    rows = list(records)
    spelled: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        spelled.setdefault(name_key(name), []).append(name)
    if spelled.pop("", None):
        log.warning("%s and others: a field without a name is left out", rows[0].get(ORIGIN, "a record"))
    arrays = []
    for name, *others in spelled.values():
        texts = [text_of(row.get(name)) for row in rows]
        for other in others:
            texts = [text_of(row.get(other)) if text is None else text for text, row in zip(texts, rows, strict=True)]
        arrays.append(pa.array(texts, pa.string()))
    return pa.RecordBatch.from_arrays(arrays, names=[storable(names[0]) for names in spelled.values()])


class Taken:
    """Counts how much text of a source has been read so far, in characters."""

    def __init__(self) -> None:
        self.count = 0

    def counted(self, texts: Iterable[str]) -> Iterator[str]:
        """The texts, as they are read."""
        for text in texts:
            self.count += len(text)
            yield text


def chunks(items: Iterable[T], taken: Taken, size: int = ROWS_AT_A_TIME) -> Iterator[list[T]]:
    """The items in lists of so many, or of fewer that are long; memory holds one list. `taken`: what was read to make them."""
    chunk: list[T] = []
    end = taken.count + BYTES_AT_A_TIME
    for item in items:
        chunk.append(item)
        if len(chunk) == size or taken.count >= end:
            yield chunk
            chunk, end = [], taken.count + BYTES_AT_A_TIME
    if chunk:
        yield chunk


def in_iso(rows: pa.RecordBatch, column: str, form: str) -> pa.RecordBatch:
    """The rows with the texts of a column that are of a form, in the letters of strptime, in that of ISO 8601.

    Without a time of day they become dates, otherwise moments. A text that is of another form stays as it is.
    """
    name = spelled(column, rows.schema.names)
    if name is None or not pa.types.is_string(rows.column(name).type):
        return rows
    has_clock = re.search(r"%[HIcXs]", form) is not None
    readings: dict[str | None, str | None] = {}
    for text in rows.column(name).unique().to_pylist():
        try:
            found = datetime.strptime((text or "").strip(), form)  # noqa: DTZ007 (in the source's zone, which is told elsewhere)
            readings[text] = found.isoformat(" ") if has_clock else found.date().isoformat()
        except ValueError:
            readings[text] = text
    values = pa.array([readings[text] for text in rows.column(name).to_pylist()], pa.string())
    return rows.set_column(rows.schema.get_field_index(name), name, values)
