"""A table's contract is verified on its staging table, and fails closed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from headline.errors import BadData, NotEvaluated, SpecError
from headline.intervals import DAY, in_few_words
from headline.ledger import CheckResult, StagingTable, stale_states
from headline.pipeline.anomalies import ANOMALY, accept, described, names_of_open
from headline.pipeline.asked import to_verify
from headline.pipeline.plan import Plan
from headline.pipeline.run import PipelineRun, kept_for
from headline.pipeline.samples import shown
from headline.pipeline.transform import Staged
from headline.pipeline.verify import Verification, verify
from headline.specs import Pipeline, load_contract
from headline.sql import Shown, shown_by_checks, tables_in_checks
from headline.warehouse import Staging

log = logging.getLogger(__name__)

_NAMED = 10  # figures in a message; the command that waives lists all of them

# Told of each table, as soon as it is audited: its name, the verdict, and the result of each check.
Report = Callable[[str, str, Sequence[CheckResult]], None]


def audit(
    plan: Plan, staged: Mapping[str, Staged], session: Staging, report: Report = lambda *_: None
) -> dict[str, list[CheckResult]]:
    """Verify the contracts of all staged tables; every check's outcome goes to the ledger before the verdict is raised.

    Raises BadData when a check of any table failed, NotEvaluated when one could not be evaluated or none was there at all.
    """
    run = plan.run
    found: dict[str, list[CheckResult]] = {}
    errors: list[BadData | NotEvaluated] = []
    for name, one in staged.items():
        with session.reading():
            session.give_way()
            checked = _check(run, one, staged, session)
        results = [accept(result, one.table, run) for result in checked.results]
        found[name] = results
        if error := _record(plan, one, results, checked.problems, report):
            errors.append(error)
    if errors:
        bad = [error for error in errors if isinstance(error, BadData)]
        text = "\n".join(map(str, bad + [error for error in errors if error not in bad]))
        if bad:
            raise BadData(text)
        raise NotEvaluated(text, sorted({name for error in errors if isinstance(error, NotEvaluated) for name in error.behind}))
    return found


def _record(
    plan: Plan, staged: Staged, results: list[CheckResult], problems: str, report: Report
) -> BadData | NotEvaluated | None:
    run, table = plan.run, staged.table
    verdict = verdict_of(results, problems)
    behind = _inputs_behind(run, staged, results) if verdict == "failed" else {}
    if behind:
        told = "; ".join(behind.values())
        verdict, problems = "not_evaluated", f"{told}; run its pipeline first. {_failure(run, staged, results)}\n{problems}"
    held = StagingTable(run.key, table.full_name, staged.intervals, plan.as_of, staged.row_count, verdict, run.run_id)
    run.ledger.record_audit(held, results, verdict)
    report(table.full_name, verdict, results)
    for result in results:
        level = logging.INFO if result.outcome in ("passed", "insufficient_history") else logging.WARNING
        log.log(
            level, "%s: %s (%s; measured %s, %s)", result.outcome, result.name, result.path, result.measured, result.threshold
        )
        if result.sample:
            log.info("  found: %s", shown(result.sample))
    if verdict == "failed":
        return BadData(_failure(run, staged, results))
    if verdict == "not_evaluated":
        unknown = [result.path for result in results if result.outcome == "not_evaluated"]
        text = f"{table.full_name}: the audit could not run: {problems or unknown or 'no check was evaluated'}"
        return NotEvaluated(text, sorted({run.catalog.makers[name].id for name in behind}))
    return None


def _inputs_behind(run: PipelineRun, staged: Staged, results: Sequence[CheckResult]) -> dict[str, str]:
    """By name the inputs that are behind their own inputs, in words, where every check that failed compares with other tables:
    that tells nothing of the data. Empty where any of them failed for the table's own rows, a verdict whatever its inputs are."""
    shown, own = shown_by_checks(staged.table, staged.intervals), {*staged.table.outputs, "calendar.days"}
    if any(result.path not in shown or shown[result.path].tables <= own for result in _failed(results)):
        return {}
    behind = {}
    for name, window in run.pipeline.external_reads(staged.table).items():
        maker = run.catalog.makers.get(name)
        if maker is None:
            continue
        table = maker.outputs[name]
        used = [window.reach(interval) for interval in staged.intervals]
        if stale := stale_states(table, maker.external_reads(table), run.ledger, *used):
            behind[name] = f"{name} is behind its inputs for {len(stale)} period(s) from {stale[0].interval.start}"
    return behind


