"""Every anomaly check passes on ten steady weeks or months, and fails when the last of them is as wrong as it must never pass."""

from collections.abc import Iterator
from datetime import date

import pytest
from tests.properties.memory import make_output, open_in_memory

from headline.intervals import DAY, Interval
from headline.ledger import CheckResult
from headline.pipeline.verify import Staged, verify
from headline.specs import Table, load, load_contract
from headline.warehouse import Output, Session

# The last day, week and month of the history, and its periods as rows of calendar.days.
LAST = {"ds": date(2026, 1, 31), "week": date(2026, 1, 26), "month": date(2026, 1, 1)}
PERIODS = {
    "ds": "ds > date '2025-11-22'",
    "week": "ds > date '2025-11-17' and date_diff('day', date '2026-01-26', ds) % 7 = 0",
    "month": "ds > date '2025-03-01' and extract(day from ds) = 1",
}
# How many rows a table has in a period, give or take one, and what stands in the columns that its checks look at; n counts rows.
HISTORY: dict[str, tuple[int, dict[str, str]]] = {
    "raw.orders": (100, {}),
    "raw.order_items": (200, {"unit_price": "40 + n % 5"}),
    "raw.refunds": (60, {}),
    "raw.products": (150, {"unit_cost": "4 + n % 3"}),
    "raw.customers": (150, {}),
    "raw.expenses": (14, {"amount": "1000"}),
    "raw.exchange_rates": (3, {"currency_code": "['EUR', 'USD', 'GBP', 'GBP'][n + 1]", "rate_to_reporting": "1 - n * 0.1"}),
    "raw.events": (500, {}),
    "core.order_lines": (200, {"gross_revenue": "110", "discount_amount": "10"}),
    "core.refund_lines": (20, {"refund_amount": "150"}),
    "core.expenses": (14, {"amount": "1000"}),
    "profit.unit_profit": (200, {"gross_profit": "80"}),
    "profit.daily_profit_summary": (8, {"net_revenue": "5000", "net_profit": "4000"}),
    "profit.monthly_profit_trends": (1, {"net_revenue": "500000", "net_profit": "90000", "is_provisional": "false"}),
    "growth.daily_growth": (1, {"experiment_id": "'all'", "active_users": "400", "churned_users": "150"}),
    "growth.weekly_growth": (1, {"active_users": "900", "churned_users": "200", "is_provisional": "false"}),
    "growth.monthly_growth": (1, {"active_users": "2000", "is_provisional": "false"}),
    "engagement.daily_engagement": (
        1,
        {"daily_active_users": "400", "stickiness": "0.25", "session_count": "700"},
    ),
    "engagement.monthly_engagement": (1, {"monthly_active_users": "2000", "stickiness": "0.25", "is_provisional": "false"}),
}
HALF = "delete from {table} where rowid in (select rowid from {table} where {period} limit {half})"
# Table, the check that must catch it, and what happens to the rows of the last period.
BROKEN = [
    ("raw.orders", "the number of orders is usual", HALF),
    ("raw.orders", "the number of orders is usual", "delete from {table} where {period}"),
    ("raw.order_items", "the number of order lines is usual", HALF),
    ("raw.order_items", "the mean price is usual", "update {table} set unit_price = 10 * unit_price where {period}"),
    ("raw.refunds", "the number of refunds is usual", "delete from {table} where {period}"),
    ("raw.products", "the number of products is usual", HALF),
    ("raw.products", "the mean cost is usual", "update {table} set unit_cost = 10 * unit_cost where {period}"),
    ("raw.customers", "the number of customers is usual", HALF),
    ("raw.expenses", "the number of expense entries is usual", HALF),
    ("raw.expenses", "the sum of expenses is usual", "update {table} set amount = 10 * amount where {period}"),
    (
        "raw.exchange_rates",
        "every rate is usual",
        "update {table} set rate_to_reporting = 10 * rate_to_reporting where {period} and currency_code = 'USD'",
    ),
    ("raw.events", "the number of events is usual", HALF),
    ("core.order_lines", "net revenue is usual", "update {table} set gross_revenue = 10 * gross_revenue where {period}"),
    ("core.order_lines", "net revenue is usual", HALF),
    ("core.refund_lines", "the sum of refunds is usual", "update {table} set refund_amount = 10 * refund_amount where {period}"),
    ("core.expenses", "the sum of expenses is usual", "update {table} set amount = 10 * amount where {period}"),
    ("profit.unit_profit", "gross profit is usual", "update {table} set gross_profit = -gross_profit where {period}"),
    ("profit.daily_profit_summary", "net revenue is usual", "update {table} set net_revenue = net_revenue / 2 where {period}"),
    ("profit.daily_profit_summary", "net profit is usual", "update {table} set net_profit = -net_profit where {period}"),
    (
        "profit.monthly_profit_trends",
        "net revenue is usual",
        "update {table} set net_revenue = net_revenue / 2 where {period}",
    ),
    ("profit.monthly_profit_trends", "net profit is usual", "update {table} set net_profit = -net_profit where {period}"),
    ("growth.daily_growth", "the number of active users is usual", "update {table} set active_users = 200 where {period}"),
    ("growth.daily_growth", "the number of churned users is usual", "update {table} set churned_users = 400 where {period}"),
    ("growth.weekly_growth", "the number of active users is usual", "update {table} set active_users = 450 where {period}"),
    ("growth.weekly_growth", "the number of churned users is usual", "update {table} set churned_users = 900 where {period}"),
    ("growth.monthly_growth", "the number of active users is usual", "update {table} set active_users = 1000 where {period}"),
    (
        "engagement.daily_engagement",
        "the number of active users is usual",
        "update {table} set daily_active_users = 200 where {period}",
    ),
    ("engagement.daily_engagement", "stickiness is usual", "update {table} set stickiness = 0.5 where {period}"),
    ("engagement.daily_engagement", "the number of sessions is usual", "update {table} set session_count = 1400 where {period}"),
    (
        "engagement.monthly_engagement",
        "the number of active users is usual",
        "update {table} set monthly_active_users = 1000 where {period}",
    ),
    ("engagement.monthly_engagement", "stickiness is usual", "update {table} set stickiness = 0.1 where {period}"),
]
TABLES = [table for table in load().tables.values() if "anomaly" in load_contract(table).dimensions]


