"""The settings of the simulated company and what every part of it shares: draws and trading volume."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from headline.intervals import DAY, Interval

CURRENCY_OF_COUNTRY = {
    "DE": "EUR",
    "FR": "EUR",
    "NL": "EUR",
    "ES": "EUR",
    "IT": "EUR",
    "GB": "GBP",
    "US": "USD",
    "CH": "CHF",
    "SE": "SEK",
    "PL": "PLN",
}
COUNTRY_WEIGHTS = (26, 14, 9, 7, 7, 13, 11, 5, 4, 4)  # in the order of CURRENCY_OF_COUNTRY
SALES_CHANNEL_WEIGHTS = {"web": 55, "app": 30, "marketplace": 15}
WEEKDAY_PERMILLE = (980, 940, 950, 990, 1020, 1100, 1020)  # Monday first; mean 1000
GROWTH_PER_DAY_IN_MILLIONTHS = 200
SETTLED = timedelta(days=3)  # orders come up to two days late


@dataclass(frozen=True)
class Company:
    """One simulated company. Equal settings give equal data on every machine, whichever days are asked for and in which order.

    Nothing happens before `first_day`, the day on which the shop opened. `late_share` is the share of orders that reach the
    database one or two days after they were placed, `blemish_share` the share of rows that arrive damaged.
    """

    seed: int = 1
    first_day: date = date(2025, 1, 1)
    lines_on_first_day: int = 1_800
    late_share: float = 0.005
    blemish_share: float = 0.001

    def draws(self, *topic: object) -> Random:
        """Return the random numbers of one topic, independent of those of every other topic."""
        return Random(":".join(str(part) for part in (self.seed, *topic)))  # noqa: S311 - a simulation keeps no secrets

    def volume(self, day: date) -> int:
        """Return the trading volume by weekday and slow growth, in thousandths of an average first day; 0 before the opening."""
        age = (day - self.first_day).days
        if age < 0:
            return 0
        return WEEKDAY_PERMILLE[day.weekday()] * (1_000_000 + GROWTH_PER_DAY_IN_MILLIONTHS * age) // 1_000_000


def last_month(today: date) -> Interval:
    """The last month that ended some days ago, so that its late orders have come: its books are closed."""
    return Interval((today - SETTLED).replace(day=1) - DAY, (today - SETTLED).replace(day=1)).widen("month")


def utc_today() -> date:
    """Return the current day in UTC, the company's clock."""
    return datetime.now(UTC).date()


def midnight(day: date) -> datetime:
    """Return the first moment of the day. Moments are UTC without a zone, as the shop's database stores them."""
    return datetime.combine(day, time.min)


def days_between(first: date, last: date) -> list[date]:
    """Return every day from first to last, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
