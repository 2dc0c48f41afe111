"""The shop's database, and the extracts that read it, on a real PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from psycopg2.extensions import connection as Connection  # noqa: N812

from headline.demo.company import Company, days_between, midnight
from headline.demo.sales import Sales
from headline.demo.shop import correct, fill
from headline.intervals import Interval

EXTRACTS = Path(__file__).parents[3] / "include" / "sql" / "sources" / "shop"
TABLES = ("orders", "order_items", "refunds", "products", "customers")
DAY = timedelta(days=1)
FIRST = date(2026, 3, 2)
LAST = FIRST + 9 * DAY
Row = tuple[Any, ...]
NewDatabase = Callable[[], Connection]


def query(connection: Connection, sql: str) -> list[Row]:
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        rows: list[Row] = cursor.fetchall()
        return rows


def extract(connection: Connection, table: str, first: date, last: date, zone: str = "UTC") -> list[Row]:
    """The rows that ingestion gets for the days from first to last, in their order, as text of the columns."""
    template = Environment(undefined=StrictUndefined, loader=FileSystemLoader(EXTRACTS.parents[1])).from_string(
        (EXTRACTS / f"{table}.extract.sql").read_text()
    )
    return query(connection, template.render(start=first, end=last + DAY, reporting_zone=zone))


def content(connection: Connection) -> dict[str, list[Row]]:
    tables = ("filled_days", "orders", "order_items", "refunds", "product_versions", "customer_versions")
    return {table: query(connection, f"select t::text from {table} as t order by 1") for table in tables}


@pytest.fixture(scope="module")
def shop(new_database: NewDatabase, company: Company) -> Connection:
    """A shop with ten days in it, which no test changes."""
    connection = new_database()
    assert fill(connection, FIRST, LAST, company) == 10
    return connection


def test_filling_twice_changes_nothing(shop: Connection, company: Company) -> None:
    before = content(shop)
    assert all(before.values())
    assert fill(shop, FIRST, LAST, company) == 0
    assert content(shop) == before


def test_order_of_filling_does_not_matter(shop: Connection, new_database: NewDatabase, company: Company) -> None:
    other = new_database()
    for first, last in ((FIRST + 5 * DAY, LAST), (FIRST, FIRST), (FIRST, FIRST + 3 * DAY), (FIRST, LAST)):
        fill(other, first, last, company)
    assert content(other) == content(shop)


def test_progress_names_every_day(new_database: NewDatabase, company: Company) -> None:
    told: list[date] = []
    fill(new_database(), FIRST, FIRST + 2 * DAY, company, progress=told.append)
    assert told == days_between(FIRST, FIRST + 2 * DAY)


def test_every_refund_finds_its_order(shop: Connection) -> None:
    orphans = "select * from refunds where order_id not like 'O0000%' and order_id not in (select order_id from orders)"
    assert query(shop, orphans) == []
    assert query(shop, "select count(*) from refunds where order_id is not null")[0][0] > 10
    assert query(shop, "select count(*) from refunds where order_id is null")[0][0] > 0


def test_late_orders_are_there_once_their_arrival_day_is(new_database: NewDatabase, company: Company) -> None:
    connection = new_database()
    fill(connection, FIRST, FIRST, company)
    early = extract(connection, "orders", FIRST, FIRST)
    fill(connection, FIRST, FIRST + 2 * DAY, company)
    complete = extract(connection, "orders", FIRST, FIRST)
    assert set(early) < set(complete)
    assert len({row[1] for row in complete}) == Sales(company).order_count(FIRST)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
@pytest.mark.parametrize("table", TABLES)
def test_extracts_split_by_day(shop: Connection, table: str, zone: str) -> None:
    days = days_between(FIRST, LAST)
    in_one = extract(shop, table, FIRST, LAST, zone)
    one_by_one = [row for day in days for row in extract(shop, table, day, day, zone)]
    assert in_one == one_by_one
    assert {row[0] for row in in_one} <= set(days)
    assert len(in_one) > 20


def test_extracts_lose_and_invent_nothing(shop: Connection) -> None:
    for table in ("orders", "order_items", "refunds"):
        stored = query(shop, f"select t::text from {table} as t")
        assert len(extract(shop, table, FIRST, LAST)) == len(stored) > 0


def test_a_business_day_follows_the_reporting_zone(shop: Connection) -> None:
    new_york_midnight = datetime(2026, 3, 5, 5)  # noqa: DTZ001 - UTC, before summer time
    moments = [row[3] for row in extract(shop, "orders", date(2026, 3, 5), date(2026, 3, 5), "America/New_York")]
    assert min(moments) >= new_york_midnight
    assert new_york_midnight + 23 * timedelta(hours=1) < max(moments) < new_york_midnight + DAY


def test_snapshots_show_what_was_known_when_the_day_ended(shop: Connection, company: Company) -> None:
    sales = Sales(company)
    seen = 0
    for day in days_between(FIRST, LAST):
        end = midnight(day + DAY)
        products = []
        for product in sales.products.before(end):
            known = [version for version in product.versions if version.recorded_at < end]
            if known and product.until >= end:
                names = (product.product_id, product.product_name, product.category)
                products.append((day, *names, known[-1].unit_cost, known[-1].updated_at))
        customers = []
        for customer in sales.customers.before(end):
            latest = [version for version in customer.versions if version.recorded_at < end][-1]
            if customer.until >= end:
                state = (latest.country_code, latest.email, latest.updated_at)
                customers.append((day, customer.customer_id, customer.since, *state))
        assert extract(shop, "products", day, day) == sorted(products)
        assert extract(shop, "customers", day, day) == sorted(customers)
        seen += len(products) + len(customers)
    assert seen > 20_000
    for table in ("product_versions", "customer_versions"):
        assert query(shop, f"select count(*) from {table} where is_deleted")[0][0] > 0


def test_an_order_that_stands_on_two_days_brings_the_same_lines_alone_and_in_a_range(
    new_database: NewDatabase, company: Company
) -> None:
    connection = new_database()
    fill(connection, FIRST, FIRST + 2 * DAY, company)
    [(order,)] = query(connection, f"select min(order_id) from orders where ordered_at::date = '{FIRST}'")
    with connection, connection.cursor() as cursor:
        for moment in (f"{FIRST + DAY} 09:00:00", f"{FIRST + DAY} 17:00:00"):
            cursor.execute(
                "insert into orders select order_id, customer_id, %s, order_status, sales_channel, country_code, currency_code "
                "from orders where order_id = %s limit 1",
                (moment, order),
            )
    whole = extract(connection, "order_items", FIRST, FIRST + 2 * DAY)
    days = [row for day in days_between(FIRST, FIRST + 2 * DAY) for row in extract(connection, "order_items", day, day)]
    assert days == whole
    lines = query(connection, f"select count(*) from order_items where order_id = '{order}'")[0][0]
    assert [row[0] for row in whole if row[1] == order] == [FIRST] * lines + [FIRST + DAY] * lines


def test_what_cannot_be_right_is_corrected_once_as_it_truly_was(new_database: NewDatabase, company: Company) -> None:
    connection, clean = new_database(), new_database()
    fill(connection, FIRST, LAST, company)
    fill(clean, FIRST, LAST, replace(company, blemish_share=0))
    days = Interval(FIRST + 2 * DAY, FIRST + 7 * DAY)

    def rows(shop: Connection, first: date, last: date) -> dict[str, set[Row]]:
        return {table: set(extract(shop, table, first, last)) for table in ("orders", "order_items", "refunds")}

    before = rows(connection, LAST, LAST)
    assert correct(connection, days, company) > 20
    assert rows(connection, days.start, days.end - DAY) == rows(clean, days.start, days.end - DAY)
    assert rows(connection, LAST, LAST) == before != rows(clean, LAST, LAST), "another month"
    assert correct(connection, days, company) == 0
