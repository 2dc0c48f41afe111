"""UCI Online Retail through the whole street, held against queries on the file that share nothing with it.

Its first five months, which take a fourth of the time; all of it, and days one by one, for `make examples`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest
from tests.conftest import forget
from tests.examples.house import House

from headline import settings, specs
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, migrate
from headline.ledger.engine import engine
from headline.local.example import Example
from headline.pipeline import Waiver
from headline.warehouse import open_warehouse

FOLDER = settings.PROJECT / "examples" / "online_retail"
DATA = settings.PROJECT.parent / "shared" / "data" / "online_retail.parquet"
EXAMPLE = Example.load(FOLDER)
ACCEPTANCE = Waiver(EXAMPLE.accept or "", by="the example")
IS_WHOLE = "HEADLINE_TEST_WHOLE_EXAMPLES" in os.environ
DAYS = Interval(EXAMPLE.first, EXAMPLE.last + DAY if IS_WHOLE else date(2011, 5, 1))
PIPELINES = ("finance", "shop", "core_finance", "core_shop", "unit_profit", "investor_profit")

# Everything that is asked of the file itself starts from these three: its rows, and those that count once.
# Prices are taken as the digits that they print, so that nothing is lost on the way to a decimal.
FILE = f"""
    with file as (
        select *, InvoiceNo[1] = 'C' as is_refund, Quantity * cast(cast(UnitPrice as varchar) as decimal(18, 6)) as amount
        from '{DATA}'
        where InvoiceDate < '{DAYS.end}'
    ),
    once as (select distinct * from file),
    sales as (select * from once where not is_refund and Quantity > 0 and UnitPrice >= 0)
"""

pytestmark = [
    pytest.mark.skipif(not DATA.is_file(), reason=f"the data are not there: {DATA.name} belongs into ../shared/data"),
    pytest.mark.timeout(600),
]


class Builder:
    """Makes houses that read the file by the example's sources."""

    def __init__(self, postgres: str, folder: Path, environment: pytest.MonkeyPatch) -> None:
        self._postgres = postgres
        self._folder = folder
        self._environment = environment
        self._empty = self._ledger("empty", template="template1")
        migrate(self._empty)
        engine(self._empty).dispose()  # a database can be copied while nobody is connected to it

    def build(self, name: str) -> House:
        ledger, warehouse = self._ledger(name, template=self._empty), f"headline_warehouse_{name}"
        file = self._folder / f"{name}.duckdb"
        self._connection(warehouse, conn_type="duckdb", host=str(file), extra={"memory_limit": "1GB", "threads": 1})
        return House(file, specs.load(), Ledger(ledger), open_warehouse(warehouse), PIPELINES, ACCEPTANCE)

    def _ledger(self, name: str, template: str) -> str:
        ledger = f"headline_ledger_{name}"
        with closing(psycopg2.connect(host=self._postgres, user="postgres")) as server:
            server.autocommit = True
            server.cursor().execute(f"create database {ledger} template {template}")
        self._connection(ledger, conn_type="postgres", host=self._postgres, login="postgres", schema=ledger)
        return ledger

    def _connection(self, conn_id: str, **parts: Any) -> None:
        self._environment.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(parts))


