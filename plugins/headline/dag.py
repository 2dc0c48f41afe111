"""A folder becomes a DAG."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, ExceptionRetryPolicy, Param, RetryAction, RetryRule
from airflow.sdk.exceptions import TaskDeferralTimeout

from headline import settings
from headline.errors import BadData, BadRequest, SpecError
from headline.operators import IngestOperator, SpecFaultOperator, WriteAuditPublishOperator, callbacks
from headline.operators.landing_deadline import landing_deadline
from headline.operators.links import contract_path, runbook_path
from headline.operators.priority import Urgency
from headline.operators.steps import TIME_TO_COMPUTE
from headline.specs import Pipeline, Source, load_pipeline
from headline.timetable import BEFORE_ALL_DATA, DailyTimetable

# Within runs of one kind, the more important tier gets a worker first.
WEIGHTS = {1: 20, 2: 10}

# Everything else is worth another try: 3 of them, each after a longer wait (the first: [core] default_task_retry_delay).
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(exception=BadData, action=RetryAction.FAIL, reason="the data is bad: a retry cannot help"),
        RetryRule(exception=[SpecError, BadRequest], action=RetryAction.FAIL, reason="wrong as it stands: a retry cannot help"),
        RetryRule(exception=TaskDeferralTimeout, action=RetryAction.FAIL, reason="it has waited for its inputs long enough"),
    ]
)
DEFAULT_ARGS: dict[str, Any] = {
    "retries": 3,
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=15),
    "retry_policy": RETRY_POLICY,
    "execution_timeout": TIME_TO_COMPUTE,
    "on_failure_callback": callbacks.task_failed,
}


def range_params(without: str) -> dict[str, Param]:
    """The days of a form, `from` and `to`; `without`: what it means to leave the first one empty."""
    day: dict[str, Any] = {"type": ["null", "string"], "format": "date"}
    return {
        "from": Param(None, title="From", description=f"First day of a range. Empty: {without}", **day),
        "to": Param(None, title="To", description="Last day of the range, included. Empty: the same day as From.", **day),
    }


PARAMS = {
    **range_params(
        "the day of the logical date; of today's, yesterday. In the Backfill form leave it empty: its own dates name the days, a "
        "run for each."
    ),
    "accept": Param(
        None,
        type=["null", "string"],
        title="Waive unusual figures",
        description="Why they are right, such as a sale or a holiday. Empty: they hold the publication.",
    ),
    "figures": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "pattern": r"^\s*$|@.+="},
        title="Figures",
        description="Which figures are waived, one a line, as the failed run's log names them. Empty: those that the last failed "
        "run found in these days, and are unchanged.",
    ),
}


def source_params(source: Source) -> dict[str, Param]:
    """A source can be asked for some of its landings: just these are read again, the rest is taken as it landed."""
    names = list(source.ingest)
    landings = Param(
        None,
        type=["null", "array"],
        items={"type": "string", "enum": names},
        examples=names,
        title="Landings",
        description="What alone to ingest. Empty: everything.",
    )
    return PARAMS | {"landings": landings}


def pipeline_dag(path: str) -> DAG:
    """The DAG of a pipeline's folder below include/sql (or of a source's, `sources/<id>`), called like the folder.

    A faulty folder becomes a DAG of that name whose only task fails with the list of faults, so that the others still load.
    """
    known = settings.load()
    area, _, name = path.partition("/")
    folder = known.source(name) if area == "sources" else known.sql / path
    try:
        pipeline = load_pipeline(folder)
    except SpecError as error:
        return _faulty_dag(name, area, error)
    params = source_params(pipeline) if isinstance(pipeline, Source) else PARAMS
    due = landing_deadline(pipeline, known.reporting_zone)
    urgency: dict[str, Any] = {"priority_weight": WEIGHTS[pipeline.tier], "weight_rule": Urgency()}
    tags, text = [f"tier {pipeline.tier}"], _documentation(pipeline)
    with _dag(name, area, tags, pipeline.description, text, params=params, deadline=due) as dag:
        publish = WriteAuditPublishOperator(
            task_id="write_audit_publish",
            pipeline=pipeline.id,
            inputs=_inputs(pipeline),
            inlets=assets(pipeline.inputs),
            outlets=assets(pipeline.outputs),
            **urgency,
        )
        if isinstance(pipeline, Source):
            IngestOperator(task_id="ingest", pipeline=pipeline.id, outlets=assets(pipeline.landed), **urgency) >> publish
    return dag


def assets(names: Iterable[str]) -> list[Asset]:
    """Tables and landings as Airflow's Assets page shows them, for the lineage; nothing is scheduled by them.

    For a scheme without `x-` Airflow would load all providers' handlers of URIs, boto3 among them, at every parse of a DAG file.
    """
    return [Asset(name=name, uri=f"x-headline://{name.replace('.', '/')}") for name in sorted(names) if name != "calendar.days"]


def _inputs(pipeline: Pipeline) -> dict[str, Any]:
    """What others publish and the pipeline waits for; landings are there when their own run's `ingest` has succeeded."""
    if isinstance(pipeline, Source):
        return {}
    always_there = {"calendar.days", *settings.load().without}
    return {name: window.model_dump() for name, window in sorted(pipeline.inputs.items()) if name not in always_there}


def _dag(dag_id: str, area: str, tags: list[str], description: str, doc_md: str, **more: Any) -> DAG:
    known = settings.load()
    return DAG(
        dag_id=dag_id,
        description=description,
        doc_md=doc_md,
        tags=[area, *tags],
        default_args={**DEFAULT_ARGS, "owner": area},
        schedule=DailyTimetable(known.start_date, known.reporting_zone, known.first_day),
        start_date=BEFORE_ALL_DATA,
        catchup=True,
        max_active_runs=4,
        access_control=_readers(area) if known.area_roles else None,
        on_failure_callback=callbacks.run_failed,
        **({"params": PARAMS} | more),
    )


def _readers(area: str) -> dict[str, dict[str, set[str]]]:
    """Who reads the area's figures, in the role of its name, may look at its DAGs; all others are the engineers' alone."""
    return {area: {"DAGs": {"can_read"}, "DAG Runs": {"can_read"}}} if area in _roles() else {}


@cache
def _roles() -> frozenset[str]:
    return frozenset(right["name"] for right in json.loads(settings.ROLES.read_text()))


def _faulty_dag(dag_id: str, area: str, error: SpecError) -> DAG:
    faults = "\n".join(error.faults)
    with _dag(dag_id, area, ["faulty"], "The files of this pipeline are faulty", f"```\n{error}\n```") as dag:
        SpecFaultOperator(task_id="read_specification", faults=faults)
    return dag


def _documentation(pipeline: Pipeline) -> str:
    tables = "\n".join(f"- [{table.full_name}]({contract_path(pipeline.id, table.name)})" for table in pipeline.ordered_tables)
    lines = [
        pipeline.description,
        f"Yesterday must be published by **{pipeline.lands_at:%H:%M} UTC**. [Runbook]({runbook_path(pipeline.id)})",
        f"**Tables**\n\n{tables}",
        "The logical date of a run is its business day. To compute one day again, trigger the DAG with that logical date, or "
        "with *From*; a range as one run, with *From* and *To*; a run for each day, with Backfill, both its dates included. "
        f"Everything is in `{_shown(pipeline.folder)}`.",
    ]
    return "\n\n".join(lines)


def _shown(folder: Path) -> str:
    return str(folder.relative_to(settings.PROJECT)) if folder.is_relative_to(settings.PROJECT) else folder.name
