"""What every step needs is not to be had: the warehouse's one file is locked, the ledger is down."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Timer

import duckdb
import pytest
from tests.faults.world import Child, Point, Table, World, differences, steps, with_core

from headline.errors import Transient


def hold(world: World) -> Child:
    """Another program that has the warehouse's file open."""
    path = str(world.folder / "warehouse.duckdb")
    child = Child(lambda: duckdb.connect(path), Point(duckdb, "connect", after=True))
    child.wait_until_there()
    return child


def test_step_waits_while_another_program_holds_the_file(
    fourth_day_arrived: World, expected: dict[str, Table], enter: Callable[[World], World]
) -> None:
    world = enter(fourth_day_arrived)
    before = world.published()
    todo = steps(world.run("core_shop"))
    other = hold(world)
    Timer(1, other.kill).start()
    started = time.monotonic()
    for step in todo.values():
        step()
    assert time.monotonic() - started > 1
    assert not differences(world.published(), with_core(before, expected))


@pytest.mark.parametrize("step", ["transform.products", "audit.products", "publish"])
def test_step_gives_up_for_now_and_says_who_holds_the_file(
    step: str, fourth_day_arrived: World, enter: Callable[[World], World]
) -> None:
    world = enter(fourth_day_arrived)
    before = world.published()
    todo = steps(world.run("core_shop"))
    while next(iter(todo)) != step:
        todo.pop(next(iter(todo)))()
    other = hold(world)
    with replace(world, lock_timeout=0.3).entered():
        impatient = steps(world.run("core_shop"))[step]
        with pytest.raises(Transient) as raised:
            impatient()
    message = str(raised.value)
    assert str(world.folder / "warehouse.duckdb") in message
    assert f"PID {other.pid}" in message
    assert "close it" in message
    other.kill()
    assert not differences(world.published(), before)
    todo[step]()


def test_ledger_is_down_when_the_warehouse_is_written(
    fourth_day_arrived: World, expected: dict[str, Table], enter: Callable[[World], World]
) -> None:
    world = enter(fourth_day_arrived)
    before = world.published()
    *todo, publish = steps(world.run("core_shop")).values()
    for step in todo:
        step()
    nowhere = json.dumps({"conn_type": "postgres", "host": "/nowhere", "schema": "ledger"})
    with world.entered(AIRFLOW_CONN_HEADLINE_LEDGER=nowhere), pytest.raises(Transient) as raised:
        publish()
    assert "connection headline_ledger) is out of reach" in str(raised.value)
    assert "is its PostgreSQL up?" in str(raised.value)
    assert not differences(world.published(), before)
    publish()
    assert not differences(world.published(), with_core(before, expected))
