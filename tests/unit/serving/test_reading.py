"""Metrics as they are read: published, as first reported, most recent and as of a moment; segments, coverage and partial days."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from tests.unit.figures.conftest import D1, D2, D3, MARCH

from headline import specs
from headline.errors import BadRequest
from headline.intervals import DAY, Interval
from headline.serving import Series, find_metric, published, published_metrics, read_series
from headline.specs.metrics import Metric

RATIO = """
      daily_share_back:
        description: What was given back as a share of what was paid.
        table: daily_sales
        expression: cast(cast(sum(given_back) as double) / nullif(cast(sum(paid) as double), 0) as decimal(18, 6))
        unit: share
        direction: down
        segments: [kind]
"""
FIRST_DAYS = [Interval(D1, D3 + DAY)]


@pytest.fixture
def shop(reported: Any) -> Any:
    published.KEPT.clear()
    file = reported.project.sql / "core/core_shop/metrics.yml"
    reported.project.write("core/core_shop/metrics.yml", file.read_text() + RATIO.replace("\n    ", "\n"))
    return reported


def metrics() -> dict[str, Metric]:
    return published_metrics(specs.load().pipelines.values())


def read(shop: Any, name: str, days: list[Interval] = FIRST_DAYS, **how: Any) -> list[Series]:
    return read_series([metrics()[name]], days, ledger=shop.project.ledger, warehouse=shop.project.warehouse, **how)


def values(series: Series) -> dict[date, Any]:
    return {point.start: point.value for point in series.points}


@contextmanager
def readings(shop: Any) -> Iterator[list[str]]:
    """The statements that the warehouse is asked meanwhile."""
    asked: list[str] = []
    with patch.object(published, "metric_values", side_effect=published.metric_values) as called:
        yield asked
        asked += [call.args[2] for call in called.call_args_list]


def test_a_metric_has_a_value_for_each_period_that_its_table_has_published(shop: Any) -> None:
    [paid] = read(shop, "daily_paid")
    assert values(paid) == {D1: Decimal("120.0000"), D2: Decimal("50.0000"), D3: Decimal("30.0000")}
    assert {point.status for point in paid.points} == {"complete"}
    assert (paid.coverage, paid.version > 0, paid.segment) == (Decimal(1), True, "")
    [month] = read(shop, "monthly_net")
    assert values(month) == {D1: Decimal("193.0000")}, "any of its days finds a month"
    [empty] = read(shop, "daily_paid", [Interval(date(2025, 1, 1), date(2025, 1, 3))])
    assert (empty.points, empty.version, empty.coverage) == ([], 0, None)


def test_segments_add_up_and_ratios_are_computed_for_each(shop: Any) -> None:
    books, toys = read(shop, "daily_paid", by="kind")
    assert [one.segment for one in (books, toys)] == ["kind=books", "kind=toys"]
    assert (toys.segment_value, values(toys)) == ("toys", {D1: Decimal("20.0000"), D2: Decimal("0.0000"), D3: None})
    [share] = read(shop, "daily_share_back")
    assert values(share) == {D1: 0, D2: Decimal("0.14"), D3: 0}
    assert values(read(shop, "daily_share_back", by="kind")[1])[D2] is None, "nothing was paid for toys"
    with pytest.raises(BadRequest, match="daily_given_back has no segments by kind; its segments: none"):
        read(shop, "daily_given_back", by="kind")


def test_a_partial_day_says_so_with_its_coverage(shop: Any) -> None:
    shop.arrive({D2: [("b2", "999.00")]})
    shop.run(D2)
    [paid] = read(shop, "daily_paid")
    assert [(point.status, point.coverage) for point in paid.points] == [
        ("complete", 1),
        ("partial", Decimal("0.5")),
        ("complete", 1),
    ]
    assert paid.coverage == Decimal("0.5")


def test_the_warehouse_is_asked_once_for_a_table_and_again_when_its_days_changed(shop: Any) -> None:
    asked = [metrics()[name] for name in ("daily_paid", "daily_given_back", "monthly_net")]
    where = {"ledger": shop.project.ledger, "warehouse": shop.project.warehouse}
    with readings(shop) as first:
        before = read_series(asked, FIRST_DAYS, **where)
    with readings(shop) as again:
        assert read_series(asked, FIRST_DAYS, **where) == before
    assert (first, again) == (["core.daily_sales", "core.monthly_sales"], [])
    shop.arrive({D2: [("b2", "51.00"), ("t2", "-7.00")]})
    shop.run(D2)
    with readings(shop) as changed:
        after = read_series(asked, FIRST_DAYS, **where)
    assert (len(changed), values(after[0])[D2]) == (2, 51)


def test_too_many_values_are_refused(shop: Any) -> None:
    with (
        patch.object(published, "MOST_POINTS", 2),
        pytest.raises(BadRequest, match="these days have more than 2"),
    ):
        read(shop, "daily_paid")


def test_issued_figures_are_read_as_first_reported_most_recent_and_as_of_a_moment(issued: Any) -> None:
    before = datetime.now(UTC)
    issued.arrive({D2: [("b2", "51.00"), ("t2", "-7.00")]})
    issued.run(D2)  # below the limit: it is restated without an approval
    for how, value in (("first", 50), ("recent", 51), ("published", 51)):
        [paid] = read(issued, "daily_paid", how=how)
        assert values(paid) == {D1: 120, D2: value, D3: 30}, how
    [then] = read(issued, "daily_paid", how="as_of", moment=before)
    assert (values(then)[D2], then.as_of) == (50, before)
    [never] = read(issued, "daily_paid", how="as_of", moment=datetime(2026, 1, 1, tzinfo=UTC))
    assert never.points == []
    books, _ = read(issued, "daily_paid", how="first", by="kind")
    assert values(books)[D2] == 50
    [march] = read(issued, "daily_paid", [MARCH], how="recent")
    assert len(march.points) == 3


def test_restatements_are_marked(issued: Any) -> None:
    issued.arrive({D2: [("b2", "51.00"), ("t2", "-7.00")]})
    issued.run(D2)
    [paid] = read(issued, "daily_paid", marked=True)
    assert [(point.start, point.first) for point in paid.points if point.is_restated] == [(D2, 50)]
    assert all(point.issued for point in paid.points)
    assert not any(point.issued for point in read(issued, "daily_paid")[0].points)


def test_a_metric_is_found_under_its_former_name_too(issued: Any) -> None:
    issued.project.replace("core/core_shop/metrics.yml", "daily_paid:\n", "daily_income:\n    renamed_from: [daily_paid]\n")
    issued.project.replace("core/core_shop/metrics.yml", "sum_of: [daily_paid]", "sum_of: [daily_income]")
    assert find_metric("daily_paid", metrics()).name == "daily_income"
    assert values(read(issued, "daily_income", how="recent")[0])[D1] == 120
    with pytest.raises(BadRequest, match="no metric is called profit"):
        find_metric("profit", metrics())


def test_what_is_never_issued_is_read_as_published_alone(shop: Any) -> None:
    with pytest.raises(BadRequest, match="daily_share_back is published and never issued"):
        read(shop, "daily_share_back", how="recent")
    [share] = read(shop, "daily_share_back", marked=True)
    assert not any(point.issued for point in share.points)
    shop.issue(MARCH)
    assert not shop.issued("daily_share_back")
