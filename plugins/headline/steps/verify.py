"""Soda verifies a table's contract: the outcome, kind and sample of every check."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from sqlglot import exp

from headline.errors import SpecError
from headline.ledger import CheckResult
from headline.specs import Check, Table, load_contract, read_yaml
from headline.sql import rows_found
from headline.steps.anomalies import ANOMALY, OUTLIER, findings, with_findings
from headline.steps.samples import Select, sample
from headline.warehouse import Session

# It tells every thought; what came of them the audit says itself.
logging.getLogger("soda").setLevel(logging.WARNING)

DATA_SOURCE = "warehouse"
FOUND_SOMETHING = ("failed", "warned")
_OUTCOMES = {"PASSED": "passed", "WARN": "warned", "FAILED": "failed"}


def verify(
    table: Table, dataset: str, queries: Mapping[str, exp.Query], session: Session, dialect: str
) -> tuple[list[CheckResult], str]:
    """The outcome of every check of the table's contract on `dataset` (schema.table), and what went wrong on the way.

    `queries`: those of the checks that have their own, by the check's path, with their table names resolved. An anomaly check
    fails for its outliers; it is `learning` where there are none but something that cannot be told yet.
    """
    from soda_core.common.yaml import ContractYamlSource
    from soda_core.contracts.contract_verification import ContractVerificationSession

    checks = {check.path: check for check in load_contract(table).listed_checks}
    selects = {path: Select.of(query, dialect) for path, query in queries.items()}
    faults = {path: findings(select, OUTLIER) if checks[path].kind == ANOMALY else select for path, select in selects.items()}
    contract = _for_soda(table, dataset, {path: select.text for path, select in faults.items()})
    try:
        outcome = ContractVerificationSession.execute(
            contract_yaml_sources=[ContractYamlSource.from_str(contract)],
            data_source_impls=[session.soda_data_source(DATA_SOURCE)],
        )
    except Exception as error:  # whatever Soda stumbles over, it has not checked the data
        return [], f"{type(error).__name__}: {error}"
    results = []
    for verification in outcome.contract_verification_results:
        for found in verification.check_results:
            check = checks[found.check.relative_path]
            result = _result(found, check)
            if check.kind == ANOMALY:
                result = with_findings(result, selects[check.path], session)
            elif result.outcome in FOUND_SOMETHING:
                select = selects.get(check.path)
                if select is None and (query := rows_found(table, check, dataset)):
                    select = Select.of(query, dialect)
                result = replace(result, sample=sample(select, session) if select else [])
            results.append(result)
    return results, outcome.get_errors_str() if outcome.has_errors else ""


def contract_faults(contract: Any) -> Iterator[str]:
    """What Soda's own JSON schema finds wrong with a contract: verifying it, Soda takes a default for a key it does not know."""
    for error in _contract_schema().iter_errors(contract):
        yield f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"


@cache
def _contract_schema() -> Any:
    import soda_core.contracts
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    def with_attributes(node: Any) -> Any:
        """Soda reads `attributes` of every check; its schema knows them of most."""
        if isinstance(node, dict) and "qualifier" in node.get("properties", {}):
            node["properties"].setdefault("attributes", {"$ref": "#/$defs/attributes"})
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            with_attributes(child)
        return node

    file = Path(soda_core.contracts.__file__).parent / "soda_data_contract_json_schema_1_0_0.json"
    return Draft202012Validator(with_attributes(json.loads(file.read_text())))


def _for_soda(table: Table, dataset: str, queries: Mapping[str, str]) -> str:
    """The contract as Soda is to read it: without what only people read, and as JSON, for its parser of YAML is slow."""
    content = read_yaml(table.contract_file)
    if faults := list(contract_faults(content)):
        raise SpecError([f"{table.contract_file.parent.name}/{table.contract_file.name}: {fault}" for fault in faults])
    checks: dict[str, list[dict[str, Any]]] = {}
    for check in load_contract(table).listed_checks:
        body = check.body | ({"query": queries[check.path]} if check.path in queries else {})
        if check.qualifier:  # Soda takes several checks of one type for the same check unless each has one
            body |= {"qualifier": check.qualifier}
        checks.setdefault(check.column, []).append({check.type: body or None})
    for node in (content, *content["columns"]):
        del node["description"]
        if on_node := checks.get(node.get("name", "")):
            node["checks"] = on_node
    return json.dumps(content | {"dataset": "/".join([DATA_SOURCE, *dataset.split(".")])}, default=str)


def _result(result: Any, check: Check) -> CheckResult:
    measured = result.threshold_value
    return CheckResult(
        path=check.path,
        name=result.check.name or check.name,
        type=check.type,
        outcome=_OUTCOMES.get(result.outcome.name, "not_checked"),
        measured=None if measured is None else Decimal(str(measured)),
        threshold=" ".join(str(result.check.threshold).split()) if result.check.threshold else "",
        kind=check.kind,
    )
