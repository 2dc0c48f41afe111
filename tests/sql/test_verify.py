"""Three statements per table give what Soda alone gives on the same contract: outcomes and values, for good data and bad."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from tests.sql.test_checks_catch import BROKEN, DAYS, TABLES, company, damaged  # noqa: F401 (a fixture)

from headline.intervals import DAY, Interval
from headline.ledger import CheckResult
from headline.pipeline import soda
from headline.pipeline.verify import Staged, Verification, prepare_contracts, verify
from headline.specs import Table, load, load_contract
from headline.sql import soda_contract
from headline.warehouse import Session

BY_DAY = [Interval(day, day + DAY) for day in DAYS]
SCATTERED = [Interval(date(2026, 1, 2), date(2026, 1, 3)), BY_DAY[0], Interval(date(2026, 1, 6), date(2026, 1, 7))]


def verified(table: Table, session: Session, intervals: Sequence[Interval] = (DAYS,), dataset: str | None = None) -> Verification:
    staged = Staged(table, dataset or table.full_name, list(intervals), {})
    return verify([staged], session, "duckdb")[table.full_name]


def told(results: Sequence[CheckResult]) -> dict[str, tuple[str, Any, str, str]]:
    """By path: the outcome as Soda knows it, the measured value, the threshold, the name."""
    outcome = {"insufficient_history": "passed"}
    return {one.path: (outcome.get(one.outcome, one.outcome), one.measured, one.threshold, one.name) for one in results}


def by_soda_alone(table: Table, session: Session) -> dict[str, tuple[str, Any, str, str]]:
    """The same of Soda's public entry point, by the contract that `headline contract show` prints."""
    from soda_core.common.yaml import ContractYamlSource
    from soda_core.contracts.contract_verification import ContractVerificationSession

    content = soda_contract(table, DAYS, "duckdb")
    outcome = ContractVerificationSession.execute(
        contract_yaml_sources=[ContractYamlSource.from_str(json.dumps(content, default=str))],
        data_source_impls=[session.soda_data_source("warehouse")],
    )
    assert not outcome.has_errors, outcome.get_errors_str()
    [result] = outcome.contract_verification_results
    paths = {check.path: check for check in load_contract(table).listed_checks}
    from headline.pipeline.verify import _result

    return told([_result(found, paths[found.check.relative_path]) for found in result.check_results])


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    """The statements that go through the session, and through the connection that Soda is given."""
    statements: list[str] = []

    def noting(function: Any) -> Any:
        def noted(sql: str, *arguments: Any, **named: Any) -> Any:
            statements.append(sql)
            return function(sql, *arguments, **named)

        return noted

    def source(name: str) -> Any:
        made = of_soda(name)
        connection = made.data_source_connection
        for method in ("execute_query", "execute_update", "execute_query_one_by_one", "execute_query_iterate"):
            setattr(connection, method, noting(getattr(connection, method)))
        return made

    of_soda = session.soda_data_source
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "query", noting(session.query))
        patch.setattr(session, "soda_data_source", source)
        yield statements


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.full_name)
def test_good_data_as_soda_alone_by_two_statements_at_most(company: Session, table: Table) -> None:  # noqa: F811
    with counted(company) as statements:
        verification = verified(table, company)
    assert 1 <= len(statements) <= 2, statements
    assert len([sql for sql in statements if "_soda_filtered_dataset" in sql]) == 1
    assert len([sql for sql in statements if "information_schema" in sql]) == 0
    assert verification.problems == ""
    assert told(verification.results) == by_soda_alone(table, company)
    assert len(verification.results) == len(load_contract(table).listed_checks)


