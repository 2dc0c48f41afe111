"""Contracts, read with all their faults."""

from typing import Any

import pytest
from tests.unit.specs.told import faults_of

from headline import specs
from headline.errors import SpecError
from headline.specs import load_contract

CONTRACT = "core/core_shop/orders.contract.yml"


def test_all_faults_of_a_contract_are_told(project: Any) -> None:
    project.replace(CONTRACT, "description: Business day., ", "")
    project.replace(CONTRACT, "data_type: varchar, ", "")
    project.replace(CONTRACT, "name: amount", "name: Amount")
    faults = faults_of(lambda: load_contract(specs.load().table("core.orders")))
    assert [fault.split(": ")[:2] for fault in faults] == [
        ["core_shop/orders.contract.yml", "columns.0.description"],
        ["core_shop/orders.contract.yml", "columns.1.data_type"],
        ["core_shop/orders.contract.yml", "columns.2.name"],
    ]


def test_a_contract_without_checks_is_refused(project: Any) -> None:
    text = (project.sql / CONTRACT).read_text()
    project.write(CONTRACT, text[: text.index("checks:\n")] + "checks: []\n")
    [fault] = faults_of(lambda: load_contract(specs.load().table("core.orders")))
    assert ": checks:" in fault


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        ("failed_rows: {name: A & B, expression: amount < 0}", "checks.failed_rows.a_b: say the dimension"),
        ("failed_rows: {name: a, attributes: {kind: beauty}, expression: amount < 0}", "checks.failed_rows.a: say the dimension"),
        ("freshness: {column: ds, threshold: {must_be_less_than: 1}}", "checks.freshness: say the dimension"),
        ("failed_rows: {name: a, attributes: {kind: schema}, keys_query: select 1}", "checks.failed_rows.a.keys_query: write"),
    ],
)
def test_a_check_that_is_not_understood_is_refused(project: Any, check: str, fault: str) -> None:
    project.replace(CONTRACT, "duplicate: {columns: [order_id]}", check)
    [found] = faults_of(lambda: load_contract(specs.load().table("core.orders")))
    assert fault in found


def test_a_contract_of_another_table_is_refused(project: Any) -> None:
    project.replace(CONTRACT, "warehouse/core/orders", "warehouse/core/order")
    with pytest.raises(SpecError, match="this file is the contract of warehouse/core/orders"):
        load_contract(specs.load().table("core.orders"))


def test_a_contract_tells_columns_as_sql_and_which_checks_only_warn(project: Any) -> None:
    project.replace(
        CONTRACT,
        "  - duplicate: {columns: [order_id]}",
        "  - row_count: {name: enough rows, threshold: {must_be_greater_than: 9, level: warn}}",
    )
    contract = load_contract(specs.load().table("core.orders"))
    assert contract.ddl(quarantine=True) == "ds date, order_id varchar, amount decimal(18, 4), quarantine_reason varchar"
    assert [(check.path, check.name, check.dimension, check.warns) for check in contract.listed_checks] == [
        ("columns.ds.checks.missing", "missing", "schema", False),
        ("checks.schema", "schema", "schema", False),
        ("checks.row_count.enough_rows", "enough rows", "completeness", True),
        ("checks.failed_rows.raw_core_quarantine", "raw = core + quarantine", "reconciliation", False),
    ]


def test_sources_that_stand_in_for_others_may_leave_contracts_where_they_are(
    project: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "sources" / "shop"
    elsewhere.mkdir(parents=True)
    for name in ("source.yml", "orders.sql"):
        (elsewhere / name).write_text((project.sql / "sources/shop" / name).read_text())
    monkeypatch.setenv("HEADLINE_SOURCES", str(tmp_path / "sources"))
    project.forget()
    table = specs.load().table("raw.orders")
    assert table.sql_file == elsewhere / "orders.sql"
    assert load_contract(table).column_names == ["ds", "order_id", "amount"]


def test_a_source_that_nothing_stands_in_for_is_the_original(
    project: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "sources"
    elsewhere.mkdir()
    monkeypatch.setenv("HEADLINE_SOURCES", str(elsewhere))
    project.forget()
    assert specs.load().pipelines["shop"].folder == project.sql / "sources" / "shop"
    (elsewhere / "shop").mkdir()
    project.forget()
    assert faults_of(specs.load)
