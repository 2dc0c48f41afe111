"""Moments and business days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from headline.intervals import DAY


def end_of(day: date, zone: str) -> datetime:
    """The moment at which a business day is over, in UTC."""
    return datetime.combine(day + DAY, time(), ZoneInfo(zone)).astimezone(UTC)
