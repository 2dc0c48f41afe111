"""Backfills over a range: requests and the state of their chunks. This state decides, not the state of a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, update

from headline.errors import BadRequest
from headline.intervals import DAY, Interval
from headline.ledger.backfill_records import OPEN, Backfill, Chunk, Request, backfill_of, chunk_of
from headline.ledger.backfill_tables import backfill, backfill_chunk
from headline.ledger.store import Store

_HISTORY = text("""
    select pipeline, day_count, seconds
    from (
        select
            pipeline, "end" - start as day_count, extract(epoch from ended_at - started_at) as seconds,
            row_number() over (partition by pipeline order by ended_at desc) as place
        from backfill_chunk
        where state = 'done' and pipeline = any(cast(:names as text[])) and jsonb_array_length(days) > 0
    ) as ended
    where place <= 20
""")


class Backfills(Store):
    """All backfills over a range. Raises Transient when the ledger is out of reach."""

    def request(self, run_id: str, asked: Request, chunks: Sequence[Chunk], plan: str, totals: Mapping[str, Any]) -> Backfill:
        """Record a request with its chunks, or give what the same run has recorded before.

        Raises BadRequest, with the name of the first, where an open one has any of its days of one of its pipelines.
        """
        with self._begin() as connection:
            # Of two that come at once the second sees the first.
            connection.execute(text("select pg_advisory_xact_lock(hashtext('headline backfill'))"))
            known = connection.scalar(select(backfill.c.id).where(backfill.c.run_id == run_id))
            if known is None:
                if taken := _taken(connection, chunks):
                    raise BadRequest(taken)
                row = {
                    "run_id": run_id,
                    "selection": asked.selection,
                    "first_day": asked.days.start,
                    "last_day": asked.days.end - DAY,
                    "is_stale_only": asked.is_stale_only,
                    "with_downstream": asked.with_downstream,
                    "reason": asked.reason,
                    "requested_by": asked.requested_by,
                    "state": "planned",
                    "plan": plan,
                    "totals_before": dict(totals),
                }
                known = connection.scalar(insert(backfill).values(row).returning(backfill.c.id))
                rows = [
                    {
                        "backfill_id": known,
                        "number": one.number,
                        "pipeline": one.pipeline,
                        "start": one.interval.start,
                        "end": one.interval.end,
                        "state": "waiting",
                    }
                    for one in chunks
                ]
                if rows:
                    connection.execute(insert(backfill_chunk), rows)
        return self.get(int(known or 0))

    def taken(self, chunks: Sequence[Chunk]) -> str:
        """Which open backfill has any of these days, so that a request for them would be refused; empty where none has."""
        with self._begin() as connection:
            return _taken(connection, chunks)

    def get(self, backfill_id: int) -> Backfill:
        """One backfill with its chunks; raises BadRequest where there is none of that number."""
        with self._begin() as connection:
            row = connection.execute(select(backfill).where(backfill.c.id == backfill_id)).first()
            if row is None:
                raise BadRequest(f"there is no backfill {backfill_id}; headline backfill status lists them")
            query = select(backfill_chunk).where(backfill_chunk.c.backfill_id == backfill_id).order_by(backfill_chunk.c.number)
            return backfill_of(row, [chunk_of(one) for one in connection.execute(query)])

    def of_run(self, run_id: str) -> Backfill | None:
        """The backfill that a run of the DAG has asked for, if any."""
        with self._begin() as connection:
            known = connection.scalar(select(backfill.c.id).where(backfill.c.run_id == run_id))
        return self.get(known) if known else None

    def newest(self, limit: int = 50) -> list[Backfill]:
        """The newest backfills with their chunks, open ones first."""
        is_open = backfill.c.state.in_(OPEN)
        query = select(backfill).order_by(is_open.desc(), backfill.c.id.desc()).limit(limit)
        with self._begin() as connection:
            rows = connection.execute(query).all()
            chunks: dict[int, list[Chunk]] = {row.id: [] for row in rows}
            mine = select(backfill_chunk).where(backfill_chunk.c.backfill_id.in_(chunks))
            for one in connection.execute(mine.order_by(backfill_chunk.c.backfill_id, backfill_chunk.c.number)):
                chunks[one.backfill_id].append(chunk_of(one))
        return [backfill_of(row, chunks[row.id]) for row in rows]

    def begin(self, backfill_id: int) -> bool:
        """Begin or go on: what failed, or was begun and not ended, waits again. False where it has ended or was cancelled."""
        with self._begin() as connection:
            mine = update(backfill).where(backfill.c.id == backfill_id, backfill.c.state.in_(OPEN))
            if not connection.execute(mine.values(state="running", ended_at=None, totals_after=None)).rowcount:
                return False
            again = backfill_chunk.c.state.in_(("failed", "running"))
            connection.execute(
                update(backfill_chunk).where(backfill_chunk.c.backfill_id == backfill_id, again).values(state="waiting")
            )
            return True

    def begin_chunk(self, backfill_id: int, number: int, run_id: str) -> bool:
        """Begin a chunk; False where the backfill was cancelled: then nothing of it may be computed."""
        at_work = select(backfill.c.id).where(backfill.c.id == backfill_id, backfill.c.state == "running").with_for_update()
        with self._begin() as connection:
            if connection.scalar(at_work) is None:
                return False
            values = {"state": "running", "run_id": run_id, "started_at": func.now(), "ended_at": None, "error": None}
            connection.execute(_of(backfill_id, number).values(values))
            return True

    def end_chunk(
        self,
        backfill_id: int,
        number: int,
        state: str,
        *,
        days: Iterable[Interval] = (),
        changed_count: int = 0,
        row_count: int = 0,
        error: str | None = None,
    ) -> None:
        """Record what came of a chunk: done, failed, or waiting where it is to be tried again."""
        values = {
            "state": state,
            "days": [one.to_json() for one in days],
            "changed_count": changed_count,
            "row_count": row_count,
            "error": error,
            "ended_at": func.now(),
        }
        with self._begin() as connection:
            connection.execute(_of(backfill_id, number).values(values))

    def end(self, backfill_id: int, state: str, by: str | None = None) -> bool:
        """Close an open backfill as succeeded, failed or cancelled; False where somebody has done so before."""
        with self._begin() as connection:
            mine = update(backfill).where(backfill.c.id == backfill_id, backfill.c.state.in_(OPEN))
            return bool(connection.execute(mine.values(state=state, ended_at=func.now(), ended_by=by)).rowcount)

    def record_effect(self, backfill_id: int, totals: Mapping[str, Any]) -> None:
        """Remember rows and money of its days as they are now."""
        with self._begin() as connection:
            connection.execute(update(backfill).where(backfill.c.id == backfill_id).values(totals_after=dict(totals)))

    def seconds(self, pipelines: Iterable[str]) -> dict[str, list[tuple[int, float]]]:
        """Of each pipeline how many days its last chunks had, and how many seconds they took."""
        found: dict[str, list[tuple[int, float]]] = {}
        with self._begin() as connection:
            for row in connection.execute(_HISTORY, {"names": list(pipelines)}):
                found.setdefault(row.pipeline, []).append((row.day_count, float(row.seconds)))
        return found


def _taken(connection: Connection, chunks: Sequence[Chunk]) -> str:
    one = backfill_chunk.c
    query = select(one.pipeline, one.start, one.end, backfill.c.id, backfill.c.requested_by, backfill.c.reason)
    query = query.join(backfill, backfill.c.id == one.backfill_id).where(
        backfill.c.state.in_(OPEN), one.pipeline.in_({chunk.pipeline for chunk in chunks})
    )
    for row in connection.execute(query.order_by(backfill.c.id)):
        taken = Interval(row.start, row.end)
        if any(chunk.pipeline == row.pipeline and chunk.interval.overlaps(taken) for chunk in chunks):
            return (
                f"backfill {row.id} of {row.requested_by} («{row.reason}») has {row.pipeline} from {row.start} to "
                f"{row.end - DAY} already: wait for it, or headline backfill cancel {row.id}"
            )
    return ""


def _of(backfill_id: int, number: int) -> Any:
    return update(backfill_chunk).where(backfill_chunk.c.backfill_id == backfill_id, backfill_chunk.c.number == number)
