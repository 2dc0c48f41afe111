"""The tasks of the DAGs freshness_watch and alert_drill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from airflow.sdk import BaseOperator


class WatchOperator(BaseOperator):
    """Looks at the data and tells people; comes back at every moment before the next run at which somebody is due to be told.

    Between these moments it holds no worker. Without a triggerer it does not come back, but the next run looks all the same.

    :param every: time between two runs of the DAG.
    """

    ui_color = "#f4dcdc"

    def __init__(self, *, every: timedelta, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.every = every

    def execute(self, context: Any, event: Any = None) -> None:  # noqa: ARG002 (Airflow's signature)
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        from headline.incidents import heartbeat
        from headline.incidents.watch import look
        from headline.operators.asking import ask_about_forgotten
        from headline.paging import emergency

        now = datetime.now(UTC)
        try:
            ask_about_forgotten()
        except Exception:  # a request must not keep the watch from looking at all the rest
            self.log.exception("people could not be asked about requests that wait")
        upcoming = look(now)
        emergency.recovered(now)
        heartbeat.beat(now)
        begun = context["dag_run"].run_after or context["dag_run"].start_date
        if upcoming and upcoming < begun + self.every:
            self.log.info("the next to be told is due at %s", upcoming)
            self.defer(trigger=DateTimeTrigger(moment=upcoming), method_name="execute", timeout=self.every)


class FiguresOperator(BaseOperator):
    """Looks whether the profit of a month has fallen, where new figures were published; apart, since it needs the warehouse."""

    ui_color = "#f4dcdc"

    def execute(self, context: Any) -> None:  # noqa: ARG002 (Airflow's signature)
        from headline.incidents.figures import look_at_figures

        look_at_figures(datetime.now(UTC))


class DrillOperator(BaseOperator):
    """Sends the drill; the Rendered Templates tab shows what became of it on each channel."""

    template_fields = ("outcome",)
    template_fields_renderers: ClassVar = {"outcome": "json"}
    overwrite_rtif_after_execution = True
    ui_color = "#f4dcdc"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.outcome: dict[str, str] = {}

    def execute(self, context: Any) -> None:  # noqa: ARG002 (Airflow's signature)
        from headline.paging.drill import drill

        self.outcome = drill(datetime.now(UTC))
