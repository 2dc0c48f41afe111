"""Files that somebody drops below a path, local or in an object store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from headline.errors import Transient
from headline.intervals import Interval
from headline.sources.columns import are_most
from headline.sources.days import zones_of
from headline.sources.dropped import file_of, place_of, root
from headline.sources.landing import Part, Unfit
from headline.sources.many_days import many_days
from headline.sources.moments import FileDates, by_moment, moments_of_rows, wrong_moments
from headline.sources.one_file import batches
from headline.specs import FilesIngest

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath


def read(ingest: FilesIngest, interval: Interval) -> Iterator[Part]:
    """The rows of each day's file or, where the spec names a `day` column, of the one file that holds many days.

    Where it names a `moment`, a row stands on the business day of it, and a day is read from every file whose date it overlaps.
    A line that is no record is refused by itself. Raises Transient when a file is missing, or cannot be read and may still be on
    its way; BadData when it has stopped growing and cannot be read; Unfit when hardly a line or a day of it can be told.
    """
    if ingest.day is not None:
        path = place_of(root(ingest.connection), ingest, interval)
        yield from many_days(path, ingest, ingest.day, interval)
        return
    base = root(ingest.connection)
    if ingest.moment is not None:
        yield from _by_moment(base, ingest, ingest.moment, interval)
        return
    for day in interval:
        yield from ((day, rows) for rows in batches(file_of(base, ingest, day), ingest, day))


def is_there(ingest: FilesIngest, day: Interval) -> bool:
    """Whether all files of a day are there: whoever drops files may take old ones away."""
    base = root(ingest.connection)
    dates = FileDates(zones_of(ingest.zone)).needed(day) if ingest.moment else day
    return all(file_of(base, ingest, file_date).exists() for file_date in dates)


def _by_moment(base: AnyPath, ingest: FilesIngest, column: str, interval: Interval) -> Iterator[Part]:
    """Every record stands on one day, whichever days are read together; a file is asked for by all days that it may hold."""
    zones = zones_of(ingest.zone)
    dates = FileDates(zones, ingest.lookback_days)
    needed = dates.needed(interval)
    for file_date in dates.read(interval):
        path, days = file_of(base, ingest, file_date), dates.days_of(file_date)
        if not path.exists():
            if file_date >= needed.end:  # it may bring late records
                continue
            held = min(day for day in days if day in interval)
            raise Transient(
                f"{path}: is not there yet, and {held} is not complete without it. If it does not arrive, ask its sender"
            )
        count, odd = 0, 0
        for rows in batches(path, ingest, file_date):
            try:
                moments = moments_of_rows(rows, column, zones.source)
            except pa.ArrowException as error:
                raise _unfit(path, ingest, file_date, f"its column {column} has invalid timestamps: {error}") from error
            count, odd = count + rows.num_rows, odd + wrong_moments(rows, column, moments)
            parts = by_moment(rows, moments, days, zones.reporting)
            yield from ((day, mine) for day, mine in parts if interval.start <= day < interval.end)
        if are_most(odd, count):
            raise _unfit(path, ingest, file_date, f"{odd} of {count} records have no {column} with their time")


def _unfit(path: AnyPath, ingest: FilesIngest, day: date, why: str) -> Unfit:
    """The file as it arrived goes along, to be kept."""
    return Unfit(f"{path}: {why}", day, ((day, rows) for rows in batches(path, ingest, day)))
