"""The ledger's database, reached through an Airflow connection."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from sqlalchemy import URL, Engine, create_engine

from headline.connections import get

CONNECTION = "headline_ledger"


def engine(conn_id: str = CONNECTION) -> Engine:
    """One engine a process: a forked task must not share its parent's sockets."""
    return _engine(conn_id, os.getpid())


def parameters(conn_id: str = CONNECTION) -> dict[str, Any]:
    """The same database as psycopg2 connects to it, for a connection that no engine looks after."""
    connection = get(conn_id)
    found = {
        "host": connection.host,
        "port": connection.port,
        "user": connection.login,
        "password": connection.password,
        "dbname": connection.schema,
        "connect_timeout": 10,
    }
    return {name: value for name, value in found.items() if value}


@cache
def _engine(conn_id: str, pid: int) -> Engine:  # noqa: ARG001 (the pid is only a key)
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
    return create_engine(url, pool_size=1, pool_pre_ping=True, connect_args={"connect_timeout": 10})
