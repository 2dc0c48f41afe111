"""An export under Airflow: it waits for its inputs as pipelines do, and shows what it delivered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.triggers.base import StartTriggerArgs

from headline import settings
from headline.intervals import business_day
from headline.operators.context import requested
from headline.operators.steps import TIME_TO_COMPUTE, TIME_TO_WAIT


class ExportOperator(BaseOperator):
    """Delivers the periods of an export that a run is for; its Rendered Templates show what came of each.

    :param export: its id.
    :param inputs: full names of the tables that it reads, each with the window by which it is read.
    :param execution_timeout: how long it may take; the wait for its inputs does not count.
    """

    template_fields = ("delivered",)
    template_fields_renderers: ClassVar = {"delivered": "json"}
    overwrite_rtif_after_execution = True
    ui_color = "#f4e8d6"

    def __init__(
        self, *, export: str, inputs: dict[str, Any], execution_timeout: timedelta = TIME_TO_COMPUTE, **kwargs: Any
    ) -> None:
        super().__init__(execution_timeout=None, **kwargs)  # Airflow's would end the wait too
        self.compute_timeout = execution_timeout
        self.export = export
        self.delivered: dict[str, Any] = {}
        if inputs:
            self.start_from_trigger = True
            self.start_trigger_args = StartTriggerArgs(
                trigger_cls="headline.operators.inputs.InputsTrigger",
                trigger_kwargs={"inputs": inputs},
                next_method="execute_complete",
                timeout=TIME_TO_WAIT,
            )

    def execute_complete(self, context: Any, event: Any = None) -> None:  # noqa: ARG002 (Airflow's signature)
        """Go on when all inputs are published."""
        self.execute(context)

    def execute(self, context: Any) -> None:
        from airflow.sdk.execution_time.timeout import timeout

        from headline import specs
        from headline.exports.result import Work, periods_of
        from headline.exports.run import run_export
        from headline.ledger import Ledger
        from headline.specs.exports import load_export
        from headline.warehouse import open_warehouse

        export, days = load_export(self.export), requested(context)
        replay = bool(context["params"].get("replay"))
        work = Work(export, context["dag_run"].run_id, specs.load_sound(), Ledger(), open_warehouse(), replay)
        today = business_day(datetime.now(UTC), settings.load().reporting_zone)
        with timeout(self.compute_timeout.total_seconds()):
            for period in periods_of(export, days, today):
                done = run_export(work, period)
                self.delivered[str(period.start)] = {
                    "rows": done.row_count,
                    "sent": done.sent_count,
                    "removed": done.removed_count,
                    "refused_by_the_receiver": done.refused_count,
                    "place": done.place,
                }

    def on_kill(self) -> None:
        """An engine elsewhere would go on computing for nobody."""
        from headline.warehouse import cancel_statements

        cancel_statements()
