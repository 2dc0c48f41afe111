"""A backfill over a range and its chunks, as rows of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headline.intervals import DAY, Interval

# Requests in these states hold their days: nobody else is given them.
OPEN = ("planned", "running", "failed")
# Runs of pipelines that belong to a backfill are called so.
PREFIX = "ranged_backfill__"


@dataclass(frozen=True)
class Chunk:
    """The days of one pipeline that are computed at once; `state`: waiting, running, done or failed."""

    number: int
    pipeline: str
    interval: Interval
    state: str = "waiting"
    run_id: str | None = None
    days: Sequence[Interval] = ()
    changed_count: int = 0
    row_count: int = 0
    error: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Request:
    """What somebody asks for: which days of which tables, and why.

    `selection`: as the form takes it. `is_stale_only`: of these days only those that are stale.
    """

    selection: str
    days: Interval
    reason: str
    requested_by: str
    is_stale_only: bool = False
    with_downstream: bool = False


@dataclass(frozen=True)
class Backfill:
    """One request as the ledger knows it. `state`: planned, running, failed, succeeded or cancelled."""

    id: int
    run_id: str
    request: Request
    state: str
    plan: str
    totals_before: dict[str, Any]
    totals_after: dict[str, Any] | None
    requested_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    chunks: list[Chunk] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        return f"backfill {self.id}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def standing(self) -> str:
        """Its state, and who ended it where somebody did."""
        return f"{self.state} by {self.ended_by}" if self.ended_by else self.state

    @property
    def progress(self) -> str:
        """How many of its chunks are done."""
        return f"{sum(one.state == 'done' for one in self.chunks)}/{len(self.chunks)}"

    @property
    def fields(self) -> dict[str, Any]:
        """What the form said."""
        asked = self.request
        return {
            "select": asked.selection,
            "from": str(asked.days.start),
            "to": str(asked.days.end - DAY),
            "reason": asked.reason,
            "downstream": asked.with_downstream,
            "days": "stale" if asked.is_stale_only else "everything",
        }

    def run_of(self, chunk: Chunk) -> str:
        """The id of a chunk's run; the same whenever it is tried again."""
        return f"{PREFIX}{self.id}__{chunk.number}"


def backfill_of(row: Any, chunks: list[Chunk]) -> Backfill:
    days = Interval(row.first_day, row.last_day + DAY)
    asked = Request(row.selection, days, row.reason, row.requested_by, row.is_stale_only, row.with_downstream)
    totals = (row.totals_before, row.totals_after)
    ended = (row.requested_at, row.ended_at, row.ended_by)
    return Backfill(row.id, row.run_id, asked, row.state, row.plan, *totals, *ended, chunks)


def chunk_of(row: Any) -> Chunk:
    return Chunk(
        number=row.number,
        pipeline=row.pipeline,
        interval=Interval(row.start, row.end),
        state=row.state,
        run_id=row.run_id,
        days=[Interval.from_json(pair) for pair in row.days],
        changed_count=row.changed_count,
        row_count=row.row_count,
        error=row.error,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
