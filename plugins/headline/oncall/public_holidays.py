"""Which days are holidays of the team, and what they are called."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache

from headline.errors import SpecError
from headline.specs.team import Team


@dataclass(frozen=True)
class Holiday:
    """A day off for at least one of the team.

    `names`: what tells it from other holidays, the same every year. `of`: those whose holiday it is. `weight`: of a shift on it.
    """

    day: date
    name: str
    names: frozenset[str]
    of: frozenset[str]
    weight: Decimal


@cache
def holidays_of(team: Team, crew: frozenset[str], year: int) -> dict[date, Holiday]:
    """The holidays of those engineers in a calendar year, in order.

    A holiday of one is a holiday of the team: the day is shared out in short shifts, and where the loads allow it those are free
    whose holiday it is. A day of a block of team.yml is everybody's, under the block's name.
    Raises SpecError where a country or subdivision is not known.
    """
    found: dict[date, dict[str, tuple[str, ...]]] = {}
    for engineer in team.engineers:
        if engineer.id in crew:
            for day, names in country_holidays(engineer.country, engineer.subdivision, year).items():
                found.setdefault(day, {})[engineer.id] = tuple(f"{name} ({engineer.country})" for name in names)
    holidays = {}
    for day, of in found.items():
        called = [name for names in of.values() for name in names]
        title = ", ".join(dict.fromkeys(name.rpartition(" (")[0] for name in called))
        holidays[day] = Holiday(day, title, frozenset(called), frozenset(of), team.weights["holiday"])
    for block in team.blocks:
        weight = block.weight or team.weights["holiday"]
        for day in (*block.days(year - 1), *block.days(year)):
            if day.year == year:
                holidays[day] = Holiday(day, block.name, frozenset({f"{block.name} {day:%d %b}"}), crew, weight)
    return dict(sorted(holidays.items()))


@cache
def country_holidays(country: str, subdivision: str | None, year: int) -> Mapping[date, tuple[str, ...]]:
    """The public holidays of a country in English; one that is observed on another day, or only estimated, keeps its name."""
    from holidays import country_holidays

    try:
        with warnings.catch_warnings():  # some calendars are known for some decades only; beyond, such a country has no holidays
            warnings.simplefilter("ignore")
            found = country_holidays(country, subdiv=subdivision, years=year, language="en_US")
    except NotImplementedError as error:
        raise SpecError([f"team.yml: engineers: {error}; country and subdivision are written as in ISO 3166"]) from None
    names = {day: (re.sub(r" \((observed|estimated).*\)$", "", name) for name in found.get_list(day)) for day in sorted(found)}
    return {day: tuple(dict.fromkeys(of_day)) for day, of_day in names.items()}
