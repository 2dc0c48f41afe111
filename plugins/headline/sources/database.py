"""A relational database as a source: one query in its own dialect, streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headline.errors import BadData, SpecError
from headline.intervals import Interval
from headline.sources.database_connection import faults_of, reading
from headline.sources.database_values import Odd, array_of, arrow_type
from headline.sources.landing import NO_DAY, Part
from headline.sources.refused import NO_BUSINESS_DAY, RESERVED, refused
from headline.sources.spool import BYTES_AT_A_TIME, ROWS_AT_A_TIME
from headline.specs import DatabaseIngest
from headline.sql import render

if TYPE_CHECKING:
    from psycopg import Column

# So many rows are taken from the connection at once, before anybody can know how long they are.
ROWS_IN_A_MESSAGE = 50


def read(ingest: DatabaseIngest, folder: Path, interval: Interval) -> Iterator[Part]:
    """The rows of the extract query for the interval, split by its column `ds`, which it must be ordered by.

    Those without a day are refused, and of NO_DAY.

    Raises Transient when the database is out of reach, SpecError when the query is wrong: Refused when the source says so.
    """
    file = folder / ingest.extract
    query = render(file.read_text(), interval, where=f"{folder.name}/{ingest.extract}")
    with (
        faults_of(ingest, file),
        reading(ingest) as (connection, cursor),
        closing(cursor.stream(query, size=ROWS_IN_A_MESSAGE)) as rows,
    ):
        first = list(islice(rows, 1))
        described = cursor.description if first else _described(connection, query)
        schema = pa.schema([(column.name, arrow_type(column)) for column in described])
        if "ds" not in schema.names or schema.field("ds").type != pa.date32():
            raise SpecError([f"{folder.name}/{ingest.extract}: the result has no column ds of type date, the business day"])
        yield from _by_day(chain(first, rows), schema, interval, ingest)


def orphans(ingest: DatabaseIngest, folder: Path, examples: int) -> tuple[int, list[str]]:
    """How many records the query of orphans finds, and what it says of the first of them; 0 where there is none.

    Raises as `read` does.
    """
    if ingest.orphans is None:
        return 0, []
    file = folder / ingest.orphans
    with (
        faults_of(ingest, file),
        reading(ingest) as (_, cursor),
        closing(cursor.stream(file.read_text(), size=ROWS_AT_A_TIME)) as rows,
    ):
        first = [", ".join(map(str, row)) for row in islice(rows, examples)]
        return len(first) + sum(1 for _ in rows), first


def _described(connection: Any, query: str) -> Sequence[Column]:
    """The columns of a query that gave no row."""
    with connection.cursor(name="headline") as cursor:
        cursor.execute(query)
        return cursor.description


def _length(value: Any) -> int:
    """How long a value is as text, where it may be long."""
    if isinstance(value, str | bytes):
        return len(value)
    return len(str(value)) if isinstance(value, list | dict) else 8


def _by_day(rows: Iterable[tuple[Any, ...]], schema: pa.Schema, interval: Interval, ingest: DatabaseIngest) -> Iterator[Part]:
    """Parts are counted from the start of their day, so that a day makes the same file in whatever range it was read."""
    position = schema.get_field_index("ds")
    for day, group in groupby(rows, key=lambda row: row[position]):
        is_without_day = day is None or isinstance(day, Odd)
        if not is_without_day and not interval.start <= day < interval.end:
            raise BadData(
                f"{ingest.extract}: gave a row with ds = {day}, outside of {interval}; its WHERE must use start and end"
            )
        for part in _portions(group):
            yield NO_DAY if is_without_day else day, _batch(part, schema, ingest.key, is_without_day=is_without_day)


def _portions(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """The rows in lists of ROWS_AT_A_TIME, or of fewer that are long."""
    portion: list[tuple[Any, ...]] = []
    size = 0
    for row in rows:
        portion.append(row)
        size += sum(map(_length, row))
        if len(portion) == ROWS_AT_A_TIME or size > BYTES_AT_A_TIME:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _batch(rows: Sequence[tuple[Any, ...]], schema: pa.Schema, key: Sequence[str], *, is_without_day: bool) -> pa.RecordBatch:
    """The rows as columns; rows without a day, or with a value that does not fit its column, are quarantined with their key."""
    columns = [list(values) for values in zip(*rows, strict=True)]
    reasons: dict[int, dict[str, Any]] = {}
    arrays = []

    def refuse(place: int, reason: str, text: str) -> None:
        origin = ", ".join(f"{name} {rows[place][schema.get_field_index(name)]}" for name in key if name in schema.names)
        reasons.setdefault(place, refused(NO_BUSINESS_DAY if is_without_day else reason, text, origin))

    for values, field in zip(columns, schema, strict=True):
        array, odd = array_of(values, field.type)
        arrays.append(array)
        for place in odd:
            refuse(place, f"invalid_{field.name}", str(values[place]))
    for place in range(len(rows)) if is_without_day else ():
        refuse(place, NO_BUSINESS_DAY, "null")
    names = list(schema.names)
    if reasons:
        for name in sorted(RESERVED):
            names.append(name)
            arrays.append(pa.array([reasons.get(place, {}).get(name) for place in range(len(rows))], pa.string()))
    return pa.RecordBatch.from_arrays(arrays, names=names)
