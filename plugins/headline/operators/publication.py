"""Waiting for inputs: pipelines join through the ledger, whatever kind of run made what they wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent

from headline.intervals import Interval
from headline.operators.context import requested
from headline.operators.links import RunbookLink


def missing_inputs(tables: Mapping[str, Any], interval: Interval) -> dict[str, list[str]]:
    """For each table, with the window it is read by, that is not published for all days that are needed: the missing ones."""
    from headline.ledger import Ledger, missing_days
    from headline.specs import Window

    changes = Ledger().changes(list(tables))
    found = {
        table: missing_days(interval, [change for change in changes if change.table == table], Window.model_validate(window))
        for table, window in tables.items()
    }
    return {table: [str(day) for day in days] for table, days in found.items() if days}


def describe(missing: dict[str, list[str]]) -> str:
    """One line: which tables, how many days, and the first of them."""
    return "; ".join(f"{table} lacks {len(days)} day(s) from {days[0]}" for table, days in missing.items())


class PublicationTrigger(BaseTrigger):
    """Fires when every table is published for the whole interval, and without gaps before it where that is asked for.

    :param tables: full names, each with the window by which it is read.
    :param interval: first day, and the day after the last, as ISO dates.
    :param poke_interval: seconds between two looks at the ledger.
    """

    def __init__(self, tables: dict[str, Any], interval: list[str], poke_interval: float) -> None:
        super().__init__()
        self.tables = tables
        self.interval = interval
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"tables": self.tables, "interval": self.interval, "poke_interval": self.poke_interval}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from asgiref.sync import sync_to_async

        from headline.errors import Transient

        look = sync_to_async(missing_inputs, thread_sensitive=False)
        said = ""
        while True:
            try:
                missing = await look(self.tables, Interval.from_json(self.interval))
                if not missing:
                    break
                now = describe(missing)
            except Transient as error:
                now = str(error)
            if now != said:
                self.log.info("still waiting: %s", now)
                said = now
            await asyncio.sleep(self.poke_interval)
        yield TriggerEvent("published")


class PublicationSensor(BaseSensorOperator):
    """Waits until all inputs are published for the run's days, without holding a worker.

    :param pipeline: id of the pipeline that waits.
    :param tables: full names of its inputs, each with the window by which it is read.
    """

    template_fields = ("tables",)
    operator_extra_links = (RunbookLink(),)
    ui_color = "#eeeeee"

    def __init__(self, *, pipeline: str, tables: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**{"poke_interval": 2.0, "timeout": timedelta(hours=24).total_seconds(), **kwargs})
        self.pipeline = pipeline
        self.tables = tables

    def execute(self, context: Any) -> None:
        interval = requested(context)
        missing = missing_inputs(self.tables, interval)
        if missing:
            self.log.info("waiting: %s", describe(missing))
            trigger = PublicationTrigger(self.tables, interval.to_json(), self.poke_interval)
            self.defer(trigger=trigger, method_name="execute_complete", timeout=timedelta(seconds=self.timeout))

    def execute_complete(self, context: Any, event: Any = None) -> None:  # noqa: ARG002 (Airflow's signature)
        self.log.info("all inputs are published")