DAMAGES = [(name, damage) for number, (name, _, damage) in enumerate(BROKEN) if number % 8 == 0] + [
    ("core.order_lines", "insert into core.order_lines select * from core.order_lines"),
    ("core.order_lines", "update core.order_lines set quantity = -1, sales_channel = 'fax', unit_price = null"),
    ("core.order_lines", "delete from core.order_lines"),
    ("core.order_lines", "alter table core.order_lines add column more integer"),
    ("core.order_lines", "alter table core.order_lines alter country_code type integer using 1"),
    ("core.order_lines", "alter table core.order_lines alter unit_price type decimal(18, 2)"),
    ("core.order_lines", "alter table core.order_lines drop country_code"),
    ("core.user_days", "alter table core.user_days alter ds type timestamp"),
    ("profit.experiment_profit", "update profit.experiment_profit set exposed_users = exposed_users + 1"),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_bad_data_as_soda_alone(company: Session, name: str, damage: str) -> None:  # noqa: F811
    table = load().table(name)
    with damaged(company, damage):
        verification = verified(table, company)
        assert told(verification.results) == by_soda_alone(table, company)
    assert {"failed", "warned"} & {one.outcome for one in verification.results}


def test_scattered_intervals_measure_what_they_measure_one_by_one(company: Session) -> None:  # noqa: F811
    """The counts of custom checks add up. The built-in ones are about the whole staging table, and are the same each time."""
    found = 0
    for table in [table for table in TABLES if table.period == "day"]:
        checks = load_contract(table).listed_checks
        custom = [check.path for check in checks if "query" in check.body and check.dimension != "anomaly"]
        with damaged(company, f"delete from {table.full_name} where ds = date '2026-01-06'"):
            together = {one.path: one.measured for one in verified(table, company, SCATTERED).results}
            apart: Counter[str] = Counter()
            for interval in SCATTERED:
                for one in verified(table, company, [interval]).results:
                    if one.path in custom:
                        apart[one.path] += int(one.measured or 0)
                    else:
                        assert one.kind == "anomaly" or one.measured == together[one.path]
        assert {path: together[path] for path in custom} == {path: apart[path] for path in custom}
        found += sum(apart.values())
    assert found > 50


def test_a_failed_check_costs_one_statement_more(company: Session) -> None:  # noqa: F811
    table = load().table("core.sessions")
    with damaged(company, "delete from core.sessions where session_id = 'S2'"), counted(company) as statements:
        verification = verified(table, company)
    failed = [one for one in verification.results if one.outcome == "failed"]
    assert failed
    assert all(one.sample for one in failed)
    assert len(statements) == 2 + len(failed)


# what goes wrong


def test_a_faulty_query_does_not_hide_the_others(company: Session, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    from headline.pipeline import verify as module

    real = module.check_selects
    table = load().table("core.order_lines")
    broken = "checks.failed_rows.every_day_with_order_lines_has_valid_ones"

    def with_fault(*arguments: Any) -> Any:
        selects = real(*arguments)
        return selects | {broken: selects[broken]._replace(text="select nonsense from core.order_lines")}

    monkeypatch.setattr(module, "check_selects", with_fault)
    verification = verified(table, company)
    outcomes = {one.path: one.outcome for one in verification.results}
    assert [path for path, outcome in outcomes.items() if outcome not in ("passed", "insufficient_history")] == [broken]
    assert outcomes[broken] == "not_evaluated"
    assert f"«every day with order lines has valid ones» ({broken}) could not be evaluated" in verification.problems
    assert "nonsense" in verification.problems


def test_a_table_that_is_not_there_is_not_evaluated(company: Session) -> None:  # noqa: F811
    verification = verified(load().table("core.sessions"), company, dataset="core.nothing")
    assert "core.nothing" in verification.problems
    assert "failed" not in {one.outcome for one in verification.results}
    assert {one.outcome for one in verification.results if one.type == "schema"} == {"not_evaluated"}


@pytest.mark.parametrize("lost", ["checks.schema", "columns.ds.checks.missing", "checks.failed_rows.raw_core_quarantine_in_rows"])
def test_a_check_that_soda_leaves_out_is_named(company: Session, monkeypatch: pytest.MonkeyPatch, lost: str) -> None:  # noqa: F811
    real = soda.judge

    def forgetful(*arguments: Any) -> soda.Judged:
        judged = real(*arguments)
        return judged._replace(results=[one for one in judged.results if one.check.relative_path != lost])

    monkeypatch.setattr(soda, "judge", forgetful)
    table = load().table("core.events")
    verification = verified(table, company)
    assert len(verification.results) == len(load_contract(table).listed_checks)
    assert [one.path for one in verification.results if one.outcome == "not_evaluated"] == [lost]
    assert f"({lost})" in verification.problems


def test_a_result_that_the_contract_does_not_know_is_a_problem(company: Session, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    real = soda.judge

    def twice(*arguments: Any) -> soda.Judged:
        judged = real(*arguments)
        return judged._replace(results=[*judged.results, judged.results[0]])

    monkeypatch.setattr(soda, "judge", twice)
    assert "Soda gave 2 result(s), the contract has 1" in verified(load().table("core.events"), company).problems


# elsewhere, and prepared


def test_a_staging_table_in_a_database_of_its_own(company: Session) -> None:  # noqa: F811
    """Its name is catalog.table, which information_schema would not find."""
    table = load().table("core.order_lines")
    company.query("attach ':memory:' as staging")
    try:
        company.query("create table staging.core__order_lines as select * from core.order_lines")
        staged = Staged(table, "staging.core__order_lines", [DAYS], {table.full_name: "staging.core__order_lines"})
        verification = verify([staged], company, "duckdb")[table.full_name]
        assert verification.problems == ""
        assert told(verification.results) == told(verified(table, company).results)
        company.query("alter table staging.core__order_lines drop country_code")
        outcomes = {one.path: one.outcome for one in verify([staged], company, "duckdb")[table.full_name].results}
        assert outcomes["checks.schema"] == "failed"
    finally:
        company.query("detach staging")


def test_what_is_prepared_is_not_parsed_again(company: Session, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Neither by us nor by Soda, which writes no YAML either."""
    from ruamel.yaml import YAML
    from sqlglot import Dialect

    table = load().table("core.order_lines")
    prepare_contracts([table])
    for owner, name in ((YAML, "load"), (YAML, "dump"), (Dialect, "parse")):
        monkeypatch.setattr(owner, name, lambda *_, **__: pytest.fail("parsed or written again"))
    assert verified(table, company).problems == ""


def test_soda_has_what_we_use_of_it() -> None:
    """Names that Soda does not promise to keep; each one is used in steps/soda.py."""
    from soda_core.contracts.impl.contract_verification_impl import CheckImpl, ContractImpl, ContractYaml, MetricImpl, Query

    assert callable(CheckImpl._build_definition)
    assert callable(ContractImpl.build_log_summary)
    assert callable(ContractImpl.verify)
    assert callable(MetricImpl.convert_db_value)
    assert {"yaml", "data_source_impl", "data_timestamp", "execution_timestamp", "logs"} <= set(
        ContractImpl.__init__.__annotations__
    )
    assert {"data_source_impl", "metrics"} <= set(Query.__init__.__annotations__)
    assert callable(ContractYaml.parse)
