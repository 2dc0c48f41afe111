"""Locks that fall free when their process dies: PostgreSQL's advisory locks, held by a connection of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from headline.errors import Transient
from headline.ledger.engine import CONNECTION, engine

_HOLDERS = """
select string_agg(distinct coalesce(nullif(application_name, ''), 'process ' || activity.pid), ', ')
from pg_locks as held
inner join pg_stat_activity as activity on held.pid = activity.pid
where held.locktype = 'advisory' and held.granted
    and held.classid = cast((:key >> 32) & 4294967295 as oid) and held.objid = cast(:key & 4294967295 as oid)
"""


class Locks:
    """Shared and exclusive locks by name. PostgreSQL queues who waits, so that nobody is overtaken for ever.

    `holder`: what others are told of whoever holds a lock that they wait for. Raises Transient when a lock is not to be had
    within `timeout` seconds, with the names of its holders.
    """

    def __init__(self, holder: str, timeout: float = 60, conn_id: str = CONNECTION) -> None:
        self._holder = holder[:63]
        self._timeout = timeout
        self._conn_id = conn_id
        self._connection: Connection | None = None

    @contextmanager
    def shared(self, name: str) -> Iterator[None]:
        """Held beside others who share it."""
        with self._held(name, "_shared"):
            yield

    @contextmanager
    def exclusive(self, name: str) -> Iterator[None]:
        """Held alone."""
        with self._held(name, ""):
            yield

    def close(self) -> None:
        """Give back the connection, and with it all locks."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _held(self, name: str, kind: str) -> Iterator[None]:
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        connection = self._open()
        try:
            connection.execute(text(f"select pg_advisory_lock{kind}(:key)"), {"key": key})
        except DBAPIError as error:
            holders = self._open().scalar(text(_HOLDERS), {"key": key}) or "somebody"
            raise Transient(f"the lock «{name}» is held by {holders} for more than {self._timeout:.0f} s") from error
        try:
            yield
        finally:
            with suppress(DBAPIError):  # a connection that is gone holds nothing any more
                connection.execute(text(f"select pg_advisory_unlock{kind}(:key)"), {"key": key})

    def _open(self) -> Connection:
        if self._connection is None or self._connection.invalidated:
            self.close()
            # The server notices a client that died while it waits, so that nobody queues behind the dead.
            options = {
                "application_name": self._holder,
                "options": f"-c lock_timeout={self._timeout * 1000:.0f} -c client_connection_check_interval=1000",
            }
            self._connection = _connect(self._conn_id, options)
        return self._connection


def _connect(conn_id: str, options: dict[str, str]) -> Connection:
    """A connection outside of the pool, each of whose statements is a transaction."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    try:
        own = create_engine(engine(conn_id).url, poolclass=NullPool, connect_args={"connect_timeout": 10, **options})
        return own.connect().execution_options(isolation_level="AUTOCOMMIT")
    except OperationalError as error:
        raise Transient(f"the ledger (connection {conn_id}) is out of reach: {error.orig}; is its PostgreSQL up?") from error
