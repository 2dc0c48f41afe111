"""Backfills over a range under Airflow: one task plans, shows and records the request, the other carries it out."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from headline.errors import BadRequest
from headline.operators.steps import BACKGROUND_NICENESS, TIME_TO_COMPUTE

if TYPE_CHECKING:
    from headline.ledger import Backfill
    from headline.pipeline import PipelineRun, TableRun

DAG_ID = "backfill"


class PlanBackfillOperator(BaseOperator):
    """Shows what the form asks for, exactly, and records it; gives the number of the backfill.

    The same run records it once. A form that only asks for the plan ends here, as does one with nothing to do.
    """

    template_fields = ("plan",)
    template_fields_renderers: ClassVar = {"plan": "md"}
    overwrite_rtif_after_execution = True
    ui_color = "#dbe9f4"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = ""

    def execute(self, context: Any) -> int:
        from headline import specs
        from headline.backfill import make_plan, markdown, read_request
        from headline.ledger import Backfills, Ledger
        from headline.warehouse import open_warehouse

        params, run, backfills = context["params"], context["dag_run"], Backfills()
        if params.get("resume"):
            found = backfills.get(int(params["resume"]))
            self.plan = found.plan
            return found.id
        if known := backfills.of_run(run.run_id):  # a task that is tried again: what was recorded counts
            self.plan = known.plan
            return known.id
        catalog, ledger = specs.load_sound(), Ledger()
        request = read_request(catalog, ledger, params, run.triggering_user_name or "unknown", datetime.now(UTC))
        planned = make_plan(catalog, ledger, open_warehouse(), request)
        self.plan = markdown(planned)
        self.log.info("%s", self.plan)
        if params.get("plan_only") or not planned.chunks:
            raise AirflowSkipException("only the plan was asked for" if planned.chunks else "there is nothing to compute")
        recorded = backfills.request(run.run_id, request, planned.chunks, self.plan, planned.before)
        self.log.info("this is %s", recorded.name)
        return recorded.id


class RunBackfillOperator(BaseOperator):
    """Computes what the ledger says is missing of a backfill; shows each chunk, and what became of totals."""

    template_fields = ("chunks", "effect")
    template_fields_renderers: ClassVar = {"chunks": "json", "effect": "json"}
    overwrite_rtif_after_execution = True
    ui_color = "#e8f5e0"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(execution_timeout=None, **kwargs)
        self.compute_timeout = TIME_TO_COMPUTE  # of each run of a pipeline
        self.chunks: list[dict[str, Any]] = []
        self.effect: list[str] = []

    def execute(self, context: Any) -> None:
        from airflow.sdk.exceptions import AirflowTaskTimeout
        from airflow.sdk.execution_time.timeout import timeout

        from headline import specs
        from headline.backfill.execute import Cancelled, execute, gate_of
        from headline.backfill.render import effect
        from headline.ledger import Ledger
        from headline.operators.asking import ask_people, people_of
        from headline.pipeline import write_audit_publish
        from headline.warehouse import open_warehouse

        number = context["ti"].xcom_pull(task_ids="plan")
        os.nice(BACKGROUND_NICENESS)  # today's landing has the processor first; its locks are fair
        catalog, ledger, run_id = specs.load_sound(), Ledger(), context["dag_run"].run_id

        def work(run: PipelineRun, found: Backfill) -> list[TableRun]:
            gate = gate_of(found, lambda: people_of(context))
            try:
                with timeout(self.compute_timeout.total_seconds()):
                    return write_audit_publish(run, gate=gate, alone=True)
            except AirflowTaskTimeout as error:  # no Exception, which would leave the chunk as running for ever
                raise BadRequest(
                    f"{run.pipeline.id}: {run.requested} was not computed within {self.compute_timeout}: resume when less runs "
                    "beside it, or cancel it and ask for its days with fewer at once (HEADLINE_BACKFILL_DAYS)"
                ) from error
            finally:
                ask_people(gate)

        try:
            done = execute(catalog, ledger, open_warehouse(), number, run_id, self.show, work)
        except Cancelled as cancelled:
            raise AirflowSkipException(str(cancelled)) from cancelled
        self.show(done)
        self.effect = effect(done.totals_before, done.totals_after or {})

    def show(self, found: Backfill) -> None:
        """Put what was done so far into the rendered fields."""
        self.chunks = [
            {
                "pipeline": one.pipeline,
                "days": str(one.interval),
                "state": one.state,
                "published": one.changed_count,
                "rows": one.row_count,
                **({"error": one.error} if one.error else {}),
            }
            for one in found.chunks
        ]
