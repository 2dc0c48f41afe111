"""The DAGs that look after the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, AssetWatcher

from headline.dag import DEFAULT_ARGS
from headline.operators import (
    ArrivalsOperator,
    BackupOperator,
    FindMissingOperator,
    ReconcileOperator,
    RecordRepairsOperator,
    RetentionOperator,
    TableUpkeepOperator,
    callbacks,
)
from headline.operators.watch import DrillOperator, FiguresOperator, WatchOperator
from headline.timetable import BEFORE_ALL_DATA

OWNER = "operations"
WATCH_EVERY = timedelta(minutes=10)
RECONCILED_DAYS = 90
ARRIVALS_CONNECTION = "headline_arrivals"


def repair_dag() -> DAG:
    """Every quarter of an hour: what is missing is found, brought by runs of its DAGs, and what came of it is recorded."""
    # A run that takes longer is left to itself: the next look finds it at work, and records its end.
    more: dict[str, Any] = {"dagrun_timeout": timedelta(hours=1), "on_success_callback": callbacks.run_succeeded}
    what = "Missing days and files are ingested again, and days that were never computed are computed."
    with _dag("repair", "*/15 * * * *", what, REPAIR, **more) as dag:
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


def reconciliation_dag(sources: Sequence[str]) -> DAG:
    """Once a week: what is loaded of the last 90 days, compared with what each source says by now."""
    with _dag(
        "reconciliation",
        "0 6 * * 6",
        "Finds loaded days that their source tells otherwise by now, later than any lookback reaches.",
        RECONCILIATION,
    ) as dag:
        for source in sources:
            ReconcileOperator(task_id=source, source=source, days=RECONCILED_DAYS, on_failure_callback=callbacks.task_failed)
    return dag


def backup_dag(target: str) -> DAG:
    """Once a night, where somebody has said where to: ledger, warehouse and landed files of one moment are copied."""
    with _dag(
        "backup",
        "30 4 * * *" if target else None,
        "Copies ledger, warehouse and landed files to HEADLINE_BACKUP_TO; without it, it has no schedule.",
        BACKUP,
    ) as dag:
        BackupOperator(task_id="back_up", on_failure_callback=callbacks.task_failed)
    return dag


def arrivals_dag(told: str) -> DAG:
    """As soon as a queue tells of new files, or every so many minutes: what is new of streams lands; else with the daily run."""
    what = "Lands micro-batches of streams as they arrive, as HEADLINE_ARRIVALS says; without it, it has no schedule."
    # What comes meanwhile is for the next run, however many messages that is.
    with _dag("arrivals", _when_told(told), what, ARRIVALS) as dag:
        ArrivalsOperator(task_id="land")
    return dag


def _when_told(told: str) -> list[Asset] | timedelta | None:
    if not told or told.isdecimal():
        return timedelta(minutes=int(told)) if told else None
    from airflow.providers.amazon.aws.triggers.sqs import SqsSensorTrigger

    # Each question waits for a message for 20 s, the longest that there is, and the next one follows at once.
    queue = SqsSensorTrigger(told, ARRIVALS_CONNECTION, max_messages=10, wait_time_seconds=20, waiter_delay=0)
    return [Asset(name="arrivals", uri="x-headline://arrivals", watchers=[AssetWatcher(name="queue", trigger=queue)])]


def freshness_watch_dag() -> DAG:
    """Every ten minutes, and at every deadline in between: whether all data are there, right and fresh, and who must be told."""
    defaults = {"retries": 2, "retry_delay": timedelta(seconds=10), "execution_timeout": timedelta(minutes=5)}
    # One that waits for its next moment must not keep the next one from looking.
    more: dict[str, Any] = {"max_active_runs": 3, "on_success_callback": callbacks.run_succeeded}
    what = "Whether yesterday is published everywhere in time; opens incidents and notifies people."
    with _dag("freshness_watch", "*/10 * * * *", what, FRESHNESS_WATCH, defaults, **more) as dag:
        WatchOperator(task_id="watch", every=WATCH_EVERY, on_failure_callback=callbacks.watch_failed)
        FiguresOperator(task_id="look_at_figures", on_failure_callback=callbacks.task_failed)
    return dag


def alert_drill_dag() -> DAG:
    """Once a week, in the morning: whether an alert would reach whoever is on call."""
    defaults = {"retries": 0, "execution_timeout": timedelta(minutes=5)}
    what = "Sends whoever is on call a synthetic alert over every channel, and complains if one does not take it."
    with _dag("alert_drill", "0 9 * * 1", what, ALERT_DRILL, defaults) as dag:
        DrillOperator(task_id="drill", on_failure_callback=callbacks.drill_failed)
    return dag


def retention_dag() -> DAG:
    """Once a day, after the night's runs: what nobody needs any more is removed."""
    with _dag(
        "retention",
        "0 12 * * *",
        "Removes what is older than the settings HEADLINE_KEEP_… say, and says what it removed.",
        RETENTION,
    ) as dag:
        RetentionOperator(task_id="remove", on_failure_callback=callbacks.task_failed)
    return dag


