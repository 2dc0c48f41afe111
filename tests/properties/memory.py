"""A warehouse in memory for SELECTs that are run on their own: it has tables, and nobody publishes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import duckdb

from headline.specs import load
from headline.warehouse import Output, Session
from headline.warehouse.duckdb import DuckDBSession, _ensure_calendar


@contextmanager
def open_in_memory(tables: Iterable[str] = ()) -> Iterator[Session]:
    """A session in which these tables are there, empty, as their contracts say."""
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute("load icu")
    connection.execute("set TimeZone = 'UTC'")
    _ensure_calendar(connection)
    session = DuckDBSession(connection)
    for name in tables:
        make_output(Output(name, load().table(name)), session)
    yield session
    connection.close()


def make_output(output: Output, session: Session) -> None:
    """The published table, empty, as its contract says."""
    session.query(f"create schema if not exists {output.name.split('.')[0]}")
    session.query(f"create table if not exists {output.name} ({output.ddl})")
