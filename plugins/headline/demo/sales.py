"""Orders and refunds: what was sold on a day, and on which day the shop's database heard of it.

Every order is drawn from its own numbers, so a refund in March can tell its order of February without the rest of February.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple, TypeVar

from headline.demo.company import COUNTRY_WEIGHTS, CURRENCY_OF_COUNTRY, SALES_CHANNEL_WEIGHTS, Company, midnight
from headline.demo.experiments import Experiments
from headline.demo.rosters import Customer, Roster, customers, products

NO_PRODUCT, NO_ORDER = "P99999", "O00000000-00000"  # what damaged rows name
LONGEST_REFUND_LAG = 40
REFUNDED_ORDERS_PERCENT = 8
LINES_PER_ORDER_WEIGHTS = {1: 42, 2: 27, 3: 16, 4: 9, 5: 6}  # mean 2.1
QUANTITY_WEIGHTS = {1: 70, 2: 20, 3: 6, 6: 3, 12: 1}
STATUS_WEIGHTS = {"delivered": 80, "shipped": 15, "paid": 5}
PRICE_FACTOR = {  # list prices abroad follow a price list, not the day's exchange rate
    "EUR": Decimal("1.00"),
    "USD": Decimal("1.12"),
    "GBP": Decimal("0.88"),
    "CHF": Decimal("1.05"),
    "SEK": Decimal("11.50"),
    "PLN": Decimal("4.30"),
}
CENT = Decimal("0.01")
ZERO = Decimal(0)

T = TypeVar("T")


class OrderRow(NamedTuple):
    order_id: str
    customer_id: str | None
    ordered_at: datetime
    order_status: str
    sales_channel: str
    country_code: str
    currency_code: str


class ItemRow(NamedTuple):
    """One order line; money in the order's currency."""

    order_id: str
    line_number: int
    product_id: str | None
    quantity: int | None
    unit_price: Decimal | None
    discount_amount: Decimal


class RefundRow(NamedTuple):
    """One refund of an order line, in the order's currency; or, without an order, one of goodwill in reporting currency."""

    refund_id: str
    order_id: str | None
    line_number: int | None
    refunded_at: datetime
    quantity: int | None
    amount: Decimal | None


class SoldLine(NamedTuple):
    """An order line as it truly was, before any blemish."""

    product_id: str
    quantity: int
    unit_price: Decimal
    discount_amount: Decimal


class Order(NamedTuple):
    header: OrderRow
    lines: list[SoldLine]


class Arrivals(NamedTuple):
    """Rows as the database gets them, blemishes included."""

    orders: list[OrderRow]
    items: list[ItemRow]
    refunds: list[RefundRow]


def _twice(row: T) -> tuple[T, T]:
    return row, row


ORDER_BLEMISHES: tuple[Callable[[OrderRow], tuple[OrderRow, ...]], ...] = (_twice,)
ITEM_BLEMISHES: tuple[Callable[[ItemRow], tuple[ItemRow, ...]], ...] = (
    _twice,
    lambda row: (row._replace(product_id=None),),
    lambda row: (row._replace(product_id=NO_PRODUCT),),
    lambda row: (row._replace(quantity=None),),
    lambda row: (row._replace(quantity=-(row.quantity or 0)),),
    lambda row: (row._replace(unit_price=None),),
    lambda row: (row._replace(unit_price=-(row.unit_price or ZERO)),),
    lambda row: (row._replace(discount_amount=(row.unit_price or ZERO) * (row.quantity or 0) + 1),),
)
REFUND_BLEMISHES: tuple[Callable[[RefundRow], tuple[RefundRow, ...]], ...] = (
    _twice,
    lambda row: (row._replace(order_id=NO_ORDER),),
    lambda row: (row._replace(amount=None),),
    lambda row: (row._replace(amount=-(row.amount or ZERO)),),
)