def table_upkeep_dag() -> DAG:
    """Once a week: files that publications have left are merged, and old snapshots go, where the engine leaves that to others."""
    what = "OPTIMIZE and VACUUM of every published table on Athena; skipped on DuckDB."
    with _dag("table_upkeep", "0 14 * * 0", what, TABLE_UPKEEP) as dag:
        TableUpkeepOperator(task_id="keep_up", on_failure_callback=callbacks.task_failed)
    return dag


def _dag(
    dag_id: str, schedule: Any, description: str, doc_md: str, defaults: Mapping[str, Any] = DEFAULT_ARGS, **more: Any
) -> DAG:
    """A DAG of the operations; one run at a time, and none for the past."""
    return DAG(
        dag_id=dag_id,
        description=description,
        doc_md=doc_md,
        tags=[OWNER],
        default_args={**defaults, "owner": OWNER},
        schedule=schedule,
        start_date=BEFORE_ALL_DATA,
        catchup=False,
        **({"max_active_runs": 1} | more),
    )


REPAIR = """
Days that should be there and are not are found in the ledger: a source's day of which nothing, or an empty answer, has arrived,
and a pipeline's day that was never published although all that it reads is there. Each is brought by a run of its own DAG,
`repair__<what>__<day>__<attempt>`: for exactly that day, and of a source for exactly what is missing.

At most 3 attempts are made: 15 minutes after the landing time, then 1 hour and 4 hours after the one before. Then the day is
escalated: the log of `find_missing` or `record` says what to do and whom to ask. A DAG that is paused or at work is left alone.

`headline repairs` lists all attempts, with what was there before and after.
"""

RECONCILIATION = """
A day is read again as long as it lies within its landing's lookback. What a source changes later is found here: rows, keys and
money of each loaded day of the last 90 days are compared with what the source says today. Nothing is loaded. A task that finds a
difference fails with the days and with the run that takes them in: whether the source is right is for a person to say. It names
records that no day brings, too, such as lines of an order that is not there.

`headline reconcile <source> --from <day> --to <day>` does the same at any time.
"""

BACKUP = """
Ledger, warehouse and landed files are copied as they are at one moment, with a checksum each, to a new folder below the address
that `HEADLINE_BACKUP_TO` names. Landed files that an earlier backup has are not copied again. Nobody publishes while the
warehouse's file is copied beside itself; nobody waits for the rest. The DAG `retention` removes old backups.

`headline backup <target>` does the same at any time, `headline restore <backup>` puts it back. Airflow's own database is not in
it: what is published does not depend on it.
"""

ARRIVALS = """
A stream's files of today and of the days of its lookback are compared with those that have landed; days with a new one are read
and land. Nothing is computed or published before the day is over: the daily run reads all files of the day once more.

`HEADLINE_ARRIVALS` is the URL of an SQS queue that S3 tells of new files, reached by the connection `headline_arrivals`, or every
how many minutes to look. A message only starts the comparison: a duplicate, a late or a lost one changes nothing that lands.
"""

FRESHNESS_WATCH = """
Looks at the ledger only, so that a run that is late, failed, paused or was never made is the same to it. What is wrong becomes
an incident, one per pipeline, kind and day; what follows from another hangs on that one. Whoever is on call is told, then the
owners. It ends incidents by itself when the data are there. `headline incidents` lists them.

Each round leaves a sign of life: `headline heartbeat` fails when the last is older than it may be. Have something outside of
Airflow call it.
"""

ALERT_DRILL = """
The alert says that it is a drill; acknowledging it is all there is to do. If a channel does not take it, or nobody
acknowledges it, that is told like any other trouble. `headline drill` does the same at once.
"""

RETENTION = """
Each kind is kept for so many days: landed files that nothing refers to (`HEADLINE_KEEP_LANDING_DAYS`, 90), Airflow's logs
(`HEADLINE_KEEP_LOG_DAYS`, 30), what failed audits hold back (`HEADLINE_KEEP_STAGING_DAYS`, 7), quarantined rows that no table is
made from (`HEADLINE_KEEP_QUARANTINE_DAYS`, 730), outcomes of checks (`HEADLINE_KEEP_AUDIT_DAYS`, 400; the newest of each table
and what waivers go by stay), statements on an engine that charges for each (`HEADLINE_KEEP_STATEMENT_DAYS`, 400), and backups
(`HEADLINE_KEEP_BACKUP_DAYS`, 30; the newest stays). 0 keeps a kind for ever. What a published figure needs is never removed.

The log says what was removed, as do the rendered fields and the ledger's table `retention`.
"""

TABLE_UPKEEP = """
On Athena each publication leaves small data files and files of deleted positions. `OPTIMIZE` merges them and `VACUUM` forgets
snapshots older than five days, table by table; nobody publishes while a table is at it. On DuckDB there is nothing to do, and
the task is skipped. The rendered fields name the tables, the ledger's table `statement` what each statement scanned and cost.
"""
