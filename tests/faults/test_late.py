"""Rows that arrive after their day was published reach every table by the next ordinary runs."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.world import D1, D3, D4, PIPELINES, Table, World, differences

from headline.ledger import Ledger


def test_late_orders_heal_every_table_and_equal_a_fresh_computation(
    three_days: World, expected: dict[str, Table], empty: World, enter: Callable[[World], World]
) -> None:
    with three_days.entered():
        before = three_days.published()
    for name in ("raw.orders", "raw.order_items", "core.order_lines", "profit.unit_profit"):
        late = [row for row in expected[name] - before[name] if D3 in row]
        assert len(late) >= 3, f"{name}: orders of the third day came on the fourth"

    fresh = enter(empty)
    fresh.days_pass(D4, D4)
    fresh.complete(PIPELINES, D1, D4)
    assert not differences(expected, fresh.published())


def test_the_same_day_again_changes_nothing(
    undisturbed: World, expected: dict[str, Table], enter: Callable[[World], World]
) -> None:
    world = enter(undisturbed)
    loads, newest = world.loads(), Ledger().newest_version()
    world.complete(PIPELINES)
    assert world.loads() == loads
    assert Ledger().newest_version() > newest
    assert not differences(world.published(), expected)
