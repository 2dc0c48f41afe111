"""The task of the DAG investor_report: it waits until a month is issued, then sends its report."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, StartTriggerArgs, TriggerEvent

from headline import settings
from headline.errors import BadRequest, HeadlineError
from headline.intervals import Interval, business_day

if TYPE_CHECKING:
    from headline.ledger import FigureRequest

log = logging.getLogger(__name__)

DAG_ID = "investor_report"
TIME_TO_ISSUE = timedelta(days=14)  # since the run began; then people are notified
POLL = 60.0  # seconds; figures are issued by people, a few times a month


@dataclass(frozen=True)
class Asked:
    """What a run is to report. `as_of`: a day; None for what is issued by now. `leave_out`: without what is not issued."""

    month: Interval
    as_of: str | None
    leave_out: bool

    @classmethod
    def of(cls, context: Any) -> Asked:
        """Of the params of a run, or the last month that had ended when it was due; raises BadRequest for what is no month."""
        from headline.report.definitions import month_before, month_of

        params, run = context["params"], context["dag_run"]
        due = business_day(run.run_after or datetime.now(UTC), settings.load().reporting_zone)
        month = month_of(params["month"]) if params.get("month") else month_before(due)
        return cls(month, params.get("as_of") or None, bool(params.get("leave_out")))

    @property
    def waits(self) -> bool:
        """Whether more is to be issued first: what was issued as of a day does not change."""
        return not (self.as_of or self.leave_out)


class MonthIssuedTrigger(BaseTrigger):
    """Fires when every figure of the month is issued that is defined for months, or 14 days after the run began."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__qualname__}", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        instance: Any = self.task_instance
        context = instance.get_template_context()
        try:
            asked = Asked.of(context)
        except BadRequest:
            yield TriggerEvent("refused")  # the task says why, and fails
            return
        until = (context["dag_run"].start_date or datetime.now(UTC)) + TIME_TO_ISSUE
        said = ""
        while asked.waits and datetime.now(UTC) < until:
            missing = await asyncio.to_thread(_missing, asked.month)
            if not missing:
                break
            if missing != said:
                self.log.info("waiting: %s", missing)
                said = missing
            await asyncio.sleep(POLL)
        yield TriggerEvent("issued")


def _missing(month: Interval) -> str:
    """What is not issued, why and what to do; empty where all is. What cannot be read is looked at again."""
    from headline.report.definitions import why_missing
    from headline.report.editions import missing_of

    try:
        found = missing_of(month)
        return why_missing(found, month) if found else ""
    except Exception as error:  # whatever it is, the next look may succeed, and meanwhile the run goes on waiting
        log.exception("it cannot be told whether %s is issued", month)
        return f"the ledger cannot be read ({type(error).__name__}: {error})"


class InvestorReportOperator(BaseOperator):
    """Makes the report of a month, keeps it in the ledger and sends it; holds no worker while it waits for the month.

    An edition is of a month and of the moment in which its newest figure was issued: where nothing was issued since, it is the
    one that is kept, and whoever has been sent it is not sent it again.
    """

    template_fields = ("outcome",)
    template_fields_renderers: ClassVar = {"outcome": "json"}
    overwrite_rtif_after_execution = True
    ui_color = "#e2ecdf"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.outcome: dict[str, Any] = {}
        self.start_from_trigger = True
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=f"{MonthIssuedTrigger.__module__}.{MonthIssuedTrigger.__qualname__}",
            trigger_kwargs={},
            next_method="execute",
            timeout=None,
        )

    def execute(self, context: Any, event: Any = None) -> None:  # noqa: ARG002 (Airflow's signature)
        from headline.ledger import Reports
        from headline.report.definitions import why_missing
        from headline.report.editions import edition_of, missing_of, moment_of, recipient_list, report_of, title
        from headline.report.sending import send

        asked, run_id = Asked.of(context), context["dag_run"].run_id
        if asked.waits and (missing := missing_of(asked.month)):
            raise HeadlineError(f"{why_missing(missing, asked.month)}\nClear this task once it is issued")
        report = report_of(asked.month, moment_of(asked.as_of, datetime.now(UTC)), leave_out=asked.leave_out)
        edition = Reports().record(edition_of(report, run_id))
        self.outcome = {
            "report": title(edition),
            "as_of": edition.as_of.isoformat(),
            "figures": edition.figure_count,
            "pdf_sha256": edition.pdf_sha256,
            "html_sha256": edition.html_sha256,
            "chain_head": edition.chain_head,
        }
        self.log.info("%s", self.outcome)
        self.outcome["sent"] = send(edition, recipient_list().recipients, run_id)


def report_restated(request: FigureRequest) -> None:
    """Start a run for each month that was reported and that a published request has restated: it sends a new edition, once."""
    from headline.ledger import Reports

    for edition in Reports().touched_by(request.id):
        conf = {"month": f"{edition.month:%Y-%m}", "leave_out": bool(edition.missing)}
        _start(f"restated__{request.id}__{edition.month:%Y-%m}", conf, f"request {request.id} has restated {request.pipeline}")


def _start(run_id: str, conf: dict[str, Any], note: str) -> None:
    """A run of the DAG; one that is there already is left alone."""
    from airflow.sdk.execution_time.comms import TriggerDagRun
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    SUPERVISOR_COMMS.send(TriggerDagRun(dag_id=DAG_ID, run_id=run_id, conf=conf, note=note))
