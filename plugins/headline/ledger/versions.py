"""Versions: numbers in the order of commits, for everything that changes what a reader sees."""

from __future__ import annotations

from sqlalchemy import Connection, text

_NEWEST = text("select greatest((select max(version) from load), (select max(version) from publication))")


def lock_versions(connection: Connection) -> None:
    """Keep others from a version until this transaction ends: a lower one never appears after a higher one was seen."""
    connection.execute(text("select pg_advisory_xact_lock(hashtext('headline version'))"))


def next_versions(connection: Connection, count: int) -> list[int]:
    """So many new versions."""
    lock_versions(connection)
    query = text("select nextval('version') from generate_series(1, :count)")
    return [row[0] for row in connection.execute(query, {"count": count})]


def newest_version(connection: Connection) -> int:
    """Everything up to this version has been committed; 0 before the first."""
    return int(connection.scalar(_NEWEST) or 0)
