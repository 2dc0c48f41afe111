"""Half-open intervals of business days, the unit in which everything is computed, replaced and published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from headline import settings
from headline.errors import BadRequest

Period = Literal["day", "week", "month", "all"]
DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Interval:
    """The business days from `start` up to, not including, `end`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise BadRequest(f"the interval from {self.start} to {self.end} holds no day: its end must lie after its start")

    def __str__(self) -> str:
        return f"[{self.start}, {self.end})"

    def __iter__(self) -> Iterator[date]:
        return (self.start + timedelta(days=i) for i in range((self.end - self.start).days))

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def __len__(self) -> int:
        return (self.end - self.start).days

    def overlaps(self, other: Interval) -> bool:
        return self.start < other.end and other.start < self.end

    def widen(self, period: Period) -> Interval:
        """The smallest interval of whole weeks (from Monday) or months that holds this one."""
        if period == "week":
            start = self.start - timedelta(days=self.start.weekday())
            return Interval(start, self.end + timedelta(days=-self.end.weekday() % 7))
        if period == "month":
            after = self.end if self.end.day == 1 else (self.end.replace(day=1) + timedelta(days=32)).replace(day=1)
            return Interval(self.start.replace(day=1), after)
        return self

    def to_json(self) -> list[str]:
        return [self.start.isoformat(), self.end.isoformat()]

    @classmethod
    def from_json(cls, pair: list[str]) -> Interval:
        return cls(date.fromisoformat(pair[0]), date.fromisoformat(pair[1]))


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """The same days as the fewest disjoint intervals, in order."""
    spans: list[list[date]] = []
    for start, end in sorted((interval.start, interval.end) for interval in intervals):
        if spans and start <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], end)
        else:
            spans.append([start, end])
    return [Interval(start, end) for start, end in spans]


def in_words(days: Iterable[date]) -> str:
    """Days as people write them: `2026-11-03, 2026-11-05 to 2026-11-07`."""
    spans = [(interval.start, interval.end - DAY) for interval in from_days(days)]
    return ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in spans)


def in_few_words(days: Iterable[date], most: int = 3) -> str:
    """The first spans of days as people write them, and how many days there are where that is not all."""
    known = sorted(set(days))
    spans = from_days(known)
    shown = in_words(day for span in spans[:most] for day in span)
    return shown if len(spans) <= most else f"{shown} and more ({len(known)} days)"


def from_days(days: Iterable[date]) -> list[Interval]:
    """The given days as the fewest disjoint intervals, in order."""
    return merge(Interval(day, day + DAY) for day in days)


def business_day(moment: datetime, zone: str) -> date:
    """The day of a moment in the zone of business days."""
    return moment.astimezone(ZoneInfo(zone)).date()


def named_day(moment: datetime, zone: str) -> date:
    """The business day that a moment names; midnight UTC is how forms and commands write a day in any zone."""
    utc = moment.astimezone(UTC)
    return utc.date() if utc.time() == datetime.min.time() else business_day(moment, zone)


def requested_interval(
    first: str | None,
    last: str | None,
    default: Interval,
    today: date,
    first_data: date = date.min,
    most_days: int | None = None,
) -> Interval:
    """The days from `first` to `last`, both included; one day where only `first` is given, `default` where neither is.

    `first_data`: the first day that there can be data for. `most_days`: so many one run may have. Raises BadRequest for a range
    that is no range, that begins before the first day, reaches into a day that has not ended, or is too long.
    """
    if first is None and last is not None:
        raise BadRequest(f"the range ends on {last} but does not say where it begins: fill in «from» too")
    if first is None:
        interval = default
    else:
        start, end = _day(first), _day(last or first)
        if end < start:
            raise BadRequest(f"the range ends on {end}, before it begins on {start}: exchange «from» and «to»")
        interval = Interval(start, end + DAY)
    if interval.end > today:
        raise BadRequest(f"{interval.end - DAY} has not ended yet (today is {today}); an open day is never published")
    if interval.start < first_data:
        raise BadRequest(
            f"{interval.start} lies before {first_data}, the first day that there is data for: ask for later days, "
            "or set HEADLINE_FIRST_DAY where the sources hold older ones"
        )
    if most_days and len(interval) > most_days:
        raise BadRequest(
            f"{interval.start} to {interval.end - DAY} are {len(interval):,} days, and one run has {most_days:,} at most: "
            "look at the years of «from» and «to»; for so many days make several runs, or set HEADLINE_MOST_DAYS higher"
        )
    return interval


def days_asked_for(first: str | None, last: str | None) -> Interval:
    """As `requested_interval` under this deployment's settings; yesterday where neither is given."""
    known = settings.load()
    today = business_day(datetime.now(UTC), known.reporting_zone)
    return requested_interval(first, last, Interval(today - DAY, today), today, known.first_day, known.most_days)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{text!r} is no day: write it as YYYY-MM-DD") from None
