"""A table's contract is verified on its candidate, and fails closed."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from headline.errors import BadData, BadRequest, NotChecked, SpecError
from headline.intervals import Interval
from headline.ledger import Candidate, CheckResult, stale_days
from headline.specs import Table, Window, read_yaml
from headline.sql import parse, render, tables_read
from headline.steps.names import compile_sql, reach, resolutions
from headline.steps.run import PipelineRun
from headline.warehouse import Session, candidate_name

log = logging.getLogger(__name__)

_OUTCOMES = {"PASSED": "passed", "WARN": "warned", "FAILED": "failed"}
_QUERIES = ("query", "keys_query", "rows_tested_query")
DATA_SOURCE = "warehouse"


def audit(run: PipelineRun, table: Table) -> list[CheckResult]:
    """Verify the candidate of one table; every check's outcome goes to the ledger before the verdict is raised.

    Raises BadData when a check failed, NotChecked when one could not be evaluated or none was there at all.
    """
    candidate = run.open_candidates().get(table.full_name)
    if candidate is None:
        raise BadRequest(f"{table.full_name}: this run has nothing left to audit; clear its transform to compute it again")
    results: list[CheckResult] = []
    problems = ""
    with run.warehouse.session() as session:
        for interval in candidate.intervals:
            found, errors = _verify(_compiled_contract(run, table, interval, session), session)
            results += found
            problems += errors
    verdict = verdict_of(results, problems)
    if verdict == "failed" and (stale := _stale_input(run, candidate)):
        verdict, problems = "not_checked", f"{stale}; let its pipeline run first. {_failure(candidate, results)}\n{problems}"
    run.ledger.record_audit(candidate, results, verdict)
    for result in results:
        log.info("%s: %s (%s; measured %s, %s)", result.outcome, result.name, result.path, result.measured, result.threshold)
    if verdict == "failed":
        raise BadData(_failure(candidate, results))
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
    """failed > not_checked > passed. No check evaluated, an error on the way or an unknown outcome is never a pass."""
    outcomes = {result.outcome for result in results}
    if "failed" in outcomes:
        return "failed"
    if problems or not outcomes or outcomes - {"passed", "warned"}:
        return "not_checked"
    return "passed"


def contract_faults(contract: Any) -> Iterator[str]:
    """What Soda's own JSON schema finds wrong with a contract: verifying it, Soda takes a default for a key it does not know."""
    for error in _contract_schema().iter_errors(contract):
        yield f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"


@cache
def _contract_schema() -> Any:
    import soda_core.contracts
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    file = Path(soda_core.contracts.__file__).parent / "soda_data_contract_json_schema_1_0_0.json"
    return Draft202012Validator(json.loads(file.read_text()))


def _compiled_contract(run: PipelineRun, table: Table, interval: Interval, session: Session) -> str:
    """The contract made ready for the candidate: its dataset, and the table names in the SQL of its checks, resolved."""
    import yaml

    where = f"{table.contract_file.parent.name}/{table.contract_file.name}"
    contract = read_yaml(table.contract_file)
    if faults := [f"{where}: {fault}" for fault in contract_faults(contract)]:
        raise SpecError(faults)
    read = {name for sql in _queries(contract) for name in tables_read(parse(render(sql, interval, where), where))}
    names = resolutions(run, {name: table.reads.get(name, Window()) for name in sorted(read)}, [interval], session)

    def compiled(node: Any) -> Any:
        if isinstance(node, dict):
            found = {key: compiled_query(value) if key in _QUERIES else compiled(value) for key, value in node.items()}
            return found | _told_apart(found)
        return [compiled(item) for item in node] if isinstance(node, list) else node

    def compiled_query(sql: str) -> str:
        return compile_sql(sql, interval, names, run.warehouse.dialect, where)

    content = compiled(contract)
    content["dataset"] = "/".join([DATA_SOURCE, *candidate_name(table.full_name, run.key).split(".")])
    return yaml.safe_dump(content, sort_keys=False, width=10_000)


def _queries(node: Any) -> Iterator[str]:
    """The SQL of every check in a contract."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from [value] if key in _QUERIES else _queries(value)
    elif isinstance(node, list):
        for item in node:
            yield from _queries(item)


def _told_apart(node: dict[str, Any]) -> dict[str, Any]:
    """Soda takes several checks of one type for the same check unless each has a qualifier: their names are it."""
    if not isinstance(node.get("checks"), list):
        return {}
    checks = []
    for check in node["checks"]:
        [(kind, body)] = check.items()
        if body and "name" in body:
            body = {"qualifier": re.sub(r"\W+", "_", body["name"].lower()).strip("_"), **body}
        checks.append({kind: body})
    return {"checks": checks}


def _verify(contract: str, session: Session) -> tuple[list[CheckResult], str]:
    from soda_core.common.yaml import ContractYamlSource
    from soda_core.contracts.contract_verification import ContractVerificationSession

    try:
        outcome = ContractVerificationSession.execute(
            contract_yaml_sources=[ContractYamlSource.from_str(contract)],
            data_source_impls=[session.soda_data_source(DATA_SOURCE)],
        )
    except Exception as error:  # whatever Soda stumbles over, it has not checked the data
        return [], f"{type(error).__name__}: {error}"
    results = [_result(result) for verification in outcome.contract_verification_results for result in verification.check_results]
    return results, outcome.get_errors_str() if outcome.has_errors else ""


def _result(result: Any) -> CheckResult:
    measured = result.threshold_value
    return CheckResult(
        path=result.check.relative_path,
        name=result.check.name or result.check.type,
        type=result.check.type,
        outcome=_OUTCOMES.get(result.outcome.name, "not_checked"),
        measured=None if measured is None else Decimal(str(measured)),
        threshold=" ".join(str(result.check.threshold).split()) if result.check.threshold else "",
    )


def _failure(candidate: Candidate, results: Sequence[CheckResult]) -> str:
    failed = [result for result in results if result.outcome == "failed"]
    lines = [f"  - {result.name} ({result.path}): measured {result.measured}, {result.threshold}" for result in failed]
    days = ", ".join(map(str, candidate.intervals))
    return "\n".join(
        [
            f"{candidate.table}: {len(failed)} of {len(results)} checks failed on {candidate.row_count} rows for {days}:",
            *lines,
            "Nothing was published; what was readable still is. Mend the source or the SQL, then clear this run's transform. "
            f"Until then the rows wait in {candidate_name(candidate.table, candidate.run_key)}",
        ]
    )
