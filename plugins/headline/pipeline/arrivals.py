"""Micro-batches land as they arrive: those files of streams that have not, whoever says that there are any."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from headline import settings
from headline.errors import HeadlineError
from headline.intervals import DAY, Interval, business_day
from headline.ledger import Ledger
from headline.pipeline.ingest import Ingested, ingest
from headline.pipeline.run import PipelineRun
from headline.specs import Catalog, Source, StreamIngest
from headline.warehouse import Warehouse

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stream:
    """A landing of a source that arrives in micro-batches."""

    source: Source
    name: str
    spec: StreamIngest


def land_arrivals(
    catalog: Catalog, ledger: Ledger, warehouse: Warehouse, run_id: str, now: datetime, announced: Collection[str] | None = None
) -> list[Ingested]:
    """Land the new files of all streams, of today and of the days of each lookback; nothing is computed from them or published.

    A day whose files have all landed is not read. `announced`: the addresses of new objects, where somebody has told of some: a
    stream that none of them is of is not looked at. One stream that fails keeps no other from landing; then its error is raised.
    """
    done: list[Ingested] = []
    failed: list[HeadlineError] = []
    today = business_day(now, settings.load().reporting_zone)
    for stream in _streams(catalog):
        try:
            done += _land(
                stream, PipelineRun(stream.source, run_id, Interval(today, today + DAY), catalog, ledger, warehouse), announced
            )
        except HeadlineError as error:
            log.error("landing.%s: %s", stream.name, error)
            failed.append(error)
    if failed:
        raise failed[0]
    return done


def _streams(catalog: Catalog) -> Iterator[Stream]:
    for source in catalog.pipelines.values():
        if isinstance(source, Source):
            yield from (Stream(source, name, spec) for name, spec in source.ingest.items() if isinstance(spec, StreamIngest))


def _land(stream: Stream, run: PipelineRun, announced: Collection[str] | None) -> Iterator[Ingested]:
    from headline.sources.arrived import Arrived, files_there, is_about

    if announced is not None and not is_about(stream.spec, announced):
        return
    first, end = run.requested.start - timedelta(days=stream.spec.lookback_days), run.requested.end
    there, arrived = files_there(stream.spec, Interval(first, end)), Arrived(stream.source.id, stream.name)
    days = arrived.new(there)
    for day in _to_ask_for(days, run, f"landing.{stream.name}"):
        of_day = PipelineRun(run.pipeline, run.run_id, Interval(day, day + DAY), run.catalog, run.ledger, run.warehouse)
        yield ingest(of_day, stream.name)
    if days:
        arrived.add(there, days)
    else:
        log.info("landing.%s: all files of %s to %s have landed", stream.name, first, end - DAY)


def _to_ask_for(days: list[date], run: PipelineRun, landing: str) -> list[date]:
    """The newest day, with which those before it that have landed are read again, and those that have not."""
    known = {load.ds for load in run.ledger.current_loads(landing, [Interval(days[0], days[-1] + DAY)])} if days else set()
    return [day for day in days if day == days[-1] or day not in known]
