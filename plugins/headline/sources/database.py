"""A relational database as a source: one query in its own dialect, streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from decimal import Decimal
from itertools import chain, groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headline.errors import BadData, SpecError, Transient
from headline.intervals import Interval
from headline.sources.columns import TEXT, kind_of
from headline.sources.landing import NO_DAY, Part
from headline.sources.refused import NO_BUSINESS_DAY, RESERVED, refused
from headline.sources.spool import BYTES_AT_A_TIME, ROWS_AT_A_TIME
from headline.specs import DatabaseIngest
from headline.sql import render

if TYPE_CHECKING:
    from psycopg import Column
    from sqlglot.expressions import Expr

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
_TEXTS = {25, 1042, 1043}
# So many rows are taken from the connection at once, before anybody can know how long they are.
ROWS_IN_A_MESSAGE = 50
# Open connections by the id of their Airflow connection, for as long as one_connection_each() is open.
_HELD: ContextVar[dict[str, Any] | None] = ContextVar("headline source connections", default=None)


class Refused(SpecError):
    """The source does not answer the extract query: the query is wrong, or what it asks for is no longer there."""


def read(ingest: DatabaseIngest, folder: Path, interval: Interval) -> Iterator[Part]:
    """The rows of the extract query for the interval, told apart by its column `ds`, which it must be ordered by.

    Those without a day are refused, and of NO_DAY.

    Raises Transient when the database is out of reach, SpecError when the query is wrong: Refused when the source says so.
    """
    file = folder / ingest.extract
    query = render(file.read_text(), interval, where=f"{folder.name}/{ingest.extract}")
    with (
        _faults_of(ingest, file),
        _reading(ingest) as (connection, cursor),
        closing(cursor.stream(query, size=ROWS_IN_A_MESSAGE)) as rows,
    ):
        first = list(islice(rows, 1))
        described = cursor.description if first else _described(connection, query)
        schema = pa.schema([(column.name, _arrow_type(column)) for column in described])
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
        _faults_of(ingest, file),
        _reading(ingest) as (_, cursor),
        closing(cursor.stream(file.read_text(), size=ROWS_AT_A_TIME)) as rows,
    ):
        first = [", ".join(map(str, row)) for row in islice(rows, examples)]
        return len(first) + sum(1 for _ in rows), first


@contextmanager
def _reading(ingest: DatabaseIngest) -> Iterator[tuple[Any, Any]]:
    """A connection that writes nothing, and a cursor that any value passes."""
    with _connected(ingest.connection) as connection, connection.cursor() as cursor:
        connection.execute("set transaction read only")
        _read_all_values(cursor)
        yield connection, cursor


@contextmanager
def _faults_of(ingest: DatabaseIngest, file: Path) -> Iterator[None]:
    """What the driver raises while it reads by the query of a file, as the fault that it is."""
    import psycopg

    where = f"{file.parent.name}/{file.name}"
    try:
        yield
    except psycopg.OperationalError as error:
        raise Transient(f"source database (connection {ingest.connection}) is out of reach: {error}") from error
    except psycopg.DataError as error:
        raise BadData(
            f"{where}: a value could not be handled by the source or its driver: {error}; "
            "nothing was loaded. The query casts or computes it: let it keep such values as text"
        ) from error
    except psycopg.Error as error:
        raise Refused([f"{where}: the source refused the query: {error}"]) from error


def offered(ingest: DatabaseIngest, folder: Path, interval: Interval, rows: int = 0) -> dict[str, tuple[str, pa.ChunkedArray]]:
    """The kind of every `relation.column` of the tables, views and functions that the extract query reads, asked for or not.

    With up to so many of its values, in no order; of a function none. Raises Transient when the database is out of reach.
    """
    import psycopg

    found: dict[str, tuple[str, pa.ChunkedArray]] = {}
    try:
        with _connected(ingest.connection) as connection:
            connection.execute("set transaction read only")
            for name, (relation, is_function) in _relations(_parsed(ingest, folder, interval)).items():
                # A table that is gone, or a function that its arguments make what it is, offers nothing.
                with (
                    suppress(psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError),
                    connection.transaction(),
                    connection.cursor() as cursor,
                ):
                    _read_all_values(cursor)
                    cursor.execute(f"select * from {relation} limit {0 if is_function else rows}")
                    columns, values = cursor.description, list(zip(*cursor.fetchall(), strict=True))
                    for place, column in enumerate(columns):
                        kind = _arrow_type(column)
                        sample = pa.chunked_array([_array(values[place] if values else (), kind)[0]], kind)
                        found[f"{name}.{column.name}"] = _kind(column), sample
    except psycopg.OperationalError as error:
        raise Transient(f"source database (connection {ingest.connection}) is out of reach: {error}") from error
    return found


def asked_for(ingest: DatabaseIngest, folder: Path, interval: Interval) -> set[str]:
    """The names of all columns that the extract query mentions."""
    from sqlglot import exp

    return {column.name for column in _parsed(ingest, folder, interval).find_all(exp.Column)}


@contextmanager
def one_connection_each() -> Iterator[None]:
    """While this is open, one query after the other to a database goes through the same connection."""
    held: dict[str, Any] = {}
    token = _HELD.set(held)
    try:
        yield
    finally:
        _HELD.reset(token)
        for connection in held.values():
            connection.close()


@contextmanager
def _connected(conn_id: str) -> Iterator[Any]:
    """A connection with no transaction open; one on which something failed is not used again."""
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    held = _HELD.get()
    connection = (held or {}).pop(conn_id, None) or PostgresHook(conn_id).get_conn()
    try:
        yield connection
        connection.rollback()
    except BaseException:
        connection.close()
        raise
    if held is None:
        connection.close()
    else:
        held[conn_id] = connection


def _parsed(ingest: DatabaseIngest, folder: Path, interval: Interval) -> Expr:
    """The extract query; an empty one where only PostgreSQL itself can read it."""
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError

    text = render((folder / ingest.extract).read_text(), interval, where=f"{folder.name}/{ingest.extract}")
    try:
        return parse_one(text, read="postgres")
    except SqlglotError:
        return exp.select()


def _relations(query: Expr) -> dict[str, tuple[str, bool]]:
    """The SQL of each table, view and function that a query reads, and whether it is a function; its arguments do not matter."""
    from sqlglot import exp

    own = {cte.alias for cte in query.find_all(exp.CTE)}
    found: dict[str, tuple[str, bool]] = {}
    for table in query.find_all(exp.Table):
        if isinstance(table.this, exp.Anonymous):
            found[table.this.name] = f"{table.this.name}({', '.join('null' for _ in table.this.expressions)})", True
        elif isinstance(table.this, exp.Identifier) and (table.db or table.name not in own):
            name = exp.Table(this=table.this, db=table.args.get("db")).sql(dialect="postgres")
            found[name] = name, False
    return found


def _read_all_values(cursor: Any) -> None:
    """Let no value fail the driver: what Python has no value for arrives as Odd, with its text, and of a type that we have no
    column for everything as the text that PostgreSQL writes."""
    from psycopg import DataError
    from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
    from psycopg.types.string import TextLoader

    def lenient(loader: Any, *, is_padded: bool) -> Any:
        class Lenient(loader):
            def load(self, data: Any) -> Any:
                try:
                    value = super().load(data)
                    return value.rstrip(" ") if is_padded else value
                except (DataError, UnicodeDecodeError):
                    return Odd(bytes(data).decode("utf-8", "replace"))

        return Lenient

    cursor.connection.execute("set client_encoding to 'UTF8'")
    as_text = lenient(TextLoader, is_padded=False)
    for kind in cursor.adapters.types:
        for number in {kind.oid, kind.array_oid} - {0, _NUMERIC, *_ARROW_TYPES}:
            cursor.adapters.register_loader(number, as_text)
    for name, loader in (
        ("date", DateLoader),
        ("timestamp", TimestampLoader),
        ("timestamptz", TimestamptzLoader),
        *((name, TextLoader) for name in ("text", "varchar", "bpchar")),
    ):
        cursor.adapters.register_loader(name, lenient(loader, is_padded=name == "bpchar"))


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


class Odd(str):
    """The text of a value that the type of its column has in the source and not here."""


def _by_day(rows: Iterable[tuple[Any, ...]], schema: pa.Schema, interval: Interval, ingest: DatabaseIngest) -> Iterator[Part]:
    """Parts are counted from the start of their day, so that a day makes the same file in whatever range it was read."""
    position = schema.get_field_index("ds")
    for day, group in groupby(rows, key=lambda row: row[position]):
        is_without_day = day is None or isinstance(day, Odd)
        if not is_without_day and not interval.start <= day < interval.end:
            raise BadData(
                f"{ingest.extract}: gave a row with ds = {day}, outside of {interval}; its WHERE must hold to start and end"
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
    """The rows as columns; what has a value that its column cannot hold, or no day, is refused and told by its key."""
    columns = [list(values) for values in zip(*rows, strict=True)]
    reasons: dict[int, dict[str, Any]] = {}
    arrays = []

    def refuse(place: int, reason: str, text: str) -> None:
        origin = ", ".join(f"{name} {rows[place][schema.get_field_index(name)]}" for name in key if name in schema.names)
        reasons.setdefault(place, refused(NO_BUSINESS_DAY if is_without_day else reason, text, origin))

    for values, field in zip(columns, schema, strict=True):
        array, odd = _array(values, field.type)
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


_UNFIT = (pa.ArrowException, ValueError, OverflowError, TypeError)


def _array(values: Sequence[Any], kind: pa.DataType) -> tuple[pa.Array, list[int]]:
    """The values as a column, and the places of those that it cannot hold, which are null there."""
    if pa.types.is_string(kind):
        odd = [place for place, value in enumerate(values) if isinstance(value, Odd)]
        texts = [f"{value:f}" if isinstance(value, Decimal) else value if value is None else str(value) for value in values]
        return pa.array([None if isinstance(value, Odd) else text for value, text in zip(values, texts, strict=True)], kind), odd
    try:
        return pa.array(values, kind), []
    except _UNFIT:
        held = [value if _fits(value, kind) else None for value in values]
        odd = [place for place, value in enumerate(values) if value is not None and held[place] is None]
        return pa.array(held, kind), odd


def _fits(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.array([value], kind)
    except _UNFIT:
        return False
    return True


def _kind(column: Column) -> str:
    """What is left unbounded or has no counterpart arrives as text, but is known by PostgreSQL's own name for it."""
    kind = kind_of(str(_arrow_type(column)))
    if kind == TEXT and column.type_code not in _TEXTS:
        return "decimal" if column.type_code == _NUMERIC else str(column.type_display)
    return kind


def _arrow_type(column: Column) -> pa.DataType:
    if column.type_code == _NUMERIC and column.precision and column.precision <= 38:
        return pa.decimal128(column.precision, column.scale or 0)
    return _ARROW_TYPES.get(column.type_code, pa.string())
