"""Teams to plan for: that of team.yml, with changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import yaml

from headline import oncall
from headline.settings import PROJECT
from headline.specs.team import Team
from headline.specs.team_file import parse_team

FILE = PROJECT / "include" / "team.yml"
YEARS = range(2026, 2036)
KINDS = ("weekday", "weekend", "holiday", "total")
Leaves = Mapping[str, list[tuple[date, date]]]


def team_with(
    leaves: Leaves | None = None, change: Callable[[dict[str, Any]], object] = lambda content: None, **top: Any
) -> Team:
    """The team of team.yml, with other leave if any is given, and other values of some keys; `change` may do anything to it."""
    content = deepcopy(yaml.safe_load(FILE.read_text()))
    if leaves is not None:
        for engineer in content["engineers"]:
            engineer["leave"] = [{"first": first, "last": last} for first, last in leaves.get(engineer["id"], [])]
    content |= top
    change(content)
    return parse_team(yaml.safe_dump(content, sort_keys=False), Path("team.yml"))


def newcomer(joined: date, **more: Any) -> dict[str, Any]:
    return {
        "id": "piotr",
        "name": "Piotr Lis",
        "email": "piotr.lis@example.com",
        "zone": "Europe/Warsaw",
        "country": "PL",
        "cover": ["ines"],
        "joined": joined,
        **more,
    }


def spreads(loads: Mapping[Any, oncall.Load], kinds: tuple[str, ...] = KINDS) -> dict[str, float]:
    """By kind of shift, how much more than the one with least the one with most has."""
    had = {kind: [getattr(load, kind) for load in loads.values()] for kind in kinds}
    return {kind: float(max(values) - min(values)) for kind, values in had.items()}


def shifts_of_holidays(team: Team, first: date, last: date) -> Iterator[tuple[oncall.Holiday, list[oncall.Shift]]]:
    """Every holiday with its shifts."""
    shifts = oncall.calendar(team, first, last.replace(year=last.year + 1))
    for holiday in oncall.holidays(team, first, last):
        start, end = team.rota_day(holiday.day)
        yield holiday, [shift for shift in shifts if shift.kind == "holiday" and start <= shift.start < end]


def repeats(team: Team, first: date, last: date) -> list[tuple[date, bool]]:
    """Each holiday on which somebody has the same as last time, the same shift or to be free, and whether that could be avoided.

    Who is on leave is free, whatever they were last time.
    """
    had: dict[tuple[str, str], int | None] = {}
    found = []
    for holiday, shifts in shifts_of_holidays(team, first, last):
        crew = oncall.standing(team, holiday.day)
        there = [engineer.id for engineer in crew if engineer.is_free(*team.rota_day(holiday.day))]

        last_time = [(one, had[name, one]) for name in holiday.names for one in there if (name, one) in had]

        def is_repeat(slots: Mapping[str, int], last_time: list[tuple[str, int | None]] = last_time) -> bool:
            return any(slots.get(one) == slot for one, slot in last_time)

        slots = {shift.engineer.id: slot for slot, shift in enumerate(shifts)}
        if is_repeat(slots):
            orders = [dict(zip(order, range(3), strict=True)) for order in permutations(there, 3)]
            found.append((holiday.day, not all(map(is_repeat, orders))))
        had |= {(name, engineer.id): slots.get(engineer.id) for name in holiday.names for engineer in crew}
    return found
