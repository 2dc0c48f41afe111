"""A fall of profit is news: told once for the last whole month, and taken back where it was none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.unit.paging.people import Team
from tests.unit.records import record

from headline.incidents.figures import TABLE, last_whole_month, look_at_figures
from headline.intervals import Interval
from headline.ledger import Ledger, Published
from headline.ledger.incident import Incident
from headline.ledger.incidents import Incidents
from headline.paging import people
from headline.warehouse import Warehouse

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)


class Figures:
    """The months as they are published."""

    def __init__(self, ledger: Ledger, warehouse: Warehouse) -> None:
        self.ledger, self.warehouse = ledger, warehouse

    def publish(self, *months: tuple[str, bool, bool]) -> None:
        """Publish months: first day, whether it is a drop, whether it is provisional."""
        rows = ", ".join(f"(date '{month}', {drop}, {provisional})" for month, drop, provisional in months)
        with self.warehouse.session() as session:
            session.query("create schema if not exists profit")
            columns = "month, is_profit_drop, is_provisional"
            session.query(f"create or replace table {TABLE} as select * from (values {rows}) as months({columns})")
        record(self.ledger, Published(TABLE, Interval(OCTOBER, date(2026, 11, 1)), rows, 1), pipeline="investor_profit")

    def look(self) -> list[Incident]:
        look_at_figures(NOON)
        return Incidents().open()


@pytest.fixture
def figures(
    ledger: Ledger,
    warehouse: Warehouse,
    tmp_path: Path,
    forget_settings: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Figures:
    monkeypatch.setattr(people, "load", lambda _moment: Team())
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
    forget_settings()
    return Figures(ledger, warehouse)


@pytest.mark.parametrize(
    ("today", "month"),
    [("2026-11-20", "2026-10-01"), ("2026-11-01", "2026-10-01"), ("2026-10-31", "2026-09-01"), ("2027-01-01", "2026-12-01")],
)
def test_the_last_whole_month(today: str, month: str) -> None:
    assert last_whole_month(date.fromisoformat(today)) == date.fromisoformat(month)


def test_a_drop_is_told_once_and_taken_back(figures: Figures) -> None:
    assert figures.look() == [], "nothing was published yet"
    figures.publish(("2026-10-01", True, False))
    [incident] = figures.look()
    assert (incident.pipeline, incident.kind, incident.ds) == ("investor_profit", "profit_drop", OCTOBER)
    assert figures.look() == [incident]
    figures.publish(("2026-10-01", False, False))
    assert figures.look() == []
    assert Incidents().history(incident.id)[-1].detail == "computed again: no drop"


@pytest.mark.parametrize(
    "month",
    [("2026-10-01", True, True), ("2026-09-01", True, False), ("2026-11-01", True, False), ("2026-10-01", False, False)],
    ids=["provisional", "an old one", "not over yet", "no drop"],
)
def test_other_months_are_no_news(month: tuple[str, bool, bool], figures: Figures) -> None:
    figures.publish(month)
    assert figures.look() == []


def test_a_month_before_this_deployment_is_no_news(
    figures: Figures, forget_settings: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADLINE_START_DATE", "2026-11-15")
    forget_settings()
    figures.publish(("2026-10-01", True, False))
    assert figures.look() == []


def test_the_warehouse_is_left_alone_while_nothing_is_published(figures: Figures, monkeypatch: pytest.MonkeyPatch) -> None:
    figures.publish(("2026-10-01", True, False))
    figures.look()
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_WAREHOUSE", "{}")
    assert len(figures.look()) == 1
