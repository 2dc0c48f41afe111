"""Arrivals under Airflow: a queue or the clock says that a stream may have new files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar

from airflow.sdk import BaseOperator


class ArrivalsOperator(BaseOperator):
    """Lands the new files of all streams, or of those that the messages behind the run's asset events are about."""

    template_fields = ("landed",)
    template_fields_renderers: ClassVar = {"landed": "json"}
    overwrite_rtif_after_execution = True
    ui_color = "#dbe9f4"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.landed: list[str] = []

    def execute(self, context: Any) -> None:
        from headline import specs
        from headline.intervals import in_words
        from headline.ledger import Ledger
        from headline.pipeline.arrivals import land_arrivals
        from headline.sources.announced import announced
        from headline.warehouse import open_warehouse

        messages = list(_messages(context))
        told = announced(messages) if messages else None
        run_id = context["dag_run"].run_id
        for one in land_arrivals(specs.load_sound(), Ledger(), open_warehouse(), run_id, datetime.now(UTC), told):
            days = in_words(day for interval in one.intervals for day in interval)
            self.landed.append(f"{one.landing}: {days}, {one.row_count:,} rows, {one.changed_count} days new or changed")


def _messages(context: Any) -> Iterator[dict[str, Any]]:
    """What the queue gave to the trigger behind each asset event of the run; several events may have one run."""
    for events in (context.get("triggering_asset_events") or {}).values():
        for event in events:
            yield from ((event.extra or {}).get("payload") or {}).get("message_batch", ())
