"""An export becomes a DAG, with a schedule of its own after those of the pipelines."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param

from headline import settings
from headline.dag import DEFAULT_ARGS, assets, range_params
from headline.errors import SpecError
from headline.operators import ExportOperator, SpecFaultOperator, callbacks
from headline.specs.access import readers
from headline.specs.exports import Export, load_export
from headline.timetable import BEFORE_ALL_DATA

PARAMS = {
    **range_params("the newest period that has ended."),
    "replay": Param(
        False,
        type="boolean",
        title="Replay",
        description="Send the rows once more that the receiver has refused.",
    ),
}


def export_dag(name: str) -> DAG:
    """The DAG of `include/sql/exports/<name>`, called like the folder; of a faulty one its only task fails with the faults."""
    try:
        export = load_export(name)
    except SpecError as error:
        with _dag(name, "exports", None, "The files of this export are faulty", f"```\n{error}\n```") as dag:
            SpecFaultOperator(task_id="read_specification", faults="\n".join(error.faults))
        return dag
    always_there = {"calendar.days", *settings.load().without}
    inputs = {table: window.model_dump() for table, window in sorted(export.reads.items()) if table not in always_there}
    more: dict[str, Any] = {"params": PARAMS, "timezone": export.zone}
    with _dag(name, export.area, export.schedule, export.description, _documentation(export), **more) as dag:
        ExportOperator(task_id="deliver", export=name, inputs=inputs, inlets=assets(export.reads))
    return dag


def _dag(dag_id: str, area: str, schedule: str | None, description: str, doc_md: str, timezone: str = "UTC", **more: Any) -> DAG:
    from airflow.sdk import CronTriggerTimetable

    return DAG(
        dag_id=dag_id,
        description=description,
        doc_md=doc_md,
        tags=[area, "export"],
        default_args={**DEFAULT_ARGS, "owner": area},
        schedule=CronTriggerTimetable(schedule, timezone=timezone) if schedule else None,
        start_date=BEFORE_ALL_DATA,
        catchup=False,
        max_active_runs=1,
        access_control=readers(dag_id, area) if settings.load().area_roles else None,
        on_failure_callback=callbacks.run_failed,
        on_success_callback=callbacks.run_succeeded,
        **more,
    )


def _documentation(export: Export) -> str:
    tables = "\n".join(f"- {name}" for name in sorted(export.reads))
    return "\n\n".join(
        [
            export.description,
            f"A {export.kind} for **{export.receiver}**, by {export.period}, key {', '.join(export.key)}.",
            f"**Reads**\n\n{tables}",
            "Safe to run again: what was delivered is not delivered twice. With *From* and *To* it delivers these periods; "
            "*Replay* sends the rows once more that the receiver has refused. `headline exports status` tells what came of it.",
        ]
    )
