"""All candidates of a run replace exactly their days, or none does; then the ledger records it."""

from __future__ import annotations

import logging

from headline.errors import NotChecked
from headline.ledger import Candidate, Published, is_outdated
from headline.settings import code_version
from headline.specs import Table, load_contract
from headline.steps.audit import audit
from headline.steps.names import ensure_outputs, output_columns
from headline.steps.run import KEEP_CANDIDATES_DAYS, PipelineRun
from headline.steps.state import States, states_of, stretches
from headline.steps.transform import days_to_compute, transform
from headline.warehouse import Replacement, candidate_name

log = logging.getLogger(__name__)


def publish(run: PipelineRun) -> list[Published]:
    """Make what was computed and audited readable; again = nothing happens.

    The warehouse is written first, the ledger second: a crash between the two heals when the task is retried. Where an
    input changed after a candidate was computed, for example because two runs overlapped, everything is computed and
    audited again first. Raises NotChecked when a candidate did not pass its audit, BadData when it fails it now.
    """
    published: list[Published] = []
    with run.ledger.publishing(run.pipeline.id):
        _require_passed(run)
        if any(_is_outdated(run, candidate) for candidate in run.open_candidates().values()):
            log.info("%s: an input has changed since the candidates were computed, so they are computed again", run.pipeline.id)
            for table in run.pipeline.ordered_tables:
                transform(run, table)
            for table in run.pipeline.ordered_tables:
                audit(run, table)
        candidates = run.open_candidates()
        if candidates:
            published = _replace(run, candidates)
            run.ledger.record_publications(run.pipeline.id, run.key, run.run_id, code_version(), published)
    _drop_candidates(run)
    for one in published:
        log.info("published %s for %s: %s, coverage %s", one.table, one.interval, one.status, one.coverage)
    return published


def _require_passed(run: PipelineRun) -> None:
    candidates = run.ledger.candidates(run.key)
    states = {name: candidates[name].state if name in candidates else "not computed" for name in _tables(run)}
    held = [f"{name} ({state})" for name, state in states.items() if state not in ("passed", "published")]
    if held:
        raise NotChecked(f"{run.pipeline.id}: not every table has passed its audit: {', '.join(held)}; clear those tasks")


def _is_outdated(run: PipelineRun, candidate: Candidate) -> bool:
    """Whether something that the candidate was computed from has changed since, by a source, another pipeline or another run
    of this one, or such a run has published days meanwhile that this run's results reach."""
    table = _tables(run)[candidate.table]
    reads = run.reads(table)
    newer = run.ledger.changes(reads, since=candidate.as_of)
    # A table that is rebuilt whole depends on every change, whichever days the run was asked for.
    changed = bool(newer) if table.period_column is None else is_outdated(candidate.intervals, reads, newer)
    return changed or days_to_compute(run, table) != candidate.intervals


def _replace(run: PipelineRun, candidates: dict[str, Candidate]) -> list[Published]:
    """Replace what is readable by the candidates, all at once; gives what is to be recorded of it."""
    replacements = []
    for name, table in run.pipeline.outputs.items():
        if table.full_name in candidates:
            columns = output_columns(name, table, load_contract(table))
            intervals = candidates[table.full_name].intervals
            replacements.append(Replacement(name, candidate_name(name, run.key), columns, intervals, table.period_column))
    with run.warehouse.session() as session:
        ensure_outputs(run.pipeline.ordered_tables, session)
        states = {name: states_of(table, run.key, session) for name, table in _tables(run).items() if name in candidates}
        session.publish(replacements)
    return [one for name, candidate in candidates.items() for one in _published(run, candidate, states[name])]


def _published(run: PipelineRun, candidate: Candidate, states: States) -> list[Published]:
    seen = run.ledger.changes(run.pipeline.external_reads(_tables(run)[candidate.table]))
    inputs = {change.table: change.version for change in seen if change.version <= candidate.as_of}
    return [
        Published(candidate.table, stretch, candidate.row_count, candidate.as_of, inputs, state.status, state.coverage)
        for interval in candidate.intervals
        for stretch, state in stretches(interval, states)
    ]


def _drop_candidates(run: PipelineRun) -> None:
    """This run's candidates are public now; those of failed runs are kept for inspection, but not for ever."""
    expired = run.ledger.expired_candidates(KEEP_CANDIDATES_DAYS)
    known = run.catalog.tables
    names = [candidate_name(name, run.key) for name in run.pipeline.outputs]
    names += [candidate_name(output, key) for key, name in expired if name in known for output in known[name].outputs]
    with run.warehouse.session() as session:
        session.drop(names)
    run.ledger.forget_candidates(expired)


def _tables(run: PipelineRun) -> dict[str, Table]:
    return {table.full_name: table for table in run.pipeline.ordered_tables}
