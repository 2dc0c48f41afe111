"""One run of an export: what it may give is looked at first, then its inputs, then its result; then it is delivered, once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from headline.errors import HeadlineError
from headline.exports import changes, dump
from headline.exports.entitled import check_entitled, tables_of
from headline.exports.features import names_in
from headline.exports.result import Work, about, batches_of, check_result, fresh_inputs, key_of, partial_note, select_of
from headline.figures.values import commit
from headline.intervals import Interval
from headline.ledger import ExportRun, Exports, Locks, Read, Reads
from headline.maintenance.backups import scratch_folder
from headline.redaction import redact
from headline.specs.exports import Export, Files

log = logging.getLogger(__name__)

# Of one engine in this process; rows are on their way through it.
MOST_MEMORY = "400MB"
DELIVERED, FAILED = "delivered", "failed"


def run_export(work: Work, period: Interval) -> ExportRun:
    """Deliver one period of an export, exactly once however often it is run or killed; gives what was recorded.

    Raises SpecError for what may not leave or is wrong as it stands, BadData for a result that breaks its contract, Transient
    where inputs are not fresh, or where the receiver cannot be reached. A failure is recorded too.
    """
    ledger = Exports(work.ledger.conn_id)
    begun = ExportRun(work.export.id, period.start, period.end, "", FAILED, work.run_id, commit=commit())
    try:
        check_entitled(work.export, work.catalog)
        with alone(work.export, work.ledger.conn_id):
            done = _delivered(work, period, begun)
    except HeadlineError as error:
        ledger.record(replace(begun, error=redact(str(error))[:1000]))
        raise
    log.info(
        "%s for %s: %s rows, %s sent, %s removed, %s refused by the receiver: %s",
        *(done.export, period.start, f"{done.row_count:,}", f"{done.sent_count:,}", f"{done.removed_count:,}"),
        *(f"{done.refused_count:,}", done.place),
    )
    return done


@contextmanager
def alone(export: Export, conn_id: str) -> Iterator[None]:
    """While this is entered nobody else delivers the export. Raises Transient where somebody does for too long."""
    locks = Locks(f"headline: the export {export.id}", conn_id=conn_id)
    try:
        with locks.exclusive(f"export {export.id}"):
            yield
    finally:
        locks.close()


def _delivered(work: Work, period: Interval, begun: ExportRun) -> ExportRun:
    export, conn_id = work.export, work.ledger.conn_id
    with scratch_folder() as scratch:
        # Who reads keeps others from publishing: rows are put aside here, and go to the receiver afterwards.
        with work.warehouse.session(read_only=True) as session:
            session.limit_memory(MOST_MEMORY)
            inputs = fresh_inputs(work, period)
            key = key_of(export, period, inputs.version)
            known = replace(begun, key=key, version=inputs.version, state=DELIVERED)
            if isinstance(export.to, Files) and (found := dump.Place.of(export, period.start).holds(key)):
                return _as_before(export, known, found["rows"], conn_id)
            names = names_in(work, period, session) if export.features else {}
            sql = select_of(export, period, work.warehouse.dialect, names)
            count = check_result(export, sql, session)
            batches = batches_of(export, sql, session, count)
            if isinstance(export.to, Files):
                files = dump.staged_files(export, batches, scratch)
            else:
                found_changes = changes.found_changes(work, batches, scratch)
        place = dump.Place.of(export, period.start).address if isinstance(export.to, Files) else changes.place_of(export)
        Reads(conn_id).record(Read(f"{export.id} {work.run_id}", "export", tuple(tables_of(export)), place, count))
        if note := partial_note(inputs):
            log.warning("%s for %s: %s", export.id, period.start, note)
        if isinstance(export.to, Files):
            dump.deliver(export, files, dump.Place.of(export, period.start), about(work, period, inputs, key))
            done = replace(known, row_count=count, sent_count=count, place=place)
        else:
            sent = changes.send_changes(work, found_changes)
            done = replace(known, row_count=count, place=place, sent_count=sent.sent)
            done = replace(done, removed_count=sent.removed, refused_count=sent.refused)
    Exports(conn_id).record(done)
    _retain(export)
    return done


def _as_before(export: Export, known: ExportRun, rows: int, conn_id: str) -> ExportRun:
    """The same rows lie there already; a run that was killed after it wrote them has not recorded that."""
    place, ledger = dump.Place.of(export, known.start).address, Exports(conn_id)
    done = replace(known, row_count=rows, place=place)
    newest = ledger.newest([export.id], start=known.start)
    if not newest or (newest[0].key, newest[0].state) != (known.key, DELIVERED):
        ledger.record(done)
    _retain(export)
    return done


def _retain(export: Export) -> None:
    if isinstance(export.to, Files) and (count := dump.remove_old(export, datetime.now(UTC))):
        log.info("%s: %s old dump(s) removed", export.id, count)
