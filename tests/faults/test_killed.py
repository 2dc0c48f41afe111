"""A process that is killed leaves nothing half-done that anybody can read, and the same run's retry mends it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.faults.world import D1, D3, D4, Child, Point, Table, World, complete, differences, steps, with_core

from headline.errors import BadData
from headline.intervals import DAY
from headline.ledger import Ledger, Locks
from headline.ledger.publications import Recording
from headline.pipeline import held_staging_table, inspect, write_audit_publish
from headline.pipeline.fingerprints import verify_published
from headline.warehouse import open_warehouse
from headline.warehouse.duckdb.session import DuckDBSession
from headline.warehouse.duckdb.staging import DuckDBStaging
from headline.warehouse.duckdb.warehouse import DuckDBWarehouse

AUDIT, STAGING = (import_module(f"headline.{name}") for name in ("pipeline.audit", "warehouse.duckdb.staging"))


def sql(beginning: str, *, after: bool = False) -> Point:
    """Before or after the warehouse runs a statement that begins so; within its transaction, where it is part of one."""
    return Point(DuckDBSession, "execute", lambda _session, statement: statement.startswith(beginning), after)


def of(table: str) -> Callable[..., bool]:
    """Whether the ledger is told of this staging table."""
    return lambda _ledger, staging_table, *_: staging_table.table == table


NOTHING_IS_PUBLISHED = {
    "a staging table is half-filled": sql("create or replace table staging.core__order_lines", after=True),
    "a table is staged, the ledger does not know": Point(Ledger, "record_staging_table", of("core.order_lines")),
    "an audit reads what is published": Point(AUDIT, "_check", lambda _run, one, *_: one.table.name == "refund_lines"),
    "a table is audited, the ledger does not know": Point(Ledger, "record_audit", of("core.refund_lines")),
    "the lock is held": Point(Ledger, "recording"),
    "nothing is replaced yet, fingerprints are forgotten": Point(Ledger, "begin_publication", after=True),
    "rows are deleted, the new ones not yet there": sql("delete from core.products", after=True),
    "half of the tables are replaced": sql("delete from core.order_lines"),
}
ONLY_THE_LEDGER_LACKS = {
    "the warehouse is written, the ledger is not": Point(DuckDBStaging, "replace", after=True),
    "the ledger is written and not committed": Point(Recording, "publish", after=True),
}
ALL_IS_PUBLISHED = {"all is committed": Point(DuckDBWarehouse, "forget")}
POINTS = NOTHING_IS_PUBLISHED | ONLY_THE_LEDGER_LACKS | ALL_IS_PUBLISHED
# Killed where nothing is published yet, the next try gets past that point and is killed at another one; the last goes through.
TRIES = {"nothing is published": [*NOTHING_IS_PUBLISHED]} | {one: [one] for one in POINTS if one not in NOTHING_IS_PUBLISHED}


@pytest.mark.parametrize("tries", TRIES)
def test_killed_run_publishes_all_or_nothing_and_its_retry_heals(
    tries: str,
    fourth_day_arrived: World,
    expected: dict[str, Table],
    enter: Callable[[World], World],
) -> None:
    world = enter(fourth_day_arrived)
    before = world.published()
    whole = with_core(before, expected)
    assert len(differences(whole, before)) >= 4, "the fourth day would show"
    run = world.run("core_shop")
    for killed_when in TRIES[tries]:
        kill(lambda: write_audit_publish(run), POINTS[killed_when])
        assert not differences(world.published(), before if killed_when in NOTHING_IS_PUBLISHED else whole), killed_when
    if tries in ONLY_THE_LEDGER_LACKS:
        found = verify_published(run.pipeline.ordered_tables, Ledger(), open_warehouse()).differences
        assert {one.table for one in found} >= {"core.order_lines", "core.products"}

    write_audit_publish(run)
    assert not differences(world.published(), whole)
    assert world.is_sound()
    assert world.kept() == []
    tables = [table.full_name for table in run.pipeline.ordered_tables]
    by_this_run = {row.table_name for row in Ledger().publications(tables) if row.run_key == run.key}
    assert by_this_run == set(tables)


def kill(action: Callable[[], Any], point: Point) -> None:
    """Kill a process that does something when it has come to a point."""
    child = Child(action, point)
    child.wait_until_there()
    child.kill()


def test_killed_while_it_waits_for_the_lock(
    fourth_day_arrived: World, expected: dict[str, Table], enter: Callable[[World], World]
) -> None:
    """A reader holds the lock. Whoever comes after the killed process does not wait for it as well."""
    world = enter(fourth_day_arrived)
    before = world.published()
    run = world.run("core_shop")
    child = Child(lambda: write_audit_publish(run), Point(import_module("headline.pipeline.write_audit_publish"), "publish"))
    child.wait_until_there()
    with open_warehouse().session(read_only=True):
        child.go_on()
        world.until_somebody_waits()
        child.kill()
        assert not differences(world.published(), before)
        assert all(granted for granted, _ in world.locks())
    write_audit_publish(run)
    assert not differences(world.published(), with_core(before, expected))
    assert world.is_sound()


def test_killed_while_it_waits_for_the_same_run(
    fourth_day_arrived: World, expected: dict[str, Table], enter: Callable[[World], World]
) -> None:
    world = enter(fourth_day_arrived)
    before = world.published()
    run = world.run("core_shop")
    locks = Locks("the first of the two")
    with locks.exclusive(f"run {run.key}"):
        child = Child(lambda: write_audit_publish(run))
        world.until_somebody_waits()
        child.kill()
    locks.close()
    write_audit_publish(run)
    assert not differences(world.published(), with_core(before, expected))
    assert world.is_sound()


def test_killed_while_the_very_first_run_makes_the_published_tables(
    empty: World, three_days: World, enter: Callable[[World], World]
) -> None:
    world = enter(empty)
    run = world.run("finance", D1, D3)
    *ingests, last = steps(run).values()
    for ingest in ingests:
        ingest()
    kill(last, Point(STAGING, "ensure_table", lambda _session, output, _known: output.name == "raw.expenses"))
    assert world.query("select count(*) from information_schema.tables where table_schema = 'raw'") == [(0,)]

    last()
    published = world.published()
    with three_days.entered():
        expected = {name: rows for name, rows in three_days.published().items() if name in published}
    assert published == expected
    assert published["raw.expenses"].total() > 10
    assert world.is_sound()


def test_killed_while_it_keeps_what_an_audit_holds_back(three_days: World, enter: Callable[[World], World]) -> None:
    world = enter(three_days)
    before, good = world.published(), world.rates_file.read_text()
    world.rates_file.write_text(good.replace(str(D4), str(D4 - DAY)))
    run = world.run("finance")
    table = run.pipeline.tables["exchange_rates"]
    kill(lambda: complete(run), sql("detach kept"))
    assert not differences(world.published(), before)
    assert f"{run.key}.duckdb" not in world.kept()

    with pytest.raises(BadData):
        write_audit_publish(run)
    assert world.kept() == [f"{run.key}.duckdb"]
    assert inspect(table, held_staging_table(table, run.key, Ledger()), open_warehouse())

    kill(lambda: write_audit_publish(run), sql("detach kept"))
    world.rates_file.write_text(good)
    complete(run)
    assert world.kept() == []
    assert world.published()["raw.exchange_rates"].total() == before["raw.exchange_rates"].total() + 6
    assert world.is_sound()


IN_INGEST = {
    "a file is half-written": Point(pq.ParquetWriter, "write_table", after=True),
    "a file is there, its manifest is not": Point(Path, "write_text", lambda file, *_: file.suffix == ".json"),
    "all files are there, the ledger does not know": Point(Ledger, "record_loads"),
}


@pytest.mark.parametrize("killed_when", IN_INGEST)
def test_killed_ingest_leaves_files_that_count_for_nothing(
    killed_when: str, three_days: World, undisturbed: World, enter: Callable[[World], World]
) -> None:
    world = enter(three_days)
    loads = world.loads()
    todo = steps(world.run("shop"))
    landed = set((world.folder / "landing").rglob("*"))
    kill(todo["ingest.orders"], IN_INGEST[killed_when])
    left = [file for file in set((world.folder / "landing").rglob("*")) - landed if file.is_file()]
    assert left, "the process was at work"
    assert world.loads() == loads

    todo["ingest.orders"]()
    with undisturbed.entered():
        expected = {load for load in undisturbed.loads() if load[0] == "landing.orders"}
    assert len(expected) == 4
    assert {load for load in world.loads() if load[0] == "landing.orders"} == expected
    files = [Path(load.file.removeprefix("file://")) for load in Ledger().current_loads("landing.orders")]
    assert sum(pq.read_metadata(file).num_rows for file in files) == sum(load[2] for load in expected)
    assert world.is_sound()
