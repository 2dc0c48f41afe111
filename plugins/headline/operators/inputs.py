"""Waiting for inputs: pipelines join through the ledger, whatever kind of run published what they wait for.

A run begins when its inputs are published and no run upstream that is queued or running is about to publish them again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from airflow.triggers.base import BaseTrigger, TaskSkippedEvent, TriggerEvent

from headline.errors import BadRequest
from headline.intervals import Interval
from headline.operators.context import requested
from headline.operators.together import Share, share_of
from headline.operators.upstream import ActiveRuns, Done, ahead_of, current_catalog, describe_runs

log = logging.getLogger(__name__)

T = TypeVar("T")
# Runs that are started together come one after the other, readers perhaps first: for so long a run waits for others to appear.
TOGETHER = timedelta(seconds=2)
A_MOMENT = "a moment for runs upstream that are started together with it"


@dataclass(frozen=True, eq=False)
class Wait:
    """What one run waits for: the tables that it reads, each with its window, for the days that it computes."""

    tables: Mapping[str, Any]
    interval: Interval
    is_scheduled: bool = False
    run: tuple[str, str] = ("", "")  # its DAG and id


Missing = dict[str, list[str]]  # the days that are not published, by table


def missing_inputs(tables: Mapping[str, Any], interval: Interval) -> Missing:
    """The days of each table that a run of these days needs and that are not published; empty when nothing is missing."""
    [missing] = missing_for([Wait(tables, interval)])
    return missing


def missing_for(waits: Iterable[Wait]) -> list[Missing]:
    """The same for many runs, with one query of the ledger for all of them."""
    from headline import ledger
    from headline.specs import Window

    asked = [({name: Window.model_validate(window) for name, window in wait.tables.items()}, wait.interval) for wait in waits]
    return [
        {table: [str(day) for day in days] for table, days in missing.items()}
        for missing in ledger.missing_for(asked, ledger.Ledger())
    ]


def runs_ahead(waits: Sequence[Wait], active: ActiveRuns) -> list[str]:
    """For each of the runs that wait, which runs upstream are to come first, as text; empty where none is."""
    if not waits:
        return []
    together = datetime.now(UTC) - TOGETHER
    runs = active.of(Interval(min(wait.interval.start for wait in waits), max(wait.interval.end for wait in waits)))
    if not runs:
        return [""] * len(waits)
    catalog = current_catalog()
    names = {catalog.makers[name].outputs[name].full_name for wait in waits for name in wait.tables if name in catalog.makers}
    done = Done.since_queued(runs, names)
    new = {(run.dag_id, run.run_id) for run in runs if run.queued_at and run.queued_at > together}
    return [
        describe_runs(ahead_of(runs, wait.tables, wait.interval, done, catalog, is_scheduled=wait.is_scheduled))
        or (A_MOMENT if wait.run in new else "")
        for wait in waits
    ]


def behind_inputs(wait: Wait) -> str:
    """Which of the tables read have not taken in a change of their own inputs, as text: no run is at work that would fix it."""
    from headline import ledger

    found = ledger.behind(current_catalog(), ledger.Ledger(), wait.interval, names=set(wait.tables))
    return "; ".join(f"{name} for {len(periods)} period(s) from {periods[0].interval.start}" for name, periods in found.items())


def describe(missing: Missing) -> str:
    """One line: which tables, how many days, and the first of them."""
    return "; ".join(f"{table} lacks {len(days)} day(s) from {days[0]}" for table, days in missing.items())


class InputsTrigger(BaseTrigger):
    """Fires when every input is published for the days of the run that waits, and nothing upstream is at work on these days.

    The scheduler starts it, before any worker does, so it asks the run itself for its days.

    :param inputs: full names of the tables, each with the window by which it is read.
    """

    def __init__(self, inputs: dict[str, Any]) -> None:
        super().__init__()
        self.inputs = inputs

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__qualname__}", {"inputs": self.inputs}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from headline.operators.listener import publications

        instance: Any = self.task_instance  # with start_from_trigger it is one that knows its run
        try:
            interval = requested(instance.get_template_context())
        except BadRequest:
            yield TriggerEvent("refused")  # the task says why, and fails
            return
        dag_run = instance.get_template_context()["dag_run"]
        run = (dag_run.dag_id, dag_run.run_id)
        wait = Wait(self.inputs, interval, dag_run.run_type == "scheduled", run)
        async for missing in publications().watch(wait):
            self.log.info("%s: waiting: %s", interval, missing)
        event: dict[str, Any] = {}
        if behind := await _told(behind_inputs, wait, otherwise=""):
            event["behind"] = behind
        if dag_run.run_type == "backfill":
            share = await _told(share_of, *run, interval, publications().active, otherwise=Share(interval))
            if share.is_done:
                self.log.info("%s: computed together with another day of this backfill", interval)
                yield TaskSkippedEvent()
                return
            if share.days != interval:
                event["days"] = share.days.to_json()
        yield TriggerEvent(event or "published")


async def _told(ask: Callable[..., T], *asked: Any, otherwise: T) -> T:
    """What is only good to know keeps no run from beginning."""
    try:
        return await asyncio.to_thread(ask, *asked)
    except Exception:
        log.exception("%s cannot be told", ask.__name__)
        return otherwise
