"""What a publication says of its days: how much of them is there, as the data say themselves."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from headline.steps.state import State, stretches

from headline import specs
from headline.intervals import DAY, Interval
from headline.ledger import partial_days

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
HALF = State(Decimal("0.5"), is_partial=True)


@pytest.fixture
def shop(telling: Any) -> Any:
    """Of the second day one of two orders is refused, of the third one of five."""
    many = [(f"c{number}", "100.00") for number in range(4)]
    telling.arrive({D1: [("a", "1.00")], D2: [("b", "10.00"), ("x", "-1.00")], D3: [*many, ("y", "-5.00")]})
    telling.publish("shop", D1, D3)
    telling.publish("core_shop", D1, D3)
    return telling


def recorded(project: Any, table: str) -> list[tuple[Any, ...]]:
    return [(one.start, one.end, one.status, one.coverage) for one in project.ledger.publications([table])]


def partial(project: Any) -> dict[str, list[date]]:
    return partial_days(specs.load().pipelines["core_shop"], project.ledger.publications())


def test_a_publication_is_as_complete_as_its_rows_say(shop: Any) -> None:
    assert recorded(shop, "core.orders_coverage") == [
        (D1, D2, "complete", 1),
        (D2, D3, "partial", Decimal("0.5")),
        (D3, D3 + DAY, "complete", Decimal("0.8")),
    ]
    for table in ("raw.orders", "core.orders", "core.running_totals"):  # their rows say nothing
        assert recorded(shop, table) == [(D1, D3 + DAY, "complete", 1)]


def test_tables_that_say_nothing_are_as_partial_as_their_pipeline(shop: Any) -> None:
    assert partial(shop) == {"core.orders": [D2], "core.running_totals": [D2], "core.orders_coverage": [D2]}
    shop.replace("core/core_shop/pipeline.yml", "running_totals:\n", "running_totals:\n    period: all\n")
    assert "core.running_totals" not in partial(shop), "a table that is rebuilt whole has no days"


def test_the_next_run_that_finds_the_rows_heals_the_day(shop: Any) -> None:
    shop.arrive({D2: [("b", "10.00"), ("x", "1.00")]})
    shop.publish("shop", D2)
    shop.publish("core_shop", D3)
    assert partial(shop) == {}


def test_an_interval_is_cut_only_where_days_turn_partial_or_complete() -> None:
    week = Interval(D1, D1 + timedelta(days=7))
    states = {D1: State(Decimal("0.99")), D2: State(Decimal("0.98")), D3: HALF, D3 + DAY: State(Decimal("0.4"), is_partial=True)}
    assert list(stretches(week, states)) == [
        (Interval(D1, D3), State(Decimal("0.98"))),
        (Interval(D3, D3 + 2 * DAY), State(Decimal("0.4"), is_partial=True)),
        (Interval(D3 + 2 * DAY, week.end), State()),
    ]
    assert list(stretches(week, {})) == [(week, State())]
