"""The DAGs that look after the others."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG

from headline.dag import DEFAULT_ARGS
from headline.operators import FindMissingOperator, RecordRepairsOperator
from headline.timetable import BEFORE_ALL_DATA

OWNER = "operations"


def repair_dag() -> DAG:
    """Every quarter of an hour: what is missing is found, brought by runs of its DAGs, and what came of it is recorded."""
    with DAG(
        dag_id="repair",
        description="Missing days and files are ingested again, and days that were never computed are computed.",
        doc_md=DOCUMENTATION,
        tags=[OWNER],
        default_args={**DEFAULT_ARGS, "owner": OWNER},
        schedule="*/15 * * * *",
        start_date=BEFORE_ALL_DATA,
        catchup=False,
        max_active_runs=1,
        # A run that takes longer is left to itself: the next look finds it at work, and records its end.
        dagrun_timeout=timedelta(hours=1),
    ) as dag:
        find = FindMissingOperator(task_id="find_missing")
        bring = TriggerDagRunOperator.partial(
            task_id="bring",
            map_index_template="{{ task.trigger_run_id }}",
            logical_date=None,
            skip_when_already_exists=True,
            wait_for_completion=True,
            deferrable=True,
            poke_interval=2,
            # Its own log says why a run failed, and the record what that means; it is no failure of the repair.
            allowed_states=["success", "failed"],
            failed_states=[],
        ).expand_kwargs(find.output)
        find >> bring >> RecordRepairsOperator(task_id="record", trigger_rule="all_done")
    return dag


DOCUMENTATION = """
Days that should be there and are not are found in the ledger: a source's day of which nothing, or an empty answer, has arrived,
and a pipeline's day that was never published although all that it reads is there. Each is brought by a run of its own DAG,
`repair__<what>__<day>__<attempt>`: for exactly that day, and of a source for exactly what is missing.

At most 3 attempts are made: 15 minutes after the landing time, then 1 hour and 4 hours after the one before. Then the day is
escalated: the log of `find_missing` or `record` says what to do and whom to ask. A DAG that is paused or at work is left alone.

`headline repairs` lists all attempts, with what was there before and after.
"""
