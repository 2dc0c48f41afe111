"""The dates and moments that texts name, in the forms of ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_DAY_OF_YEAR = re.compile(r"(\d{4})-?(\d{3})", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4}-?\d{2}-?\d{2}|\d{4}-?W\d{2}-?\d|\d{4}-?\d{3})"
    r"(?P<time>[T ]\d{2}(:?\d{2}(:?\d{2}([.,]\d{1,9})?)?)?)(?P<zone>Z| ?UTC| ?GMT|[+\-\u2212]\d{2}(:?\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)


def date_of(text: str) -> date:
    """The date that a text in a form of ISO 8601 names, be it by a week or a day of the year; raises ValueError otherwise."""
    if not (found := _DAY_OF_YEAR.fullmatch(text)):
        return date.fromisoformat(text)
    first, number = date(int(found[1]), 1, 1), int(found[2])
    if not 1 <= number <= (date(first.year, 12, 31) - first).days + 1:
        raise ValueError(f"{text[:40]!r}: the year has no such day")
    return first + timedelta(days=number - 1)


def moment_of(text: str, zone: ZoneInfo) -> datetime:
    """The moment that a text in a form of ISO 8601 names, in UTC and without a zone; one without offset is in `zone`.

    Raises ValueError for anything else, a leap second and 24:00 included.
    """
    found = _MOMENT.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text[:40]!r} is no moment in a form of ISO 8601")
    try:
        day = date_of(found[1])
        offset = (found["zone"] or "").strip().upper().replace("UTC", "Z").replace("GMT", "Z").replace("\u2212", "-")
        when = datetime.fromisoformat(f"{day}{found['time']}".upper().replace(",", ".") + offset)
        return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError(f"{text[:40]!r} is outside of the calendar") from error
