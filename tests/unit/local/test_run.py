import io
import json
from datetime import date
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from headline.local.run import figures

COLUMNS = "ds date, category varchar, unit_count bigint, " + ", ".join(
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
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
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
            connection.execute(f"insert into profit.daily_profit_summary values ('{ds}', '{category}', {units}, {amounts})")
    return file


def test_figures_of_the_asked_days_by_category_and_in_total(warehouse: Path) -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(figures(date(2026, 1, 1), date(2026, 1, 2), "EUR"))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    rows = [line.split() for line in text.splitlines() if line.rstrip().endswith(".00")]
    assert rows == [
        ["toys", "10", "17.50", "10.00", "6.00", "4.00"],
        ["zips", "5", "17.50", "10.00", "6.00", "4.00"],
        ["unallocated", "0", "17.50", "10.00", "6.00", "4.00"],
        ["total", "15", "52.50", "30.00", "18.00", "12.00"],
    ]
    assert "2026-01-01 to 2026-01-02, EUR" in text
