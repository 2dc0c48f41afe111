"""The DAG that sends the monthly report to investors."""

from __future__ import annotations

from airflow.sdk import DAG, Param

from headline import settings
from headline.dag import DEFAULT_ARGS
from headline.operators import InvestorReportOperator, callbacks
from headline.operators.report import DAG_ID
from headline.specs.access import readers
from headline.timetable import BEFORE_ALL_DATA

OWNER = "operations"


def investor_report_dag() -> DAG:
    """On the first of each month: the report of the month before is sent as soon as all of it is issued."""
    with DAG(
        dag_id=DAG_ID,
        description="Sends the monthly report to investors, from issued figures only, once the month is issued.",
        doc_md=REPORT,
        tags=[OWNER],
        default_args={**DEFAULT_ARGS, "owner": OWNER},
        schedule="0 6 1 * *",
        start_date=BEFORE_ALL_DATA,
        catchup=False,
        access_control=readers(DAG_ID, OWNER) if settings.load().area_roles else None,
        on_success_callback=callbacks.run_succeeded,
        max_active_runs=16,  # one that waits for its month keeps no restated edition from being sent
        params={
            "month": Param(
                None,
                type=["null", "string"],
                pattern=r"^\d{4}-\d{2}$",
                title="Month",
                description="YYYY-MM. Empty: the last month that had ended when the run was due.",
            ),
            "as_of": Param(
                None,
                type=["null", "string"],
                format="date",
                title="As of",
                description="As issued up to the end of this day, UTC. Empty: what is issued by now.",
            ),
            "leave_out": Param(
                False,
                type="boolean",
                title="Leave out what is not issued",
                description="Send what is issued now; the report names what is not. Else the run waits for all of the month.",
            ),
        },
    ) as dag:
        InvestorReportOperator(task_id="send")
    return dag


REPORT = """
Waits until every figure of the month is issued that a `metrics.yml` defines for months; the log of the deferred task says which
are missing, why, and what to do. Then it makes the report as HTML and PDF, keeps both in the ledger with their SHA-256 and the
head of the chain of issued figures, mails them to `investor_report.recipients` of team.yml and posts a link in Slack. After 14
days without all figures the run fails, and people are notified.

An edition is sent once, however often the task is retried or cleared. A restatement that is approved after a month was sent
starts a run `restated__<request>__<month>`, which sends a new edition. `headline report --month 2026-10` makes the same files
without sending them; *Browse → Headline → Reports* has all editions.
"""
