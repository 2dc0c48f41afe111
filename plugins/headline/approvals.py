"""The DAG in which a person decides whether figures may be issued, or issued ones restated."""

from __future__ import annotations

from collections.abc import Sequence

from airflow.sdk import DAG, Param

from headline.dag import DEFAULT_ARGS, range_params
from headline.operators.approval import ApproveFiguresOperator, PublishApprovedOperator
from headline.operators.asking import DAG_ID
from headline.timetable import BEFORE_ALL_DATA

OWNER = "operations"


def approve_figures_dag(pipelines: Sequence[str]) -> DAG:
    """One run for each request: somebody is asked, and what was approved is published; `pipelines`: those with figures."""
    with DAG(
        dag_id=DAG_ID,
        description="A second person approves figures before investors are told, and before what they were told changes.",
        doc_md=APPROVAL,
        tags=[OWNER],
        default_args={**DEFAULT_ARGS, "owner": OWNER},
        schedule=None,
        start_date=BEFORE_ALL_DATA,
        catchup=False,
        max_active_runs=100,  # a run waits for a person for days
        params={
            "request": Param(None, type=["null", "integer"], title="Request", description="Of a run that is held back."),
            "pipeline": Param(
                None,
                type=["null", "string"],
                enum=[None, *pipelines],
                title="Pipeline",
                description="Whose figures are to be issued.",
            ),
            **range_params("only where a request is named. All days, weeks and months that end within the range are issued."),
            "leave_out": Param(
                False,
                type="boolean",
                title="Leave out what is partial",
                description="Issue the complete periods, and not the others. Else a partial or missing one is told, and nothing "
                "is issued.",
            ),
            "reason": Param(None, type=["null", "string"], title="Reason", description="Kept with the figures."),
        },
    ) as dag:
        approve = ApproveFiguresOperator(task_id="approve")
        approve >> PublishApprovedOperator(task_id="publish")
    return dag


APPROVAL = """
**To issue a month**, trigger this DAG with a pipeline and the first and last day of the month. Somebody else then answers the
task `approve` (*Required Actions*): its page shows every figure.

**A restatement** starts a run by itself: a run of a pipeline would have moved issued figures by more than their materiality
limit, and has published nothing. The page of `approve` shows old and new values, and what the differences come from. Approved:
the days are computed again and published, if the result is still the one that was approved. Refused: nothing changes, and the
run is red.

Whoever asked for it cannot approve it. Only the ledger's row of the approval counts: to mark the task as successful publishes
nothing, and once it is cleared it is asked anew. `headline figures requests` lists all requests.
"""
