"""The step before the others: read a source and land what it gives, a file a day."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from headline.errors import BadRequest
from headline.intervals import Interval, from_days
from headline.specs import Source
from headline.steps.run import PipelineRun

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ingested:
    """What one ingest brought: files and rows read, and how many of the files differ from what had arrived before."""

    intervals: list[Interval]
    file_count: int
    row_count: int
    changed_count: int


def ingest(run: PipelineRun, name: str) -> Ingested:
    """Land one table of a source for the requested days and, within the lookback, for the days landed before.

    A day whose content has not changed leaves no trace, so nothing downstream is computed again for it. A run for certain
    landings leaves the others alone. Raises BadData, and records nothing, where columns are not as agreed: what arrived is kept
    all the same; BadRequest where a landing that is left alone has yet to arrive for the requested days.
    """
    from headline.sources import read
    from headline.sources.landing import LandingWriter
    from headline.steps.arrival import Arrival

    source = cast(Source, run.pipeline)
    spec = source.ingest[name]
    landing = f"landing.{name}"
    if run.landings is not None and name not in run.landings:
        return _left_alone(run, landing)
    days = set(run.requested)
    # In a repair too: with the missing day came late rows of those before, the oldest of which no later run reads again.
    if spec.lookback_days:
        earlier = Interval(run.requested.start - timedelta(days=spec.lookback_days), run.requested.start)
        days |= {load.ds for load in run.ledger.current_loads(landing, [earlier])}
    intervals = from_days(days)
    writer = LandingWriter(source.id, landing, origin=f"{spec.kind} {spec.connection}")
    arrival = Arrival(run, name)
    loads = []
    for interval in intervals:
        with arrival.reading(writer, interval):
            loads += writer.write(read(spec, source.folder, interval), interval)
    arrival.require_agreed(loads)
    changed = run.ledger.record_loads(loads, run.run_id)
    ingested = Ingested(intervals, len(loads), sum(load.row_count for load in loads), changed)
    log.info("%s: %s rows in %s files landed, %s of them new or changed", landing, ingested.row_count, len(loads), changed)
    return ingested


def _left_alone(run: PipelineRun, landing: str) -> Ingested:
    """Nothing is read, but what never arrived must not be published as a day on which nothing happened."""
    arrived = {load.ds for load in run.ledger.current_loads(landing, [run.requested])}
    if lacking := [day for day in run.requested if day not in arrived]:
        raise BadRequest(
            f"{landing} has not arrived for {len(lacking)} day(s) from {lacking[0]} on: this run, which is for "
            f"{', '.join(run.landings or ['nothing'])} alone, would publish them without it; name it among the landings too"
        )
    log.info("%s: left as it is, this run ingests %s", landing, ", ".join(run.landings or ["nothing"]))
    return Ingested([], 0, 0, 0)
