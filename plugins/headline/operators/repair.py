"""Repair under Airflow: what is missing becomes runs of its source, as TriggerDagRunOperator takes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowRuntimeError

UNFINISHED = ["queued", "running"]


class AirflowRuns:
    """What a task may ask Airflow about DAGs and runs of others; implements headline.pipeline.Runs."""

    def __init__(self, task_instance: Any) -> None:
        self._task_instance = task_instance

    def obstacle(self, dag_id: str) -> str:
        """A paused DAG only piles runs up; one that is at work may be bringing what is missing."""
        try:
            is_paused = self._task_instance.get_dag(dag_id).is_paused
        except AirflowRuntimeError as error:
            if (error.error.detail or {}).get("status_code") != 404:
                raise
            return "Airflow has no DAG of that name"
        if is_paused:
            return "the DAG is paused: unpause it"
        at_work = self._task_instance.get_dr_count(dag_id, states=UNFINISHED)
        return f"{at_work} of its runs are at work and may bring them" if at_work else ""

    def state(self, dag_id: str, run_id: str) -> Literal["at work", "ended", "absent"]:
        if self._task_instance.get_dr_count(dag_id, run_ids=[run_id], states=UNFINISHED):
            return "at work"
        return "ended" if self._task_instance.get_dr_count(dag_id, run_ids=[run_id]) else "absent"


class FindMissingOperator(BaseOperator):
    """Finds the days that are missing and records who is to bring them; gives the arguments of the runs to trigger."""

    template_fields = ("found",)
    template_fields_renderers: ClassVar = {"found": "json"}
    overwrite_rtif_after_execution = True
    ui_color = "#dbe9f4"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.found: list[str] = []

    def execute(self, context: Any) -> list[dict[str, Any]]:
        from headline import specs
        from headline.gaps import repair
        from headline.ledger import Ledger, Repairs

        runs = repair(specs.load_sound(), Ledger(), Repairs(), AirflowRuns(context["ti"]), datetime.now(UTC))
        self.found = [f"{one.dag_id}: {one.note}" for one in runs]
        return [
            {"trigger_dag_id": one.dag_id, "trigger_run_id": one.run_id, "conf": one.conf, "note": f"Repair: {one.note}"}
            for one in runs
        ]


class RecordRepairsOperator(BaseOperator):
    """Records what came of the runs: repaired, failed or escalated. Where it does not come to that, the next look does."""

    ui_color = "#e4dcf4"

    def execute(self, context: Any) -> None:
        from headline import specs
        from headline.gaps import settle, take_stock
        from headline.ledger import Ledger, Repairs

        now = datetime.now(UTC)
        settle(take_stock(specs.load_sound(), Ledger(), now), Repairs(), AirflowRuns(context["ti"]), now)
