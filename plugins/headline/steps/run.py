"""One run of one pipeline: what it was asked for, and the name under which its work is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from headline.errors import BadRequest
from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.specs import Catalog, Pipeline
from headline.warehouse import Warehouse

# What a failed audit holds back is kept for so long, to be inspected.
KEEP_CANDIDATES_DAYS = 7


@dataclass(frozen=True)
class Acceptance:
    """Somebody's word that the unusual figures of a run are right, and why they are."""

    reason: str
    by: str


@dataclass(frozen=True)
class PipelineRun:
    """A run of a pipeline for the `requested` business days, with what its steps work on; a retried task is the same run.

    `landings`: what alone a source ingests; everything where not given.
    """

    pipeline: Pipeline
    run_id: str
    requested: Interval
    catalog: Catalog = field(repr=False)
    ledger: Ledger = field(repr=False)
    warehouse: Warehouse = field(repr=False)
    acceptance: Acceptance | None = None
    landings: Sequence[str] | None = None

    @property
    def key(self) -> str:
        """Short and safe inside a table's name; another run of the same days has another key."""
        return hashlib.sha256(f"{self.pipeline.id} {self.run_id}".encode()).hexdigest()[:12]


def requested_interval(first: str | None, last: str | None, default: Interval, today: date) -> Interval:
    """The days from `first` to `last`, both included; one day where only `first` is given, `default` where neither is.

    Raises BadRequest for a range that is no range, or that reaches into a day that has not ended.
    """
    if first is None and last is not None:
        raise BadRequest(f"the range ends on {last} but does not say where it begins: fill in «from» too")
    if first is None:
        interval = default
    else:
        start, end = _day(first), _day(last or first)
        if end < start:
            raise BadRequest(f"the range ends on {end}, before it begins on {start}: exchange «from» and «to»")
        interval = Interval(start, end + DAY)
    if interval.end > today:
        raise BadRequest(f"{interval.end - DAY} has not ended yet (today is {today}); an open day is never published")
    return interval


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{text!r} is no day: write it as YYYY-MM-DD") from None
