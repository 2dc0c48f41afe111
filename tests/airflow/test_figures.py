"""What Airflow's scheduler makes of the sources equals what the sources themselves say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from typing import Any

import duckdb
import pytest
from tests.airflow.world import DAGS, FIRST, OPENING, SOURCES, YESTERDAY, Deployment

from headline import specs
from headline.ledger import Ledger

Query = Callable[[str], list[tuple[Any, ...]]]

# The shop's own arithmetic, written apart from the pipelines: a line or refund counts once, and only if nothing is wrong with it.
SOLD = f"""
with orders_once as (
    select distinct on (order_id) * from orders order by order_id
),
lines as (
    select distinct order_items.*, cast(ordered_at as date) as ds, currency_code
    from order_items join orders_once using (order_id)
    where ordered_at >= date '{FIRST}'
        and exists (select 1 from product_versions as known where known.product_id = order_items.product_id)
        and quantity > 0 and unit_price >= 0 and discount_amount between 0 and quantity * unit_price
)
"""
DAYS = [date.fromordinal(number) for number in range(FIRST.toordinal(), YESTERDAY.toordinal() + 1)]


@pytest.fixture
def query(airflow: Deployment) -> Iterator[Query]:
    """Ask the warehouse as the first range and the first day left it, whatever was run since."""
    with closing(duckdb.connect(airflow.first_figures, read_only=True)) as connection:
        yield lambda sql: connection.execute(sql).fetchall()


@pytest.fixture
def rates(airflow: Deployment) -> str:
    """The files of the data share as a list of SQL values (ds, currency_code, rate)."""
    lines = [line.split(",") for day in DAYS for line in airflow.rates_file(day).read_text().splitlines()[1:]]
    assert len(lines) == 6 * len(DAYS)
    return ", ".join(f"(date '{day}', '{currency}', {rate})" for day, currency, rate in lines)


def test_every_task_of_range_and_day_succeeded_at_once(
    airflow: Deployment, runs_of_range: dict[str, str], runs_of_day: dict[str, str]
) -> None:
    for runs in (runs_of_range, runs_of_day):
        tasks = [task for dag_id, run_id in runs.items() for task in airflow.api.task_instances(dag_id, run_id)]
        assert len(tasks) == len(DAGS) + len(SOURCES)
        assert {(task["state"], task["try_number"]) for task in tasks} == {("success", 1)}
    published = Ledger().publications(specs.load().tables)
    assert {row.pipeline for row in published} == set(DAGS)
    assert {(row.start, row.end) for row in published if row.run_id == runs_of_range["finance"]} == {(OPENING, YESTERDAY)}


def test_gross_revenue_equals_the_shops(airflow: Deployment, query: Query, rates: str) -> None:
    expected = airflow.in_shop(f"""
        {SOLD}, rates (ds, currency_code, rate) as (values {rates})
        select ds, sum(round(quantity * unit_price * rate, 4)), count(*)
        from lines join rates using (ds, currency_code) group by ds order by ds
    """)
    assert [day for day, *_ in expected] == DAYS
    assert query("select ds, sum(gross_revenue), count(*) from core.order_lines group by ds order by ds") == expected
    summary = query("select ds, sum(gross_revenue) from profit.daily_profit_summary group by ds order by ds")
    assert summary == [(day, revenue) for day, revenue, _ in expected]
    [(refused,)] = query("select count(*) from quarantine.order_lines")
    [(arrived,)] = query(f"select count(*) from raw.order_items where ds >= date '{FIRST}'")
    assert refused >= 1
    assert arrived == refused + sum(count for *_, count in expected)


def test_refunds_equal_the_shops(airflow: Deployment, query: Query, rates: str) -> None:
    """A refund of an order from before the range is quarantined until that day is computed too."""
    expected = airflow.in_shop(f"""
        {SOLD}, rates (ds, currency_code, rate) as (values {rates}),
        refunds_once as (select distinct * from refunds where amount >= 0),
        recognised as (
            select cast(refunded_at as date) as ds, amount, lines.currency_code
            from refunds_once join lines using (order_id, line_number)
            union all
            select cast(refunded_at as date), amount, 'EUR' from refunds_once where order_id is null
        )
        select ds, sum(round(amount * rate, 4)) from recognised join rates using (ds, currency_code) group by ds order by ds
    """)
    assert len(expected) >= 3
    assert query("select ds, sum(refund_amount) from core.refund_lines group by ds order by ds") == expected
    summary = "select ds, sum(refund_amount) from profit.daily_profit_summary where refund_amount <> 0 group by ds order by ds"
    assert query(summary) == expected
    [(refused,)] = query("select count(*) from quarantine.refund_lines where quarantine_reason = 'order_line_not_found'")
    assert refused >= 1


def test_expenses_are_all_spent(query: Query) -> None:
    spent = query(f"select ds, sum(amount) from core.expenses where ds >= date '{FIRST}' group by ds order by ds")
    assert [day for day, _ in spent] == DAYS
    columns = "marketing_expense + operational_expense + labor_expense"
    assert query(f"select ds, sum({columns}) from profit.daily_profit_summary group by ds order by ds") == spent
