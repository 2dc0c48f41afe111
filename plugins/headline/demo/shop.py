"""The shop's database: PostgreSQL tables that fill up day by day, as the days arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from headline.demo.company import Company, days_between, midnight
from headline.demo.rosters import NEVER, Customer, Product
from headline.demo.sales import LONGEST_REFUND_LAG, NO_ORDER, NO_PRODUCT, Arrivals, Sales
from headline.intervals import Interval

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

DAY = timedelta(days=1)


def fill(
    connection: Connection,
    first: date,
    last: date,
    company: Company | None = None,
    progress: Callable[[date], None] = lambda _day: None,
) -> int:
    """Bring every day from first to last, both included, into the database and return how many were new.

    The content is a function of the set of days filled, however often and in whatever order: an order placed on a filled day, and
    its refunds, are there as soon as the day of their arrival is filled too. Days before the shop opened have nothing. Each day
    is one transaction; `progress` is told of each day.
    """
    sales = Sales(company or Company())
    new_days = 0
    with connection, connection.cursor() as cursor:
        _lock(cursor)
        cursor.execute(Path(__file__).with_name("shop.sql").read_text())
    for day in days_between(first, last):
        with connection, connection.cursor() as cursor:
            _lock(cursor)
            cursor.execute("select filled_day from filled_days")
            filled = {row[0] for row in cursor.fetchall()}
            if day not in filled:
                _fill_day(cursor, sales, day, filled)
                new_days += 1
        progress(day)
    return new_days


def correct(connection: Connection, days: Interval, company: Company | None = None) -> int:
    """Enter what was truly sold and refunded where rows of these days cannot be right; returns how many rows were wrong.

    What stands there twice stays so: it is no mistake about money. Again changes nothing.
    """
    sales = Sales(company or Company())
    with connection, connection.cursor() as cursor:
        _lock(cursor)
        cursor.execute(
            "select distinct order_id, line_number from order_items as items "
            "where exists (select from orders where orders.order_id = items.order_id and ordered_at >= %s and ordered_at < %s) "
            "and (coalesce(product_id, %s) = %s or coalesce(quantity, -1) < 0 or coalesce(unit_price, -1) < 0 "
            "or discount_amount > quantity * unit_price)",
            (days.start, days.end, NO_PRODUCT, NO_PRODUCT),
        )
        lines = cursor.fetchall()
        for order_id, line_number in lines:
            sold = sales.order(*_placed(order_id)).lines[line_number - 1]
            cursor.execute(
                "update order_items set product_id = %s, quantity = %s, unit_price = %s, discount_amount = %s "
                "where order_id = %s and line_number = %s",
                (*sold, order_id, line_number),
            )
        cursor.execute(
            "select distinct refund_id, refunded_at::date from refunds where refunded_at >= %s and refunded_at < %s "
            "and (order_id = %s or coalesce(amount, -1) < 0)",
            (days.start, days.end, NO_ORDER),
        )
        refunds = cursor.fetchall()
        for refund_id, day in refunds:
            true = sales.refund(*_placed(refund_id), day)
            values = (true.order_id, true.amount, refund_id)
            cursor.execute("update refunds set order_id = %s, amount = %s where refund_id = %s", values)
        return len(lines) + len(refunds)


def _placed(identity: str) -> tuple[date, int]:
    """Day and number of the order that an order_id or a refund_id names: `O20261013-00042`, `R20261013-00042`."""
    day, _, number = identity[1:].partition("-")
    return date.fromisoformat(day), int(number) - 1


def _lock(cursor: Cursor) -> None:
    """Let one process fill at a time; the lock goes with the transaction."""
    cursor.execute("select pg_advisory_xact_lock(hashtext('headline demo shop'))")


def _fill_day(cursor: Cursor, sales: Sales, day: date, filled: set[date]) -> None:
    window = [DAY * lag for lag in range(1, LONGEST_REFUND_LAG + 1)]
    heard_today = [sales.arrivals(day - lag, day) for lag in window if day - lag in filled]
    heard_since = [sales.arrivals(day, day + lag) for lag in window if day + lag in filled]
    arrivals: list[Arrivals] = [*heard_today, sales.arrivals(day, day), *heard_since]
    _copy(cursor, "orders", (row for arrival in arrivals for row in arrival.orders))
    _copy(cursor, "order_items", (row for arrival in arrivals for row in arrival.items))
    _copy(cursor, "refunds", (row for arrival in arrivals for row in arrival.refunds))
    _copy(cursor, "refunds", sales.goodwill_refunds(day))
    if not filled or day > max(filled):
        start = midnight(max(filled) + DAY) if filled else midnight(date.min)
        end = midnight(day + DAY)
        _copy(cursor, "product_versions", _recorded(map(_product_versions, sales.products.before(end)), start, end))
        _copy(cursor, "customer_versions", _recorded(map(_customer_versions, sales.customers.before(end)), start, end))
    cursor.execute("insert into filled_days values (%s)", (day,))


VersionRow = tuple[object, ...]  # ends with updated_at, recorded_at, is_deleted


def _product_versions(product: Product) -> Iterator[VersionRow]:
    fixed = (product.product_id, product.product_name, product.category)
    for version in product.versions:
        yield *fixed, version.unit_cost, version.updated_at, version.recorded_at, False
    yield *fixed, product.versions[-1].unit_cost, product.until, product.until, True


def _customer_versions(customer: Customer) -> Iterator[VersionRow]:
    fixed = (customer.customer_id, customer.since)
    for version in customer.versions:
        yield *fixed, version.country_code, version.email, version.updated_at, version.recorded_at, False
    if customer.until != NEVER:
        last = customer.versions[-1]
        yield *fixed, last.country_code, last.email, customer.until, customer.until, True


def _recorded(histories: Iterable[Iterator[VersionRow]], start: datetime, end: datetime) -> Iterator[VersionRow]:
    for history in histories:
        for row in history:
            recorded_at = row[-2]
            if isinstance(recorded_at, datetime) and start <= recorded_at < end:
                yield row


def _copy(cursor: Cursor, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Append rows through COPY; no value of the demo holds a tab, a newline or a backslash."""
    lines = ("\t".join(r"\N" if value is None else str(value) for value in row) + "\n" for row in rows)
    cursor.copy_expert(f"copy {table} from stdin", StringIO("".join(lines)))
