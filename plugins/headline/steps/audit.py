"""A table's contract is verified on its candidate, and fails closed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from headline.errors import BadData, BadRequest, NotChecked, SpecError
from headline.intervals import DAY, Interval
from headline.ledger import Candidate, CheckResult, stale_days
from headline.specs import Table, Window, load_contract
from headline.sql import Shown, shown_by_checks, tables_in_checks
from headline.steps.anomalies import ANOMALY, accept, described
from headline.steps.names import reach, resolutions
from headline.steps.run import KEEP_CANDIDATES_DAYS, PipelineRun
from headline.steps.samples import shown
from headline.steps.verify import Staged, Verification, verify
from headline.warehouse import Session, candidate_name

log = logging.getLogger(__name__)


def audit(run: PipelineRun, table: Table) -> list[CheckResult]:
    """Verify the candidate of one table; every check's outcome goes to the ledger before the verdict is raised.

    Raises BadData when a check failed, NotChecked when one could not be evaluated or none was there at all.
    """
    candidate = run.open_candidates().get(table.full_name)
    if candidate is None:
        raise BadRequest(f"{table.full_name}: this run has nothing left to audit; clear its transform to compute it again")
    with run.warehouse.session() as session:
        found = _check(run, table, candidate.intervals, session)
    results = [accept(result, table.full_name, run.acceptance, run.ledger) for result in found.results]
    problems = found.problems
    verdict = verdict_of(results, problems)
    if verdict == "failed" and (stale := _stale_input(run, candidate)):
        verdict, problems = "not_checked", f"{stale}; let its pipeline run first. {_failure(run, candidate, results)}\n{problems}"
    run.ledger.record_audit(candidate, results, verdict)
    for result in results:
        log.info("%s: %s (%s; measured %s, %s)", result.outcome, result.name, result.path, result.measured, result.threshold)
        if result.sample:
            log.info("  found: %s", shown(result.sample))
    if verdict == "failed":
        raise BadData(_failure(run, candidate, results))
    if verdict == "not_checked":
        unknown = [result.path for result in results if result.outcome == "not_checked"]
        raise NotChecked(f"{table.full_name}: the audit could not run: {problems or unknown or 'no check was evaluated'}")
    return results


def _stale_input(run: PipelineRun, candidate: Candidate) -> str:
    """Which input has not taken in a change of its own inputs yet: a check that compares the two tells nothing about the data."""
    external = run.pipeline.external_reads(run.pipeline.outputs[candidate.table])
    for name, maker in run.catalog.makers.items():
        if name in external:
            reads = maker.external_reads(maker.outputs[name])
            stale = stale_days(reads, run.ledger.changes([name]), run.ledger.changes(reads))
            used = [reach(interval, external[name]) for interval in candidate.intervals]
            if days := [day for day in stale if any(one.start <= day < one.end for one in used)]:
                return f"{name} has yet to take in a change of what it reads, for {len(days)} day(s) from {min(days)}"
    return ""


def verdict_of(results: Sequence[CheckResult], problems: str) -> str:
    """failed > not_checked > passed. No check evaluated, an error on the way or an unknown outcome is never a pass.

    What is learning does not hold a publication, and what somebody accepted does not either.
    """
    outcomes = {result.outcome for result in results}
    if "failed" in outcomes:
        return "failed"
    told = outcomes & {"passed", "warned", "accepted"}
    if problems or not told or outcomes - told - {"learning"}:
        return "not_checked"
    return "passed"


def _check(run: PipelineRun, table: Table, intervals: list[Interval], session: Session) -> Verification:
    """Verify the candidate over all its intervals; names in the SQL of checks stand for what they stand for in its SELECT."""
    _refuse_personal_data(run, shown_by_checks(table, intervals))
    names = resolutions(
        run, {name: table.reads.get(name, Window()) for name in sorted(tables_in_checks(table))}, intervals, session
    )
    staged = Staged(table, candidate_name(table.full_name, run.key), intervals, names)
    return verify([staged], session, run.warehouse.dialect)[table.full_name]


def _refuse_personal_data(run: PipelineRun, shown: Mapping[str, Shown]) -> None:
    """What a check selects is kept with its result, and shown."""
    makers = run.catalog.makers
    for path, (tables, columns) in shown.items():
        contracts = [load_contract(makers[name].outputs[name]) for name in tables if name in makers]
        if personal := {column for contract in contracts for column in contract.personal_columns} & columns:
            raise SpecError([f"{path}: selects {', '.join(sorted(personal))}, which is personal data; select the key instead"])


def _failure(run: PipelineRun, candidate: Candidate, results: Sequence[CheckResult]) -> str:
    failed = [result for result in results if result.outcome == "failed"]
    days = ", ".join(map(str, candidate.intervals))
    lines = [
        f"{candidate.table}: {len(failed)} of {len(results)} checks failed on {candidate.row_count} rows for {days}:",
        *(f"  - {result.name} ({result.path}): {_measured(result)}" for result in failed),
        "Nothing was published; what was readable still is. Mend the source or the SQL, then clear this run's transform",
    ]
    if any(result.kind == ANOMALY for result in failed):
        first, last = run.requested.start, run.requested.end - DAY
        lines.append(
            f"Where what is unusual is right (a sale, a holiday), trigger {run.pipeline.id} from {first} to {last} "
            "and say why under «Accept unusual figures»"
        )
    lines += [
        f"What was computed is kept for {KEEP_CANDIDATES_DAYS} days, to be seen beside what is published:",
        f"  headline inspect {candidate.table} {candidate.run_key}",
    ]
    return "\n".join(lines)


def _measured(result: CheckResult) -> str:
    if result.kind == ANOMALY:
        return described(result.sample)
    return f"measured {result.measured}, {result.threshold}" + (f": {shown(result.sample)}" if result.sample else "")
