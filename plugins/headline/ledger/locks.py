"""Locks that fall free when their process dies: PostgreSQL's advisory locks, held by a connection of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2

from headline.errors import Transient
from headline.ledger.engine import CONNECTION, IDLE, MOST_IDLE, parameters, unreachable

_OF_KEY = """
    locks.locktype = 'advisory'
    and locks.classid = cast((%(key)s >> 32) & 4294967295 as oid) and locks.objid = cast(%(key)s & 4294967295 as oid)
"""
_HOLDERS = f"""
select string_agg(distinct coalesce(nullif(application_name, ''), 'process ' || activity.pid), ', ')
from pg_locks as locks
inner join pg_stat_activity as activity on locks.pid = activity.pid
where locks.granted and {_OF_KEY}
"""
_IS_HELD = f"select exists (select from pg_locks as locks where locks.granted and {_OF_KEY})"
_IS_WAITED_FOR = f"select exists (select from pg_locks as locks where not locks.granted and {_OF_KEY})"
_HAND_OVER = "select set_config('application_name', %(holder)s, false) || set_config('lock_timeout', %(timeout)s, false)"


class Locks:
    """Shared and exclusive locks by name. PostgreSQL queues who waits, so that nobody is overtaken for ever.

    `holder`: what others are told of whoever holds a lock that they wait for. Raises Transient when a lock is not to be had
    within `timeout` seconds, with the names of its holders. All locks are held by one connection, which is opened when needed.
    """

    def __init__(self, holder: str, timeout: float = 60, conn_id: str = CONNECTION) -> None:
        self._holder = holder[:63]
        self._timeout = timeout
        self._conn_id = conn_id
        self._connection: psycopg2.extensions.connection | None = None
        self._timeout_set: float | None = None
        self._place: tuple[tuple[str, Any], ...] = ()

    @contextmanager
    def shared(self, name: str, timeout: float | None = None) -> Iterator[None]:
        """Held beside others who share it."""
        with self._held(name, "_shared", timeout):
            yield

    @contextmanager
    def exclusive(self, name: str, timeout: float | None = None) -> Iterator[None]:
        """Held alone."""
        with self._held(name, "", timeout):
            yield

    def is_waited_for(self, name: str) -> bool:
        """Whether somebody cannot go on before a lock is given back."""
        return bool(self.value(_IS_WAITED_FOR, key=_key(name)))

    def is_held(self, name: str) -> bool:
        """Whether anybody holds a lock, this one included."""
        return bool(self.value(_IS_HELD, key=_key(name)))

    def value(self, sql: str, **values: Any) -> Any:
        """The first value that a statement gives, asked on the connection that holds the locks; None where there is no row.

        Raises Transient where the ledger is out of reach.
        """
        try:
            return self._execute(self._open(), sql, **values)
        except psycopg2.OperationalError as error:
            raise unreachable(self._conn_id, error) from error

    def close(self) -> None:
        """Give back the connection, and with it all locks."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if len(IDLE[self._place]) >= MOST_IDLE:
            connection.close()
            return
        try:
            self._execute(connection, "select pg_advisory_unlock_all()")
            self._execute(connection, _HAND_OVER, holder="headline: nobody", timeout="0")
            IDLE[self._place].append(connection)
        except psycopg2.Error:
            connection.close()

    @contextmanager
    def _held(self, name: str, kind: str, timeout: float | None) -> Iterator[None]:
        key, seconds = _key(name), self._timeout if timeout is None else timeout
        try:
            self._wait_for(seconds)
            self._execute(self._open(), f"select pg_advisory_lock{kind}(%(key)s)", key=key)
        except psycopg2.Error as error:
            holders = self.value(_HOLDERS, key=key) or "somebody"
            raise Transient(f"the lock «{name}» is held by {holders} for more than {seconds:.0f} s") from error
        try:
            yield
        finally:
            if self._connection is not None:
                with suppress(psycopg2.Error):  # a connection that is gone holds nothing any more
                    self._execute(self._connection, f"select pg_advisory_unlock{kind}(%(key)s)", key=key)

    def _wait_for(self, seconds: float) -> None:
        connection = self._open()
        if self._timeout_set != seconds:
            self._execute(connection, "select set_config('lock_timeout', %(value)s, false)", value=f"{seconds * 1000:.0f}")
            self._timeout_set = seconds

    def _execute(self, connection: psycopg2.extensions.connection, sql: str, **values: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            [value] = cursor.fetchone() or [None]
            return value

    def _open(self) -> psycopg2.extensions.connection:
        if self._connection is None or self._connection.closed:
            self._timeout_set, self._place = self._timeout, tuple(parameters(self._conn_id).items())
            self._connection = self._idle()
        if self._connection is None:
            # The server notices a client that died while it waits, so that nobody queues behind the dead.
            options = f"-c lock_timeout={self._timeout * 1000:.0f} -c client_connection_check_interval=1000"
            try:
                self._connection = psycopg2.connect(**dict(self._place), application_name=self._holder, options=options)
            except psycopg2.OperationalError as error:
                raise unreachable(self._conn_id, error) from error
            self._connection.autocommit = True  # a lock is held by the connection, and no transaction stays open meanwhile
        return self._connection

    def _idle(self) -> psycopg2.extensions.connection | None:
        """A connection that nobody has; None where there is none, or the server has closed it."""
        while IDLE[self._place]:
            with suppress(IndexError, psycopg2.Error):
                connection = IDLE[self._place].pop()
                self._execute(connection, _HAND_OVER, holder=self._holder, timeout=f"{self._timeout * 1000:.0f}")
                return connection
        return None


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
