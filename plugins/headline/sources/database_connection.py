"""Connections to source databases: they write nothing, and what their driver raises becomes the fault that it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headline.errors import BadData, SpecError, Transient
from headline.sources.database_values import read_all_values
from headline.specs import DatabaseIngest

if TYPE_CHECKING:
    pass

# Open connections by the id of their Airflow connection, for as long as one_connection_each() is open.
_HELD: ContextVar[dict[str, Any] | None] = ContextVar("headline source connections", default=None)


class Refused(SpecError):
    """The source does not answer the extract query: the query is wrong, or what it asks for is no longer there."""


@contextmanager
def reading(ingest: DatabaseIngest) -> Iterator[tuple[Any, Any]]:
    """A connection that writes nothing, and a cursor that any value passes."""
    with connected(ingest.connection) as connection, connection.cursor() as cursor:
        connection.execute("set transaction read only")
        read_all_values(cursor)
        yield connection, cursor


@contextmanager
def faults_of(ingest: DatabaseIngest, file: Path) -> Iterator[None]:
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
        raise Refused([f"{where}: the source rejected the query: {error}"]) from error


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
def connected(conn_id: str) -> Iterator[Any]:
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