@pytest.fixture(scope="module")
def builder(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    folder = tmp_path_factory.mktemp("online_retail")
    shutil.copy2(DATA, folder / EXAMPLE.data_as)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HEADLINE_HOME", str(folder))
        environment.setenv("HEADLINE_SOURCES", str(FOLDER / "sources"))
        environment.setenv("HEADLINE_WITHOUT", " ".join(EXAMPLE.without))
        environment.setenv("HEADLINE_REPORTING_CURRENCY", EXAMPLE.reporting_currency)
        environment.setenv("HEADLINE_REPORTING_ZONE", EXAMPLE.reporting_zone)
        datashare = {"conn_type": "fs", "extra": {"path": f"file://{folder}"}}
        environment.setenv("AIRFLOW_CONN_HEADLINE_DATASHARE", json.dumps(datashare))
        forget()
        yield Builder(postgres, folder, environment)
    forget()


@pytest.fixture(scope="module")
def year(builder: Builder) -> House:
    """All days in one range."""
    house = builder.build("year")
    house.compute(DAYS, "range")
    return house


def of_file(sql: str) -> list[tuple[Any, ...]]:
    with closing(duckdb.connect()) as connection:
        return connection.execute(FILE + sql).fetchall()


def test_the_file_is_the_one_that_the_example_describes(year: House) -> None:
    with closing(duckdb.connect()) as connection:
        dates = f"select count(*), min(cast(InvoiceDate as date)), max(cast(InvoiceDate as date)) from '{DATA}'"
        assert connection.execute(dates).fetchall() == [(541909, EXAMPLE.first, EXAMPLE.last)]
    loads = year.ledger.current_loads("landing.retail_lines")
    assert (len(loads), sum(load.row_count for load in loads)) == ((374, 541909) if IS_WHOLE else (151, 171999))


def test_raw_holds_every_row_of_the_file_with_every_digit(year: House) -> None:
    lines = f"""
        select order_id, product_id, quantity, cast(unit_price as double) from raw.order_items
        {{}} select InvoiceNo, StockCode, Quantity, UnitPrice from '{DATA}'
        where InvoiceNo not like 'C%' and InvoiceDate < '{DAYS.end}'"""
    assert year.query(lines.format("except all")) == []
    assert year.query("select count(*) from raw.order_items") == of_file("select count(*) from file where not is_refund")
    refunds = of_file("select count(*), sum(-amount), sum(-Quantity) from file where is_refund")
    assert year.query("select count(*), sum(amount), sum(quantity) from raw.refunds") == refunds
    orders = of_file("select count(distinct InvoiceNo), count(distinct CustomerID) from file where not is_refund")
    assert year.query("select count(*), count(distinct customer_id) from raw.orders") == orders


@pytest.mark.parametrize(
    ("raw", "core", "amount"),
    [
        ("order_items", "order_lines", ("quantity * unit_price", "quantity * unit_price_in_order_currency")),
        ("refunds", "refund_lines", ("amount", "amount_in_order_currency")),
    ],
)
def test_raw_is_core_and_quarantine_in_rows_and_money(year: House, raw: str, core: str, amount: tuple[str, str]) -> None:
    arrived = year.query(f"select ds, count(*), sum({amount[0]}) from raw.{raw} group by ds order by ds")
    kept = f"select ds, {amount[1]} as amount from core.{core} union all select ds, {amount[1]} from quarantine.{core}"
    assert year.query(f"select ds, count(*), sum(amount) from ({kept}) as kept group by ds order by ds") == arrived
    assert len(arrived) > 100


def test_quarantine_holds_what_the_rules_refuse(year: House) -> None:
    by_reason = "select quarantine_reason, count(*) from quarantine.{} group by 1 order by 1"
    # A repeated row is counted once less than it occurs.
    counted = """
        select 'duplicate_order_line', sum(n - 1) from (select count(*) as n from file where not is_refund group by file)
        union all select 'negative_unit_price', count(*) from once where not is_refund and Quantity > 0 and UnitPrice < 0
        having count(*) > 0
        union all select 'non_positive_quantity', count(*) from once where not is_refund and Quantity <= 0 order by 1"""
    assert year.query(by_reason.format("order_lines")) == of_file(counted)
    repeated = "select 'duplicate_refund', sum(n - 1) from (select count(*) as n from file where is_refund group by file)"
    assert year.query(by_reason.format("refund_lines")) == of_file(repeated)
    for table in ("products", "customers", "expenses"):
        assert year.query(by_reason.format(table)) == []


def test_revenue_and_refunds_of_every_month_are_those_of_the_file(year: House) -> None:
    expected = of_file("""
        , movements as (
            select InvoiceDate, amount as revenue, 0 as refund from sales
            union all select InvoiceDate, 0, -amount from once where is_refund
        )
        select strftime(InvoiceDate, '%Y-%m') as month, sum(revenue), sum(refund) from movements group by 1 order by 1""")
    assert len(expected) == (13 if IS_WHOLE else 5)
    for table in ("daily_profit_summary", "unit_profit"):
        sums = f"select strftime(ds, '%Y-%m'), sum(gross_revenue), sum(refund_amount) from profit.{table}"
        assert year.query(f"{sums} group by 1 order by 1") == expected
    net = [(month, revenue - refund) for month, revenue, refund in expected]
    assert year.query("select strftime(month, '%Y-%m'), net_revenue from profit.monthly_profit_trends order by 1") == net


def test_a_closed_month_never_changes(year: House) -> None:
    """March 2011 by value, in pounds, as it was first computed."""
    march = "select net_revenue, net_profit from profit.monthly_profit_trends where month = date '2011-03-01'"
    assert year.query(march) == [(Decimal("682013.9800"), Decimal("195873.5500"))]


def test_a_refund_belongs_to_the_latest_earlier_sale_of_customer_and_product(year: House) -> None:
    expected = of_file("""
        , timed as (select *, min(InvoiceDate) over (partition by InvoiceNo) as sold_at from sales),
        back as (select row_number() over () as number, * from once where is_refund)
        select any_value(back.InvoiceNo) as invoice, any_value(-back.Quantity), any_value(-back.amount), max(timed.sold_at)
        from back
        left join timed
            on back.CustomerID = timed.CustomerID and back.StockCode = timed.StockCode and back.InvoiceDate >= timed.sold_at
        group by back.number
        order by all""")
    assert sum(sold_at is not None for *_, sold_at in expected) == (7569 if IS_WHOLE else 2161)
    found = year.query("""
        select
            split_part(refund_id, '-', 1), quantity, refund_amount,
            cast(ordered_at at time zone 'UTC' at time zone 'Europe/London' as timestamp)
        from core.refund_lines order by all""")
    assert found == expected


def test_raw_keeps_utc_and_a_business_day_is_a_day_in_london(year: House) -> None:
    order = "select ordered_at, ds from raw.orders where order_id = '{}'"
    in_file = "select cast(InvoiceDate as varchar) from file where InvoiceNo = '{}' limit 1"
    for invoice, local, utc in (
        ("536365", "2010-12-01 08:26:00", "2010-12-01 08:26:00"),
        ("549991", "2011-04-14 08:13:00", "2011-04-14 07:13:00"),
    ):
        assert of_file(in_file.format(invoice)) == [(local,)]
        [(ordered_at, ds)] = year.query(order.format(invoice))
        assert (str(ordered_at), str(ds)) == (utc, local[:10])


def test_profit_adds_up(year: House) -> None:
    days = """select sum(net_revenue), sum(cost_of_goods), sum(gross_profit), sum(net_profit), count(distinct ds),
        sum(marketing_expense + operational_expense + labor_expense) from profit.daily_profit_summary"""
    [(net_revenue, cost, gross_profit, net_profit, day_count, expenses)] = year.query(days)
    assert (day_count, expenses) == (len(DAYS), 0)
    assert gross_profit == net_profit == net_revenue - cost
    for table in ("unit_profit", "monthly_profit_trends"):
        assert year.query(f"select sum(net_revenue), sum(gross_profit), sum(net_profit) from profit.{table}") == [
            (net_revenue, gross_profit, net_profit)
        ]
    [(expected,)] = of_file("""
        , goods as (select * from sales where StockCode not in
            ('POST', 'DOT', 'C2', 'M', 'm', 'D', 'S', 'B', 'BANK CHARGES', 'AMAZONFEE', 'CRUK') and StockCode not like 'gift%'),
        costs as (
            select StockCode, cast(min(InvoiceDate) as date) as since,
                arg_min(amount / Quantity, (InvoiceDate, InvoiceNo, trim(Description), UnitPrice)) * 0.6 as cost
            from goods where UnitPrice > 0 group by StockCode
        )
        select sum(cast(round(cost, 4) as decimal(18, 4)) * Quantity)
        from goods join costs using (StockCode) where InvoiceDate >= since""")
    assert cost == expected


def test_the_example_keeps_to_the_columns_of_the_raw_tables() -> None:
    own = sorted(FOLDER.glob("sources/*/*.contract.yml"))
    assert own
    for file in own:
        original = settings.PROJECT / "include" / "sql" / file.relative_to(FOLDER)
        assert _columns(file) == _columns(original), file.name


def _columns(contract: Path) -> list[tuple[str, str]]:
    table = specs.stand_in(contract.parent).tables[contract.name.removesuffix(".contract.yml")]
    return [(column.name, column.sql_type) for column in specs.load_contract(table).columns]


def test_running_it_again_changes_nothing(year: House) -> None:
    """Of the five months the last one, beside all that it reads of those before."""
    contents, version = year.contents(), year.ledger.newest_version()
    year.compute(DAYS if IS_WHOLE else Interval(date(2011, 4, 1), DAYS.end), "range again")
    assert year.contents() == contents
    assert year.ledger.newest_version() == version
    assert [contents["profit.unit_profit"][:1]] == of_file(
        "select count(*) from once where is_refund or (Quantity > 0 and UnitPrice >= 0)"
    )


def test_a_day_alone_equals_its_part_of_the_range(year: House) -> None:
    """A day on which 38 lines that were sold in earlier months are refunded."""
    contents = year.contents()
    day = date(2011, 4, 5)
    year.compute(Interval(day, day + DAY), "a day again")
    assert year.contents() == contents


@pytest.mark.skipif(not IS_WHOLE, reason="`make examples` computes day by day too; tests/properties does for the demo company")
def test_days_one_by_one_equal_the_range(builder: Builder) -> None:
    """Three days, a closed Saturday among them, in which 18 lines that were sold the day before are refunded."""
    days = Interval(date(2011, 11, 3), date(2011, 11, 6))
    one_by_one, at_once = builder.build("one_by_one"), builder.build("at_once")
    for day in days:
        one_by_one.compute(Interval(day, day + DAY), f"day {day}")
    at_once.compute(days, "range")
    assert at_once.query("select count(*) from core.refund_lines where order_ds < ds") == [(18,)]
    assert one_by_one.contents() == at_once.contents()


def test_a_single_wrong_digit_would_be_noticed(year: House) -> None:
    contents = year.contents()
    with closing(duckdb.connect(year.file)) as connection:
        connection.execute("update core.refund_lines set refund_amount = refund_amount + 0.0001 where refund_id = 'C536379-1'")
    assert {name for name, content in year.contents().items() if content != contents[name]} == {"core.refund_lines"}
