"""Splits records by their business day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from headline import settings
from headline.errors import BadData
from headline.intervals import DAY, Interval, business_day
from headline.sources.columns import are_most
from headline.sources.dates import date_of, moment_of
from headline.sources.landing import NO_DAY, Part, Unfit
from headline.sources.refused import NOT_ASKED_FOR, REFUSAL, REFUSED_TEXT
from headline.sources.text import Taken, batch, chunks, field_of, text_of


def by_day(
    records: Iterable[Mapping[str, Any]],
    column: str,
    interval: Interval,
    where: str,
    zones: Zones,
    taken: Taken,
    *,
    again: Callable[[], Iterable[Mapping[str, Any]]] | None = None,
) -> Iterator[Part]:
    """The records of each day of the interval, told by a date or a moment in `column`, as they come.

    A record whose day cannot be told is refused, and of NO_DAY; of what holds other days too, which are skipped, of the first of
    all, for which `again` gives all records anew. `taken`: what was read to make them. Where none are to be skipped,
    one of another day is refused too. Raises BadData, when all have come, where most are; Unfit where hardly a record tells its
    day, or none of a file: the column has changed.
    """
    undated, homeless, strange, count = 0, 0, 0, 0
    example: str | None = None
    earliest = date.max
    for chunk in chunks(records, taken):
        days: dict[date, list[Mapping[str, Any]]] = defaultdict(list)
        for record, day in (_dated(record, column, zones) for record in chunk):
            if day is None:
                undated += record.get(REFUSAL) == f"invalid_{column}"
                homeless += 1
                if not again:
                    days[NO_DAY].append(record)
                continue
            earliest = min(earliest, day)
            if interval.start <= day < interval.end:
                days[day].append(record)
            elif not again:
                written = text_of(field_of(record, column))
                example = example or written
                strange += 1
                days[interval.end - DAY].append({**record, REFUSAL: NOT_ASKED_FOR, REFUSED_TEXT: written})
        count += len(chunk)
        for day, rows in sorted(days.items()):
            yield day, batch(rows)
    # If no record of a file has a day, there is no day on which the others could be quarantined.
    if are_most(undated, count) or (again and count and homeless == count):
        whole = ((interval.start, batch(chunk)) for chunk in chunks(again(), taken)) if again else None
        odd = homeless if again else undated
        raise Unfit(f"{where}: {odd} of {count} records have no {column} with the day of a record", interval.start, whole)
    if again and homeless and interval.start <= earliest < interval.end:
        dated = (_dated(record, column, zones) for record in again())
        yield from ((earliest, batch(chunk)) for chunk in chunks((record for record, day in dated if day is None), taken))
    if are_most(strange, count):
        raise BadData(
            f"{where}: {strange} of {count} records have a {column} that is no day of {interval}, such as {example!r}; "
            "nothing was loaded. The source ignores the requested days: ask its owner, or fix `ingest`"
        )


def _dated(record: Mapping[str, Any], column: str, zones: Zones) -> tuple[Mapping[str, Any], date | None]:
    """A record with its day; a record without a valid day is quarantined."""
    if record.get(REFUSAL):
        return record, None
    written = field_of(record, column)
    try:
        return record, day_of(written, zones)
    except ValueError:
        return {**record, REFUSAL: f"invalid_{column}", REFUSED_TEXT: text_of(written)}, None


class Zones(NamedTuple):
    """Where a source's moments without an offset are at home, and where business days begin."""

    source: ZoneInfo
    reporting: ZoneInfo


def zones_of(zone: str) -> Zones:
    """The zones of a source whose spec names this one."""
    return Zones(ZoneInfo(zone), ZoneInfo(settings.load().reporting_zone))


def day_of(value: Any, zones: Zones) -> date:
    """The business day of a date or timestamp; raises ValueError for anything else."""
    text = str(value).strip()
    try:
        return date_of(text)
    except ValueError:
        return business_day(moment_of(text, zones.source).replace(tzinfo=UTC), zones.reporting.key)
