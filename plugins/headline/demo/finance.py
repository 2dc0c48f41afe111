"""Expenses and exchange rates, as the finance department's systems know them."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from headline.demo.company import Company

RATE_DIGITS = Decimal("0.00000001")
BASE_RATE = {  # to EUR, the reporting currency
    "EUR": Decimal("1.00"),
    "USD": Decimal("0.90"),
    "GBP": Decimal("1.16"),
    "CHF": Decimal("1.04"),
    "SEK": Decimal("0.089"),
    "PLN": Decimal("0.234"),
}
DAYS_PER_SWING = 21
ZERO = Decimal(0)


class Expense(NamedTuple):
    """One expense entry; `sales_channel` for marketing only, and there empty where it serves all channels."""

    expense_id: str
    incurred_on: date
    expense_type: str
    sales_channel: str | None
    amount: Decimal | None
    currency_code: str


class ExchangeRate(NamedTuple):
    """What one unit of a currency is worth in reporting currency on a day; 8 digits."""

    rate_date: date
    currency_code: str
    rate_to_reporting: Decimal


class Budget(NamedTuple):
    """What the company spends on an average first day for one purpose, in cents of the currency."""

    expense_type: str
    sales_channel: str | None
    currency_code: str
    cents: int


BUDGETS = (
    Budget("marketing", "web", "EUR", 266_000),
    Budget("marketing", "web", "USD", 168_000),
    Budget("marketing", "web", "GBP", 84_000),
    Budget("marketing", "app", "USD", 154_000),
    Budget("marketing", "app", "EUR", 84_000),
    Budget("marketing", "marketplace", "EUR", 98_000),
    Budget("marketing", None, "EUR", 70_000),
    Budget("operational", None, "EUR", 448_000),  # shipping
    Budget("operational", None, "EUR", 154_000),  # payment fees
    Budget("operational", None, "USD", 77_000),  # hosting
    Budget("operational", None, "GBP", 125_000),  # warehouse abroad
    Budget("labor", None, "EUR", 602_000),
    Budget("labor", None, "CHF", 98_000),
    Budget("labor", None, "PLN", 392_000),
)
BLEMISHES: tuple[Callable[[Expense], tuple[Expense, ...]], ...] = (
    lambda row: (row, row),
    lambda row: (row._replace(amount=None),),
    lambda row: (row._replace(amount=-(row.amount or ZERO)),),
)


def expenses(company: Company, day: date, *, corrected: bool = False) -> list[Expense]:
    """Return the entries of the day: every budget, in proportion to the trading volume of the day.

    Blemishes are included, unless its books are closed and its entries `corrected`.
    """
    rng = company.draws(day, "expenses")
    volume = company.volume(day)
    rows: list[Expense] = []
    for number, budget in enumerate(BUDGETS if volume else (), start=1):
        cents = budget.cents * volume * rng.randint(850, 1_150) // 1_000_000
        row = Expense(
            expense_id=f"E{day:%Y%m%d}-{number:02d}",
            incurred_on=day,
            expense_type=budget.expense_type,
            sales_channel=budget.sales_channel,
            amount=Decimal(cents).scaleb(-2),
            currency_code=budget.currency_code,
        )
        entered = rng.choice(BLEMISHES)(row) if rng.random() < company.blemish_share else (row,)
        rows.extend((row,) if corrected else entered)
    return rows


def exchange_rates(company: Company, day: date) -> list[ExchangeRate]:
    """Return the rate of every currency on the day, weekends included: slow swings between fixed points, and a little noise."""
    swing, step = divmod(day.toordinal(), DAYS_PER_SWING)
    rates = []
    for currency, base in BASE_RATE.items():
        start, end = (company.draws("rate", currency, point).randint(-30_000, 30_000) for point in (swing, swing + 1))
        noise = company.draws("rate", currency, day).randint(-2_000, 2_000)
        millionths = start + (end - start) * step // DAYS_PER_SWING + noise if currency != "EUR" else 0
        rates.append(ExchangeRate(day, currency, (base * (1_000_000 + millionths) / 1_000_000).quantize(RATE_DIGITS)))
    return rates
