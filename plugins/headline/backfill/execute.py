"""A backfill that is planned is carried out: chunk by chunk, each by write-audit-publish, whatever ended the run before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

from headline.backfill.control import lock_of, record_effect
from headline.backfill.plan import stale_days
from headline.errors import BadData, BadRequest, HeadlineError, NotEvaluated, SpecError
from headline.figures.gate import FiguresGate
from headline.intervals import Interval, merge
from headline.ledger import Backfill, Backfills, Chunk, Ledger, Locks
from headline.pipeline import PipelineRun, TableRun, write_audit_publish
from headline.redaction import redact
from headline.specs import Catalog, reached
from headline.warehouse import Warehouse

log = logging.getLogger(__name__)
Report = Callable[[Backfill], None]
# Computes, audits and publishes the days of one run for a backfill.
Work = Callable[[PipelineRun, Backfill], Sequence[TableRun]]
# Data and files that are wrong: another try of the same changes nothing.
FOR_GOOD = (BadData, NotEvaluated, SpecError, BadRequest)


class Cancelled(HeadlineError):
    """Somebody has cancelled the backfill: every table is as the last chunk that ended has left it."""


def execute(
    catalog: Catalog,
    ledger: Ledger,
    warehouse: Warehouse,
    backfill_id: int,
    run_id: str,
    report: Report = lambda _: None,
    work: Work = lambda run, found: write_audit_publish(run, gate=gate_of(found), alone=True),
) -> Backfill:
    """Compute the open chunks of a backfill; `run_id` is its run. Safe to run again: finished chunks are skipped.

    Only one run works on a backfill at a time. `report` is called after each chunk. `work` computes, audits and publishes the
    days of a run. If the data of a chunk are bad, the pipelines that read its pipeline are left out and all others continue.
    Raises BadData at the end if chunks failed, Cancelled, and Transient, after which the same call continues.
    """
    backfills = Backfills(ledger.conn_id)
    locks = Locks(f"headline: backfill {backfill_id} {run_id}")
    try:
        with locks.exclusive(lock_of(backfill_id), timeout=60):
            if not backfills.begin(backfill_id):
                found = backfills.get(backfill_id)
                if found.totals_after is None:  # cancelled while whoever worked on it was about to be killed
                    record_effect(catalog, ledger, warehouse, backfill_id)
                return _ended(found)
            try:
                for chunk in _to_do(catalog, backfills, backfill_id):
                    _compute((catalog, ledger, warehouse), backfills.get(backfill_id), chunk, run_id, work)
                    report(backfills.get(backfill_id))
            except Cancelled:
                record_effect(catalog, ledger, warehouse, backfill_id)
                raise
            record_effect(catalog, ledger, warehouse, backfill_id)
            return _finish(backfills, backfill_id)
    finally:
        locks.close()


def gate_of(found: Backfill, involved: Callable[[], Iterable[str]] = tuple) -> FiguresGate:
    """Whoever asked for the backfill asks for what it moves of issued figures, for the same reason.

    `involved`: who has caused the run that works on it, such as who resumed it; they cannot approve either.
    """
    return FiguresGate(found.request.requested_by, found.request.reason, involved)


def _ended(found: Backfill) -> Backfill:
    if found.state == "cancelled":
        raise Cancelled(f"{found.name} was cancelled by {found.ended_by}; to compute its days, request a new backfill")
    return found


def _to_do(catalog: Catalog, backfills: Backfills, backfill_id: int) -> Iterator[Chunk]:
    """The chunks that are not done, as the ledger knows them at that moment; none that reads what could not be computed."""
    numbers = [chunk.number for chunk in backfills.get(backfill_id).chunks]
    for number in numbers:
        chunks = {chunk.number: chunk for chunk in _ended(backfills.get(backfill_id)).chunks}
        chunk = chunks[number]
        failed = {one.pipeline for one in chunks.values() if one.state == "failed"}
        if chunk.state == "done" or chunk.pipeline in failed:
            continue
        if chunk.pipeline in catalog.pipelines and failed & set(reached(chunk.pipeline, catalog.inputs_of)):
            log.warning("%s %s is left: %s has failed", chunk.pipeline, chunk.interval, ", ".join(sorted(failed)))
            continue
        yield chunk


def _compute(where: tuple[Catalog, Ledger, Warehouse], found: Backfill, chunk: Chunk, run_id: str, work: Work) -> None:
    catalog, ledger, _ = where
    backfills = Backfills(ledger.conn_id)
    if not backfills.begin_chunk(found.id, chunk.number, run_id):
        _ended(backfills.get(found.id))
        return
    log.info("%s, chunk %d of %d: %s %s", found.name, chunk.number, len(found.chunks), chunk.pipeline, chunk.interval)
    done: list[Interval] = []
    changed = rows = 0

    def end(state: str, error: Exception | None = None) -> None:
        told = redact(str(error))[:2000] if error else None
        days = merge(done)
        backfills.end_chunk(found.id, chunk.number, state, days=days, changed_count=changed, row_count=rows, error=told)

    try:
        for days in _days(catalog, ledger, found, chunk):
            run = PipelineRun(catalog.pipelines[chunk.pipeline], found.run_of(chunk), days, *where)
            for table in work(run, found):
                changed += table.changed_count
                rows += table.row_count
            done.append(days)
    except FOR_GOOD as error:
        log.exception("%s %s has failed; what is published of it stays", chunk.pipeline, chunk.interval)
        end("failed", error)
    except Exception as error:
        end("waiting", error)
        raise
    else:
        end("done")


def _days(catalog: Catalog, ledger: Ledger, found: Backfill, chunk: Chunk) -> Iterator[Interval]:
    """The days of a chunk to compute; of stale ones those that are stale at this moment.

    What was computed makes days of other tables of the pipeline stale, so that it is looked at again, at most once a table.
    """
    if chunk.pipeline not in catalog.pipelines:
        raise SpecError([f"there is no pipeline {chunk.pipeline} any more, or its files are faulty"])
    pipeline = catalog.pipelines[chunk.pipeline]
    if not found.request.is_stale_only:
        yield chunk.interval
        return
    for _ in pipeline.tables:
        stale = stale_days(ledger, pipeline, chunk.interval)
        yield from merge(one for mine in stale.values() for one in mine)
        if not stale:
            return


def _finish(backfills: Backfills, backfill_id: int) -> Backfill:
    found = _ended(backfills.get(backfill_id))
    failed = [chunk for chunk in found.chunks if chunk.state == "failed"]
    left = [chunk for chunk in found.chunks if chunk.state == "waiting"]
    backfills.end(backfill_id, "failed" if failed else "succeeded")
    if failed:
        lines = [f"{one.pipeline} {one.interval}: {(one.error or 'no reason was recorded').splitlines()[0]}" for one in failed]
        raise BadData(
            f"{len(failed)} of {len(found.chunks)} chunk(s) of {found.name} have failed, and {len(left)} more are left. "
            f"When the cause is fixed: headline backfill resume {backfill_id}\n" + "\n".join(lines)
        )
    return _ended(backfills.get(backfill_id))
