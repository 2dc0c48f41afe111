"""Runs that overlap in time and in days end as if they had come one after the other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from tests.faults.world import D2, D4, D5, Child, Point, Table, World, differences, steps, with_core

from headline import specs
from headline.ledger import Ledger

BEFORE_PUBLICATION = Point(Ledger, "publishing")
BETWEEN_TRANSFORMS = Point(
    Ledger, "record_candidate", lambda _ledger, candidate: candidate.table == "core.order_lines", after=True
)


def begin(world: World, name: str, first: date, last: date, point: Point) -> Child:
    """A run of core_shop in a process of its own that has come to a point."""
    run = world.run("core_shop", first, last, run_id=name)

    def whole_run() -> None:
        for step in steps(run).values():
            step()

    child = Child(whole_run, point)
    child.wait_until_there()
    return child


@pytest.mark.parametrize("point", [BEFORE_PUBLICATION, BETWEEN_TRANSFORMS], ids=["before publication", "between transforms"])
def test_two_runs_of_one_day_agree(
    point: Point, fourth_day_arrived: World, expected: dict[str, Table], enter: Callable[[World], World]
) -> None:
    world = enter(fourth_day_arrived)
    before = world.published()
    one = begin(world, "scheduled", D4, D4, point)
    other = begin(world, "manual", D4, D4, BEFORE_PUBLICATION)
    assert len(world.candidates()) >= 8, "both have something in the warehouse"
    assert not differences(world.published(), before)
    for child in (one, other):
        child.go_on()
    for child in (one, other):
        child.finish()
    assert not differences(world.published(), with_core(before, expected))
    assert {row.run_id.split()[0] for row in Ledger().publications(["core.order_lines"])} >= {"scheduled", "manual"}
    assert world.candidates() == []


def test_overlapping_run_that_computed_before_an_input_changed_computes_again(
    undisturbed: World, enter: Callable[[World], World]
) -> None:
    """The slow run knows neither the fifth day, nor the late orders, the new cost and the new address that came with it."""
    world = enter(undisturbed)
    slow = begin(world, "slow", D2, D4, BEFORE_PUBLICATION)

    known = f"products_as_of('{D5}')"
    world.in_shop(f"""
        insert into product_versions
        select product_id, product_name, category, 123.45, timestamp '{D4} 12:00', timestamp '{D5} 12:00', false
        from {known} where product_id = (select min(product_id) from {known})
    """)
    known = f"customers_as_of('{D5}')"
    world.in_shop(f"""
        insert into customer_versions
        select customer_id, signed_up_at, 'XX', email, timestamp '{D5} 01:00', timestamp '{D5} 12:00', false
        from {known} where customer_id = (select min(customer_id) from {known})
    """)
    world.days_pass(D5, D5)
    world.complete(("shop", "finance", "core_finance", "core_shop"), D5)
    one_after_the_other = world.published()
    assert world.query("select count(*) from core.products where unit_cost = 123.45 and is_current") == [(1,)]
    assert world.query("select count(*) from core.customers where country_code = 'XX' and is_current") == [(1,)]
    newest = Ledger().newest_version()

    slow.go_on()
    slow.finish()
    assert not differences(world.published(), one_after_the_other)
    mine = [row for row in Ledger().publications() if row.run_id.startswith("slow")]
    assert {row.table_name for row in mine} == {table.full_name for table in specs.load().pipelines["core_shop"].ordered_tables}
    assert all(row.as_of >= newest for row in mine), "computed again from what the fast run had published"
