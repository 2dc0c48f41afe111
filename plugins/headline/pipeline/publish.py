"""The audited staging tables of a run replace what is readable, period by period, where the content changed."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import date
from decimal import Decimal

from headline.intervals import Interval, merge
from headline.ledger import Identity, Ledger, Published, RunFacts, touched
from headline.ledger.publications import Recording
from headline.pipeline.plan import Plan
from headline.pipeline.transform import Staged
from headline.specs import Window
from headline.warehouse import Replacement, Staging

log = logging.getLogger(__name__)

# Records something together with a publication, in its transaction; False where the gate must look again before anything is.
Also = Callable[[Recording], bool]
# Looks at what is about to be published, and raises BadData where that must wait; gives what is to be recorded with it.
Gate = Callable[[Plan, Mapping[str, Staged], Staging], Also | None]


def publish(plan: Plan, staged: Mapping[str, Staged], session: Staging, also: Also | None = None) -> list[Published] | None:
    """Make what changed readable, all tables at once, and record it; None where an input changed since the plan, or
    `also` wants to look again.

    The warehouse is written first, the ledger second, while nobody else reads, publishes or is given a version. A crash between
    the two leaves periods whose fingerprint is unknown, which the next run replaces, and a warehouse that the ledger has planned.
    """
    run = plan.run
    changed = [period for one in staged.values() for period in one.changed]
    replacements = [Replacement(one.table, one.replaced) for one in staged.values() if one.replaced is None or one.replaced]
    codes = {name: one.code_version for name, one in staged.items()}
    facts = RunFacts(run.pipeline.id, run.key, run.run_id, codes)
    unchanged = {name: one.unchanged for name, one in staged.items() if one.unchanged}
    inputs = {name: run.pipeline.external_reads(one.table) for name, one in staged.items()}
    after: Identity | None = None
    snapshots: dict[str, int] = {}
    # Readers wait only where there are rows to replace.
    with session.publishing() if replacements else nullcontext(), run.ledger.recording() as record:
        if is_outdated(plan, staged, record):
            return None
        if also and not also(record):  # first, so that what must not be recorded is not written either
            return None
        if replacements:
            before = session.identity() or Identity.new()
            after = before.next()
            in_doubt = {one.table.full_name: _starts(staged[one.table.full_name]) for one in replacements}
            run.ledger.begin_publication(in_doubt, before, after)
            snapshots = session.replace(replacements, after)
        record.publish(facts, changed, unchanged, inputs, after, snapshots)
    alike: dict[tuple[str, str, Decimal], list[Interval]] = defaultdict(list)
    for one in changed:
        alike[one.table, one.status, one.coverage].append(one.interval)
    for (table, status, coverage), days in alike.items():  # not a line a day: a range has thousands
        log.info("published %s for %s: %s, coverage %s", table, ", ".join(map(str, merge(days))), status, coverage)
    return changed


def is_outdated(plan: Plan, staged: Mapping[str, Staged], ledger: Recording | Ledger) -> bool:
    """Whether anything that a staged table was computed from, or compared with, has changed since the plan: by a source, another
    pipeline or another run of this one."""
    reads = {name: {**plan.run.pipeline.reads_by_table(one.table), name: Window()} for name, one in staged.items()}
    newer = ledger.changed_since({read for windows in reads.values() for read in windows}, plan.as_of)
    for name, one in staged.items():
        mine = [change for change in newer if change.table in reads[name]]
        # What is replaced whole was computed from all days, whichever were asked for.
        if mine and (one.table.period_column is None or touched(one.intervals, reads[name], mine)):
            return True
    return False


def _starts(staged: Staged) -> list[date]:
    return [period.interval.start for period in staged.changed]
