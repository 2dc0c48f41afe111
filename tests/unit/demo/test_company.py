"""The company's data are a pure function of its settings and the day, and have the shape of a real shop's."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from time import process_time

import pytest

from headline.demo.app import App
from headline.demo.company import CURRENCY_OF_COUNTRY, SALES_CHANNEL_WEIGHTS, Company, days_between, midnight
from headline.demo.finance import BASE_RATE, exchange_rates, expenses
from headline.demo.rosters import NEVER
from headline.demo.sales import LONGEST_REFUND_LAG, STATUS_WEIGHTS, Arrivals, Sales

DAY = timedelta(days=1)
A_DAY = date(2026, 3, 11)
A_WEEK = days_between(A_DAY, A_DAY + 6 * DAY)


def heard_on(sales: Sales, day: date) -> list[Arrivals]:
    """All that the database hears on the day, of whichever order day."""
    return [sales.arrivals(day - DAY * lag, day) for lag in range(LONGEST_REFUND_LAG + 1)]


def test_a_day_alone_equals_the_day_in_a_range(company: Company) -> None:
    in_a_range = Sales(company)
    forwards = {day: heard_on(in_a_range, day) for day in A_WEEK}
    for day in reversed(A_WEEK):
        assert heard_on(Sales(company), day) == forwards[day]
    assert sum(len(arrivals.items) for day in A_WEEK for arrivals in forwards[day]) > 1_000


def test_an_order_can_be_produced_alone(company: Company) -> None:
    orders = {order.order_id: order for order in Sales(company).arrivals(A_DAY, A_DAY).orders}
    alone = Sales(company).order(A_DAY, 7).header
    assert orders[alone.order_id] == alone


def test_another_seed_is_another_company(company: Company) -> None:
    other = replace(company, seed=company.seed + 1)
    assert Sales(other).arrivals(A_DAY, A_DAY) != Sales(company).arrivals(A_DAY, A_DAY)
    assert expenses(other, A_DAY) != expenses(company, A_DAY)
    assert exchange_rates(other, A_DAY) != exchange_rates(company, A_DAY)


def test_nothing_happens_before_the_opening(company: Company) -> None:
    before = company.first_day - DAY
    assert heard_on(Sales(company), before) == [Arrivals([], [], [])] * (LONGEST_REFUND_LAG + 1)
    assert expenses(company, before) == []


def test_volume_season_growth_and_cost_of_a_day() -> None:
    company = Company()
    started = process_time()
    lines_of_day = len(Sales(company).arrivals(A_DAY, A_DAY).items)
    assert process_time() - started < 1  # about 0.1 s; the limit allows for a busy machine
    assert 1_600 < lines_of_day < 2_400
    sales = Sales(company)
    by_weekday = Counter[int]()
    for day in days_between(A_DAY, A_DAY + 55 * DAY):
        by_weekday[day.weekday()] += sales.order_count(day)
    assert by_weekday.most_common(1)[0][0] == 5
    assert company.volume(A_DAY + 364 * DAY) > company.volume(A_DAY) > company.volume(A_DAY - 364 * DAY) > 0


def test_orders_are_sold_to_whom_and_of_what_there_was(company: Company) -> None:
    sales = Sales(company)
    everyone = {member.customer_id: member for member in sales.customers.before(midnight(A_DAY))}
    everything = {member.product_id: member for member in sales.products.before(midnight(A_DAY))}
    orders = [sales.order(A_DAY, number) for number in range(sales.order_count(A_DAY))]
    assert orders
    for order in orders:
        header = order.header
        assert header.ordered_at.date() == A_DAY
        assert header.order_status in STATUS_WEIGHTS
        assert header.sales_channel in SALES_CHANNEL_WEIGHTS
        assert CURRENCY_OF_COUNTRY[header.country_code] == header.currency_code
        assert 1 <= len(order.lines) <= 5
        if header.customer_id:
            assert everyone[header.customer_id].until >= midnight(A_DAY + DAY)
        for line in order.lines:
            assert everything[line.product_id].until >= midnight(A_DAY + DAY)
            assert 0 <= line.discount_amount <= line.quantity * line.unit_price
    assert {order.header.currency_code for order in orders} >= {"EUR", "USD", "GBP", "CHF"}
    assert any(order.header.customer_id is None for order in orders)
    assert any(line.discount_amount for order in orders for line in order.lines)


def test_products_and_customers_come_change_and_go(company: Company) -> None:
    sales = Sales(company)
    now = midnight(A_DAY)
    products, customers = sales.products.before(now), sales.customers.before(now)
    for members in (products, customers):
        assert [member.since for member in members] == sorted(member.since for member in members)
        for member in members:
            changes = [version.updated_at for version in member.versions]
            assert changes == sorted(set(changes))
            assert member.since == changes[0] <= changes[-1] < member.until
        assert any(member.until < now for member in members)
        assert any(member.since > now - 14 * DAY for member in members)
    assert 150 < sum(product.until > now for product in products) < 250
    assert 2_000 < sum(customer.until > now for customer in customers) < 4_000
    assert any(version.recorded_at > version.updated_at for product in products for version in product.versions)
    assert any(len({version.country_code for version in customer.versions}) > 1 for customer in customers)
    assert any(len({version.email for version in customer.versions}) > 1 for customer in customers)
    assert any(customer.until == NEVER for customer in customers)
    assert len({product.category for product in products}) == 8
    last_year = Sales(company).customers.before(midnight(A_DAY - 365 * DAY))
    assert last_year == customers[: len(last_year)]


def test_late_orders_arrive_once_within_two_days(company: Company) -> None:
    sales = Sales(replace(company, blemish_share=0))
    on_time, one_late, two_late, never = (sales.arrivals(A_DAY, A_DAY + DAY * lag).orders for lag in range(4))
    arrived = [order.order_id for orders in (on_time, one_late, two_late) for order in orders]
    assert sorted(arrived) == sorted(sales.order(A_DAY, number).header.order_id for number in range(sales.order_count(A_DAY)))
    assert one_late
    assert two_late
    assert not never
    usual = Sales(replace(company, lines_on_first_day=10_000, late_share=Company.late_share))
    late = sum(len(usual.arrivals(A_DAY, A_DAY + DAY * lag).orders) for lag in (1, 2))
    assert 0.001 < late / usual.order_count(A_DAY) < 0.01


def test_refunds_come_after_their_order_and_never_exceed_it(company: Company) -> None:
    sales = Sales(replace(company, lines_on_first_day=1_800, blemish_share=0))
    orders = [sales.order(A_DAY, number) for number in range(sales.order_count(A_DAY))]
    ordered = {order.header.order_id: order for order in orders}
    by_lag = {lag: sales.arrivals(A_DAY, A_DAY + DAY * lag).refunds for lag in range(LONGEST_REFUND_LAG + 2)}
    refunds = [refund for of_lag in by_lag.values() for refund in of_lag]
    assert 0.06 < len(refunds) / len(ordered) < 0.09
    assert len({refund.refund_id for refund in refunds}) == len({refund.order_id for refund in refunds}) == len(refunds)
    for lag, of_lag in by_lag.items():
        for refund in of_lag:
            assert refund.order_id is not None
            assert refund.line_number is not None
            assert refund.quantity is not None
            order = ordered[refund.order_id]
            line = order.lines[refund.line_number - 1]
            assert refund.refunded_at >= order.header.ordered_at
            assert refund.refunded_at.date() == A_DAY + DAY * lag
            assert 1 <= refund.quantity <= line.quantity
            assert refund.amount is not None
            assert 0 <= refund.amount <= line.unit_price * line.quantity - line.discount_amount
    assert sum(len(by_lag[lag]) for lag in range(15)) > 0.6 * len(refunds)
    assert any(by_lag[lag] for lag in range(30, LONGEST_REFUND_LAG + 1))
    assert not by_lag[LONGEST_REFUND_LAG + 1]
    goodwill = [refund for day in A_WEEK for refund in sales.goodwill_refunds(day)]
    assert goodwill
    assert all(refund.order_id is None and refund.amount for refund in goodwill)


def test_a_refund_never_arrives_before_its_order(company: Company) -> None:
    sales = Sales(replace(company, late_share=1, blemish_share=0))
    known: set[str] = set()
    for lag in range(LONGEST_REFUND_LAG + 1):
        arrivals = sales.arrivals(A_DAY, A_DAY + DAY * lag)
        known |= {order.order_id for order in arrivals.orders}
        assert {refund.order_id for refund in arrivals.refunds} <= known
    assert known


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02])
def test_blemishes_are_as_frequent_as_set(company: Company, share: float) -> None:
    clean = Sales(replace(company, lines_on_first_day=10_000, blemish_share=0)).arrivals(A_DAY, A_DAY)
    found = Sales(replace(company, lines_on_first_day=10_000, blemish_share=share)).arrivals(A_DAY, A_DAY)
    for expected, rows in ((clean.orders, found.orders), (clean.items, found.items)):
        wrong = len(set(rows) - set(expected)) + sum(times > 1 for times in Counter(rows).values())
        assert share / 3 <= wrong / len(expected) <= share * 3


def test_every_kind_of_blemish_exists(company: Company) -> None:
    sales = Sales(company)
    days = days_between(A_DAY, A_DAY + 27 * DAY)
    heard = [arrivals for day in days for arrivals in heard_on(sales, day)]
    orders = Counter(row for arrivals in heard for row in arrivals.orders)
    items = Counter(row for arrivals in heard for row in arrivals.items)
    refunds = Counter(row for arrivals in heard for row in arrivals.refunds)
    entries = Counter(row for day in days for row in expenses(company, day))
    products = {product.product_id for product in sales.products.before(midnight(days[-1]))}
    for rows in (orders, items, refunds, entries):
        assert max(rows.values()) == 2
    assert any(row.product_id is None for row in items)
    assert any(row.product_id and row.product_id not in products for row in items)
    assert any(row.quantity is None for row in items)
    assert any(row.quantity and row.quantity < 0 for row in items)
    assert any(row.unit_price is None for row in items)
    assert any(row.unit_price and row.unit_price < 0 for row in items)
    assert any(row.quantity and row.unit_price and row.discount_amount > row.quantity * row.unit_price > 0 for row in items)
    assert any(row.amount is None for row in refunds)
    assert any(row.amount and row.amount < 0 for row in refunds)
    assert any(row.order_id == "O00000000-00000" for row in refunds)
    assert any(row.amount is None for row in entries)
    assert any(row.amount and row.amount < 0 for row in entries)


def test_money_is_decimal_with_at_most_four_digits(company: Company) -> None:
    sales = Sales(company)
    arrivals = heard_on(sales, A_DAY)
    amounts: list[Decimal | None] = [
        *(row.unit_price for heard in arrivals for row in heard.items),
        *(row.discount_amount for heard in arrivals for row in heard.items),
        *(row.amount for heard in arrivals for row in heard.refunds),
        *(row.amount for row in sales.goodwill_refunds(A_DAY)),
        *(row.amount for row in expenses(company, A_DAY)),
        *(version.unit_cost for product in sales.products.before(midnight(A_DAY)) for version in product.versions),
    ]
    given = [amount for amount in amounts if amount is not None]
    assert len(given) > 500
    assert all(type(amount) is Decimal and amount == amount.quantize(Decimal("0.0001")) for amount in given)


def test_expenses_cover_every_type_and_channel(company: Company) -> None:
    rows = expenses(replace(company, blemish_share=0), A_DAY)
    assert len({row.expense_id for row in rows}) == len(rows) > 10
    assert {row.incurred_on for row in rows} == {A_DAY}
    assert {row.expense_type for row in rows} == {"marketing", "operational", "labor"}
    assert {row.sales_channel for row in rows if row.expense_type == "marketing"} == {*SALES_CHANNEL_WEIGHTS, None}
    assert {row.sales_channel for row in rows if row.expense_type != "marketing"} == {None}
    assert {row.currency_code for row in rows} >= {"EUR", "USD", "GBP", "CHF"}


def test_every_currency_has_a_rate_every_day(company: Company) -> None:
    moved: set[str] = set()
    yesterday: dict[str, Decimal] = {}
    for day in days_between(A_DAY, A_DAY + 99 * DAY):
        rates = {row.currency_code: row.rate_to_reporting for row in exchange_rates(company, day)}
        assert rates.keys() == BASE_RATE.keys() >= set(CURRENCY_OF_COUNTRY.values())
        assert rates["EUR"] == 1
        for currency, rate in rates.items():
            assert rate == rate.quantize(Decimal("0.00000001"))
            assert abs(rate / yesterday.get(currency, rate) - 1) < Decimal("0.02")
            if rate != yesterday.get(currency, rate):
                moved.add(currency)
        yesterday = rates
    assert moved == BASE_RATE.keys() - {"EUR"}


def test_the_data_are_the_same_on_every_machine() -> None:
    """Figures elsewhere rest on these data: whoever changes them changes this checksum knowingly."""
    company = Company()
    app = App(company)
    everything = [
        app.sales.arrivals(A_DAY, A_DAY),
        expenses(company, A_DAY),
        exchange_rates(company, A_DAY),
        app.arrivals(A_DAY),
        app.assignments(A_DAY),
    ]
    assert sha256(repr(everything).encode()).hexdigest()[:12] == "6c1e6ec7e53b"