def test_every_anomaly_check_is_shown_to_catch() -> None:
    checks = [(table, check) for table in TABLES for check in load_contract(table).listed_checks]
    written = {(table.full_name, check.name) for table, check in checks if check.dimension == "anomaly"}
    assert written == {(table, check) for table, check, _ in BROKEN}
    assert {table.full_name for table in TABLES} == set(HISTORY)


@pytest.fixture(scope="module")
def steady() -> Iterator[Session]:
    """Ten periods of every table that has an anomaly check."""
    with open_in_memory() as session:
        for table in load().tables.values():  # other checks of a table read others
            for output in table.outputs:
                make_output(Output(output, table), session)
        for table in TABLES:
            count, values = HISTORY[table.full_name]
            column = str(table.period_column)
            columns, cells = ", ".join([column, *values]), ", ".join(["ds", *values.values()])
            days = f"select ds from calendar.days where {PERIODS[column]} and ds <= date '{LAST[column]}'"
            numbers = f"select unnest(range({count + 1})) as n"
            of_day = f"n < {count} + date_diff('day', date '2025-01-01', ds) % 2" if count > 1 else "n < 1"
            session.query(f"insert into {table.full_name} ({columns}) select {cells} from ({days}), ({numbers}) where {of_day}")
        yield session


def examined(table: Table, session: Session) -> dict[str, CheckResult]:
    """The result of each anomaly check for the last period, by name."""
    last = LAST[str(table.period_column)]
    staged = Staged(table, table.full_name, [Interval(last, last + DAY)], {})
    verified = verify([staged], session, "duckdb")[table.full_name]
    assert not verified.problems
    return {result.name: result for result in verified.results if result.kind == "anomaly"}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.full_name)
def test_steady(steady: Session, table: Table) -> None:
    assert {result.outcome for result in examined(table, steady).values()} == {"passed"}


@pytest.mark.parametrize(("name", "check", "damage"), BROKEN, ids=[f"{name}: {check}" for name, check, _ in BROKEN])
def test_broken(steady: Session, name: str, check: str, damage: str) -> None:
    table = load().table(name)
    last = LAST[str(table.period_column)]
    steady.query("begin")
    try:
        period = f"{table.period_column} = date '{last}'"
        steady.query(damage.format(table=name, period=period, half=HISTORY[name][0] // 2))
        result = examined(table, steady)[check]
        assert result.outcome == "failed"
        assert {row[str(table.period_column)] for row in result.sample} == {str(last)}
    finally:
        steady.query("rollback")
