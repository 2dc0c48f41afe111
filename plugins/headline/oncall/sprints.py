"""Who takes requests in a sprint, how many points they may take, and what becomes a ticket instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from itertools import count, islice
from typing import NamedTuple

from headline.errors import BadRequest
from headline.oncall.public_holidays import holidays_of
from headline.specs.team import Engineer, Team

TENTH = Decimal("0.1")


@dataclass(frozen=True)
class SprintDuty:
    """A sprint, from its first to its last working day, who takes requests in it, and up to how many points."""

    first: date
    last: date
    engineer: Engineer
    budget: Decimal


class Request(NamedTuple):
    """What somebody asks of the team, and how many points it takes."""

    name: str
    points: Decimal


class Triage(NamedTuple):
    """What is taken in a sprint, what becomes a ticket for new work, and how many points are left."""

    taken: list[Request]
    tickets: list[Request]
    left: Decimal


def sprint_duty(team: Team, day: date) -> SprintDuty:
    """The duty in the sprint of a day. Raises BadRequest for a day before the first sprint."""
    found = sprints(team, day, day)
    if not found:
        raise BadRequest(f"the first sprint begins on {team.sprint.first_day}; nothing is known of {day}")
    return found[0]


def sprints(team: Team, first: date, last: date) -> list[SprintDuty]:
    """The sprints that touch the days from `first` to `last`, in order."""
    numbers = range(max(0, team.sprint.number(first)), team.sprint.number(last) + 1)
    found = []
    for number, engineer in zip(numbers, islice(_rotation(team), numbers.start, None), strict=False):
        days = team.sprint.days(number)
        found.append(SprintDuty(days[0], days[-1], engineer, _budget(team, days)))
    return found


def triage(requests: Iterable[Request], budget: Decimal) -> Triage:
    """Which requests of a sprint, in the order in which they came, are taken: each that fits into what is left of the budget.

    Raises BadRequest for a request without points.
    """
    taken, tickets = [], []
    for request in requests:
        if request.points <= 0:
            raise BadRequest(f"{request.name}: {request.points} points; a request takes more than 0")
        if request.points <= budget:
            taken.append(request)
            budget -= request.points
        else:
            tickets.append(request)
    return Triage(taken, tickets, budget)


def _rotation(team: Team) -> Iterator[Engineer]:
    """Who takes requests, sprint after sprint: of those who are there for at least half of it, who had the fewest so far.

    Between equals whose last is longest ago. A joiner begins with as many as the colleague who had fewest, and after an absence
    nobody makes up for more than one. Nothing but the entries about a sprint and those before it has a part in it.
    """
    fixed = {team.sprint.number(day): name for day, name in team.sprint.duty.items()}
    had: dict[str, int] = {}
    latest: dict[str, int] = {}
    for number in count():
        days = team.sprint.days(number)
        away = {one.id: sum(map(one.is_away, days)) for one in team.engineers}
        there = [name for name, absent in away.items() if 2 * absent <= len(days)] or [min(away, key=lambda name: away[name])]
        for name in there:
            fewest = min((had[other] for other in there if other != name and other in had), default=0)
            had[name] = max(had.get(name, fewest), fewest - 1)
        holder = fixed.get(number) or min(there, key=lambda name: (had[name], latest.get(name, -1)))
        had[holder] = had.get(holder, 0) + 1
        latest[holder] = number
        yield team.engineer(holder)


def _budget(team: Team, days: Sequence[date]) -> Decimal:
    """The share of the team's points that requests may take, less by as much as is missing through leave and public holidays."""
    crew = [engineer for engineer in team.engineers if any(map(engineer.is_employed, days))]
    names = frozenset(engineer.id for engineer in crew)
    holidays = {day: holiday.of for year in {day.year for day in days} for day, holiday in holidays_of(team, names, year).items()}
    there = sum(not engineer.is_away(day) and engineer.id not in holidays.get(day, ()) for engineer in crew for day in days)
    points = team.sprint.points * team.sprint.request_share * there / (len(crew) * len(days))
    return points.quantize(TENTH, ROUND_DOWN)
