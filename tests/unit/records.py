"""Rows of the ledger, as runs record them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Published, RunFacts


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
