"""How metrics stand: the newest period that has ended, beside the one before and the same one a year before."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.figures.conftest import MARCH

from headline import specs
from headline.serving import Point, published, published_metrics, text
from headline.serving.overview import SHOWN, overviews
from headline.specs.metrics import Metric


def metrics(*names: str) -> list[Metric]:
    known = published_metrics(specs.load().pipelines.values())
    return [known[name] for name in names]


def point(value: str | None) -> Point:
    day = date(2026, 3, 1)
    return Point(day, day + timedelta(days=1), None if value is None else Decimal(value), Decimal(1), "complete")


def test_each_metric_has_its_newest_periods(reported: Any) -> None:
    published.KEPT.clear()
    year = MARCH.end - timedelta(days=1 + 364)
    for day, order in ((year, ("b9", "40.00")), (MARCH.end - timedelta(days=1), ("b8", "60.00"))):
        reported.arrive({day: [order]})
        reported.run(day)
    paid, net = overviews(metrics("daily_paid", "monthly_net"), reported.project.ledger, reported.project.warehouse)
    assert (paid.latest.start, paid.latest.value) == (MARCH.end - timedelta(days=1), 60)
    assert (paid.before.start, paid.before.value) == (MARCH.end - timedelta(days=2), None)
    assert (paid.year_before.start, paid.year_before.value) == (year, 40)
    assert (len(paid.points), paid.points[-1]) == (31, paid.latest)
    assert len(paid.points) <= SHOWN["day"]
    assert (net.latest.value, net.before) == (253, None)
    assert net.year_before is None, "the month of that day is April"


def test_what_was_never_published_has_no_periods(project: Any) -> None:
    project.write(
        "core/core_shop/metrics.yml",
        "metrics:\n  paid: {description: What was paid., table: orders, column: amount, unit: users}\n",
    )
    [none] = overviews(metrics("paid"), project.ledger, project.warehouse)
    assert (none.points, none.latest) == ([], None)


@pytest.mark.parametrize(
    ("name", "now", "before", "told"),
    [
        ("daily_net_profit", "110", "100", ("+10.0 %", "▲", "better")),
        ("daily_net_profit", "-150", "-100", ("−50.0 %", "▼", "worse")),
        ("daily_expenses", "110", "100", ("+10.0 %", "▲", "worse")),
        ("daily_uncosted_net_revenue", "90", "100", ("−10.0 %", "▼", "")),
        ("daily_stickiness", "0.25", "0.20", ("+5.0 points", "▲", "better")),
        ("daily_net_profit", "100", "100", ("+0.0 %", "=", "")),
        ("daily_net_profit", "100", "0", None),
        ("daily_net_profit", None, "100", None),
    ],
)
def test_a_change_is_judged_by_the_direction_of_its_metric(
    name: str, now: str | None, before: str | None, told: tuple[str, str, str] | None
) -> None:
    [metric] = metrics(name)
    found = text.change(metric, point(now), point(before))
    assert (found and (found.text, found.arrow, found.judged)) == told
    assert text.change(metric, point(now), None) is None


def test_values_are_told_with_the_places_of_their_unit() -> None:
    assert text.told(Decimal("-1234.5"), "reporting_currency") == "−1,234.50"
    assert text.told(Decimal("0.1234"), "share") == "12.3 %"
    assert text.told(Decimal("1234.0000"), "users") == "1,234"
    assert text.told(None, "users") == "no value"


def test_a_change_from_a_partial_period_is_not_judged() -> None:
    [metric] = metrics("daily_net_profit")
    found = text.change(metric, point("110"), replace(point("100"), status="partial"))
    assert found
    assert (found.text, found.verdict, found.judged) == ("+10.0 %", "", "one is not complete")
