"""A source whose columns change: held and told column by column, or let through with a warning; undone, the day comes as ever."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.test_sources import Service, page
from tests.faults.world import COMPANY, D1, D4, D5, Table, World, differences, steps

from headline import specs
from headline.demo.finance import expenses
from headline.drift.proposal import propose
from headline.errors import BadData
from headline.intervals import Interval
from headline.ledger import SchemaChanges


def in_shop(statement: str, undo: str) -> Callable[[World], Callable[[], object]]:
    def change(world: World) -> Callable[[], object]:
        world.in_shop(statement)
        return lambda: world.in_shop(undo)

    return change


def in_files(pattern: str, old: str, new: str) -> Callable[[World], Callable[[], object]]:
    def change(world: World) -> Callable[[], object]:
        files: dict[Path, bytes] = {file: file.read_bytes() for file in (world.folder / "datashare").glob(pattern)}
        for file, content in files.items():
            text = gzip.decompress(content) if file.suffix == ".gz" else content
            assert old.encode() in text
            text = text.replace(old.encode(), new.encode())
            file.write_bytes(gzip.compress(text, mtime=0) if file.suffix == ".gz" else text)
        assert files
        return lambda: [file.write_bytes(content) for file, content in files.items()]

    return change


RATES = f"rates_{D4}.csv"
EVENTS = f"events/arrived={D4}/*.jsonl.gz"
# What is changed in which source, and the lines that must tell it.
CASES = {
    "a column of a table is renamed": (
        "shop",
        "orders",
        in_shop("alter table orders rename customer_id to client_id", "alter table orders rename client_id to customer_id"),
        ["orders.customer_id: removed (was text), perhaps renamed to orders.client_id (a guess: same type, ", "Nothing arrived"],
    ),
    "a column of a table is dropped": (
        "shop",
        "refunds",
        in_shop(
            "alter table refunds rename to all_refunds; create view refunds as select refund_id, order_id, line_number, "
            "refunded_at, quantity from all_refunds",
            "drop view refunds; alter table all_refunds rename to refunds",
        ),
        ["refunds.amount: removed (was decimal(18, 4))\n", "Nothing arrived"],
    ),
    "a column of a table is retyped": (
        "shop",
        "order_items",
        in_shop(
            "alter table order_items alter quantity type text",
            "alter table order_items alter quantity type int using quantity::int",
        ),
        ["quantity: was integer, arrives as text", "What arrived is kept in file://"],
    ),
    "a column of a file is gone": (
        "finance",
        "exchange_rates",
        in_files(RATES, "rate_date,currency_code,rate_to_reporting\n", "rate_date,currency,rate\n"),
        [
            "currency_code: removed (was text), perhaps renamed to currency (a guess: same type, 100 % of its values were seen",
            "rate_to_reporting: removed (was decimal), perhaps renamed to rate (a guess: same type, its range of values",
            "What arrived is kept in file://",
        ],
    ),
    "the dates of a file are written otherwise": (
        "finance",
        "exchange_rates",
        in_files(RATES, f"{D4},", f"{D4:%d.%m.%Y},"),
        ["rate_date: was date, arrives as text; 100 % of its values cannot be read as date"],
    ),
    "a field of the stream is renamed in mid-day": (
        "app",
        "events",
        in_files(f"events/arrived={D4}/1*.jsonl.gz", '"user_id"', '"uid"'),
        ["user_id: removed (was text), perhaps renamed to uid (a guess: same type, "],
    ),
    "the moment of the stream is renamed": (
        "app",
        "events",
        in_files(EVENTS, '"occurred_at"', '"happened_at"'),
        ["occurred_at: removed (was timestamp), perhaps renamed to happened_at (a guess: same type, times of the same days)"],
    ),
    "the moment of the stream becomes a number": (
        "app",
        "events",
        in_files(EVENTS, '"occurred_at": "2026-', '"occurred_at": "about 2026-'),
        ["occurred_at: was timestamp, arrives as text", "is no time"],
    ),
}


@pytest.fixture
def world(three_days: World, enter: Callable[[World], World]) -> World:
    """The fourth day is about to be ingested."""
    return enter(three_days)


def heals(world: World, pipeline: str, expected: dict[str, Table]) -> bool:
    """Whether a run of the source then brings what it brings when nothing goes wrong."""
    world.complete((pipeline,))
    published = world.published()
    names = {table.full_name for table in specs.load().pipelines[pipeline].tables.values()}
    assert all(expected[name] for name in names)
    return {name: published[name] for name in names} == {name: expected[name] for name in names}


@pytest.mark.parametrize("case", CASES)
def test_what_is_no_longer_as_agreed_holds_the_load(case: str, world: World, expected: dict[str, Table]) -> None:
    pipeline, name, change, lines = CASES[case]
    before, loads = world.published(), world.loads()
    undo = change(world)
    with pytest.raises(BadData) as raised:
        steps(world.run(pipeline))[f"ingest.{name}"]()
    message = str(raised.value)
    ways = [f"headline contract diff raw.{name}", f"trigger {pipeline} for {D4}"]
    lacking = [line for line in [*lines, *ways] if line not in message]
    assert not lacking, f"{message!r} does not say {lacking}"
    assert world.loads() == loads
    assert not differences(world.published(), before)
    assert propose(specs.load(), f"raw.{name}").diff

    undo()
    assert heals(world, pipeline, expected)
    assert propose(specs.load(), f"raw.{name}").changes == []


def test_a_service_that_renames_a_field_is_held(world: World, expected: dict[str, Table]) -> None:
    entries = [entry._asdict() for day in Interval(D1, D5) for entry in expenses(COMPANY, day)]
    renamed = [{"cost" if name == "amount" else name: str(value) for name, value in entry.items()} for entry in entries]
    with Service([page(renamed)]) as connection, world.entered(AIRFLOW_CONN_HEADLINE_FINANCE=connection):
        ingest_expenses = steps(world.run("finance"))["ingest.expenses"]
        with pytest.raises(BadData, match=r"amount: removed \(was decimal\), perhaps renamed to cost \(a guess"):
            ingest_expenses()
    assert heals(world, "finance", expected)


ADDED = {
    "a column of a table": ("shop", "orders", in_shop("alter table orders add coupon text", ""), "orders.coupon: added (text)"),
    "a column of a file": ("finance", "exchange_rates", in_files(RATES, "\n", ",ECB\n"), "ECB: added (text)"),
    "a field of the stream": ("app", "events", in_files(EVENTS, "{", '{"app_version": "3", '), "app_version: added (integer)"),
}


@pytest.mark.parametrize("case", ADDED)
def test_what_is_added_is_told_once_and_let_through(
    case: str, world: World, expected: dict[str, Table], caplog: pytest.LogCaptureFixture
) -> None:
    pipeline, name, change, line = ADDED[case]
    change(world)
    with caplog.at_level(logging.WARNING):
        assert heals(world, pipeline, expected)
        assert line in caplog.text
        caplog.clear()
        steps(world.run(pipeline, run_id="again"))[f"ingest.{name}"]()
        assert "added" not in caplog.text
    newest = SchemaChanges().newest(f"landing.{name}")
    assert newest is not None
    assert not newest.is_blocking
    assert "To be written" in propose(specs.load(), f"raw.{name}").diff
