"""What was done about missing days: which run was to bring them, what was there before and after, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from headline.ledger import tables
from headline.ledger.store import Store


@dataclass(frozen=True)
class Attempt:
    """One attempt to bring one day of `landing`, by the run `run_id` of the DAG `source`.

    `landing`: a landed table, or a pipeline whose day is computed again. `before`, `after`: what was there of the day.
    """

    source: str
    landing: str
    ds: date
    attempt: int
    run_id: str
    reason: str
    before: dict[str, Any]
    started_at: datetime
    after: dict[str, Any] | None = None
    outcome: str = "started"
    finished_at: datetime | None = None

    @property
    def key(self) -> tuple[str, date]:
        return self.landing, self.ds


class Repairs(Store):
    """The attempts of all days. Raises Transient when the ledger is out of reach."""

    def begin(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Record attempts before their runs exist; gives those that nobody else has begun meanwhile."""
        if not attempts:
            return []
        columns = tables.repair.c
        statement = upsert(tables.repair).on_conflict_do_nothing(constraint="repair_attempt")
        with self._begin() as connection:
            rows = connection.execute(
                statement.returning(columns.landing, columns.ds, columns.attempt), [vars(attempt) for attempt in attempts]
            )
            mine = set(map(tuple, rows))
        return [attempt for attempt in attempts if (*attempt.key, attempt.attempt) in mine]

    def close(self, attempt: Attempt, outcome: str, after: dict[str, Any], finished_at: datetime) -> bool:
        """Record what came of an attempt; False where somebody else has done so since it was read."""
        columns = tables.repair.c
        statement = (
            update(tables.repair)
            .where(
                columns.landing == attempt.landing,
                columns.ds == attempt.ds,
                columns.attempt == attempt.attempt,
                columns.outcome == attempt.outcome,
            )
            .values(outcome=outcome, after=after, finished_at=finished_at)
        )
        with self._begin() as connection:
            return bool(connection.execute(statement).rowcount)

    def newest(self) -> dict[tuple[str, date], Attempt]:
        """The last attempt of every day, by landing and day."""
        columns = tables.repair.c
        query = select(tables.repair).ext(distinct_on(columns.landing, columns.ds))
        found = self._attempts(query.order_by(columns.landing, columns.ds, columns.attempt.desc()))
        return {attempt.key: attempt for attempt in found}

    def all(self) -> list[Attempt]:
        """Every attempt, oldest first."""
        return self._attempts(select(tables.repair).order_by(tables.repair.c.id))

    def _attempts(self, query: Any) -> list[Attempt]:
        with self._begin() as connection:
            rows = connection.execute(query).mappings().all()
        return [Attempt(**{name: row[name] for name in Attempt.__dataclass_fields__}) for row in rows]
