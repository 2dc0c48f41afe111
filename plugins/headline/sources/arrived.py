"""Which files of a stream have landed: what is announced or found of them again is nothing new."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from headline import settings
from headline.intervals import Interval
from headline.sources.days import zones_of
from headline.sources.dropped import root
from headline.sources.storage import path_of, replacing
from headline.sources.stream import micro_batches
from headline.specs import StreamIngest

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath

# Of each business day on which files arrived, each file with what tells it from another of its name.
Files = dict[date, dict[str, str]]


def is_about(ingest: StreamIngest, announced: Collection[str]) -> bool:
    """Whether any of these objects is in the folder of a stream."""
    base = root(ingest.connection)
    begins = "" if isinstance(base, Path) else f"s3://{base.bucket}/{base.key}".rstrip("/") + "/"
    return bool(begins) and any(address.startswith(begins) for address in announced)


def files_there(ingest: StreamIngest, days: Interval) -> Files:
    """The files of a stream that arrived on these business days."""
    found: Files = defaultdict(dict)
    for one in micro_batches(ingest, days, zones_of(ingest.zone).reporting):
        found[one.day][f"{one.path.parent.name}/{one.path.name}"] = _mark(one.path)
    return dict(found)


class Arrived:
    """The manifest of the landed files of a stream, in the landing zone.

    It is written after the files that it names have landed, and says nothing of what is in them: a file that it lacks lands once
    more, which changes nothing.
    """

    def __init__(self, source: str, name: str) -> None:
        self._file = path_of(settings.load().landing) / source / name / "arrived.json"

    def new(self, there: Files) -> list[date]:
        """The days with files that have not landed as they are now."""
        known = self._known()
        return sorted(day for day, files in there.items() if not files.items() <= known.get(str(day), {}).items())

    def add(self, there: Files, days: Iterable[date]) -> None:
        """Remember that what was there of these days has landed; of other days than those that are there nothing stays."""
        known = self._known()
        told = {str(day): known.get(str(day), {}) for day in there} | {str(day): there[day] for day in days}
        with TemporaryDirectory() as folder, replacing(self._file, lambda name: Path(folder) / name) as file:
            file.write_text(json.dumps(told, indent=2))

    def _known(self) -> Mapping[str, Mapping[str, str]]:
        try:
            found: dict[str, dict[str, str]] = json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return found


def _mark(path: AnyPath) -> str:
    stat = path.stat()
    return str(getattr(stat, "etag", "")) or f"{stat.st_size}-{stat.st_mtime}"