class Sales:
    """The orders and refunds of a company."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.products = Roster(products(company))
        self.customers = Roster(customers(company))
        self.experiments = Experiments(company)

    def order_count(self, day: date) -> int:
        """Return how many orders were placed on the day."""
        noise = self.company.draws(day, "order count").randint(960, 1_040)
        return self.company.lines_on_first_day * self.company.volume(day) * noise // 2_100_000

    def order(self, day: date, number: int) -> Order:
        """Return one order of the day by its number, 0 to order_count - 1."""
        rng, header, customer = self._header(day, number)
        discount = rng.choice((5, 10, 20)) if rng.random() < 0.15 else 0
        line_count = _weighted(rng, LINES_PER_ORDER_WEIGHTS)
        lines = [self._line(rng, day, header, discount_percent=discount) for _ in range(line_count)]
        if customer and self.experiments.is_treated(customer, header.ordered_at):
            lines.append(self._line(rng, day, header, discount_percent=discount))
        return Order(header, lines)

    def headers(self, day: date) -> Iterator[OrderRow]:
        """Yield the headers of the day's orders, which is less work than the orders."""
        return (self._header(day, number)[1] for number in range(self.order_count(day)))

    def _header(self, day: date, number: int) -> tuple[Random, OrderRow, Customer | None]:
        rng = self.company.draws(day, "order", number)
        ordered_at = midnight(day) + timedelta(seconds=(rng.randrange(86_400) + rng.randrange(86_400)) // 2)
        customer = self.customers.draw(rng, day) if rng.random() < 0.92 else None
        country = customer.at(ordered_at).country_code if customer else _weighted(rng, _COUNTRIES)
        header = OrderRow(
            order_id=f"O{day:%Y%m%d}-{number + 1:05d}",
            customer_id=customer.customer_id if customer else None,
            ordered_at=ordered_at,
            order_status=_weighted(rng, STATUS_WEIGHTS),
            sales_channel=_weighted(rng, SALES_CHANNEL_WEIGHTS),
            country_code=country,
            currency_code=CURRENCY_OF_COUNTRY[country],
        )
        return rng, header, customer

    def arrivals(self, order_day: date, arrival_day: date) -> Arrivals:
        """Return what the database hears on one day about the orders that were placed on another: the orders, and their refunds.

        Orders arrive on their own day, a few of them one or two days late; refunds up to LONGEST_REFUND_LAG days after the order.
        """
        lag = (arrival_day - order_day).days
        lateness = self._lateness(order_day)
        orders = [self.order(order_day, number) for number, late_by in enumerate(lateness) if late_by == lag]
        items = [
            ItemRow(order.header.order_id, line_number, *line)
            for order in orders
            for line_number, line in enumerate(order.lines, start=1)
        ]
        refunds = [
            self.refund(order_day, number, arrival_day)
            for number, refunded_after in self._refund_lags(order_day)
            if refunded_after == lag >= lateness[number]
        ]
        rng = self.company.draws(order_day, "blemishes", arrival_day)
        return Arrivals(
            orders=list(self._damaged((order.header for order in orders), ORDER_BLEMISHES, rng)),
            items=list(self._damaged(items, ITEM_BLEMISHES, rng)),
            refunds=list(self._damaged(refunds, REFUND_BLEMISHES, rng)),
        )

    def goodwill_refunds(self, day: date) -> list[RefundRow]:
        """Return the refunds of the day that belong to no order; their amount is in reporting currency."""
        rng = self.company.draws(day, "goodwill")
        return [
            RefundRow(f"G{day:%Y%m%d}-{number}", None, None, _between(rng, midnight(day), day), None, Decimal(rng.randint(5, 30)))
            for number in range(1, rng.randint(0, 2) + 1)
        ]

    def refund(self, order_day: date, number: int, refund_day: date) -> RefundRow:
        """Return the refund of a line of one order, as it truly was."""
        rng = self.company.draws(order_day, "refund", number)
        order = self.order(order_day, number)
        line_number = rng.randint(1, len(order.lines))
        line = order.lines[line_number - 1]
        quantity = rng.randint(1, line.quantity)
        paid = line.unit_price * line.quantity - line.discount_amount
        return RefundRow(
            refund_id=f"R{order.header.order_id[1:]}",
            order_id=order.header.order_id,
            line_number=line_number,
            refunded_at=_between(rng, max(order.header.ordered_at, midnight(refund_day)), refund_day),
            quantity=quantity,
            amount=(paid * quantity / line.quantity).quantize(CENT),
        )

    def _line(self, rng: Random, day: date, order: OrderRow, *, discount_percent: int) -> SoldLine:
        product = self.products.draw(rng, day)
        unit_price = (product.at(order.ordered_at).list_price * PRICE_FACTOR[order.currency_code]).quantize(CENT)
        quantity = _weighted(rng, QUANTITY_WEIGHTS)
        discount = (unit_price * quantity * discount_percent / 100).quantize(CENT)
        return SoldLine(product.product_id, quantity, unit_price, discount)

    def _lateness(self, day: date) -> list[int]:
        """Return for each order of the day how many days late it reaches the database."""
        rng = self.company.draws(day, "lateness")
        share = self.company.late_share
        return [rng.randint(1, 2) if rng.random() < share else 0 for _ in range(self.order_count(day))]

    def _refund_lags(self, day: date) -> list[tuple[int, int]]:
        """Return which orders of the day are refunded (one line, once) and after how many days, mostly within two weeks."""
        rng = self.company.draws(day, "refunds")
        count = self.order_count(day)
        return [
            (number, rng.randint(0, 14) if rng.random() < 0.75 else rng.randint(8, LONGEST_REFUND_LAG))
            for number in rng.sample(range(count), count * REFUNDED_ORDERS_PERCENT // 100)
        ]

    def _damaged(self, rows: Iterable[T], blemishes: tuple[Callable[[T], tuple[T, ...]], ...], rng: Random) -> Iterator[T]:
        for row in rows:
            if rng.random() < self.company.blemish_share:
                yield from rng.choice(blemishes)(row)
            else:
                yield row


_COUNTRIES = dict(zip(CURRENCY_OF_COUNTRY, COUNTRY_WEIGHTS, strict=True))


def _weighted(rng: Random, weights: dict[T, int]) -> T:
    return rng.choices(tuple(weights), tuple(weights.values()))[0]


def _between(rng: Random, earliest: datetime, day: date) -> datetime:
    """Return a moment from the earliest to the end of the day."""
    end = midnight(day) + timedelta(days=1)
    return earliest + timedelta(seconds=rng.randrange(max(1, int((end - earliest).total_seconds()))))
