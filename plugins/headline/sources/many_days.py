"""One file with many days, split by a column."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from headline import settings
from headline.intervals import Interval
from headline.sources.columns import TEXT, are_most, kind_of
from headline.sources.days import Zones, by_day, day_of, zones_of
from headline.sources.landing import Part, Unfit
from headline.sources.names import spelled
from headline.sources.one_file import batches
from headline.sources.refused import REFUSAL, REFUSED_TEXT
from headline.sources.text import Taken
from headline.specs import FilesIngest

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath


def many_days(path: AnyPath, ingest: FilesIngest, column: str, interval: Interval) -> Iterator[Part]:
    """The rows of each day of the interval; rows without a valid day are quarantined on the first day of the file."""
    if ingest.format != "parquet":
        taken = Taken()

        def records() -> Iterator[dict[str, Any]]:
            parts = batches(path, ingest, interval.start, taken)
            return (record for rows in parts for record in rows.to_pylist())

        yield from by_day(records(), column, interval, path.name, zones_of(ingest.zone), taken, again=records)
        return
    earliest, homeless, count = date.max, 0, 0
    for rows in batches(path, ingest, interval.start):
        # A day without rows lands with the file's columns all the same.
        yield interval.start, rows.slice(0, 0)
        try:
            days = _days(rows.column(spelled(column, rows.schema.names) or column), ingest.zone)
        except (KeyError, pa.ArrowException) as error:
            parts = ((interval.start, whole) for whole in batches(path, ingest, interval.start))
            raise Unfit(f"{path}: has no column {column} with the day of a row: {error}", interval.start, parts) from error
        homeless, count = homeless + days.null_count, count + rows.num_rows
        earliest = min([earliest, *(day for day in pc.unique(days).to_pylist() if day)])
        for day in sorted(day for day in pc.unique(days).to_pylist() if day and interval.start <= day < interval.end):
            yield day, rows.filter(pc.equal(days, pa.scalar(day, pa.date32())))
    if are_most(homeless, count) or (count and homeless == count):
        parts = ((interval.start, whole) for whole in batches(path, ingest, interval.start))
        raise Unfit(f"{path}: {homeless} of {count} records have no {column} with their day", interval.start, parts)
    if homeless and interval.start <= earliest < interval.end:
        yield from ((earliest, rows) for rows in _without_day(path, ingest, column))


def _days(moments: pa.Array, zone: str) -> pa.Array:
    """The business day of each moment or date; an integer is seconds since 1970, UTC. Null for a text that is neither, and for a
    day that no calendar has."""
    if kind_of(str(moments.type)) == TEXT:
        return _days_of_texts(moments.cast(pa.string()), zones_of(zone))
    if pa.types.is_integer(moments.type):
        moments = pc.cast(moments, pa.timestamp("s"))
    if pa.types.is_timestamp(moments.type):
        here = moments.type.tz or zone
        utc = moments if moments.type.tz else pc.assume_timezone(moments, here, ambiguous="earliest", nonexistent="earliest")
        moments = pc.local_timestamp(pc.cast(utc, pa.timestamp(moments.type.unit, settings.load().reporting_zone)))
    days = pc.cast(moments, pa.date32(), safe=False)
    numbers, first, last = days.cast(pa.int32()), *((end - date(1970, 1, 1)).days for end in (date.min, date.max))
    return pc.if_else(pc.and_(pc.greater_equal(numbers, first), pc.less_equal(numbers, last)), days, pa.scalar(None, pa.date32()))


def _days_of_texts(texts: pa.Array, zones: Zones) -> pa.Array:
    """The business day of each text, parsed as in every other format; each distinct text once."""

    def told(text: str | None) -> date | None:
        try:
            return day_of(text, zones)
        except ValueError:
            return None

    encoded = texts.dictionary_encode()
    return pa.array([told(text) for text in encoded.dictionary.to_pylist()], pa.date32()).take(encoded.indices)


def _without_day(path: AnyPath, ingest: FilesIngest, column: str) -> Iterator[pa.RecordBatch]:
    """The rows without a valid day, quarantined."""
    for rows in batches(path, ingest, date.max):
        name = spelled(column, rows.schema.names) or column
        odd = rows.filter(pc.is_null(_days(rows.column(name), ingest.zone)))
        if odd.num_rows:
            reason = pa.array([f"invalid_{column}"] * odd.num_rows, pa.string())
            text = odd.column(name).cast(pa.string())
            yield pa.RecordBatch.from_arrays([*odd.columns, reason, text], names=[*odd.schema.names, REFUSAL, REFUSED_TEXT])
