"""Runs that overlap in time and in days end as if they had come one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module

import pytest
from tests.faults.world import D1, D2, D4, D5, Child, Point, Table, World, complete, differences, with_core

from headline import specs
from headline.intervals import Interval
from headline.ledger import Ledger
from headline.ledger.publications import Recording
from headline.pipeline import PipelineRun

BEFORE_PUBLICATION = Point(import_module("headline.pipeline.write_audit_publish"), "publish")
BETWEEN_TRANSFORMS = Point(
    Ledger, "record_staging_table", lambda _ledger, staging_table: staging_table.table == "core.order_lines", after=True
)
BEFORE_TRANSFORMS = Point(import_module("headline.pipeline.write_audit_publish"), "planned_run", after=True)
POINTS = {
    "before transforms": BEFORE_TRANSFORMS,
    "between transforms": BETWEEN_TRANSFORMS,
    "before publication": BEFORE_PUBLICATION,
}
OF_D4 = f"ordered_at >= '{D4}' and ordered_at < '{D5}'"


def begin(run: PipelineRun, point: Point) -> Child:
    """A run in a process of its own that has come to a point."""
    child = Child(lambda: complete(run), point)
    child.wait_until_there()
    return child


@contextmanager
def going_on(child: Child, point: Point, world: World) -> Iterator[None]:
    """The run goes on after what is done within; where it reads, as soon as somebody waits, to whom it gives way."""
    if point is not BETWEEN_TRANSFORMS:
        yield
        child.go_on()
        return

    def go_on() -> None:
        world.until_somebody_waits()
        child.go_on()

    with ThreadPoolExecutor() as threads:
        gone = threads.submit(go_on)
        yield
        gone.result()


@pytest.fixture
def world(fourth_day_arrived: World, enter: Callable[[World], World]) -> World:
    """The fourth day is about to be computed from core_shop on."""
    return enter(fourth_day_arrived)


def runs_that_published(table: str) -> list[str]:
    """The runs that published a table, by the first word of their names, in order."""
    return [row.run_id.split()[0] for row in Ledger().publications([table])]


@pytest.mark.parametrize("point", POINTS)
def test_two_runs_of_one_day_agree(point: str, world: World, expected: dict[str, Table]) -> None:
    before = world.published()
    one = begin(world.run("core_shop", run_id="scheduled"), POINTS[point])
    other = begin(world.run("core_shop", run_id="manual"), BEFORE_PUBLICATION)
    assert not differences(world.published(), before)
    with going_on(one, POINTS[point], world):
        other.go_on()
        other.finish()
    one.finish()
    assert not differences(world.published(), with_core(before, expected))
    assert "manual" in runs_that_published("core.order_lines")
    assert "scheduled" not in runs_that_published("core.order_lines"), "it had nothing new to publish"
    assert world.is_sound()


def test_the_same_run_twice_is_one_after_the_other(world: World, expected: dict[str, Table]) -> None:
    before = world.published()
    run = world.run("core_shop")
    one = begin(run, BEFORE_PUBLICATION)
    other = Child(lambda: complete(run), BEFORE_TRANSFORMS)
    world.until_somebody_waits()
    assert not other.is_there
    one.go_on()
    one.finish()
    newest = Ledger().newest_version()
    assert not differences(world.published(), with_core(before, expected))
    other.wait_until_there()
    other.go_on()
    other.finish()
    assert Ledger().newest_version() == newest, "the second one changed nothing"
    assert world.is_sound()


def test_a_backfill_beside_the_scheduled_day(world: World, expected: dict[str, Table]) -> None:
    before = world.published()
    backfill = begin(world.run("core_shop", D1, D2, run_id="backfill"), BEFORE_PUBLICATION)
    scheduled = begin(world.run("core_shop", run_id="scheduled"), BEFORE_PUBLICATION)
    for child in (backfill, scheduled):
        child.go_on()
    for child in (backfill, scheduled):
        child.finish()
    assert not differences(world.published(), with_core(before, expected))
    assert world.is_sound()


def test_a_pipeline_publishes_while_another_one_computes(world: World, expected: dict[str, Table]) -> None:
    before = world.published()
    slow = begin(world.run("core_shop"), BETWEEN_TRANSFORMS)
    with going_on(slow, BETWEEN_TRANSFORMS, world):
        world.complete(("investor_engagement",))
        published = world.published()
    engagement = {name: rows for name, rows in expected.items() if name.startswith("engagement.")}
    assert len(engagement) == 2
    slow.finish()
    # The slow run may have published its own tables by then.
    known = with_core(before, expected)
    of_others = {name for name in published if known[name] == before[name]}
    assert of_others > engagement.keys()
    assert not differences(*({name: rows[name] for name in of_others} for rows in (published, before | engagement)))
    assert not differences(world.published(), with_core(before, expected) | engagement)
    assert world.is_sound()


def test_all_at_once(world: World, expected: dict[str, Table]) -> None:
    """Nobody is held up anywhere: two runs of the day, one of them twice, a backfill and another pipeline."""
    before = world.published()
    scheduled = world.run("core_shop", run_id="scheduled")
    runs = [
        scheduled,
        scheduled,
        world.run("core_shop", run_id="manual"),
        world.run("core_shop", D1, D2, run_id="backfill"),
        world.run("investor_engagement"),
    ]
    children = [Child(lambda run=run: complete(run)) for run in runs]
    for child in children:
        child.finish()
    engagement = {name: rows for name, rows in expected.items() if name.startswith("engagement.")}
    assert not differences(world.published(), with_core(before, expected) | engagement)
    assert world.is_sound()


def test_a_reader_waits_for_a_publication(world: World, expected: dict[str, Table]) -> None:
    """Whoever asks while rows are replaced gets an answer, and it is the new one."""
    run = begin(world.run("core_shop"), Point(Recording, "publish"))
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(world.query, "select count(*) from core.order_lines")
        world.until_somebody_waits()
        assert not answer.done()
        run.go_on()
        assert answer.result(timeout=20) == [(expected["core.order_lines"].total(),)]
    run.finish()
    assert world.is_sound()


def change_an_input(of: World) -> None:
    """The shop changes an order of this very day, and raw.order_items is published anew."""
    of.in_shop(f"update order_items set quantity = 7 where order_id = (select min(order_id) from orders where {OF_D4})")
    of.complete(("shop",))


@pytest.fixture(scope="module")
def one_after_the_other(fourth_day_arrived: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    """What is published where core_shop begins when the input has changed."""
    with fourth_day_arrived.copy(tmp_path_factory.mktemp("one-after-the-other")).entered() as other:
        change_an_input(other)
        other.complete(("core_shop",))
        return other.published()


@pytest.mark.parametrize("point", POINTS)
def test_a_late_change_of_its_input_is_in_what_a_run_publishes(
    point: str, one_after_the_other: dict[str, Table], world: World, expected: dict[str, Table]
) -> None:
    """It comes between the run's plan and its publication."""
    slow = begin(world.run("core_shop"), POINTS[point])
    before = Ledger().newest_version()
    with going_on(slow, POINTS[point], world):
        change_an_input(world)
        [state] = Ledger().states(["raw.order_items"], Interval(D4, D5))
        changed = state.version
    assert changed > before
    slow.finish()
    assert not differences(world.published(), one_after_the_other)
    assert one_after_the_other["core.order_lines"] != expected["core.order_lines"]
    [state] = Ledger().states(["core.order_lines"], Interval(D4, D5))
    assert state.as_of >= changed
    assert world.is_sound()


def test_overlapping_run_that_computed_before_an_input_changed_computes_again(
    undisturbed: World, enter: Callable[[World], World]
) -> None:
    """The slow run knows neither the fifth day, nor the late orders, the new cost and the new address that came with it."""
    world = enter(undisturbed)
    slow = begin(world.run("core_shop", D2, D4, run_id="slow"), BEFORE_PUBLICATION)

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
    assert "slow" not in runs_that_published("core.order_lines"), "it computed again, and found what the fast run had published"
    names = [table.full_name for table in specs.load().pipelines["core_shop"].ordered_tables]
    states = Ledger().states(names, Interval(D2, D5))
    assert {state.table for state in states} == set(names)
    assert all(state.as_of >= newest for state in states)
    assert world.is_sound()
