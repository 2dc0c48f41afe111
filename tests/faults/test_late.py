"""Rows that arrive after their day was published reach every table by the next ordinary runs."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import date

import pyarrow.parquet as pq
import pytest
from tests.faults.world import D1, D2, D3, D4, D5, PIPELINES, Table, World, complete, differences

from headline import specs
from headline.demo import datashare
from headline.errors import BadData
from headline.intervals import DAY, Interval
from headline.ledger import HeldDays, Ledger
from headline.pipeline import ingest
from headline.pipeline.reconcile import Unlike, next_step, reconcile
from headline.sources.refused import REFUSAL


def test_late_orders_heal_every_table_and_equal_a_fresh_computation(
    three_days: World, expected: dict[str, Table], empty: World, enter: Callable[[World], World]
) -> None:
    with three_days.entered():
        before = three_days.published()
    for name in ("raw.orders", "raw.order_items", "core.order_lines", "profit.unit_profit", "raw.events", "core.sessions"):
        late = [row for row in expected[name] - before[name] if D3 in row]
        assert len(late) >= 3, f"{name}: some of the third day came on the fourth"

    fresh = enter(empty)
    fresh.days_pass(D4, D4)
    fresh.complete(PIPELINES, D1, D4)
    assert not differences(expected, fresh.published())


def test_a_refund_moves_its_own_day_and_the_experiment_since_its_order(
    undisturbed: World, expected: dict[str, Table], enter: Callable[[World], World]
) -> None:
    """No closed day of what is booked moves; for the experiment it counts from its order's day on."""
    world = enter(undisturbed)
    [(order_id, line_number, order_ds)] = world.query(f"""
        select any_value(units.order_id), any_value(units.line_number), min(units.ds)
        from profit.unit_profit as units
        inner join core.exposures as exposures
            on units.customer_id = exposures.user_id and units.ordered_at >= exposures.exposed_at
        where units.entry = 'sale' and not exposures.is_contaminated and units.ds < date '{D4}'
        group by units.ds order by units.ds limit 1""")
    world.in_shop(f"insert into refunds values ('R', '{order_id}', {line_number}, timestamp '{D4} 20:00:00', 1, 0.01)")
    world.complete(("shop", "core_shop", "unit_profit", "investor_profit"))
    after = world.published()
    moved = {name: {row[0] for row in after[name] - expected[name]} for name in after}
    assert moved["profit.unit_profit"] == moved["profit.daily_profit_summary"] == {D4}
    assert moved["profit.experiment_profit"] == set(Interval(order_ds, D4 + DAY))


def test_a_source_that_has_lost_a_day_for_a_while_takes_nothing_from_what_is_published(
    three_days: World, expected: dict[str, Table], enter: Callable[[World], World]
) -> None:
    """The day is read again by the next run, as long as it lies within the lookback."""
    world = enter(three_days)
    world.in_shop(
        f"create table away as select * from orders where ordered_at::date = '{D3}' and order_id < 'O{D3:%Y%m%d}-00010'"
    )
    world.in_shop("delete from orders where order_id in (select order_id from away)")
    away = world.in_shop("select count(*) from away")[0][0]
    assert away > 5
    before = {name: rows for name, rows in world.published().items() if name.startswith("raw.")}
    world.complete(("shop",))
    held = HeldDays().open()
    assert {(one.landing, one.ds) for one in held} == {("landing.orders", D3), ("landing.order_items", D3)}
    assert f"{away} of " in next(one.found for one in held if one.landing == "landing.orders")
    assert not before["raw.orders"] - world.published()["raw.orders"]
    world.in_shop("insert into orders select * from away")
    for pipeline in PIPELINES:
        complete(world.run(pipeline, D4, run_id="after it was mended"))
    assert not HeldDays().open()
    assert not differences(world.published(), expected)


def test_a_day_that_a_run_is_asked_for_is_taken_as_its_source_has_it(three_days: World, enter: Callable[[World], World]) -> None:
    world = enter(three_days)
    world.in_shop(f"delete from refunds where refunded_at::date = '{D2}'")
    world.in_shop(f"delete from order_items where order_id in (select order_id from orders where ordered_at::date = '{D3}')")
    complete(world.run("shop", D4))
    assert {one.landing for one in HeldDays().open()} == {"landing.order_items"} | (
        {"landing.refunds"} if world.query(f"select 1 from raw.refunds where ds = date '{D2}'") else set()
    )
    with pytest.raises(BadData, match="every day has order lines"):  # it counts, and its audit says what is wrong with it
        complete(world.run("shop", D2, D3, run_id="asked for"))
    assert not HeldDays().open()


