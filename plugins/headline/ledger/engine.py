"""The ledger's database, reached through an Airflow connection."""

from __future__ import annotations

import os
import select
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from typing import Any

import psycopg2
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

from headline import settings
from headline.connections import get, variable
from headline.errors import NoSpace, Transient
from headline.space import in_bytes, is_full, no_space

CONNECTION = "headline_ledger"
READER = "headline_ledger_reader"
# Who erases persons: set-up's login, which no process of Airflow has.
ERASER = "headline_ledger_eraser"
# The writer of a process that only reads, for what it adds to the audit log of readers.
WRITER = "headline_ledger_writer"
# Whether the ledger is reached as its reader here; None where nothing says so.
_READS: ContextVar[bool | None] = ContextVar("headline ledger is only read", default=None)
# By role, process and what the environment says of the role.
_ENGINES: dict[tuple[str, int, str | None], Engine] = {}
# Connections that held locks and that nobody has now, by where they lead: to make one takes longer than to lock.
IDLE: dict[tuple[tuple[str, Any], ...], list[psycopg2.extensions.connection]] = defaultdict(list)
MOST_IDLE = 2
# PostgreSQL makes its log in files of this size, and fills one before it needs the next.
WAL_SEGMENT = 16 * 2**20


def only_read() -> None:
    """From here on this process reaches the ledger as its reader, where the environment has such a connection; but within
    `reading(is_on=False)`."""
    if reader := os.environ.get(variable(READER)):
        os.environ.setdefault(variable(WRITER), os.environ.get(variable(CONNECTION), reader))
        os.environ[variable(CONNECTION)] = reader


@contextmanager
def reading(*, is_on: bool = True) -> Iterator[None]:
    """While this is entered the ledger is reached as its reader, where the environment has such a connection; or no longer so."""
    token = _READS.set(is_on)
    try:
        yield
    finally:
        _READS.reset(token)


def engine(conn_id: str = CONNECTION) -> Engine:
    """One engine a process for each place that a connection leads to: a forked task must not share its parent's sockets."""
    role = _role_of(conn_id)
    key = (role, os.getpid(), os.environ.get(variable(role)))
    return _ENGINES.get(key) or _ENGINES.setdefault(key, _engine(role))


def forget_connections() -> None:
    """Close all connections that this process has opened."""
    while _ENGINES:
        (_, pid, _), made = _ENGINES.popitem()
        made.dispose(close=pid == os.getpid())
    _close_idle()


def _close_idle() -> None:
    while IDLE:
        for connection in IDLE.popitem()[1]:
            connection.close()


# A forked process must not share a connection with its parent.
os.register_at_fork(before=_close_idle)


def _role_of(conn_id: str) -> str:
    if conn_id == CONNECTION and (is_read := _READS.get()) is not None:
        role = READER if is_read else WRITER
        return role if variable(role) in os.environ else conn_id
    return conn_id


def parameters(conn_id: str = CONNECTION) -> dict[str, Any]:
    """The same database as psycopg2 connects to it, for a connection that no engine looks after."""
    connection = get(_role_of(conn_id))
    found = {
        "host": connection.host,
        "port": connection.port,
        "user": connection.login,
        "password": connection.password,
        "dbname": connection.schema,
        "connect_timeout": 10,
    }
    return {name: value for name, value in found.items() if value}


def is_same_database(one: str, other: str) -> bool:
    """Whether two connections lead to one database, however they write where it is; False where one leads nowhere now."""
    found = []
    for conn_id in (one, other):
        try:
            with closing(psycopg2.connect(**parameters(conn_id))) as connection, connection.cursor() as cursor:
                cursor.execute("select pg_postmaster_start_time(), current_database()")
                found.append(cursor.fetchone())
        except psycopg2.OperationalError:
            return False
    return found[0] == found[1]


def unreachable(conn_id: str, error: BaseException) -> Transient:
    """What is raised where the ledger's database did not do what it was asked; a full disk of this machine is named as the cause.

    PostgreSQL ends at once when its log finds no room, so that a full disk may show only as a connection that was lost.
    """
    what = f"PostgreSQL of the ledger (connection {conn_id})"
    data = settings.load().home / "postgres"
    is_here = get(conn_id).host.startswith("/") and data.exists()
    if is_here and (is_full(error) or shutil.disk_usage(data).free < WAL_SEGMENT):
        return no_space(what, data, 2 * WAL_SEGMENT, error)
    if is_full(error):
        return NoSpace(
            f"no space left on the machine of {what}: {error}; at least {in_bytes(2 * WAL_SEGMENT)} are needed. "
            "Nothing of it was recorded. Make room there and run it again"
        )
    return Transient(f"the ledger (connection {conn_id}) is out of reach: {error}; is its PostgreSQL up?")


def _engine(conn_id: str) -> Engine:
    connection = get(conn_id)
    is_socket = connection.host.startswith("/")
    url = URL.create(
        "postgresql+psycopg2",
        username=connection.login,
        password=connection.password,
        host=None if is_socket else connection.host,
        port=connection.port,
        database=connection.schema,
        query={"host": connection.host} if is_socket else {},
    )
    made = create_engine(url, pool_size=1, connect_args={"connect_timeout": 10})
    event.listen(made, "checkout", _refuse_ended)
    return made


def _refuse_ended(connection: psycopg2.extensions.connection, *_: Any) -> None:
    """Have the pool take another connection where the server has ended this one: there is something to read, and nobody asked.

    It costs no round trip, unlike the pool's own ping before each transaction.
    """
    looking = select.poll()
    looking.register(connection, select.POLLIN)
    if looking.poll(0):
        raise DisconnectionError
