"""The report's run waits for its month, and a restatement of a month that was reported starts another."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.report.rows import OCTOBER, issued_rows
from tests.unit.report.test_sending import edition

from headline.errors import BadRequest, HeadlineError
from headline.ledger import FigureRequest, FigureRequests, IssuedFigures, Ledger, Reports
from headline.operators import report
from headline.operators.report import Asked, InvestorReportOperator, MonthIssuedTrigger, report_restated
from headline.report import editions
from headline.report.render import Rendered

DUE = datetime(2026, 11, 1, 6, tzinfo=UTC)


def context(start: datetime | None = None, **params: Any) -> dict[str, Any]:
    run = SimpleNamespace(run_id="scheduled__october", run_after=DUE, start_date=start or datetime.now(UTC))
    return {"params": params, "dag_run": run}


def trigger(of: dict[str, Any]) -> MonthIssuedTrigger:
    made = MonthIssuedTrigger(**MonthIssuedTrigger().serialize()[1])
    made._task_instance = SimpleNamespace(get_template_context=lambda: of)  # type: ignore[assignment]
    return made


def fired(of: dict[str, Any], within: float = 5) -> list[Any]:
    async def listening() -> list[Any]:
        return [event.payload async for event in trigger(of).run()]

    return asyncio.run(asyncio.wait_for(listening(), within))


def test_a_run_is_about_the_month_before_it_was_due_or_the_one_that_somebody_names() -> None:
    assert Asked.of(context()) == Asked(OCTOBER, None, leave_out=False)
    named = Asked.of(context(month="2026-02", as_of="2026-03-09"))
    assert (named.month.start, named.month.end, named.waits) == (date(2026, 2, 1), date(2026, 3, 1), False)
    with pytest.raises(BadRequest, match="2026-13"):
        Asked.of(context(month="2026-13"))
    assert fired(context(month="2026-13")) == ["refused"]


def test_it_waits_until_the_last_figure_of_the_month_is_issued(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "POLL", 0.05)
    rows = [one.row for one in issued_rows(months=1)]
    last = next(row for row in rows if row.metric == "monthly_net_profit")
    IssuedFigures().record([row for row in rows if row != last])
    with pytest.raises(TimeoutError):
        fired(context(), within=0.5)
    assert fired(context(leave_out=True)) == ["issued"]  # it does not wait for what is left out
    IssuedFigures().record([last])
    assert fired(context()) == ["issued"]


def test_where_the_month_is_not_issued_in_time_the_run_fails_and_people_are_notified(ledger: Ledger) -> None:
    late = context(start=datetime.now(UTC) - report.TIME_TO_ISSUE - timedelta(hours=1))
    assert fired(late) == ["issued"]
    with pytest.raises(HeadlineError, match="2026-10 is not issued: 18 figure") as failed:
        InvestorReportOperator(task_id="send").execute(late)
    assert type(failed.value) is HeadlineError  # of a BadRequest nobody is notified


def test_cleared_or_run_again_it_is_the_same_edition(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editions.edition_of, "__defaults__", (lambda _: Rendered(b"html", b"pdf"),))
    IssuedFigures().record([one.row for one in issued_rows(months=1)])
    operator = InvestorReportOperator(task_id="send")
    operator.execute(context())
    first = operator.outcome
    operator.execute(context(month="2026-10"))
    assert operator.outcome == first
    [kept] = Reports().all()
    assert (kept.month, kept.run_id, kept.pdf_sha256) == (OCTOBER.start, "scheduled__october", first["pdf_sha256"])
    assert first["sent"] == {}  # no connection, no mail


def test_a_restatement_reports_each_month_that_was_reported_again(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    comms = "airflow.sdk.execution_time.task_runner.SUPERVISOR_COMMS"
    monkeypatch.setattr(comms, SimpleNamespace(send=sent.append), raising=False)
    rows = [one.row for one in issued_rows() if one.row.metric == "monthly_net_profit"]
    moved = [row for row in rows if row.start in (date(2026, 8, 1), date(2026, 10, 1))]
    asked = FigureRequests().ask(
        FigureRequest(
            kind="restatement",
            pipeline="investor_profit",
            start=moved[0].start,
            end=moved[0].end,
            sha256="e" * 64,
            figures=[{"figure": row.to_json()} for row in moved],
            reason="a refund came late",
            requester="ann",
            run_id="run",
        )
    )
    report_restated(asked)
    assert sent == []  # nothing was reported yet
    Reports().record(edition(missing=["monthly_users"]))
    Reports().record(edition(as_of=DUE + timedelta(days=9)))
    Reports().record(edition(month=date(2026, 9, 1)))
    report_restated(replace(asked))
    assert [(one.dag_id, one.run_id, one.conf) for one in sent] == [
        ("investor_report", f"restated__{asked.id}__2026-10", {"month": "2026-10", "leave_out": False})
    ]
