"""When a business day must be published: a pure function of the pipeline's promise and the day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from headline.intervals import DAY


def business_day(moment: datetime, zone: str) -> date:
    """The day that is open at that moment."""
    return moment.astimezone(ZoneInfo(zone)).date()


def end_of(day: date, zone: str) -> datetime:
    """The moment at which a business day is over, in UTC."""
    return datetime.combine(day + DAY, time(), ZoneInfo(zone)).astimezone(UTC)


def deadline(lands_at: time, day: date, zone: str) -> datetime:
    """The moment by which a day must be published: the first `lands_at`, UTC, after its end."""
    end = end_of(day, zone)
    moment = datetime.combine(end.date(), lands_at, UTC)
    return moment if moment > end else moment + DAY
