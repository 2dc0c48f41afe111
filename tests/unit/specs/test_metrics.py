"""metrics.yml: what a metric is, that it fits to its contract, and which version its definition has."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headline import specs
from headline.errors import SpecError
from headline.specs.metrics import limit, load_metrics, read_metrics

SALES = """
causes: {orders: [raw.orders]}
metrics:
  daily_paid:
    description: What was paid on the day.
    table: orders
    column: amount
    unit: reporting_currency
    materiality: 10
"""


@pytest.fixture
def shop(project: Any) -> Any:
    project.write("core/core_shop/metrics.yml", SALES)
    return project


def faults(shop: Any, old: str, new: str) -> str:
    shop.replace("core/core_shop/metrics.yml", old, new)
    return "\n".join(read_metrics(specs.load().pipelines["core_shop"])[1])


def test_every_pipeline_of_figures_has_metrics_without_faults_and_those_for_investors_issue_them() -> None:
    found = {one.id: load_metrics(one) for one in specs.load().pipelines.values()}
    investors = {"investor_profit", "investor_growth", "investor_engagement"}
    assert {name for name, metrics in found.items() if metrics.metrics} == {"unit_profit", "daily_growth", *investors}
    assert {name for name, metrics in found.items() if metrics.issued.metrics} == investors == {*specs.reporting_pipelines()}
    known = [one for metrics in found.values() for one in metrics.metrics.values()]
    assert len({one.version for one in known}) == len(known)


def test_tier_and_pipeline_are_those_of_the_folder_unless_a_metric_has_its_own(shop: Any) -> None:
    def found() -> Any:
        return load_metrics(specs.load().pipelines["core_shop"]).metrics["daily_paid"]

    assert (found().tier, found().pipeline.id, found().owner, found().grain) == (1, "core_shop", None, "day")
    shop.replace("core/core_shop/metrics.yml", "materiality: 10", "materiality: 10\n    tier: 2\n    owner: ada")
    assert (found().tier, found().owner) == (2, "ada")


def test_without_a_limit_a_metric_is_published_and_never_issued(shop: Any) -> None:
    assert specs.reporting_pipelines() == ["core_shop"]
    shop.replace("core/core_shop/metrics.yml", "    materiality: 10\n", "")
    found = load_metrics(specs.load().pipelines["core_shop"])
    assert (list(found.metrics), found.issued.metrics, specs.reporting_pipelines()) == (["daily_paid"], {}, [])


def test_what_an_issued_metric_is_the_sum_of_is_recorded_too(shop: Any) -> None:
    part = SALES.split("metrics:\n")[1].replace("daily_paid", "daily_gifts").replace("    materiality: 10\n", "")
    shop.write("core/core_shop/metrics.yml", f"{SALES}    sum_of: [daily_gifts]\n{part}")
    [fault] = read_metrics(specs.load().pipelines["core_shop"])[1]
    assert "sum_of: nothing is recorded of daily_gifts: state its `materiality`" in fault


def test_a_pipeline_without_the_file_has_none(project: Any) -> None:
    assert load_metrics(specs.load().pipelines["core_shop"]).metrics == {}


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("table: orders", "table: gifts", "metrics.daily_paid.table: the pipeline has no table gifts"),
        ("column: amount", "column: weight", "orders.contract.yml has no column weight"),
        ("column: amount", "column: amount\n    expression: sum(amount)", "`column`, or `expression`"),
        ("column: amount", "expression: ''", "at least 3"),
        ("materiality: 10", "materiality: much", "materiality is 'much'"),
        ("materiality: 10", "materiality: 10\n    moved_by: [gifts]", "moved_by: the file has no gifts; there are: orders"),
        ("materiality: 10", "materiality: 10\n    sum_of: [daily_gifts]", "sum_of: the file has no daily_gifts"),
        ("materiality: 10", "materiality: 10\n    renamed_from: [daily_paid]", "daily_paid stands there 2 times"),
        ("metrics:", "retired:\n  daily_paid: {retired_on: 2026-03-01, reason: Nobody reads it.}\nmetrics:", "one name is one"),
        ("unit: reporting_currency", "unit: money", "metrics.daily_paid.unit"),
        ("column: amount", "column: amount\n    colour: red", "metrics.daily_paid.colour"),
    ],
)
def test_what_does_not_fit_is_told_with_its_key(shop: Any, old: str, new: str, fault: str) -> None:
    assert fault in faults(shop, old, new)
    with pytest.raises(SpecError, match="metrics"):
        load_metrics(specs.load().pipelines["core_shop"])


def test_what_cannot_be_summed_needs_an_expression(shop: Any) -> None:
    path = "core/core_shop/orders.contract.yml"
    shop.replace(path, "numeric_scale: 4,", "numeric_scale: 4, attributes: {additive_over: []},")
    assert "amount cannot be summed over order_id" in faults(shop, "materiality: 10", "materiality: 11")


def test_the_version_is_that_of_the_definition_and_not_of_its_description(shop: Any) -> None:
    def version() -> str:
        return load_metrics(specs.load().pipelines["core_shop"]).metrics["daily_paid"].version

    before, path = version(), "core/core_shop/metrics.yml"
    shop.replace(path, "What was paid on the day.", "All that customers paid on the day.")
    shop.replace(path, "materiality: 10", "materiality: 1 %")
    assert version() == before
    shop.replace(path, "column: amount", "expression: max(amount)")
    assert version() != before


def test_a_limit_is_a_number_or_a_share_of_what_was_issued(shop: Any, tmp_path: Path) -> None:
    def found() -> Decimal:
        return limit(load_metrics(specs.load().pipelines["core_shop"]).metrics["daily_paid"].materiality, Decimal(-300))

    assert found() == 10
    shop.replace("core/core_shop/metrics.yml", "materiality: 10", "materiality: 1.5 %")
    assert found() == Decimal("4.5")
