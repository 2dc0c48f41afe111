import io
import json
from datetime import date
from pathlib import Path

import duckdb
import pytest
from rich.console import Console
from rich.table import Table

from headline.airflow_api import AirflowApi
from headline.ledger import CheckResult, Ledger, StagingTable
from headline.local import run
from headline.local.figures import audits, figures, profit, users
from headline.local.home import Home
from headline.local.job import Watched
from headline.local.run import Job, waiving
from headline.local.screen import Screen

COLUMNS = "ds date, category varchar, is_partial boolean, unit_count bigint, " + ", ".join(
    f"{name} decimal(18, 4)"
    for name in (
        "gross_revenue",
        "discount_amount",
        "refund_amount",
        "net_revenue",
        "cost_of_goods",
        "gross_profit",
        "marketing_expense",
        "operational_expense",
        "labor_expense",
        "net_profit",
    )
)


@pytest.fixture
def warehouse(tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_WAREHOUSE", json.dumps({"conn_type": "duckdb", "host": str(file)}))
    with duckdb.connect(file) as connection:
        connection.execute("create schema profit")
        connection.execute(f"create table profit.daily_profit_summary ({COLUMNS})")
        for ds, category, units in (
            ("2026-01-01", "toys", 10),
            ("2026-01-02", "unallocated", 0),
            ("2026-01-02", "zips", 5),
            ("2026-01-03", "toys", 99),
        ):
            amounts = "20.5, 1, 2, 17.5, 7.5, 10, 1, 2, 3, 4"
            connection.execute(
                f"insert into profit.daily_profit_summary values ('{ds}', '{category}', false, {units}, {amounts})"
            )
    return file


def printed(table: Table) -> str:
    console = Console(file=io.StringIO(), width=80)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_figures_of_the_asked_days_by_category_and_in_total(warehouse: Path) -> None:
    text = printed(profit(date(2026, 1, 1), date(2026, 1, 2), "EUR"))
    rows = [line.split() for line in text.splitlines() if line.rstrip().endswith(".00")]
    assert rows == [
        ["toys", "10", "17.50", "10.00", "6.00", "4.00"],
        ["zips", "5", "17.50", "10.00", "6.00", "4.00"],
        ["unallocated", "0", "17.50", "10.00", "6.00", "4.00"],
        ["total", "15", "52.50", "30.00", "18.00", "12.00"],
    ]
    assert "2026-01-01 to 2026-01-02, EUR" in text


def test_users_of_the_last_months(warehouse: Path) -> None:
    with duckdb.connect(warehouse) as connection:
        connection.execute("create schema growth; create schema engagement")
        connection.execute(
            "create table growth.monthly_growth as select month::date as month, month = '2026-02-01' as is_provisional, "
            "false as is_partial, "
            "1234 as active_users, 1 as new_users, 2 as retained_users, 3 as resurrected_users, 4 as churned_users, "
            "case when month = '2026-01-01' then 1.5 end as quick_ratio "
            "from (values ('2025-12-01'), ('2026-01-01'), ('2026-02-01'), ('2026-03-01')) as months(month)"
        )
        connection.execute(
            "create table engagement.monthly_engagement as "
            "select date '2026-01-01' as month, false as is_partial, 0.25 as stickiness"
        )
    rows = [line.split() for line in printed(users(date(2026, 1, 15), date(2026, 2, 3))).splitlines() if line.startswith("20")]
    assert rows == [
        ["2026-01", "1,234", "1", "2", "3", "4", "1.500", "0.250"],
        ["2026-02*", "1,234", "1", "2", "3", "4", "·", "·"],
    ]


def test_only_what_ran_is_shown(warehouse: Path) -> None:
    days = date(2026, 1, 1), date(2026, 1, 2)
    assert [table.title for table in figures(["investor_profit", "shop"], *days, "EUR")] == [
        "Profit 2026-01-01 to 2026-01-02, EUR"
    ]
    assert list(figures(["investor_growth"], *days, "EUR")) == []


@pytest.mark.parametrize(
    ("accept", "failed", "found", "waives"),
    [
        ("It is history.", "range__2026-01-01__2026-01-02", ["f=1"], True),
        ("It is history.", "range__2026-01-01__2026-01-02", [], False),
        ("It is history.", "range__2026-01-01__2026-01-02__waiving_1", ["f=1"], False),
        (None, "range__2026-01-01__2026-01-02", ["f=1"], False),
    ],
)
def test_an_example_waives_what_its_first_run_has_found_and_no_more(
    monkeypatch: pytest.MonkeyPatch, accept: str | None, failed: str, found: list[str], waives: bool
) -> None:
    started: list[object] = []
    monkeypatch.setattr(run, "open_figures", lambda *_: found)
    monkeypatch.setattr(run, "start_waiving", lambda api, *asked: started.append(asked) or Watched("shop", "another"))
    job, file = Job(first=date(2026, 1, 1), last=date(2026, 1, 2), accept=accept), io.StringIO()
    instead = waiving(AirflowApi("", "", ""), job, Watched("shop", failed, state="failed"), Screen(Console(file=file)))
    assert (instead is not None) == waives
    assert started == [("shop", job.first, job.last, accept, found)] * waives
    assert ("waived: f=1 (It is history.)" in file.getvalue()) == waives


def test_what_is_waived_or_has_insufficient_history_is_not_counted_as_passed(ledger: Ledger) -> None:
    outcomes = ["passed", "passed", "insufficient_history", "waived", "not_evaluated"]
    results = [CheckResult(f"checks.{n}", "a check", "failed_rows", outcome, None, "") for n, outcome in enumerate(outcomes)]
    ledger.record_audit(StagingTable("key", "raw.orders", [], 0, 1, "transformed", "run"), results, "not_evaluated")
    lines = printed(audits()).splitlines()
    above, headings, _, counts = lines[1:5]
    assert above.split() == ["insufficient", "not"]
    assert headings.split() == ["table", "passed", "warned", "history", "waived", "failed", "evaluated"]
    assert max(map(len, lines)) <= 80
    assert counts.split() == ["raw.orders", "2", "·", "1", "1", "·", "1"]


def test_the_demo_mails_to_its_own_server_unless_another_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    monkeypatch.setenv("HEADLINE_MAIL_PORT", "2525")
    [(name, text)] = run.mail_server(home).items()
    assert (name, json.loads(text)["port"]) == ("AIRFLOW_CONN_HEADLINE_EMAIL", 2525)
    home.env_file.write_text(f"HEADLINE_MAIL_PORT=2526\n{name}='{text}'\n")
    monkeypatch.delenv("HEADLINE_MAIL_PORT")
    assert json.loads(run.mail_server(home)[name])["port"] == 2526, "another port was chosen"
    home.env_file.write_text(f"{name}='smtp://mail.example.org'\n")
    assert run.mail_server(home) == {}
