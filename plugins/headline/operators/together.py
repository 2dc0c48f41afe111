"""Runs of one backfill compute their days together: the first takes over the days of those that are queued beside it.

A run a day is what Airflow's form makes, and what people clear and see; a range in one session costs little more than a day.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from headline.intervals import DAY, Interval
from headline.operators.upstream import ActiveRun, ActiveRuns, Done, ahead_of, current_catalog

if TYPE_CHECKING:
    from headline.specs import Catalog, Window

# One bad day holds back those that are computed with it, so that all are computed again one by one.
MOST_DAYS = 31


@dataclass(frozen=True)
class Share:
    """What a run of a backfill has to compute: its own days and those beside them that it takes over.

    `is_done`: another run of the backfill has taken over its days already, from inputs that are still the newest.
    """

    days: Interval
    is_done: bool = False


def share_of(pipeline_id: str, run_id: str, days: Interval, active: ActiveRuns) -> Share:
    """The share of one run of a backfill, as Airflow and the ledger know it at this moment; its own days where they do not."""
    catalog = current_catalog()
    pipeline = catalog.pipelines[pipeline_id]
    runs = active.of(Interval(days.start - timedelta(days=MOST_DAYS), days.end + timedelta(days=MOST_DAYS)))
    mine = next((run for run in runs if (run.dag_id, run.run_id) == (pipeline_id, run_id)), None)
    if mine is None or mine.queued_at is None:
        return Share(days)
    names = [table.full_name for table in pipeline.ordered_tables]
    upstream = {catalog.makers[name].outputs[name].full_name for name in pipeline.inputs if name in catalog.makers}
    done = Done.since_queued(runs, {*names, *upstream})
    is_done = all(done.by_another(mine, name) for name in names)
    if is_done and not is_behind(pipeline_id, days):
        return Share(days, is_done=True)
    queued = {run.days for run in runs if run.dag_id == pipeline_id and run.run_type == "backfill" and run.state == "queued"}
    return Share(_ready(pipeline.inputs, _contiguous(queued, days), days, runs, done, catalog))


def _contiguous(queued: Collection[Interval], own: Interval) -> Interval:
    """The days around one's own for which runs are queued: behind it, or before it in a backfill that runs backwards."""
    start, end = own.start, own.end
    while len(Interval(start, end)) < MOST_DAYS and Interval(end, end + DAY) in queued:
        end += DAY
    while len(Interval(start, end)) < MOST_DAYS and Interval(start - DAY, start) in queued:
        start -= DAY
    return Interval(start, end)


def is_behind(pipeline_id: str, days: Interval) -> bool:
    """Whether an input of one of the pipeline's tables has changed since these days were published."""
    from headline import ledger

    catalog = current_catalog()
    names = {table.full_name for table in catalog.pipelines[pipeline_id].ordered_tables}
    return bool(ledger.behind(catalog, ledger.Ledger(), days, names=names))


def _ready(
    inputs: Mapping[str, Window], days: Interval, own: Interval, runs: Sequence[ActiveRun], done: Done, catalog: Catalog
) -> Interval:
    """The days around one's own whose inputs are published and about which nothing upstream is at work."""
    from headline import ledger, settings

    if days == own:
        return own
    reads = {name: window for name, window in inputs.items() if name in catalog.makers and name not in settings.load().without}
    others = [Interval(day, day + DAY) for day in days if day not in own]
    missing = ledger.missing_for([(reads, day) for day in others], ledger.Ledger())
    ready = {
        day
        for day, lacking in zip(others, missing, strict=True)
        if not lacking and not ahead_of(runs, set(reads), day, done, catalog)
    }
    return _contiguous(ready, own)
