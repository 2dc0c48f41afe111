"""How a source is read and where it lands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headline.intervals import Interval
from headline.specs import AnyIngest, DatabaseIngest, FilesIngest, HttpIngest, StreamIngest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headline.sources.landing import Part


def read(ingest: AnyIngest, folder: Path, interval: Interval) -> Iterator[Part]:
    """What the source has for the interval, in parts of one business day each."""
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
