"""A record has one identity over all days: sent again, re-dated or corrected it counts once, by its newest version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from tests.properties.street import PROFIT, USE, MakeStreet, Street
from tests.properties.worlds import IDENTITIES, LONG_AGO, SOURCES, Cell, Row, World, app_worlds, customer_snapshots, few, worlds

from headline import specs
from headline.intervals import DAY, Interval
from headline.ledger import behind
from headline.sql import render

START = date(2026, 1, 20)
DAYS = [START + timedelta(days=offset) for offset in range(10)]
CORE = ("shop", "finance", "app", "core_finance", "core_app", "core_shop")
# By raw table: where its records are judged.
JUDGED = {"orders": "order_lines", "refunds": "refund_lines", "expenses": "expenses", "events": "events"}


def sold(day: date, key: str, quantities: Sequence[int]) -> dict[Cell, list[Row]]:
    """An order of a lamp by the line."""
    header = {
        "order_id": key,
        "customer_id": "ann",
        "ordered_at": datetime.combine(day, time(9)),
        "order_status": "paid",
        "sales_channel": "web",
        "country_code": "NL",
        "currency_code": "USD",
    }
    line = {"order_id": key, "product_id": "lamp", "unit_price": Decimal(10), "discount_amount": Decimal(0)}
    lines = [line | {"line_number": number, "quantity": quantity} for number, quantity in enumerate(quantities, start=1)]
    return {("orders", day): [header], ("order_items", day): lines}


def refunded(day: date, key: str, order: str, amount: int) -> dict[Cell, list[Row]]:
    moment = datetime.combine(day, time(12))
    row = {"refund_id": key, "order_id": order, "line_number": 1, "refunded_at": moment, "quantity": 1, "amount": Decimal(amount)}
    return {("refunds", day): [row]}


def spent(day: date, key: str, amount: str) -> dict[Cell, list[Row]]:
    row = {"expense_id": key, "incurred_on": str(day), "expense_type": "labor", "sales_channel": None, "amount": amount}
    return {("expenses", day): [row | {"currency_code": "USD"}]}


def happened(day: date, key: str) -> dict[Cell, list[Row]]:
    row = {"event_id": key, "user_id": "ann", "session_id": "s", "event_type": "app_opened", "platform": "web"}
    return {("events", day): [row | {"occurred_at": f"{day}T10:00:00Z"}]}


def shown(file: date, moment: str, variant: str) -> dict[Cell, list[Row]]:
    row = {"experiment_id": "price", "variant": variant, "user_id": "ann", "exposed_at": moment}
    return {("experiment_assignments", file): [row]}


def told(file: date, day: date, rate: str) -> dict[Cell, list[Row]]:
    return {("exchange_rates", file): [{"rate_date": str(day), "currency_code": "USD", "rate_to_reporting": rate}]}


def world_of(*parts: dict[Cell, list[Row]], days: Sequence[date] = DAYS) -> World:
    """A world with a rate and a product on each day, and all that the parts bring."""
    interval = Interval(days[0], days[-1] + DAY)
    lamp = {"product_id": "lamp", "product_name": "lamp", "category": "home", "unit_cost": Decimal(4)}
    arrived: dict[Cell, list[Row]] = customer_snapshots(interval)
    arrived |= {("products", day): [lamp | {"updated_at": LONG_AGO}] for day in interval}
    for part in (*parts, *(told(day, day, "0.5") for day in interval)):
        for cell, rows in part.items():
            arrived[cell] = [*arrived.get(cell, []), *rows]
    return World(interval, arrived)


AGAIN = world_of(
    # Re-dated, and a line of it is gone; the old refund of it is corrected on another day.
    sold(DAYS[1], "moved", [1, 5]),
    sold(DAYS[3], "moved", [2]),
    sold(DAYS[8], "moved", [3]),
    refunded(DAYS[8], "R", "moved", 4),
    refunded(DAYS[9], "R", "moved", 6),
    # Sent again as it was, and moved to an earlier day: the later day counts.
    sold(DAYS[5], "same", [1]),
    sold(DAYS[6], "same", [1]),
    spent(DAYS[2], "E", "100"),
    spent(DAYS[9], "E", "80"),
    happened(DAYS[4], "V"),
    happened(DAYS[5], "V"),
    shown(DAYS[4], f"{DAYS[4]}T08:00:00Z", "control"),
    shown(DAYS[5], f"{DAYS[4]}T08:00:00Z", "treatment"),
    shown(DAYS[8], f"{DAYS[4]}T08:00:00Z", "treatment"),
    # The rate of the third day, beside its own in the file of the sixth.
    told(DAYS[6], DAYS[3], "0.25"),
)


def computed(make_street: MakeStreet, world: World, pieces: Sequence[Interval], pipelines: Sequence[str] = CORE) -> Street:
    street = make_street(pipelines)
    street.arrive(world)
    street.run_pieces(pieces)
    return street


# No two versions of a record lie in one of them.
PIECES = [Interval(DAYS[first], DAYS[last] + DAY) for first, last in ((0, 2), (3, 4), (5, 5), (6, 7), (8, 8), (9, 9))]


@pytest.mark.parametrize("pieces", [[AGAIN.interval], PIECES, PIECES[::-1]], ids=["at once", "forward", "backward"])
def test_what_is_sent_again_counts_once_by_its_newest_version(make_street: MakeStreet, pieces: list[Interval]) -> None:
    street = computed(make_street, AGAIN, pieces)

    def rows(table: str, *columns: str) -> list[tuple[Any, ...]]:
        return sorted((tuple(row[column] for column in columns) for row in street.rows(table)), key=str)

    line = ("ds", "order_id", "line_number", "quantity")
    assert rows("core.order_lines", *line) == [(DAYS[6], "same", 1, 1), (DAYS[8], "moved", 1, 3)]
    assert rows("quarantine.order_lines", *line, "quarantine_reason") == [
        (DAYS[1], "moved", 1, 1, "duplicate_order"),
        (DAYS[1], "moved", 2, 5, "duplicate_order"),
        (DAYS[3], "moved", 1, 2, "duplicate_order"),
        (DAYS[5], "same", 1, 1, "duplicate_order"),
    ]
    assert rows("core.refund_lines", "ds", "refund_id", "refund_amount") == [(DAYS[9], "R", Decimal(3))]
    assert rows("quarantine.refund_lines", "ds", "quarantine_reason") == [(DAYS[8], "duplicate_refund")]
    assert rows("core.expenses", "ds", "expense_id", "amount") == [(DAYS[9], "E", Decimal(40))]
    assert rows("quarantine.expenses", "ds", "quarantine_reason") == [(DAYS[2], "duplicate_expense")]
    assert rows("core.events", "ds", "event_id") == [(DAYS[5], "V")]
    assert rows("quarantine.events", "ds", "quarantine_reason") == [(DAYS[4], "duplicate_event")]
    assert rows("core.exposures", "ds", "variant", "is_contaminated") == [(DAYS[4], "treatment", False)]
    assert {reason for (reason,) in rows("quarantine.exposures", "quarantine_reason")} == {"duplicate_assignment"}
    rates = {row["ds"]: row["rate_to_reporting"] for row in street.rows("core.exchange_rates") if row["currency_code"] == "USD"}
    assert rates == dict.fromkeys(DAYS, Decimal("0.5")) | {DAYS[3]: Decimal("0.25")}
    for table in ("shop", "finance", "app"):
        coverage = street.rows(f"core.{table}_coverage")
        assert len(coverage) == len(DAYS)
        assert {(row["coverage"], row["is_partial"]) for row in coverage} == {(Decimal(1), False)}
    assert not behind(street.catalog, street.ledger, names={f"core.{name}" for name in JUDGED.values()})


def test_what_comes_again_too_far_apart_stops_nothing(make_street: MakeStreet) -> None:
    """More than 7 days apart both versions count: that is warned of, and every figure of the range is published."""
    days = [START + timedelta(days=n) for n in range(12)]
    world = world_of(
        *(sold(day, f"O{day}", [1] * 40) for day in days),
        *(spent(day, f"E{day}", "5") for day in days),
        *(happened(day, f"V{day}") for day in days),
        sold(days[1], "far", [1, 2]),
        sold(days[10], "far", [4]),
        refunded(days[2], "R1", "far", 1),
        refunded(days[11], "R1", "far", 1),
        spent(days[1], "E", "100"),
        spent(days[10], "E", "80"),
        days=days,
    )
    street = make_street(PROFIT)
    street.arrive(world)
    street.run(world.interval, audited=True)
    assert [row["order_ds"] for row in sorted(street.rows("core.refund_lines"), key=lambda row: row["ds"])] == [days[1], days[10]]
    assert sum(row["order_id"] == "far" for row in street.rows("profit.unit_profit")) == 5
    warned = {check.check_name for check in street.ledger.latest_audits() if check.outcome == "warned"}
    assert {f"{what} is on one day only" for what in ("an order line", "a refund", "an expense")} <= warned


def test_a_new_day_restates_none_but_those_whose_versions_it_replaces(make_street: MakeStreet) -> None:
    before = world_of(
        *(sold(day, f"O{day}", [1]) for day in DAYS),
        *(refunded(day, f"R{day}", f"O{day}", 1) for day in DAYS),
        *(spent(day, f"E{day}", "5") for day in DAYS),
        *(happened(day, f"V{day}") for day in DAYS),
        *(shown(day, f"{day}T08:00:00Z", "control") for day in DAYS),
    )
    street = computed(make_street, before, [Interval(DAYS[0], DAYS[-1])], PROFIT)

    def versions() -> dict[tuple[str, date], int]:
        names = [table.full_name for name in PROFIT for table in street.catalog.pipelines[name].ordered_tables]
        return {(state.table, state.interval.start): state.version for state in street.ledger.states(names)}

    first = versions()
    street.run(Interval(DAYS[-1], DAYS[-1] + DAY))
    second = versions()
    assert first
    # What covers a month takes in the new day.
    restated = {day for (name, day), version in second.items() if first.get((name, day)) != version and "month" not in name}
    assert restated == {DAYS[-1]}
    # An order of the fifth day is there again on the last one.
    again = sold(DAYS[-1], f"O{DAYS[4]}", [7])
    street.arrive(World(before.interval, {cell: [*before.arrived[cell], *rows] for cell, rows in again.items()}), list(again))
    street.run(Interval(DAYS[-1], DAYS[-1] + DAY))
    third = versions()
    restated = {day for (name, day), version in third.items() if second[name, day] != version and name == "core.order_lines"}
    assert restated == {DAYS[4], DAYS[9]}


@few(2)
@given(worlds(length=12))
def test_every_key_counts_on_one_day_the_newest(make_street: MakeStreet, world: World) -> None:
    street = computed(make_street, world, [world.interval])
    headers = {(row["ds"], row["order_id"]) for row in street.rows("raw.orders") if row["ordered_at"]}
    items = [row for row in street.rows("raw.order_items") if (row["ds"], row["order_id"]) in headers]
    assert_counts_on_the_newest_day(street, "order_lines", "order_id", items)
    for raw in ("refunds", "expenses"):
        assert_counts_on_the_newest_day(street, JUDGED[raw], IDENTITIES[raw][0], street.rows(f"raw.{raw}"))


@few(2)
@given(app_worlds(length=12))
def test_every_event_counts_on_one_day_the_newest(make_street: MakeStreet, world: World) -> None:
    street = computed(make_street, world, [world.interval], USE[:2])
    sound = [
        row
        for row in street.rows("raw.events")
        if row["user_id"] and row["event_type"] and row["occurred_at"] and row["occurred_at"].date() == row["ds"]
    ]
    assert_counts_on_the_newest_day(street, "events", "event_id", sound)


def assert_counts_on_the_newest_day(street: Street, table: str, key: str, sound: list[dict[str, Any]]) -> None:
    """`sound`: what arrived and may count."""
    newest: dict[str, date] = {}
    for row in sound:
        newest[row[key]] = max(row["ds"], newest.get(row[key], date.min))
    for row in street.rows(f"core.{table}"):
        assert (row[key], row["ds"]) == (row[key], newest[row[key]])
    own_fault = ("missing_", "order_not_found")
    for row in street.rows(f"quarantine.{table}"):
        if row["ds"] != newest.get(row[key], row["ds"]) and not row["quarantine_reason"].startswith(own_fault):
            assert row["quarantine_reason"].startswith("duplicate_")


def test_every_table_looks_as_far_as_identity_does() -> None:
    """One number says how far, and Airflow reads it from pipeline.yml."""
    text = "{% from 'macros/identity.jinja' import IDENTITY_DAYS with context %}{{ IDENTITY_DAYS }}"
    days = int(render(text, Interval(START, START + DAY), "test"))
    tables = specs.load().tables
    looking = [tables[f"core.{source}_resends"] for source in ("shop", "finance", "app")]
    assert [window.lookback_days for table in looking for window in table.reads.values()] == [days] * 5
    assert tables["core.exchange_rates"].reads["raw.exchange_rates"].lookahead_days == days
    assert {name for name, _ in AGAIN.arrived} == set(SOURCES)
