"""A day that goes wrong: what is noticed, that nothing wrong can be read meanwhile, and that mending the sources mends all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from tests.faults.injected import Fault, Found, restore, run_of_today
from tests.faults.world import World, attached, differing, published_tables, surplus

MOST_ROUNDS = 3


@dataclass(frozen=True)
class Day:
    """The day before what may go wrong has run, as the sources truly are.

    `before`: nothing of the day has run yet. `after`: it went well; `usual` is what is noticed then.
    """

    morning: World
    pipelines: tuple[str, ...]
    before: World
    after: World
    usual: list[Found]


# The day as it is when all is done but what reads these sources.
FirstHours = Callable[[Collection[str]], Day]


def live_through(day: Day, world: World, faults: Sequence[Fault]) -> dict[Fault, Found]:
    """Let the faults happen together; mend each as soon as it is noticed; and say what noticed it."""
    noticed: dict[Fault, Found] = {}
    still_there = list(faults)
    sources = {fault.source for fault in faults}
    for round_ in range(MOST_ROUNDS):
        restore(world, day.morning, still_there, sources)
        found = [one for one in run_of_today(world, day.pipelines, run_id=f"round {round_}") if one not in day.usual]
        assert not wrong(world, day), f"wrong figures can be read: {wrong(world, day)}"
        noticed |= {fault: finding for fault in still_there if (finding := fault.caught(found))}
        assert noticed.keys() & set(still_there), (
            f"nobody noticed {[fault.name for fault in still_there]}; what was noticed: "
            + "; ".join(f"{one.where} {one.outcome}: {one.text[:300]}" for one in found)
        )
        still_there = [fault for fault in still_there if fault not in noticed]
        if not still_there:
            break
    assert not still_there, f"not noticed in {MOST_ROUNDS} rounds: {[fault.name for fault in still_there]}"
    restore(world, day.morning, [], sources)
    # The first run after a mend audits more days than an ordinary one: what is usual then has other samples.
    usual = {(one.where, one.outcome) for one in day.usual}
    unusual = [one for one in run_of_today(world, day.pipelines, run_id="mended") if (one.where, one.outcome) not in usual]
    assert not unusual, f"noticed although all is mended: {unusual}"
    assert not differing(world, day.after), "mending the sources mends every table"
    return noticed


def wrong(world: World, day: Day) -> dict[str, str]:
    """Figures that neither stood there before nor are what they should be, and are not labelled as partial."""
    found = {}
    with attached(now=world, before=day.before, after=day.after) as connection:
        tables = published_tables(connection, "now")
        figures = [name for name in tables if name.startswith(("profit.", "growth.", "engagement."))]
        assert len(figures) > 5
        for name in figures:
            sides = [f"{side}.{name}" for side in ("now", "before", "after")]
            if rows := surplus(connection, *sides, where="where not is_partial" if tables[name] else ""):
                found[name] = f"{len(rows)} rows, such as {rows[0]}"
    return found
