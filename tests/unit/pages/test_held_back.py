"""What the pages show of figures that are held back, and of days that an earlier version of the code made."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.pages.airflow import FakeAirflow

from headline.intervals import DAY, Interval
from headline.ledger import CheckResult, StagingTable
from headline.ledger.incident import Finding
from headline.ledger.incidents import Incidents
from headline.pages.board import board
from headline.pages.incidents import incident

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
NAME = "core.orders.as_much_is_paid_as_usual@2026-03-02,amount=5000"


class Engineer:
    """A visitor who may see and run both pipelines."""

    name = "ana"

    def readable(self) -> set[str]:
        return {"shop", "core_shop"}

    def may_trigger(self, _: str) -> bool:
        return True

    may_edit = may_trigger

    def must_read(self, _: str) -> None:
        pass


@pytest.fixture
def held(project: Any) -> Any:
    """Two days are published; of the second one a run has found a figure unusual that nobody has waived."""
    project.arrive({D1: [("a", "1.00")], D2: [("b", "2.00")]})
    project.publish("shop", D1, D2)
    project.publish("core_shop", D1, D2)
    finding = {"ds": str(D2), "measure": "amount", "value": "5000.000000", "expected": "100", "score": "9", "finding": "outlier"}
    path, name = "checks.failed_rows.as_much_is_paid_as_usual", "as much is paid as usual"
    result = CheckResult(path, name, "failed_rows", "failed", Decimal(1), "must be 0", "anomaly", [finding])
    staging_table = StagingTable("k", "core.orders", [Interval(D2, D2 + DAY)], 1, 1, "failed", "run 1")
    project.ledger.record_audit(staging_table, [result], "failed")
    return project


def text(page: Any) -> str:
    return " ".join(bytes(page.body).decode().split())


def test_the_page_of_a_pipeline_lists_the_figures_that_hold_it_back(held: Any) -> None:
    who, api = Engineer(), FakeAirflow(dags=["shop", "core_shop"]).api
    html = text(board(who, api, "core_shop"))  # type: ignore[arg-type]
    assert f'name="figures" value="{NAME}" checked' in html
    waive = html.partition('id="waive-title"')[2]
    assert 'name="from" value="2026-03-02"' in waive
    assert 'id="waive-title"' not in text(board(who, api, "shop"))  # type: ignore[arg-type]


@pytest.mark.parametrize(("day", "is_listed"), [(D2, True), (D1, False)])
def test_an_incident_lists_the_figures_of_its_days(held: Any, day: date, is_listed: bool) -> None:
    found = Incidents().fire(Finding("core_shop", "contract_failed", day, datetime.now(UTC)), datetime.now(UTC))
    html = text(incident(Engineer(), FakeAirflow(dags=["core_shop"]).api, found.id))  # type: ignore[arg-type]
    assert (f'name="figures" value="{NAME}" checked' in html) == is_listed


def test_days_that_an_earlier_version_made_are_shown_with_the_command_that_computes_them(held: Any) -> None:
    who, api = Engineer(), FakeAirflow(dags=["shop", "core_shop"]).api
    assert "earlier version" not in text(board(who, api, "core_shop"))  # type: ignore[arg-type]
    held.replace("core/core_shop/orders.sql", "amount < 0", "amount < 0.00")
    html = text(board(who, api, "core_shop"))  # type: ignore[arg-type]
    assert "2 days were made by an earlier version of the SQL" in html
    assert "headline trigger core_shop --from 2026-03-01 --to 2026-03-02" in html
    assert "2 by earlier SQL" in text(board(who, api))  # type: ignore[arg-type]
