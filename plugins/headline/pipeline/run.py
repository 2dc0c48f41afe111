"""One run of one pipeline: what it was asked for, and the name under which its work is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from headline import settings
from headline.intervals import Interval
from headline.ledger import Ledger
from headline.specs import Catalog, Pipeline
from headline.warehouse import Warehouse


def kept_for() -> str:
    """How long what a failed audit holds back is kept to be inspected, in words."""
    days = settings.load().keep_staging_days
    return f"for {days} days" if days else "for ever"


@dataclass(frozen=True)
class Waiver:
    """Somebody's word that unusual figures are right, and why they are: a waiver.

    `figures`: their names (Figure.name); empty: those that the newest audits have found in the days that the run is asked for.
    """

    reason: str
    by: str
    figures: frozenset[str] = frozenset()


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
    waiver: Waiver | None = None
    landings: Sequence[str] | None = None

    @property
    def key(self) -> str:
        """Short and safe inside a table's name; another run of the same days has another key."""
        return hashlib.sha256(f"{self.pipeline.id} {self.run_id}".encode()).hexdigest()[:12]
