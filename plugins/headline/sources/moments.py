"""A file a day whose records belong to the business day on which they happened, whatever date the file has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from headline.intervals import DAY, Interval, business_day
from headline.sources.columns import EMPTY, TEXT, kind_of
from headline.sources.days import Zones
from headline.sources.judged_texts import moments_of
from headline.sources.landing import Part
from headline.sources.names import spelled
from headline.sources.refused import REFUSAL

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class FileDates:
    """Which files may hold records of which business days: a file has a date in the source's zone, and a record may come with one
    of up to `lookback_days` later."""

    zones: Zones
    lookback_days: int = 0

    def needed(self, days: Interval) -> Interval:
        """The dates that these business days overlap: they are complete when all of these files are there."""
        begins, ends = (datetime.combine(day, time.min, self.zones.reporting).astimezone(UTC) for day in (days.start, days.end))
        last = (ends - timedelta.resolution).astimezone(self.zones.source).date()
        return Interval(begins.astimezone(self.zones.source).date(), last + DAY)

    def read(self, days: Interval) -> Interval:
        """The dates of all files that may hold records of these days."""
        needed = self.needed(days)
        return Interval(needed.start, needed.end + DAY * self.lookback_days)

    def home(self, file_date: date) -> date:
        """The business day of what belongs to no day of the file: that of its noon."""
        return business_day(datetime.combine(file_date, time(12), self.zones.source), self.zones.reporting.key)

    def days_of(self, file_date: date) -> list[date]:
        """The business days of which a file may hold records, the one of its noon first."""
        home = self.home(file_date)
        around = Interval(home - DAY * (self.lookback_days + 1), home + 2 * DAY)
        reads = {day: self.read(Interval(day, day + DAY)) for day in around}
        return [home, *(day for day, dates in reads.items() if day != home and dates.start <= file_date < dates.end)]


def by_moment(rows: pa.RecordBatch, moments: pa.Array, days: Sequence[date], zone: ZoneInfo) -> Iterator[Part]:
    """The rows of a file on those of its `days` on which they happened, any other on the first of them; that comes in any case.

    `moments`: when each happened, as moments_of_rows gives them. `zone`: that of business days.
    """
    home, *others = days
    numbers = pc.cast(business_days(moments, zone), pa.int32())  # there may be no date for a day
    own = pa.array([(day - _EPOCH).days for day in others], pa.int32())
    is_elsewhere = pc.fill_null(pc.is_in(numbers, own), False)
    yield home, rows.filter(pc.invert(is_elsewhere))
    if pc.any(is_elsewhere).as_py():
        yield from ((day, rows.filter(pc.equal(numbers, one))) for day, one in zip(others, own, strict=True))


def moments_of_rows(rows: pa.RecordBatch, column: str, zone: ZoneInfo) -> pa.Array:
    """When each row happened, by a column: a moment, a date, or seconds since 1970. Null where it does not say.

    `zone`: of moments without an offset. Raises pa.ArrowException for a type that tells no moment.
    """
    name = spelled(column, rows.schema.names)
    if name is None:
        return pa.nulls(rows.num_rows, pa.timestamp("us", "UTC"))
    values = rows.column(name)
    if kind_of(str(values.type)) == TEXT:
        return pc.assume_timezone(moments_of(values.cast(pa.string()), zone), "UTC")
    if pa.types.is_integer(values.type):
        return pc.cast(pc.cast(values, pa.int64()), pa.timestamp("s", "UTC"))
    if pa.types.is_timestamp(values.type) and not values.type.tz:
        return pc.assume_timezone(values, zone.key, ambiguous="earliest", nonexistent="earliest")
    return values if pa.types.is_timestamp(values.type) else pc.cast(values, pa.date32())


def wrong_moments(rows: pa.RecordBatch, column: str, moments: pa.Array) -> int:
    """How many rows say something in a column that is no moment; a row that was refused says nothing."""
    name = spelled(column, rows.schema.names)
    if name is None or kind_of(str(rows.schema.field(name).type)) == EMPTY:
        return 0
    values = rows.column(name)
    is_wrong = pc.and_(pc.is_null(moments), pc.is_valid(values))
    if kind_of(str(values.type)) == TEXT:
        is_wrong = pc.and_(is_wrong, pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(values.cast(pa.string())), ""), False))
    if REFUSAL in rows.schema.names:
        is_wrong = pc.and_(is_wrong, pc.is_null(rows.column(REFUSAL)))
    return int(pc.sum(is_wrong).as_py() or 0)


def business_days(moments: pa.Array, zone: ZoneInfo) -> pa.Array:
    """The business day of each moment, or of what is a date already."""
    if not pa.types.is_timestamp(moments.type):
        return moments
    return pc.cast(pc.local_timestamp(pc.cast(moments, pa.timestamp(moments.type.unit, zone.key))), pa.date32(), safe=False)