def test_what_a_source_changes_later_than_any_lookback_is_found_and_nothing_else(
    undisturbed: World, enter: Callable[[World], World]
) -> None:
    world = enter(undisturbed)
    whole = Interval(D1, D4 + DAY)

    def unlike(source: str) -> list[Unlike]:
        return list(reconcile(specs.load().source(source), whole, Ledger()))

    before = world.loads()
    assert [unlike("shop"), unlike("finance"), unlike("app")] == [[], [], []]
    world.in_shop(f"update order_items set unit_price = unit_price + 1 where order_id like 'O{D1:%Y%m%d}-00001'")
    world.in_shop("insert into order_items values ('nobody''s', 1, 'P001', 1, 5.00, 0), ('nobody''s', 2, 'P001', 1, 5.00, 0)")
    world.in_shop(f"delete from refunds where refunded_at::date = '{D2}'")
    (world.folder / "datashare" / datashare.rates_file(D3)).unlink()
    [price, lines, *refunds] = unlike("shop")
    assert (price.landing, price.ds, price.rows_at_source) == ("landing.order_items", D1, price.rows_loaded)
    assert price.found.startswith("0 of ")
    assert "unit_price moved by" in price.found
    assert (lines.landing, lines.ds, lines.rows_at_source) == ("landing.order_items", None, 2)
    assert lines.found == "no day brings 2 records (such as nobody's, 1; nobody's, 2), by order_items.orphans.sql"
    assert [(one.landing, one.ds, one.rows_at_source) for one in refunds] == [("landing.refunds", D2, 0)]
    [gone] = unlike("finance")
    assert (gone.landing, gone.ds, gone.rows_at_source) == ("landing.exchange_rates", D3, None)
    assert next_step("shop", [price, *refunds]).splitlines()[1:] == [f"  headline trigger shop --from {D1} --to {D2}"]
    assert next_step("shop", [lines]).startswith("What no day brings is for the team of shop to fix")
    assert world.loads() == before


def test_the_same_day_again_changes_nothing(
    undisturbed: World, expected: dict[str, Table], enter: Callable[[World], World]
) -> None:
    world = enter(undisturbed)
    loads, newest = world.loads(), Ledger().newest_version()
    world.complete(PIPELINES)
    assert world.loads() == loads
    assert Ledger().newest_version() == newest, "nothing was published"
    assert not differences(world.published(), expected)


def test_a_row_without_a_moment_stays_where_it_was_first_read_until_it_has_one(
    three_days: World, enter: Callable[[World], World]
) -> None:
    """A run a day later finds it again, and makes no second one of it."""
    world = enter(three_days)
    order_id = f"O{D4:%Y%m%d}-00001"
    [(at,)] = world.in_shop(f"select min(ordered_at) from orders where order_id = '{order_id}'")
    [(lines,)] = world.in_shop(f"select count(*) from order_items where order_id = '{order_id}'")
    world.in_shop(f"update orders set ordered_at = 'infinity' where order_id = '{order_id}'")
    world.in_shop("insert into refunds values ('R', null, null, null, null, 7.00)")

    def found(landing: str) -> list[tuple[date, str]]:
        loads = [load for load in Ledger().current_loads(f"landing.{landing}") if REFUSAL in load.columns]
        rows = [(load.ds, pq.ParquetFile(load.file.removeprefix("file://")).read()) for load in loads]
        return [(ds, reason) for ds, table in rows for reason in table.column(REFUSAL).to_pylist() if reason]

    def read(last: date, run_id: str) -> list[list[tuple[date, str]]]:
        for landing in ("orders", "order_items", "refunds"):
            ingest(world.run("shop", last, run_id=run_id), landing)
        return [found(landing) for landing in ("orders", "order_items", "refunds")]

    once = [(D4, "missing_business_day")]
    assert read(D4, "first") == [once, once * lines, once]
    world.days_pass(D5, D5)
    assert read(D5, "a day later") == [once, once * lines, once]
    world.in_shop(f"update orders set ordered_at = '{at}' where order_id = '{order_id}'")
    world.in_shop("delete from refunds where refund_id = 'R'")
    assert read(D5, "mended") == [[], [], []]
    assert not HeldDays().open()


def test_an_event_older_than_the_lookback_is_counted_and_kept(undisturbed: World, enter: Callable[[World], World]) -> None:
    world = enter(undisturbed)
    before = world.published()
    event = {"event_id": "older", "user_id": "C000001", "session_id": "S", "event_type": "app_opened"}
    lines = [json.dumps(event | {"event_id": str(day), "occurred_at": f"{day}T08:00:00Z"}) + "\n" for day in (D1, D2)]
    file = world.folder / "datashare" / "events" / f"arrived={D4}" / "2359-99.jsonl.gz"
    file.write_bytes(gzip.compress("".join(lines).encode()))
    world.complete(("app", "core_app"))
    after = world.published()
    arrived = [row[:2] for row in after["raw.events"] - before["raw.events"]]
    assert sorted(arrived) == [(D2, str(D2)), (D4, str(D1))]
    [refused] = after["quarantine.events"] - before["quarantine.events"]
    assert (refused[:2], refused[-1]) == ((D4, str(D1)), "arrived_too_late")
    assert "warned" in {
        check.outcome for check in Ledger().latest_audits(["raw.events"]) if check.check_name.startswith("every event arrives")
    }
    assert {row[0] for row in after["core.user_days"] - before["core.user_days"]} == {D2}
