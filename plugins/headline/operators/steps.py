"""The operators: each runs a step of its pipeline and shows in the UI what it did.

Engines are imported while a task runs, never while Airflow parses: it parses the DAG file again for every task.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.triggers.base import StartTriggerArgs

from headline.errors import HeadlineError, SpecError
from headline.intervals import Interval
from headline.operators.context import pipeline_run, requested
from headline.operators.lineage import TellsLineage
from headline.operators.links import ContractsLink, RunbookLink
from headline.operators.summary import summary
from headline.operators.takeover import TAKEN_OVER, Takeover
from headline.redaction import redact

if TYPE_CHECKING:
    from headline.pipeline import TableRun

log = logging.getLogger(__name__)

INGESTED = "days"  # the XCom of the days that a run of a backfill has ingested, where these are more than its own
TIME_TO_WAIT = timedelta(hours=24)
TIME_TO_COMPUTE = timedelta(hours=2)
BACKGROUND_NICENESS = 10


class IngestOperator(TellsLineage, BaseOperator):
    """Lands what a source has for the run's days, a file a day.

    Exists apart from the load so that what arrived is kept, whatever becomes of it later.

    :param pipeline: id of the source.
    """

    template_fields = ("ingested",)
    template_fields_renderers: ClassVar = {"ingested": "json"}
    overwrite_rtif_after_execution = True
    operator_extra_links = (RunbookLink(),)
    ui_color = "#dbe9f4"

    def __init__(self, *, pipeline: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.landing = ""  # the one that failed
        self.failed: dict[str, Exception] = {}
        self.ingested: dict[str, Any] = {}

    def execute(self, context: Any) -> None:
        from headline.pipeline import ingest

        def work(days: Interval) -> None:
            ingest(pipeline_run(self.pipeline, context, days), report=self.show)

        try:
            own = requested(context)
            share = _share(self.pipeline, context, own)
            _give_way(context["dag_run"])  # not before: who has nothing to do frees its worker at once
            if (days := _together(work, share, own)) != own:
                context["ti"].xcom_push(key=INGESTED, value=days.to_json())
        except HeadlineError as error:
            # Alerts tell which landing it is: one that failed in the way that decides about a retry.
            failed = [landing for landing, one in self.failed.items() if isinstance(one, type(error))] or list(self.failed)
            self.landing = next(iter(failed), "")  # none where the run itself is wrong, such as a range that is no range
            raise

    def show(self, landing: str, outcome: Any) -> None:
        """Put what came of a landing into the rendered fields."""
        if isinstance(outcome, Exception):
            self.failed[landing] = outcome
            self.ingested[landing] = {"error": redact(str(outcome))}
        else:
            self.ingested[landing] = {
                "days": [str(interval) for interval in outcome.intervals],
                "files": outcome.file_count,
                "rows": outcome.row_count,
                "new_or_changed_files": outcome.changed_count,
            }


class WriteAuditPublishOperator(TellsLineage, BaseOperator):
    """Computes the tables of a pipeline, audits them and publishes all of them, or none.

    Its Rendered Templates show, also when it fails: per table its state, days, rows, checks and seconds (`tables`), every check
    (`checks`) and the SQL that ran (`sql`). Where the pipeline reads others, the scheduler defers it before it starts a worker.

    :param pipeline: id of the pipeline.
    :param inputs: full names of the tables that others publish, each with the window by which it is read.
    :param execution_timeout: how long it may compute; the wait before does not count.
    """

    template_fields = ("tables", "checks", "sql")
    template_fields_renderers: ClassVar = {"tables": "json", "checks": "json", "sql": "sql"}
    overwrite_rtif_after_execution = True
    operator_extra_links = (RunbookLink(), ContractsLink())
    ui_color = "#e8f5e0"

    def __init__(
        self,
        *,
        pipeline: str,
        inputs: dict[str, Any] | None = None,
        execution_timeout: timedelta = TIME_TO_COMPUTE,
        **kwargs: Any,
    ) -> None:
        super().__init__(execution_timeout=None, **kwargs)  # Airflow's would end the wait too
        self.compute_timeout = execution_timeout
        self.pipeline = pipeline
        self.done: Sequence[TableRun] = ()
        self.tables: dict[str, Any] = {}
        self.checks: dict[str, dict[str, str]] = {}
        self.sql = ""
        if inputs:
            self.start_from_trigger = True
            self.start_trigger_args = StartTriggerArgs(
                trigger_cls="headline.operators.inputs.InputsTrigger",
                trigger_kwargs={"inputs": inputs},
                next_method="execute_complete",
                timeout=TIME_TO_WAIT,
            )

    def execute(self, context: Any) -> None:
        is_backfill = context["dag_run"].run_type == "backfill"
        self.compute(context, context["ti"].xcom_pull(task_ids="ingest", key=INGESTED) if is_backfill else None)

    def compute(self, context: Any, more: list[str] | None) -> None:
        """Compute the days that the run was asked for, or more where they are given."""
        from airflow.sdk.execution_time.timeout import timeout

        from headline.operators.asking import ask_people, gate_of
        from headline.pipeline import write_audit_publish

        def work(days: Interval) -> None:
            gate = gate_of(context)
            try:
                write_audit_publish(pipeline_run(self.pipeline, context, days), report=self.show, gate=gate)
            finally:
                ask_people(gate)

        _give_way(context["dag_run"])
        own, moment = requested(context), datetime.now(UTC)
        with timeout(self.compute_timeout.total_seconds()):
            days = _together(work, Interval.from_json(more) if more else own, own)
        if days != own and _is_newest(self.pipeline, days):
            context["ti"].xcom_push(key=TAKEN_OVER, value=Takeover(days, moment).to_json())

    def on_kill(self) -> None:
        """An engine elsewhere would go on computing for nobody."""
        from headline.warehouse import cancel_statements

        cancel_statements()

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """Go on when all inputs are published."""
        told = event if isinstance(event, dict) else {}
        if told.get("behind"):
            self.log.warning(
                "inputs are behind their inputs, and no run is at work that fixes it: %s. "
                "When they have been computed again, this run's days follow with the pipeline's next run",
                told["behind"],
            )
        self.compute(context, told.get("days"))

    def show(self, tables: Sequence[TableRun]) -> None:
        """Put what the run has done so far into the rendered fields."""
        self.done = tables
        self.sql = "\n\n".join(f"-- {one.table}\n{one.compiled_sql}" for one in tables)
        self.checks = {one.table: one.checks for one in tables if one.checks}
        self.tables = {one.table: summary(one) for one in tables}


def _give_way(dag_run: Any) -> None:
    """Let a run that somebody waits for have the processor before a backfill; a task is a process of its own."""
    if dag_run.run_type == "backfill":
        os.nice(BACKGROUND_NICENESS)


def _share(pipeline_id: str, context: Any, own: Interval) -> Interval:
    """The days that a source's run ingests: its own, and those of the backfill that it takes over.

    Raises AirflowSkipException where another run of the backfill has computed them.
    """
    dag_run = context["dag_run"]
    if dag_run.run_type != "backfill":
        return own
    from airflow.sdk.exceptions import AirflowSkipException

    from headline.operators.together import share_of
    from headline.operators.upstream import ActiveRuns

    share = share_of(pipeline_id, dag_run.run_id, own, ActiveRuns())
    if share.is_done:
        raise AirflowSkipException(f"{own}: computed together with another day of this backfill")
    return share.days


def _is_newest(pipeline_id: str, days: Interval) -> bool:
    """Whether no input has changed since these days were published; what cannot be asked does not undo a publication."""
    from headline.operators.together import is_behind

    try:
        return not is_behind(pipeline_id, days)
    except HeadlineError as error:
        log.warning("the runs of %s are left to find out for themselves that it is computed: %s", days, error)
        return False


def _together(work: Callable[[Interval], object], days: Interval, own: Interval) -> Interval:
    """Do the work for all the days, or where that fails for the run's own, and give those: one bad day holds back no other."""
    if days != own:
        try:
            work(days)
        except HeadlineError as error:
            log.warning("%s cannot be computed together, so that this run computes its own days alone: %s", days, error)
        else:
            return days
    work(own)
    return own


class SpecFaultOperator(BaseOperator):
    """Stands in for a pipeline whose files are faulty and fails with what is wrong with them.

    :param faults: the text of the faults.
    """

    def __init__(self, *, faults: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.faults = faults

    def execute(self, context: Any) -> None:  # noqa: ARG002 (Airflow's signature)
        raise SpecError(self.faults.splitlines())