def _failed(results: Sequence[CheckResult]) -> list[CheckResult]:
    return [result for result in results if result.outcome == "failed"]


def verdict_of(results: Sequence[CheckResult], problems: str) -> str:
    """failed > not_evaluated > passed. No check evaluated, an error on the way or an unknown outcome is never a pass.

    Insufficient history blocks no publication, and neither does what somebody waived.
    """
    outcomes = {result.outcome for result in results}
    if "failed" in outcomes:
        return "failed"
    told = outcomes & {"passed", "warned", "waived"}
    if problems or not told or outcomes - told - {"insufficient_history"}:
        return "not_evaluated"
    return "passed"


def tables_of_checks(pipeline: Pipeline) -> set[str]:
    """Every table that the checks of a pipeline's contracts read."""
    return {name for table in pipeline.ordered_tables for name in tables_in_checks(table)}


def _check(run: PipelineRun, one: Staged, staged: Mapping[str, Staged], session: Staging) -> Verification:
    """Verify one staging table."""
    _refuse_personal_data(run, shown_by_checks(one.table, one.intervals))
    asked = to_verify(run, one.table, one.intervals, {name: other.intervals for name, other in staged.items()}, session)
    return verify([asked], session, run.warehouse.dialect)[one.table.full_name]


def _refuse_personal_data(run: PipelineRun, shown: Mapping[str, Shown]) -> None:
    """What a check selects is kept with its result, and shown."""
    makers = run.catalog.makers
    for path, (tables, columns) in shown.items():
        contracts = [load_contract(makers[name].outputs[name]) for name in tables if name in makers]
        if personal := {column for contract in contracts for column in contract.personal_columns} & columns:
            raise SpecError([f"{path}: selects {', '.join(sorted(personal))}, which is personal data; select the key instead"])


def _failure(run: PipelineRun, staged: Staged, results: Sequence[CheckResult]) -> str:
    failed = _failed(results)
    name, days = staged.table.full_name, in_few_words(day for interval in staged.intervals for day in interval)
    lines = [
        f"{name}: {len(failed)} of {len(results)} checks failed on {staged.row_count} rows for {days}:",
        *(f"  - {result.name} ({result.path}): {_measured(result)}" for result in failed),
        "Nothing was published; what was readable still is. Fix the source or the SQL, then clear this run",
    ]
    if figures := names_of_open(results, name):
        lines += _how_to_waive(run, figures)
    lines += [
        f"What was computed is kept {kept_for()}, to be seen beside what is published:",
        f"  headline inspect {name} {run.key}",
    ]
    return "\n".join(lines)


def _how_to_waive(run: PipelineRun, figures: Sequence[str]) -> list[str]:
    first, last = run.requested.start, run.requested.end - DAY
    told = ["What was waived is not among these, or has changed since it was seen:"] if run.waiver else []
    return [
        *told,
        *(f"  {figure}" for figure in figures[:_NAMED]),
        *([f"  and {len(figures) - _NAMED} more"] if len(figures) > _NAMED else []),
        "Where these are right (a sale, a holiday), say why under «Waive» on the pipeline's page, or:",
        f'  headline trigger {run.pipeline.id} --from {first} --to {last} --accept "why they are right"',
        "In Airflow's own form that is «Waive unusual figures». A waiver ends when the figure changes",
    ]


def _measured(result: CheckResult) -> str:
    on = f", on {result.found_on}" if result.found_on else ""
    if result.kind == ANOMALY:
        return f"{described(result.sample)}{on}"
    return f"measured {result.measured}, {result.threshold}{on}" + (f": {shown(result.sample)}" if result.sample else "")
