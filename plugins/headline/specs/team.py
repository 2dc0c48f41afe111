"""Who runs Headline: what team.yml says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from headline.errors import SpecError
from headline.intervals import DAY
from headline.specs.values import Clock, Delay, Model, Name, Zone

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SATURDAY = WEEKDAYS.index("saturday")
WORKING_DAYS = SATURDAY  # of a week
SHIFT_KINDS = ("weekday", "weekend", "holiday")
ShiftKind = Literal["weekday", "weekend", "holiday"]
Tier = Literal[1, 2]
Text = Annotated[str, Field(min_length=3)]
Email = Annotated[str, Field(pattern=r"^[^@\s,]+@[^@\s,]+\.[^@\s,]+$")]
Weight = Annotated[Decimal, Field(gt=0)]


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
    email: Email
    slack: Annotated[str, Field(pattern=r"^@[a-z0-9._-]+$")] | None = None
    zone: Zone
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


class InvestorReport(Model):
    """On whose behalf the monthly report is made, and the addresses at work that it is mailed to, each in a mail of its own."""

    company: Text
    recipients: Annotated[tuple[Email, ...], Field(min_length=1)]


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
    investor_report: InvestorReport | None = None

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
