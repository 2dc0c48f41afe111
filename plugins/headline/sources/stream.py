"""A stream that arrives in micro-batches: files of JSON lines, several a day, out of order, with late and repeated records."""

from __future__ import annotations

import gzip
import logging
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from io import BufferedReader
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from headline import settings
from headline.errors import BadData, Transient
from headline.intervals import DAY, Interval
from headline.sources.columns import MOST
from headline.sources.files import root
from headline.sources.landing import Part, Unfit
from headline.sources.storage import PIECE
from headline.sources.text import batch, chunks, loads
from headline.specs import StreamIngest

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath

log = logging.getLogger(__name__)


@dataclass(frozen=True, order=True)
class MicroBatch:
    """One file of the stream and the business day on which it arrived."""

    day: date
    path: AnyPath


def read(ingest: StreamIngest, interval: Interval) -> Iterator[Part]:
    """The records of each day, in the order of file names and lines, from the files of that day and of its lookback.

    What no day of its own takes any more (too late, ahead of its time, without a time) stays on the day it arrived. So every
    record stands on one day, whichever days are read together, and the same files make the same rows. Raises Transient where
    no file of a day is there yet or one is broken off, BadData where a line is no record or its moment is no time, Unfit where
    those of most are none.
    """
    zone = ZoneInfo(settings.load().reporting_zone)
    lookback = timedelta(days=ingest.lookback_days)
    micro_batches = _micro_batches(ingest, Interval(interval.start, interval.end + lookback), zone)
    arrived = {micro_batch.day for micro_batch in micro_batches}
    if silent := [day for day in interval if day not in arrived]:
        raise Transient(f"{ingest.pattern}: no file has arrived on {silent[0]}. If none comes, ask who drops them")
    misplaced: Counter[date] = Counter()
    for micro_batch in micro_batches:
        for records in chunks(_records(micro_batch, ingest.moment, zone)):
            taken: dict[date, list[dict[str, Any]]] = defaultdict(list)
            for record, day in records:
                if day and micro_batch.day - lookback <= day <= micro_batch.day:
                    taken[day].append(record)
                else:
                    taken[micro_batch.day].append(record)
                    misplaced[micro_batch.day] += 1
            yield from ((day, batch(rows)) for day, rows in taken.items() if interval.start <= day < interval.end)
    counts = {str(day): misplaced[day] for day in interval if misplaced[day]}
    if counts:
        log.warning("%s: records that belong to no day still open, by day of arrival: %s", ingest.pattern, counts)


def _micro_batches(ingest: StreamIngest, interval: Interval, zone: ZoneInfo) -> list[MicroBatch]:
    """The files that arrived on the business days of the interval, in the order of their names."""
    begins, ends = (datetime.combine(day, time.min, zone).astimezone(UTC) for day in (interval.start, interval.end))
    folder_pattern, _, file_pattern = ingest.pattern.rpartition("/")
    name = re.compile(re.escape(file_pattern).replace("%H%M", r"([01]\d|2[0-3])([0-5]\d)").replace(r"\*", ".*"))
    found: list[MicroBatch] = []
    for utc_day in Interval(begins.date(), ends.date() + DAY):
        folder = root(ingest.connection) / utc_day.strftime(folder_pattern)
        for path in sorted(folder.iterdir()) if folder.exists() else ():
            if path.name.startswith((".", "_")):  # on its way, or a marker
                continue
            clock = name.fullmatch(path.name)
            if clock is None:
                raise BadData(f"{path}: is not named like {file_pattern}, so nobody knows when it arrived; nothing was loaded")
            arrived_at = datetime.combine(utc_day, time(int(clock[1]), int(clock[2])), UTC)
            day = arrived_at.astimezone(zone).date()
            if interval.start <= day < interval.end:
                found.append(MicroBatch(day, path))
    return found


def _records(file: MicroBatch, moment: str, zone: ZoneInfo) -> Iterator[tuple[dict[str, Any], date | None]]:
    """The records of one file, each with the business day on which it happened, if it says when."""
    count, timeless = 0, 0
    first = ""
    for number, record in _lines(file):
        count += 1
        try:
            day = _business_day(record.get(moment), zone)
        except (ValueError, OverflowError) as error:
            timeless += 1
            first = first or f"{file.path}: line {number} is no record: {error}"
        else:
            yield record, day
    if timeless > MOST * count:
        message = f"{file.path}: the {moment} of {timeless} of {count} records is no time"
        whole = ((file.day, batch(record for _, record in lines)) for lines in chunks(_lines(file)))
        raise Unfit(message, file.day, whole)
    if timeless:
        raise BadData(f"{first}; nothing was loaded. Ask who drops the files")


def _lines(file: MicroBatch) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of one file with the numbers of their lines; memory holds a piece of the file."""
    number = 0
    try:
        with file.path.open("rb") as compressed, BufferedReader(gzip.GzipFile(fileobj=compressed), PIECE) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _record(line)
        if not number and not file.path.stat().st_size:
            raise EOFError("it is empty")
    except FileNotFoundError:
        raise Transient(f"{file.path}: was there a moment ago and is gone") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Transient(f"{file.path}: is not a whole gzip file: {error}; it may be still arriving") from error
    except ValueError as error:
        raise BadData(f"{file.path}: line {number} is no record: {error}; nothing was loaded. Ask who drops the files") from error


def _record(line: bytes) -> dict[str, Any]:
    record = loads(line)
    if not isinstance(record, dict):
        raise ValueError("it is no object")
    return record


def _business_day(moment: Any, zone: ZoneInfo) -> date | None:
    if moment is None or moment == "":
        return None
    when = datetime.fromisoformat(str(moment))
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(zone).date()
