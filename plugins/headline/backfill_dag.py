"""The DAG that computes a range of history again, with everything behind it, in one run."""

from __future__ import annotations

from airflow.sdk import DAG, Param

from headline.dag import DEFAULT_ARGS, range_params
from headline.operations import OWNER
from headline.operators.backfill import DAG_ID, PlanBackfillOperator, RunBackfillOperator
from headline.timetable import BEFORE_ALL_DATA

PARAMS = {
    "select": Param(
        type="string",
        minLength=1,
        title="Pipelines or tables",
        description="Separated by spaces: unit_profit, profit.daily_profit_summary, core.*; x+ with everything downstream, "
        "+x with everything upstream, 2+x and x+1 so many steps. * means all.",
    ),
    **range_params("all that was ever published, where only stale days are computed; else it is needed."),
    "reason": Param(
        type="string",
        minLength=10,
        title="Reason",
        description="Why history is computed again, such as «refunds of May arrived late from the shop».",
    ),
    "downstream": Param(False, type="boolean", title="Downstream", description="Also everything that is computed from them."),
    "days": Param(
        "everything",
        enum=["everything", "stale"],
        type="string",
        title="Days",
        description="Everything of the range, or only what is stale: an input, SQL or contract has changed since.",
    ),
    "plan_only": Param(False, type="boolean", title="Only the plan", description="Show what would be computed, and end."),
    "resume": Param(
        None,
        type=["null", "integer"],
        title="Resume",
        description="The number of a backfill that goes on with what is missing; all other fields are ignored then.",
    ),
}


def backfill_dag() -> DAG:
    """Started by hand: the request is planned, shown and recorded, then carried out."""
    with DAG(
        dag_id=DAG_ID,
        description="Computes a range of history again: planned and shown first, then chunk by chunk, resumable.",
        doc_md=BACKFILL,
        tags=[OWNER],
        # Somebody asked for it and looks at it; a failure of it pages nobody.
        default_args={key: value for key, value in DEFAULT_ARGS.items() if key != "on_failure_callback"} | {"owner": OWNER},
        schedule=None,
        start_date=BEFORE_ALL_DATA,
        catchup=False,
        max_active_runs=100,  # the task `run` takes turns; a plan waits for nobody
        params=PARAMS,
    ) as dag:
        # Behind every run of a pipeline where workers are scarce, and one after the other.
        work = RunBackfillOperator(task_id="run", priority_weight=1, weight_rule="absolute", max_active_tis_per_dag=1)
        PlanBackfillOperator(task_id="plan", priority_weight=100, weight_rule="absolute") >> work
    return dag


BACKFILL = """
`plan` shows in *Rendered Templates* which tables and days are computed, in which order and chunks, rows and money before, how
long it takes by experience, and which issued figures could move; and it records the request. `run` computes chunk after chunk,
the oldest layer first, each by write-audit-publish: what fails its checks is not published. Scheduled runs go first.

The ledger decides what is done: a task that is cleared, or was killed, goes on with what is missing. A second request for days
of a pipeline that an open one has is refused with the name of the first. Nobody is paged for it, and it has no landing deadline.

*Browse → Headline → Backfills* shows all of them, as does `headline backfill status`. `headline backfill resume` goes on after a
failure, `headline backfill cancel` ends one; every table stays whole.
"""
