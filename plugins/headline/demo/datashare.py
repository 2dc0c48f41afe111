"""The folder into which others drop files: a partner exchange rates, the app's team its events and experiment assignments."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from io import StringIO
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from headline.demo.app import App, Arrival, Event
from headline.demo.company import Company, days_between
from headline.demo.experiments import Assignment
from headline.demo.finance import ExchangeRate, exchange_rates
from headline.sources.storage import replacing

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath

HOURS_PER_TURN = 3
LARGEST_MICRO_BATCH = 500


def drop(folder: AnyPath, first: date, last: date, company: Company) -> int:
    """Drop the files of every day from first to last that lacks one, and return how many were dropped.

        rates_YYYY-MM-DD.csv, assignments_YYYY-MM-DD.csv
        events/arrived=YYYY-MM-DD/HHMM-N.jsonl.gz    several a day, named by the minute in which they were closed

    A file appears complete or not at all; one that is there is left alone.
    """
    app = App(company)
    return sum(_write(folder / name, content) for day in days_between(first, last) for name, content in _files(app, day, folder))


def rates_file(day: date) -> str:
    return f"rates_{day}.csv"


def assignments_file(day: date) -> str:
    return f"assignments_{day}.csv"


def _files(app: App, day: date, folder: AnyPath) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the day's files, unless the last one tells that all are there."""
    if (folder / assignments_file(day)).exists():
        return
    yield rates_file(day), _csv(ExchangeRate._fields, exchange_rates(app.company, day))
    yield from _micro_batches(app.arrivals(day), day)
    yield assignments_file(day), _csv(Assignment._fields, ((*row[:-1], _iso(row.exposed_at)) for row in app.assignments(day)))


def _micro_batches(arrivals: Iterable[Arrival], day: date) -> Iterator[tuple[str, bytes]]:
    for turn, heard in groupby(arrivals, key=lambda arrival: arrival.arrived_at.hour // HOURS_PER_TURN):
        lines = [_json_line(arrival.event) for arrival in heard]
        for number, start in enumerate(range(0, len(lines), LARGEST_MICRO_BATCH), start=1):
            name = f"events/arrived={day}/{(turn + 1) * HOURS_PER_TURN - 1:02d}59-{number}.jsonl.gz"
            yield name, gzip.compress("".join(lines[start : start + LARGEST_MICRO_BATCH]).encode(), compresslevel=5, mtime=0)


def _write(file: AnyPath, content: bytes) -> int:
    """Write the file unless it is there, and return how many were written."""
    if isinstance(file, Path) and file.exists():
        return 0
    try:
        with TemporaryDirectory() as folder, replacing(file, Path(folder).joinpath, instead_of="") as unfinished:
            unfinished.write_bytes(content)
    except FileExistsError:
        return 0
    return 1


def _json_line(event: Event) -> str:
    return json.dumps({**event._asdict(), "occurred_at": _iso(event.occurred_at)}) + "\n"


def _csv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def _iso(moment: datetime) -> str:
    return f"{moment.isoformat()}Z"
