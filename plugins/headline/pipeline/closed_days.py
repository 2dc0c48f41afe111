"""A loaded day does not shrink unnoticed: records missing in a later reading are reported, and blocked beyond a limit."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date

from headline import settings
from headline.errors import HeadlineError, Transient
from headline.ledger import HeldDay, HeldDays, Load
from headline.pipeline.run import PipelineRun
from headline.sources.intact import flaw_of
from headline.specs import AnyIngest

log = logging.getLogger(__name__)


def let_through(run: PipelineRun, spec: AnyIngest, loads: Sequence[Load], known: Mapping[date, Load]) -> list[Load]:
    """The loads that count: all but those which take away more than the limit from a day that the run only reads again.

    A day that the run was asked for is taken as it is. What does not count is kept, and read again by the runs that follow, as
    long as the day lies within their lookback. `known`: what had landed before of these days.
    """
    held = [found for load in loads if (found := _judged(run, spec, load, known.get(load.ds)))]
    days = HeldDays(run.ledger.conn_id)
    days.hold(held)
    kept = {one.ds for one in held}
    passed = [load for load in loads if load.ds not in kept]
    if passed:
        days.release(passed[0].landing, [load.ds for load in passed], f"run {run.run_id}")
    return passed


def hold_unreadable(run: PipelineRun, before: Load, error: HeadlineError) -> None:
    """Leave a day as it was loaded whose file came again and cannot be read; one that may be arriving is read by the next run."""
    log.warning("%s: the file of %s cannot be read again, the loaded data stay: %s", before.landing, before.ds, error)
    if not isinstance(error, Transient):
        found = HeldDay(before.landing, before.ds, before.file, run.run_id, f"it was read again and is invalid: {error}")
        HeldDays(run.ledger.conn_id).hold([found])


def _judged(run: PipelineRun, spec: AnyIngest, load: Load, before: Load | None) -> HeldDay | None:
    from headline.sources.rereading import difference

    if before is None or before.checksum == load.checksum or not spec.key or not before.row_count:
        return None
    if damage := flaw_of(before):
        log.warning(
            "%s: %s, loaded for %s: %s; the file that arrived now replaces it", load.landing, before.file, load.ds, damage
        )
        return None
    found = difference(before, load, spec.key, spec.measures, spec.immutable)
    if not found.share:
        return None
    limit = settings.load().closed_day_limit
    counts = found.share <= limit or load.ds in run.requested
    wait = f"does not count (limit {limit:.0%}); if it is right, trigger {run.pipeline.id} for this day"
    verdict = "is accepted" if counts else wait
    log.warning("%s: read again, %s differs from what was loaded: %s; this %s", load.landing, load.ds, found, verdict)
    return None if counts else HeldDay(load.landing, load.ds, load.file, run.run_id, str(found))
