"""What the screen shows of the figures: where days are partial or missing, it says so."""

import io
from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table
from tests.properties.memory import make_output

from headline import specs
from headline.ledger import Ledger
from headline.local.figures import audits, profit, users
from headline.warehouse import Output, Warehouse

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 4)
SUMMARY = "insert into profit.daily_profit_summary (ds, category, unit_count, net_revenue, is_partial)"
USERS = "active_users, new_users, retained_users, resurrected_users, churned_users"


@pytest.fixture
def write(warehouse: Warehouse, forget_settings: Any) -> Callable[..., None]:
    """Run statements on a warehouse that has the tables of the figures, empty."""
    forget_settings()

    def run(*statements: str) -> None:
        with warehouse.session() as session:
            for statement in statements:
                session.query(statement)

    with warehouse.session() as session:
        for name in ("profit.daily_profit_summary", "growth.monthly_growth", "engagement.monthly_engagement"):
            make_output(Output(name, specs.load().table(name)), session)
    return run


def text(table: Table, width: int = 200) -> str:
    file = io.StringIO()
    Console(file=file, width=width).print(table)
    return file.getvalue()


def test_profit_names_its_partial_days(write: Callable[..., None]) -> None:
    write(f"{SUMMARY} values ('{FIRST}', 'home', 2, 10.5, false), ('{LAST}', 'home', 3, 20, false)")
    assert text(profit(FIRST, LAST, "EUR")).splitlines()[0].strip() == "Profit 2026-03-01 to 2026-03-04, EUR"
    write(f"{SUMMARY} values ('2026-03-02', 'home', 1, 1, true), ('2026-03-03', 'home', 1, 1, true)")
    shown = text(profit(FIRST, LAST, "EUR"))
    assert " ".join(shown.split()).startswith("Profit 2026-03-01 to 2026-03-04, EUR (partial: 2026-03-02 to 2026-03-03) category")
    assert "32.50" in shown


def test_users_mark_months_of_which_days_or_rows_are_missing(write: Callable[..., None]) -> None:
    for month, is_partial, is_provisional in (("01", True, False), ("02", False, False), ("03", True, True)):
        write(
            f"insert into growth.monthly_growth (month, {USERS}, is_partial, is_provisional) "
            f"values ('2026-{month}-01', 5, 1, 2, 2, 0, {is_partial}, {is_provisional})"
        )
    write("insert into engagement.monthly_engagement (month, is_partial) values ('2026-02-01', true)")
    shown = text(users(date(2026, 1, 1), LAST))
    assert [line.split()[0] for line in shown.splitlines() if line.strip().startswith("2026")] == [
        "2026-01†",
        "2026-02†",
        "2026-03*†",
    ]


def test_audits_fit_where_there_is_no_terminal(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = ("passed", "warned", "insufficient_history", "waived", "failed", "not_evaluated")
    rows = [
        SimpleNamespace(table_name="engagement.monthly_engagement", outcome=outcome) for outcome in outcomes for _ in range(10)
    ]
    monkeypatch.setattr(Ledger, "latest_audits", lambda _: rows)
    shown = text(audits(), width=80)
    assert "…" not in shown
    assert all(word in shown for outcome in outcomes for word in outcome.split("_"))
    assert shown.count(" 10") == len(outcomes)
