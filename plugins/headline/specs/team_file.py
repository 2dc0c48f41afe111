"""team.yml, read and checked as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path

from pydantic import ValidationError

from headline import settings
from headline.errors import SpecError
from headline.intervals import DAY
from headline.specs.files import parse_yaml, read_text
from headline.specs.team import SATURDAY, SHIFT_KINDS, WEEKDAYS, Team


def load_team() -> Team:
    """The team of team.yml; raises SpecError with all faults at once, each with its key."""
    file = settings.load().include / "team.yml"
    return parse_team(read_text(file), file)


@cache  # so that whoever asks again finds the rota worked out already
def parse_team(text: str, file: Path) -> Team:
    """The team that a text describes; `file` names it in faults."""
    try:
        team = Team.model_validate(parse_yaml(text, file))
    except ValidationError as error:
        raise SpecError(
            [f"{file.name}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        ) from None
    faults = [f"{file.name}: {fault}" for fault in _faults(team)]
    if faults:
        raise SpecError(faults)
    return team


def _faults(team: Team) -> Iterator[str]:
    names = [engineer.id for engineer in team.engineers]
    yield from (f"engineers: {name} stands there {times} times" for name, times in Counter(names).items() if times > 1)
    addresses = Counter(one.casefold() for one in team.investor_report.recipients) if team.investor_report else {}
    yield from (f"investor_report.recipients: {one} stands there {times} times" for one, times in addresses.items() if times > 1)
    unknown = [f"{where}: nobody is called {name}" for where, name in _named(team) if name not in names]
    yield from unknown
    yield from _faults_of_engineers(team)
    yield from _faults_of_owners(team)
    yield from _faults_of_calendar(team)
    if not unknown:
        yield from _faults_of_entries(team)
        yield from _deserted_days(team)


def _named(team: Team) -> Iterator[tuple[str, str]]:
    """Every place that names an engineer, with the name."""
    for engineer in team.engineers:
        yield from ((f"engineers.{engineer.id}.cover", name) for name in engineer.cover)
    for area, owners in team.owners.items():
        yield from ((f"owners.{area}.primary", name) for name in owners.primary)
        yield from ((f"owners.{area}.secondary", name) for name in owners.secondary)
    for number, swap in enumerate(team.swaps):
        yield from ((f"swaps.{number}.between", name) for name in swap.between)
    for number, override in enumerate(team.overrides):
        yield f"overrides.{number}.engineer", override.engineer
    yield from ((f"sprint.duty.{day}", name) for day, name in team.sprint.duty.items())


def _faults_of_engineers(team: Team) -> Iterator[str]:
    for engineer in team.engineers:
        where = f"engineers.{engineer.id}"
        if engineer.id in engineer.cover:
            yield f"{where}.cover: nobody covers for themselves"
        if engineer.joined and engineer.left and engineer.left < engineer.joined:
            yield f"{where}.left: is {engineer.left}, before joining on {engineer.joined}"
        for one, other in pairwise(sorted(engineer.leave, key=lambda leave: leave.first)):
            if other.first <= one.last:
                yield f"{where}.leave: {one.first} to {one.last} and {other.first} to {other.last} overlap; write them as one"


def _faults_of_owners(team: Team) -> Iterator[str]:
    """DOMAIN: profit has two primary owners, the most senior; growth and engagement have one each, and second each other so."""
    for area, owners in team.owners.items():
        twice = [name for name, times in Counter(owners.primary + owners.secondary).items() if times > 1]
        yield from (f"owners.{area}: {name} stands there twice" for name in twice)
    missing = [area for area in ("profit", "growth", "engagement") if area not in team.owners]
    yield from (f"owners.{area}: is required" for area in missing)
    if missing:
        return
    profit, growth, engagement = (team.owners[area] for area in ("profit", "growth", "engagement"))
    senior = {engineer.id for engineer in team.engineers if engineer.senior}
    if len(profit.primary) != 2:
        yield f"owners.profit.primary: profit has two primary owners, here {len(profit.primary)}"
    elif not set(profit.primary) <= senior:
        yield "owners.profit.primary: both are the most senior; mark them as `senior: true` or name others"
    for area, owners in (("growth", growth), ("engagement", engagement)):
        if len(owners.primary) != 1:
            yield f"owners.{area}.primary: {area} has one primary owner, here {len(owners.primary)}"
        if set(owners.secondary) != set(profit.primary):
            yield f"owners.{area}.secondary: are the primary owners of profit: {', '.join(profit.primary)}"
    if set(profit.secondary) != {*growth.primary, *engagement.primary}:
        yield "owners.profit.secondary: are the primary owners of growth and engagement"


def _faults_of_calendar(team: Team) -> Iterator[str]:
    if WEEKDAYS[team.rota.first_day.weekday()] != team.rota.weekday:
        yield f"rota.first_day: {team.rota.first_day} is no {team.rota.weekday}, on which weeks are handed over"
    if team.sprint.first_day.weekday() >= SATURDAY:
        yield f"sprint.first_day: {team.sprint.first_day} is no working day"
    for number in (1, 2):
        if number not in team.escalate_after:
            yield f"escalate_after.{number}: is required"
    yield from (f"weights.{kind}: is required" for kind in SHIFT_KINDS if kind not in team.weights)
    days = Counter((day.month, day.day) for block in team.blocks for day in block.days(2001))
    yield from (f"blocks: {day:02}-{month:02} is in two of them" for (month, day), times in days.items() if times > 1)


def _faults_of_entries(team: Team) -> Iterator[str]:
    """Swaps and overrides that contradict each other or call somebody who is away."""
    for number, swap in enumerate(team.swaps):
        if len(set(swap.between)) == 1:
            yield f"swaps.{number}.between: {swap.between[0]} swaps with themselves"
    for (one, swap), (two, other) in combinations(enumerate(team.swaps), 2):
        if set(swap.between) & set(other.between) and swap.first <= other.last and other.first <= swap.last:
            yield f"swaps.{two}: meets swaps.{one}: the same engineer, the same days"
    for (one, override), (two, later) in combinations(enumerate(team.overrides), 2):
        if override.start < later.end and later.start < override.end:
            yield f"overrides.{two}: overlaps overrides.{one}, and two cannot be on call at once"
    for number, override in enumerate(team.overrides):
        if not team.engineer(override.engineer).is_free(override.start, override.end):
            yield f"overrides.{number}: {override.engineer} is away then"
    yield from _faults_of_duties(team)


def _faults_of_duties(team: Team) -> Iterator[str]:
    """Sprints with two on duty, or with one who is not there."""
    for one, other in combinations(team.sprint.duty, 2):
        if team.sprint.number(one) == team.sprint.number(other):
            yield f"sprint.duty: {one} and {other} lie in the same sprint"
    for day, name in team.sprint.duty.items():
        number = team.sprint.number(day)
        if number < 0:
            yield f"sprint.duty.{day}: lies before the first sprint"
        elif all(map(team.engineer(name).is_away, team.sprint.days(number))):
            yield f"sprint.duty.{day}: {name} is away for all of that sprint"


def _deserted_days(team: Team) -> Iterator[str]:
    """Days on which nobody could be on call; only a day near the beginning or the end of somebody's absence can become one."""
    changes = {team.rota.first_day}
    for engineer in team.engineers:
        ends = [engineer.joined, engineer.left, *(day for leave in engineer.leave for day in (leave.first, leave.last))]
        changes |= {end + i * DAY for end in ends if end for i in range(-2, 3)}
    for day in sorted(day for day in changes if day >= team.rota.first_day):
        if not any(engineer.is_free(*team.rota_day(day)) for engineer in team.engineers):
            yield f"engineers: nobody is left on {day}; move somebody's leave"
