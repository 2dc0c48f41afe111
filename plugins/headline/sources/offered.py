"""Which columns a source database offers, asked for or not."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from headline.errors import Transient
from headline.intervals import Interval
from headline.sources.database_connection import connected
from headline.sources.database_values import array_of, arrow_type, kind_of_column, read_all_values
from headline.specs import DatabaseIngest
from headline.sql import render

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


def offered(ingest: DatabaseIngest, folder: Path, interval: Interval, rows: int = 0) -> dict[str, tuple[str, pa.ChunkedArray]]:
    """The kind of every `relation.column` of the tables, views and functions that the extract query reads, asked for or not.

    With up to so many of its values, in no order; of a function none. Raises Transient when the database is out of reach.
    """
    import psycopg

    found: dict[str, tuple[str, pa.ChunkedArray]] = {}
    try:
        with connected(ingest.connection) as connection:
            connection.execute("set transaction read only")
            for name, (relation, is_function) in _relations(_parsed(ingest, folder, interval)).items():
                # A table that is gone, or a function that its arguments make what it is, offers nothing.
                with (
                    suppress(psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError),
                    connection.transaction(),
                    connection.cursor() as cursor,
                ):
                    read_all_values(cursor)
                    cursor.execute(f"select * from {relation} limit {0 if is_function else rows}")
                    columns, values = cursor.description, list(zip(*cursor.fetchall(), strict=True))
                    for place, column in enumerate(columns):
                        kind = arrow_type(column)
                        sample = pa.chunked_array([array_of(values[place] if values else (), kind)[0]], kind)
                        found[f"{name}.{column.name}"] = kind_of_column(column), sample
    except psycopg.OperationalError as error:
        raise Transient(f"source database (connection {ingest.connection}) is out of reach: {error}") from error
    return found


def asked_for(ingest: DatabaseIngest, folder: Path, interval: Interval) -> set[str]:
    """The names of all columns that the extract query mentions."""
    from sqlglot import exp

    return {column.name for column in _parsed(ingest, folder, interval).find_all(exp.Column)}


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
