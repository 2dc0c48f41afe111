"""Reconciliation under Airflow: what is loaded of a source, compared with what the source says today."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from airflow.sdk import BaseOperator

from headline.errors import BadData
from headline.intervals import DAY, Interval, business_day


class ReconcileOperator(BaseOperator):
    """Compares the loaded days of a source with the source; fails with the days that differ and the run that takes them in.

    :param source: the source.
    :param days: so many days before today.
    """

    template_fields = ("found",)
    template_fields_renderers: ClassVar = {"found": "json"}
    overwrite_rtif_after_execution = True
    ui_color = "#dbe9f4"

    def __init__(self, *, source: str, days: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.days = days
        self.found: list[str] = []

    def execute(self, context: Any) -> None:
        from headline import settings, specs
        from headline.ledger import Ledger
        from headline.pipeline.reconcile import next_step, reconcile

        begun = context["dag_run"].run_after or datetime.now(UTC)
        today = business_day(begun, settings.load().reporting_zone)
        whole = Interval(today - timedelta(days=self.days), today)
        found = list(reconcile(specs.load_sound().source(self.source), whole, Ledger()))
        self.found = [f"{one.landing} {one.ds or 'of no day'}: {one.found}" for one in found]
        for told in self.found:
            self.log.warning("%s", told)
        if found:
            raise BadData(
                f"{len(found)} difference(s) between what is loaded of {whole.start} to {whole.end - DAY} and what {self.source} "
                f"says by now, such as {self.found[0]}.\n{next_step(self.source, found)}"
            )
