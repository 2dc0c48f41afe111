"""A process that is killed leaves nothing half-done that anybody can read, and the same run's retry mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.faults.world import Child, Point, Table, World, differences, steps, with_core

from headline.ledger import Ledger
from headline.sources import landing
from headline.warehouse.duckdb import DuckDBSession


def sql(beginning: str, *, after: bool = False) -> Point:
    """Before or after the warehouse runs a statement that begins so; within its transaction, where it is part of one."""
    return Point(DuckDBSession, "_execute", lambda _session, statement: statement.startswith(beginning), after)


IN_WAREHOUSE = {
    "a table is half-transformed": (
        "transform.order_lines",
        sql("create or replace table candidate.unsorted__order_lines", after=True),
    ),
    "valid and refused rows are told apart": (
        "transform.order_lines",
        sql("create or replace table candidate.core__order_lines"),
    ),
    "a table is transformed, the ledger does not know": ("transform.order_lines", Point(Ledger, "record_candidate")),
    "a table is audited, the ledger does not know": ("audit.refund_lines", Point(Ledger, "record_audit")),
    "nothing is replaced yet": ("publish", Point(DuckDBSession, "publish")),
    "rows are deleted, the new ones not yet there": ("publish", sql("delete from core.products", after=True)),
    "half of the tables are replaced": ("publish", sql("delete from core.order_lines")),
}
BETWEEN = {
    "the warehouse is written, the ledger is not": ("publish", Point(Ledger, "record_publications")),
    "the ledger is written, candidates are left": ("publish", Point(Ledger, "record_publications", after=True)),
}


@pytest.mark.parametrize("killed_when", [*IN_WAREHOUSE, *BETWEEN])
def test_killed_run_publishes_all_or_nothing_and_its_retry_heals(
    killed_when: str,
    fourth_day_arrived: World,
    expected: dict[str, Table],
    enter: Callable[[World], World],
) -> None:
    world = enter(fourth_day_arrived)
    before = world.published()
    run = world.run("core_shop")
    todo = steps(run)
    killed, point = (IN_WAREHOUSE | BETWEEN)[killed_when]
    while (name := next(iter(todo))) != killed:
        todo.pop(name)()

    child = Child(todo[killed], point)
    child.wait_until_there()
    child.kill()

    complete = with_core(before, expected)
    assert len(differences(complete, before)) >= 4, "the fourth day would show"
    assert not differences(world.published(), complete if killed_when in BETWEEN else before)

    for step in todo.values():
        step()
    assert not differences(world.published(), complete)
    assert world.candidates() == []
    with_this_run = [row.table_name for row in Ledger().publications() if row.run_key == run.key]
    assert sorted(set(with_this_run)) == sorted(table.full_name for table in run.pipeline.ordered_tables)


HALF = 1_000


def write_half(file: Path, *_: Any) -> None:
    file.write_bytes(bytes(HALF))


def test_killed_ingest_leaves_half_a_file_that_counts_for_nothing(
    three_days: World, undisturbed: World, enter: Callable[[World], World]
) -> None:
    world = enter(three_days)
    loads = world.loads()
    todo = steps(world.run("shop"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(landing, "_write", write_half)
        child = Child(todo["ingest.orders"], Point(landing, "_write", after=True))
    child.wait_until_there()
    child.kill()
    [half_file] = (world.folder / "landing" / "shop" / "orders").rglob("*.part")
    assert half_file.stat().st_size == HALF
    assert list(half_file.parent.glob("*.parquet")) == []
    assert world.loads() == loads

    todo["ingest.orders"]()
    assert len(list(half_file.parent.glob("*.parquet"))) == 1
    with undisturbed.entered():
        expected = {load for load in undisturbed.loads() if load[0] == "landing.orders"}
    assert len(expected) == 4
    assert {load for load in world.loads() if load[0] == "landing.orders"} == expected
