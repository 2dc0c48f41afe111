"""How a source is read and where it lands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headline.intervals import DAY, Interval, from_days
from headline.specs import AnyIngest, DatabaseIngest, FilesIngest, HttpIngest, StreamIngest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from headline.sources.landing import Part


def read(ingest: AnyIngest, folder: Path, interval: Interval) -> Iterator[Part]:
    """What the source has for the interval, in parts of one business day each; nobody asks for days on which it is closed."""
    if calendar := ingest.calendar:
        for days in from_days(day for day in interval if not calendar.is_closed(day)):
            yield from _read(ingest, folder, days)
        return
    yield from _read(ingest, folder, interval)


def _read(ingest: AnyIngest, folder: Path, interval: Interval) -> Iterator[Part]:
    from headline.sources import database, files, http, stream

    match ingest:
        case DatabaseIngest():
            return database.read(ingest, folder, interval)
        case HttpIngest():
            return http.read(ingest, interval)
        case FilesIngest():
            return files.read(ingest, interval)
        case StreamIngest():
            return stream.read(ingest, interval)


def files_again(ingest: AnyIngest, days: Iterable[date]) -> list[Interval] | None:
    """Of loaded days those whose files are still there, each of which is read by itself; None where a file is not a day."""
    from headline.sources import files

    if not isinstance(ingest, FilesIngest) or ingest.day is not None:
        return None
    return [interval for day in sorted(days) if files.is_there(ingest, interval := Interval(day, day + DAY))]
