"""Waiting for inputs: pipelines join through the ledger, whatever kind of run published what they wait for.

A run begins when its inputs are published and no run upstream that is queued or running is about to publish them anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from headline.intervals import Interval
from headline.operators.upstream import ActiveRuns, ahead_of, describe_runs

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Wait:
    """What one run waits for: the tables that it reads, each with its window, for the days that it computes."""

    tables: Mapping[str, Any]
    interval: Interval
    is_scheduled: bool = False


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
    from headline import ledger, specs

    if not waits:
        return []
    runs = active.of(Interval(min(wait.interval.start for wait in waits), max(wait.interval.end for wait in waits)))
    if not runs:
        return [""] * len(waits)
    catalog, published = specs.load_sound(), ledger.Ledger().published_by({run.run_id for run in runs})
    return [
        describe_runs(ahead_of(runs, wait.tables, wait.interval, published, catalog, is_scheduled=wait.is_scheduled))
        for wait in waits
    ]


def behind_inputs(wait: Wait) -> str:
    """Which of the tables read have not taken in a change of their own inputs, as text: no run is at work that would mend it."""
    from headline import ledger, specs

    found = ledger.behind(specs.load_sound(), ledger.Ledger(), wait.interval, names=set(wait.tables))
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
        from headline.errors import BadRequest
        from headline.operators.context import requested
        from headline.operators.listener import publications

        instance: Any = self.task_instance  # with start_from_trigger it is one that knows its run
        try:
            interval = requested(instance.get_template_context())
        except BadRequest:
            yield TriggerEvent("refused")  # the task says why, and fails
            return
        wait = Wait(self.inputs, interval, is_scheduled=instance.get_template_context()["dag_run"].run_type == "scheduled")
        async for missing in publications().watch(wait):
            self.log.info("%s: waiting: %s", interval, missing)
        yield TriggerEvent({"behind": behind} if (behind := await _behind(wait)) else "published")


async def _behind(wait: Wait) -> str:
    """What is only told keeps no run from beginning."""
    try:
        return await asyncio.to_thread(behind_inputs, wait)
    except Exception:
        log.exception("whether inputs are behind cannot be told")
        return ""
