"""Statements on an engine that charges for each, such as Athena: what is running, what ran, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from headline.ledger import tables
from headline.ledger.store import Store


@dataclass(frozen=True)
class Statement:
    """One statement of a run. `table`: empty where it is for none alone. `step`: stage, audit, publish, upkeep or query.

    `state`: running, succeeded, failed or cancelled. `cost`: dollars.
    """

    query_id: str
    run_key: str
    table: str
    step: str
    state: str = "running"
    seconds: Decimal = Decimal(0)
    bytes_scanned: int = 0
    cost: Decimal = Decimal(0)
    reason: str = ""


class Statements(Store):
    """All statements that engines reported. Raises Transient when the ledger is out of reach."""

    def started(self, statement: Statement) -> bool:
        """Remember a statement as running; False where it was known already."""
        row = {("table_name" if name == "table" else name): value for name, value in vars(statement).items()}
        with self._begin() as connection:
            query = insert(tables.statement).values(row).on_conflict_do_nothing().returning(tables.statement.c.query_id)
            return connection.execute(query).first() is not None

    def ended(self, statement: Statement) -> None:
        """Remember how a statement has ended, and what it took."""
        values = {name: getattr(statement, name) for name in ("state", "seconds", "bytes_scanned", "cost", "reason")}
        with self._begin() as connection:
            columns = tables.statement.c
            connection.execute(update(tables.statement).where(columns.query_id == statement.query_id).values(values))

    def running(self, run_key: str | None = None, table: str | None = None, step: str | None = None) -> list[Statement]:
        """The statements that have not ended as far as is known, of any run, table and step where none is named."""
        return self._found(run_key=run_key, table_name=table, step=step, state="running")

    def of_run(self, run_key: str) -> list[Statement]:
        """Every statement of a run, the oldest first."""
        return self._found(run_key=run_key)

    def forget(self, days: int) -> int:
        """Remove statements that began so many days ago and have ended; gives how many."""
        columns = tables.statement.c
        old = columns.started_at < func.now() - timedelta(days=days)
        with self._begin() as connection:
            return connection.execute(delete(tables.statement).where(old, columns.state != "running")).rowcount

    def _found(self, **conditions: str | None) -> list[Statement]:
        columns = tables.statement.c
        query = select(tables.statement).order_by(columns.started_at)
        for name, value in conditions.items():
            if value is not None:
                query = query.where(columns[name] == value)
        with self._begin() as connection:
            return [_statement(row) for row in connection.execute(query)]


def _statement(row: Any) -> Statement:
    return Statement(
        row.query_id, row.run_key, row.table_name, row.step, row.state, row.seconds, row.bytes_scanned, row.cost, row.reason
    )
