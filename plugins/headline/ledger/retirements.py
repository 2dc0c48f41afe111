"""Tables that were retired, and the end of what was known of their periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, insert, select

from headline.ledger import identity, tables
from headline.ledger.identity import Identity
from headline.ledger.store import Store
from headline.ledger.versions import lock_versions


@dataclass(frozen=True)
class Retired:
    """A table of which nothing is published any more, and what was dropped of it."""

    table_name: str
    retired_on: date
    reason: str
    replaced_by: str | None
    row_count: int
    period_count: int
    dropped_by: str
    dropped_at: datetime | None = None


class Retirements(Store):
    """Records of retired tables; the history of their publications and audits stays. Raises Transient when out of reach."""

    def record(self, retired: Retired, after: Identity) -> None:
        """Forget the periods of a table that was dropped, and remember that; `after`: what the warehouse is by now."""
        columns, staged = tables.period_state.c, tables.staging_table.c
        row = {name: value for name, value in vars(retired).items() if name != "dropped_at"}
        with self._begin() as connection:
            lock_versions(connection)
            connection.execute(delete(tables.period_state).where(columns.table_name == retired.table_name))
            connection.execute(delete(tables.staging_table).where(staged.table_name == retired.table_name))
            connection.execute(insert(tables.retirement).values(row))
            connection.execute(identity.END, vars(after))

    def all(self) -> Sequence[Retired]:
        """Every retirement, oldest first."""
        with self._begin() as connection:
            rows: list[Any] = list(connection.execute(select(tables.retirement).order_by(tables.retirement.c.id)).mappings())
        return [Retired(**{name: row[name] for name in Retired.__dataclass_fields__}) for row in rows]

    def period_count(self, table_name: str) -> int:
        """How many periods of a table are published."""
        query = select(func.count()).select_from(tables.period_state).where(tables.period_state.c.table_name == table_name)
        with self._begin() as connection:
            return int(connection.scalar(query) or 0)
