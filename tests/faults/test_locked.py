"""What every step needs is not to be had: the warehouse's one file is locked, the ledger is down."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from threading import Timer

import duckdb
import pytest
from tests.faults.world import Child, Point, Table, World, complete, differences, with_core

from headline.errors import Transient
from headline.ledger.publications import Recording
from headline.warehouse import open_warehouse

RUN = import_module("headline.pipeline.write_audit_publish")
STEPS = {"plan": Point(RUN, "planned_run"), "transform": Point(RUN, "planned_run", after=True), "publish": Point(RUN, "publish")}


def hold(world: World, *, read_only: bool = False) -> Child:
    """Another program that has the warehouse's file open."""
    path = str(world.folder / "warehouse.duckdb")
    child = Child(lambda: duckdb.connect(path, read_only=read_only), Point(duckdb, "connect", after=True))
    child.wait_until_there()
    return child


def test_run_waits_while_another_program_holds_the_file(
    fourth_day_arrived: World, expected: dict[str, Table], enter: Callable[[World], World]
) -> None:
    world = enter(fourth_day_arrived)
    before = world.published()
    other = hold(world)
    Timer(1, other.kill).start()
    started = time.monotonic()
    world.complete(("core_shop",))
    assert time.monotonic() - started > 1
    assert not differences(world.published(), with_core(before, expected))


@pytest.mark.parametrize(("step", "reads"), [("plan", False), ("transform", False), ("publish", False), ("publish", True)])
def test_run_gives_up_for_now_and_says_who_holds_the_file(
    step: str, reads: bool, fourth_day_arrived: World, enter: Callable[[World], World]
) -> None:
    world = enter(fourth_day_arrived)
    before = world.published()
    with replace(world, lock_timeout=0.3).entered():
        run = world.run("core_shop")
        child = Child(lambda: complete(run), STEPS[step])
        child.wait_until_there()
        other = hold(world, read_only=reads)
        child.go_on()
        with pytest.raises(Transient) as raised:
            child.finish()
    message = str(raised.value)
    assert str(world.folder / "warehouse.duckdb") in message
    assert f"PID {other.pid}" in message
    assert "close it" in message
    other.kill()
    assert not differences(world.published(), before)
    world.complete(("core_shop",))
    assert world.is_sound()


def test_reader_gives_up_for_now_and_says_who_publishes(fourth_day_arrived: World, enter: Callable[[World], World]) -> None:
    world = enter(fourth_day_arrived)
    run = world.run("core_shop")
    child = Child(lambda: complete(run), Point(Recording, "publish"))
    child.wait_until_there()
    with (
        replace(world, lock_timeout=0.3).entered(),
        pytest.raises(Transient, match=f"held by headline: core_shop {re.escape(run.run_id)} for more than 0 s"),
        open_warehouse().session(read_only=True),
    ):
        pass
    child.go_on()
    child.finish()
    assert world.is_sound()


@pytest.mark.parametrize("is_written", [False, True], ids=["before", "after"])
def test_ledger_goes_down_before_or_after_the_warehouse_is_written(
    is_written: bool, fourth_day_arrived: World, expected: dict[str, Table], enter: Callable[[World], World]
) -> None:
    world = enter(fourth_day_arrived)
    before = world.published()
    whole = with_core(before, expected)
    run = world.run("core_shop")
    child = Child(lambda: complete(run), Point(Recording, "publish") if is_written else STEPS["publish"])
    child.wait_until_there()
    with world.ledger_down():
        child.go_on()
        with pytest.raises(Transient) as raised:
            child.finish()
    assert "connection headline_ledger) is out of reach" in str(raised.value)
    assert "is its PostgreSQL up?" in str(raised.value)
    assert not differences(world.published(), whole if is_written else before)
    complete(run)
    assert not differences(world.published(), whole)
    assert world.is_sound()
