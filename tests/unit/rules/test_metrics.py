"""What `headline check` says of a metric that does not fit to its contract."""

from typing import Any

import pytest

from headline import specs
from headline.rules.metrics import metrics_are_defined
from headline.settings import PROJECT

METRIC = """
metrics:
  daily_paid:
    description: What was paid on the day.
    table: orders
    unit: reporting_currency
"""


@pytest.fixture
def shop(project: Any) -> Any:
    (project.sql.parent / "team.yml").write_text((PROJECT / "include" / "team.yml").read_text())
    return project


def faults(shop: Any, more: str) -> str:
    shop.write("core/core_shop/metrics.yml", f"{METRIC}    {more}\n")
    catalog = specs.load()
    return "\n".join(metrics_are_defined(catalog.pipelines["core_shop"], catalog))


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("expression: sum(weight)", "expression: the contract has no column weight"),
        ("expression: sum(amount) + max(amount", "expression: not valid SQL"),
        ("expression: amount", "expression: write one aggregate over the rows of a period"),
        ("expression: sum(amount) / amount", "expression: amount stands outside of every aggregate"),
        ("expression: sum(amount) over ()", "write one aggregate"),
        ("expression: median(amount)", "expression: "),
        ("expression: sum(amount) as x, sum(amount)", "write one aggregate"),
        ("column: order_id", "column: order_id is varchar, and a metric is a number"),
        ("column: amount\n    segments: [ds]", "segments: ds is the period"),
        ("column: amount\n    owner: nobody", "owner: include/team.yml has no engineer nobody; there are: aoife, "),
    ],
)
def test_what_does_not_fit_is_told(shop: Any, more: str, fault: str) -> None:
    assert fault in faults(shop, more)


def test_nobody_is_a_segment(shop: Any) -> None:
    path = "core/core_shop/orders.contract.yml"
    shop.replace(path, "description: Key of the order.}", "description: Key of the order., attributes: {personal: true}}")
    assert "segments: order_id tells of persons" in faults(shop, "column: amount\n    segments: [order_id]")


def test_what_fits_has_no_fault(shop: Any) -> None:
    assert faults(shop, "expression: sum(amount) / nullif(count(distinct order_id), 0)\n    owner: ines") == ""
