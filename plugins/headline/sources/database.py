"""A relational database as a source: one query in its own dialect, streamed through a server-side cursor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headline.errors import BadData, SpecError, Transient
from headline.intervals import Interval
from headline.sources.landing import Part
from headline.specs import DatabaseIngest
from headline.sql import render

if TYPE_CHECKING:
    from psycopg import Column

ROWS_AT_A_TIME = 20_000

# PostgreSQL's type numbers; whatever is not named arrives as text.
_ARROW_TYPES = {
    16: pa.bool_(),
    20: pa.int64(),
    21: pa.int64(),
    23: pa.int64(),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", tz="UTC"),
}
_NUMERIC = 1700


def read(ingest: DatabaseIngest, folder: Path, interval: Interval) -> Iterator[Part]:
    """The rows of the extract query for the interval, told apart by its column `ds`, which it must be ordered by.

    Raises Transient when the database is out of reach, SpecError when the query is wrong.
    """
    import psycopg
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    file = folder / ingest.extract
    query = render(file.read_text(), interval, where=f"{folder.name}/{ingest.extract}")
    try:
        with closing(PostgresHook(ingest.connection).get_conn()) as connection, connection.cursor(name="headline") as cursor:
            cursor.itersize = ROWS_AT_A_TIME
            cursor.execute(query)
            schema = pa.schema([(column.name, _arrow_type(column)) for column in cursor.description])
            if "ds" not in schema.names or schema.field("ds").type != pa.date32():
                raise SpecError([f"{folder.name}/{ingest.extract}: the result has no column ds of type date, the business day"])
            yield from _by_day(cursor, schema, interval, ingest.extract)
    except psycopg.OperationalError as error:
        raise Transient(f"source database (connection {ingest.connection}) is out of reach: {error}") from error
    except psycopg.Error as error:
        raise SpecError([f"{folder.name}/{ingest.extract}: the source refused the query: {error}"]) from error


def _by_day(rows: Iterable[tuple[Any, ...]], schema: pa.Schema, interval: Interval, where: str) -> Iterator[Part]:
    """Parts are counted from the start of their day, so that a day makes the same file in whatever range it was read."""
    position = schema.get_field_index("ds")
    for day, group in groupby(rows, key=lambda row: row[position]):
        if day is None or not interval.start <= day < interval.end:
            raise BadData(f"{where}: gave a row with ds = {day}, outside of {interval}; its WHERE must hold to start and end")
        while part := list(islice(group, ROWS_AT_A_TIME)):
            columns = zip(*part, strict=True)
            arrays = [_array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            yield day, pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        return pa.array([value if value is None else str(value) for value in values], kind)
    return pa.array(values, kind)


def _arrow_type(column: Column) -> pa.DataType:
    if column.type_code == _NUMERIC and column.precision and column.precision <= 38:
        return pa.decimal128(column.precision, column.scale or 0)
    return _ARROW_TYPES.get(column.type_code, pa.string())
