"""How the ledger's parts reach their database: one short transaction at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from headline.ledger.engine import CONNECTION, engine, unreachable


class Store:
    """A part of the ledger; every method is one short transaction. Raises Transient when the database is out of reach."""

    def __init__(self, conn_id: str = CONNECTION) -> None:
        self.conn_id = conn_id

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        try:
            with engine(self.conn_id).begin() as connection:
                yield connection
        except OperationalError as error:
            raise unreachable(self.conn_id, error.orig or error) from error
