"""What another DuckDB file has published of a table, with hashes in the place of personal data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from headline.intervals import Interval, merge
from headline.specs import Column, Table, load_contract
from headline.sql import within, write
from headline.warehouse.base import Output, Warehouse

# What the other file is attached as.
OTHER = "other"
# The variable `mask` is the key; the value goes in as its text, so that equal values of any table have equal hashes.
_HASH = "sha256(concat(getvariable('mask'), ':', cast({name} as varchar)))"
# 60 bits of it.
_NUMBER = f"cast('0x' || left({_HASH}, 15) as bigint)"
# By type, what the hash becomes; of other types there is nothing to hash to, and the column is NULL.
_MASKS = {
    "varchar": f"left({_HASH}, 32)",
    "bigint": _NUMBER,
    "integer": f"cast({_NUMBER} % 2147483647 as integer)",
    "double": f"cast({_NUMBER} as double)",
    "decimal": f"cast({_NUMBER} % {{most}} as {{kind}})",
    "date": f"date '1900-01-01' + cast({_NUMBER} % 36525 as integer)",
    "timestamp": f"timestamp '1900-01-01' + to_seconds({_NUMBER} % 3155760000)",
}


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, other: Warehouse, mask: str) -> Iterator[None]:
    """While it is entered the tables of another file can be read, and the key of its masks is known."""
    from headline.warehouse.duckdb.warehouse import DuckDBWarehouse  # which makes the sessions that read it

    if not isinstance(other, DuckDBWarehouse):
        raise TypeError(f"{other} is no DuckDB file")
    other.attach(connection, "(read_only)", OTHER)
    try:
        # The key is in no statement that an error could show.
        connection.execute(f"set variable mask = '{mask}'")
        yield
    finally:
        connection.execute(f"reset variable mask; detach {OTHER}")


def masked_rows(connection: duckdb.DuckDBPyConnection, table: Table, intervals: Sequence[Interval] | None) -> str:
    """The SELECT of a table's rows and of its quarantine's in these days, of all where there are none, as `stage` takes it.

    In personal columns equal values stay equal, NULL stays NULL, and the type stays; columns that the other lacks are NULL.
    """
    condition = ""
    if intervals is not None:
        condition = f" where {write(within(str(table.period_column), merge(intervals)), 'duckdb')}"
    parts = []
    for output in table.outputs:
        there = _columns(connection, output)
        columns = [f"{_masked(column, there)} as {column.name}" for column in load_contract(table).columns]
        if table.quarantine:
            is_told = there and Output(output, table).is_quarantine
            columns.append("quarantine_reason" if is_told else "cast(null as varchar) as quarantine_reason")
        parts.append(f"select {', '.join(columns)} {f'from {OTHER}.{output}{condition}' if there else 'where false'}")
    return " union all ".join(parts)


def _masked(column: Column, there: set[str]) -> str:
    if column.name not in there:
        return f"cast(null as {column.sql_type})"
    if not column.attributes.personal:
        return f"cast({column.name} as {column.sql_type})"
    mask = _MASKS.get(column.data_type)
    if mask is None:
        return f"cast(null as {column.sql_type})"
    most = 10 ** min(15, (column.numeric_precision or 18) - (column.numeric_scale or 0))
    return f"case when {column.name} is not null then {mask.format(name=column.name, kind=column.sql_type, most=most)} end"


def _columns(connection: duckdb.DuckDBPyConnection, output: str) -> set[str]:
    """The columns of a table of the other file; none where it is not there."""
    schema, name = output.split(".")
    tables = f"select 1 from duckdb_tables() where database_name = '{OTHER}' and schema_name = ? and table_name = ?"
    if not connection.execute(tables, [schema, name]).fetchall():
        return set()
    return {column for column, *_ in connection.execute(f"describe {OTHER}.{output}").fetchall()}
