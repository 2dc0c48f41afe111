"""A warehouse in memory for SELECTs that are run on their own: it has tables, and nobody publishes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import duckdb

from headline.specs import load, load_contract
from headline.warehouse import Session
from headline.warehouse.duckdb import DuckDBSession, _ensure_calendar


@contextmanager
def open_in_memory(tables: Iterable[str]) -> Iterator[Session]:
    """A session in which these tables are there, empty, as their contracts say."""
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute("load icu")
    connection.execute("set TimeZone = 'UTC'")
    _ensure_calendar(connection)
    for name in tables:
        connection.execute(f"create schema if not exists {name.split('.')[0]}")
        connection.execute(f"create table {name} ({load_contract(load().table(name)).ddl()})")
    yield DuckDBSession(connection)
    connection.close()
