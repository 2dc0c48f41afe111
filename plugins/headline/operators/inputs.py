"""Waiting for inputs: pipelines join through the ledger, whatever kind of run published what they wait for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from headline.intervals import Interval


@dataclass(frozen=True, eq=False)
class Wait:
    """What one run waits for: the tables that it reads, each with its window, for the days that it computes."""

    tables: Mapping[str, Any]
    interval: Interval


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


def describe(missing: Missing) -> str:
    """One line: which tables, how many days, and the first of them."""
    return "; ".join(f"{table} lacks {len(days)} day(s) from {days[0]}" for table, days in missing.items())


class InputsTrigger(BaseTrigger):
    """Fires when every input is published for the days of the run that waits.

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
        async for missing in publications().watch(Wait(self.inputs, interval)):
            self.log.info("%s: waiting: %s", interval, missing)
        yield TriggerEvent("published")
