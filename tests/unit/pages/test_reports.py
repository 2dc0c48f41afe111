"""Who may read the investor report, what the list says, and that every file that is read is in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.unit.pages.visitors import TOKEN, Somebody
from tests.unit.report.test_sending import ADA, AS_OF, Fake, edition

from headline.ledger import Edition, Ledger, Reads, Reports
from headline.pages import errors, reports
from headline.pages.headers import send_headers
from headline.pages.ledger import ReadsTheLedger
from headline.pages.visitor import visitor
from headline.report.sending import send

ALL = {"investor_profit", "investor_growth", "investor_engagement"}


def server(*sees: str) -> TestClient:
    app = FastAPI(exception_handlers=errors.HANDLERS)
    app.include_router(reports.router)
    send_headers(app)
    app.add_middleware(ReadsTheLedger)
    app.dependency_overrides[visitor] = lambda: Somebody(sees=set(sees))
    return TestClient(app, headers=TOKEN)


@pytest.fixture
def kept(ledger: Ledger, forget_settings: Callable[[], None]) -> Edition:
    made = Reports().record(edition(html=b"<p>the report", missing=["monthly_users"]))
    send(made, [ADA], "run", {"email": Fake()})
    return made


@pytest.mark.parametrize("sees", [(), ("investor_profit",), ("investor_profit", "investor_growth", "unit_profit")])
def test_who_may_not_see_all_that_is_reported_sees_no_report(kept: Edition, sees: tuple[str, ...]) -> None:
    client = server(*sees)
    for path in ("/reports", f"/reports/{kept.id}/pdf", f"/reports/{kept.id}/html"):
        answer = client.get(path)
        assert (answer.status_code, "the report" in answer.text) == (403, False), path
    assert [read.reader for read in Reads().newest()] == ["run"]  # that it was sent, and nothing else


@pytest.mark.parametrize("sees", [tuple(ALL), ("investor_report",)])
def test_whoever_may_reads_what_was_sent_and_that_is_recorded(kept: Edition, sees: tuple[str, ...]) -> None:
    client = server(*sees)
    page = client.get("/reports").text
    assert "Investor report October 2026, incomplete" in page
    assert "without monthly_users" in page
    assert "to 1 recipient<" in page
    assert kept.chain_head in page
    answer = client.get(f"/reports/{kept.id}/html")
    assert (answer.text, answer.headers["content-type"]) == ("<p>the report", "text/html; charset=utf-8")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    answer = client.get(f"/reports/{kept.id}/pdf")
    assert (answer.content, answer.headers["content-type"]) == (b"%PDF", "application/pdf")
    assert answer.headers["content-disposition"] == 'attachment; filename="investor_report_2026-10_as_of_20261104T091230Z.pdf"'
    [pdf, html] = Reads().newest(reader="ada")
    assert (pdf.channel, pdf.names, pdf.row_count) == ("report", tuple(kept.metrics), 2)
    assert html.detail.endswith(".html")
    assert client.get("/reports/999999/pdf").status_code == 404
    assert client.get(f"/reports/{kept.id}/exe").status_code == 422


def test_an_edition_that_a_later_one_replaces_says_so(kept: Edition) -> None:
    Reports().record(edition(as_of=AS_OF + timedelta(days=1), is_restated=True))
    page = server("investor_report").get("/reports").text
    assert page.index("October 2026, restated") < page.index("a later edition takes its place")
    assert page.count("a later edition takes its place") == 1
