"""Rows of the ledger, as runs record them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Load, Published, RunFacts, StagingTable


def record(
    ledger: Ledger,
    *changed: Published,
    unchanged: Mapping[str, Sequence[date]] | None = None,
    inputs: Mapping[str, Iterable[str]] | None = None,
    pipeline: str = "p",
    run_key: str = "k",
    code: str = "code",
) -> None:
    """Record a publication of these periods."""
    with ledger.recording() as recording:
        recording.publish(RunFacts(pipeline, run_key, "run", defaultdict(lambda: code)), changed, unchanged or {}, inputs or {})


def days_of(
    table: str, first: date, last: date | None = None, status: str = "complete", coverage: Decimal = Decimal(1), content: str = ""
) -> list[Published]:
    """The days from `first` to `last`, both included, of a table that is replaced day by day."""
    interval = Interval(first, (last or first) + DAY)
    return [Published(table, Interval(day, day + DAY), f"3:{content}{day}", 3, status, coverage) for day in interval]


def load_of(landing: str, day: date, checksum: str = "a", rows: int = 1) -> Load:
    """A load as an ingest would record it."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Load(landing, day, f"file:///{landing}/{day}/{checksum}.parquet", rows, checksum, {"x": "string"}, "test", moment)


def staging_table(table: str = "core.x", state: str = "transformed", run_key: str = "k") -> StagingTable:
    """What a run has computed of the first and the third of March."""
    days = [Interval(day, day + DAY) for day in (date(2026, 3, 1), date(2026, 3, 3))]
    return StagingTable(run_key, table, days, 7, 10, state, "run")
