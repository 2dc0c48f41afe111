"""Who runs Headline: team.yml, read and validated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, AwareDatetime, Field, ValidationError, model_validator

from headline import settings
from headline.errors import SpecError
from headline.intervals import DAY
from headline.specs.catalog import parse_yaml, read_text
from headline.specs.models import Clock, Delay, Model, Name

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SATURDAY = WEEKDAYS.index("saturday")
WORKING_DAYS = SATURDAY  # of a week
SHIFT_KINDS = ("weekday", "weekend", "holiday")
ShiftKind = Literal["weekday", "weekend", "holiday"]
Tier = Literal[1, 2]
Text = Annotated[str, Field(min_length=3)]
Weight = Annotated[Decimal, Field(gt=0)]


def _known_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise ValueError("no time zone is called so; write it like Europe/Lisbon")
    return zone


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Days(Model):
    """The days from `first` to `last`, both included."""

    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> Days:
        if self.last < self.first:
            raise ValueError(f"ends on {self.last}, before it begins on {self.first}")
        return self

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


class Engineer(Model):
    """One of the team: how to reach them at work, where they live, when they are away and who covers for them then.

    `cover`: who covers, the first who is not away. `joined`, `left`: first and last day; without them: since ever, and for good.
    All of these are days in the engineer's own time zone.
    """

    id: Name
    name: Text
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
    slack: Annotated[str, Field(pattern=r"^@[a-z0-9._-]+$")] | None = None
    zone: Annotated[str, AfterValidator(_known_zone)]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    subdivision: str | None = None
    senior: bool = False
    cover: Annotated[tuple[Name, ...], Field(min_length=1)]
    joined: date | None = None
    left: date | None = None
    leave: tuple[Days, ...] = ()

    def is_employed(self, day: date) -> bool:
        return (self.joined or day) <= day <= (self.left or day)

    def is_away(self, day: date) -> bool:
        """Whether the engineer is on leave on a day of their own time zone, has not joined yet, or has left."""
        return not self.is_employed(day) or any(day in leave for leave in self.leave)

    def is_free(self, start: datetime, end: datetime) -> bool:
        """Whether no moment from `start` to before `end` falls on a day on which the engineer is away."""
        zone = ZoneInfo(self.zone)
        first, last = start.astimezone(zone).date(), (end - timedelta.resolution).astimezone(zone).date()
        return not any(self.is_away(first + i * DAY) for i in range((last - first).days + 1))


class Owners(Model):
    """Who answers for an area: the primary owners first, then the secondary, each in the order in which they are told."""

    primary: Annotated[tuple[Name, ...], Field(min_length=1)]
    secondary: Annotated[tuple[Name, ...], Field(min_length=1)]


class Rota(Model):
    """Since when there is a rota, and when one week of it hands over to the next, in UTC."""

    first_day: date
    weekday: Weekday
    time: Clock


class Sprint(Model):
    """Sprints of `working_days` days, Monday to Friday, since `first_day`, and what share of their points requests may take.

    `points`: of a sprint in which everybody is there. `duty`: who takes requests in the sprint of a day, whatever the rota says.
    """

    first_day: date
    working_days: Annotated[int, Field(ge=1)]
    points: Annotated[Decimal, Field(gt=0)]
    request_share: Annotated[Decimal, Field(gt=0, le=1)]
    duty: Annotated[dict[date, Name], Field(default_factory=dict)]

    def number(self, day: date) -> int:
        """Which sprint a day lies in, from 0 on; a weekend lies in the one before it. Negative before the first."""
        weeks, weekday = divmod((day - self._monday).days, 7)
        return (weeks * WORKING_DAYS + min(weekday, WORKING_DAYS - 1) - self.first_day.weekday()) // self.working_days

    def days(self, number: int) -> list[date]:
        """The working days of a sprint."""
        first = self.first_day.weekday() + number * self.working_days
        spots = (divmod(first + i, WORKING_DAYS) for i in range(self.working_days))
        return [self._monday + weeks * 7 * DAY + weekday * DAY for weeks, weekday in spots]

    @property
    def _monday(self) -> date:
        return self.first_day - self.first_day.weekday() * DAY


class Block(Model):
    """Neighbouring days of every year, `first` to `last` as MM-DD, that are one holiday, for everybody."""

    name: Text
    first: Annotated[str, Field(pattern=r"^\d\d-\d\d$")]
    last: Annotated[str, Field(pattern=r"^\d\d-\d\d$")]
    weight: Weight | None = None

    def days(self, year: int) -> list[date]:
        """Its days where it begins in that year; the last may lie in the next."""
        first, last = (date.fromisoformat(f"{year}-{day}") for day in (self.first, self.last))
        if last < first:
            last = last.replace(year=year + 1)
        return [first + i * DAY for i in range((last - first).days + 1)]

    @model_validator(mode="after")
    def _of_any_year(self) -> Block:
        if len(self.days(2001)) > 7:  # no leap year: a block may not rest on 29 February
            raise ValueError(f"{self.name} is longer than a week")
        return self


class Override(Model):
    """Who works from `start` to before `end`, whatever the rota says."""

    engineer: Name
    start: Moment
    end: Moment
    reason: Text

    @model_validator(mode="after")
    def _in_order(self) -> Override:
        if self.end <= self.start:
            raise ValueError(f"ends at {self.end}, not after it begins at {self.start}")
        return self


class Swap(Days):
    """On these days of the rota either of the two works what the rota gives to the other."""

    between: tuple[Name, Name]


class Team(Model):
    """The whole file; what depends on a day is worked out by `headline.oncall`.

    The order of the engineers decides between equals, so that a new one goes to the end.
    """

    engineers: Annotated[tuple[Engineer, ...], Field(min_length=1)]
    owners: dict[Name, Owners]
    escalate_after: dict[Tier, Delay]
    rota: Rota
    sprint: Sprint
    blocks: tuple[Block, ...] = ()
    weights: dict[ShiftKind, Weight]
    swaps: tuple[Swap, ...] = ()
    overrides: tuple[Override, ...] = ()

    def __hash__(self) -> int:
        return hash(tuple(engineer.id for engineer in self.engineers))

    def engineer(self, engineer_id: str) -> Engineer:
        """The engineer of that id; raises SpecError with those that there are."""
        for engineer in self.engineers:
            if engineer.id == engineer_id:
                return engineer
        raise SpecError([f"team.yml: nobody is called {engineer_id}; there are: {', '.join(e.id for e in self.engineers)}"])

    def rota_day(self, day: date) -> tuple[datetime, datetime]:
        """From the hand-over of that day to the one of the next, in UTC."""
        start = datetime.combine(day, self.rota.time, UTC)
        return start, start + DAY


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
