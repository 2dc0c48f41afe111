"""A day that goes wrong: what is noticed, that nothing wrong can be read meanwhile, and that mending the sources mends all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pytest
from tests.faults.injected import Fault, Found, figures, restore, run_of_today
from tests.faults.world import Table, World, differences

from headline.warehouse.duckdb import DuckDBWarehouse

MOST_ROUNDS = 3


@dataclass(frozen=True)
class Day:
    """The day before what may go wrong has run, as the sources truly are; what is published and noticed when it goes well."""

    morning: World
    pipelines: tuple[str, ...]
    before: dict[str, Table]
    expected: dict[str, Table]
    expected_figures: dict[str, Table]
    usual: list[Found]


# The day as it is when all is done but what reads these sources.
FirstHours = Callable[[Collection[str]], Day]


def live_through(day: Day, world: World, faults: Sequence[Fault]) -> dict[Fault, Found]:
    """Let the faults happen together; mend each as soon as it is noticed; and say what noticed it."""
    with kept_open(world):
        return _live_through(day, world, faults)


def _live_through(day: Day, world: World, faults: Sequence[Fault]) -> dict[Fault, Found]:
    noticed: dict[Fault, Found] = {}
    still_there = list(faults)
    for round_ in range(MOST_ROUNDS):
        restore(world, day.morning, still_there)
        found = [one for one in run_of_today(world, day.pipelines, run_id=f"round {round_}") if one not in day.usual]
        assert not wrong(world, day), f"wrong figures can be read: {wrong(world, day)}"
        noticed |= {fault: finding for fault in still_there if (finding := fault.caught(found))}
        if not still_there:
            break
        assert noticed.keys() & set(still_there), (
            f"nobody noticed {[fault.name for fault in still_there]}; what was noticed: "
            + "; ".join(f"{one.where} {one.outcome}: {one.text[:300]}" for one in found)
        )
        still_there = [fault for fault in still_there if fault not in noticed]
    assert not still_there, f"not noticed in {MOST_ROUNDS} rounds: {[fault.name for fault in still_there]}"
    restore(world, day.morning, [])
    unusual = [one for one in run_of_today(world, day.pipelines, run_id="mended") if one not in day.usual]
    assert not unusual
    assert not differences(world.published(), day.expected), "mending the sources mends every table"
    return noticed


@contextmanager
def kept_open(world: World) -> Iterator[None]:
    """The warehouse's file stays open: opening and closing it for every step would be a third of all the time."""
    with duckdb.connect(world.folder / "warehouse.duckdb") as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr(DuckDBWarehouse, "_open", lambda *_: connection.cursor())
        yield


def wrong(world: World, day: Day) -> dict[str, str]:
    """Figures that neither stood there before nor are what they should be, and are not labelled as partial."""
    return {
        name: f"{wrongly.total()} rows, such as {next(iter(wrongly))}"
        for name, rows in figures(world).items()
        if (wrongly := rows - day.before.get(name, Table()) - day.expected_figures[name])
    }
