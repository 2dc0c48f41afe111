"""Teams to plan for: that of team.yml, with changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from headline import oncall
from headline.settings import PROJECT
from headline.specs.team import Team, parse_team

FILE = PROJECT / "include" / "team.yml"
YEARS = range(2026, 2036)
KINDS = ("weekday", "weekend", "holiday", "total")
Leaves = Mapping[str, list[tuple[date, date]]]


def team_with(leaves: Leaves | None = None, change: Callable[[dict[str, Any]], object] = lambda content: None, **top: Any) -> Team:
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


def repeats(team: Team, first: date, last: date) -> list[tuple[date, str, str]]:
    """(day, name, engineer) of each who has the same of a named holiday as last time: the same shift, or to be free."""
    had: dict[tuple[str, str], int | None] = {}
    found = []
    for holiday, shifts in shifts_of_holidays(team, first, last):
        slots = {shift.engineer.id: slot for slot, shift in enumerate(shifts)}
        for name in sorted(holiday.names):
            for engineer in oncall.standing(team, holiday.day):
                slot = slots.get(engineer.id)
                is_away = not engineer.is_free(*team.rota_day(holiday.day))
                if had.get((name, engineer.id), -1) == slot and not is_away:
                    found.append((holiday.day, name, engineer.id))
                had[name, engineer.id] = slot
    return found


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
