import io
import json
from datetime import date
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from headline.local.run import FIGURES, figures

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
    console = Console(file=io.StringIO(), width=200)
    console.print(figures(date(2026, 1, 1), date(2026, 1, 2), "EUR"))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line.startswith("│")]
    assert [row[0] for row in rows] == ["toys", "zips", "unallocated", "total"]
    by_name = dict(zip(FIGURES, rows[0][1:], strict=True))
    assert by_name["units"] == "10"
    assert by_name["gross_revenue"] == "20.50"
    assert by_name["expenses"] == "6.00"
    assert dict(zip(FIGURES, rows[-1][1:], strict=True)) == by_name | {
        "units": "15",
        "gross_revenue": "61.50",
        "discounts": "3.00",
        "refunds": "6.00",
        "net_revenue": "52.50",
        "cost_of_goods": "22.50",
        "gross_profit": "30.00",
        "expenses": "18.00",
        "net_profit": "12.00",
    }
    assert "2026-01-01 to 2026-01-02, EUR" in text
