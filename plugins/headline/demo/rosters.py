"""The company's products and customers: each comes at some moment, changes now and then, and may be deleted."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Generic, NamedTuple, TypeVar

from headline.demo.company import COUNTRY_WEIGHTS, CURRENCY_OF_COUNTRY, Company, midnight

NEVER = midnight(date(9999, 12, 31))
DAY = timedelta(days=1)


class ProductVersion(NamedTuple):
    """What the catalogue says of a product from `updated_at` on; it says so since `recorded_at`. Money in reporting currency."""

    updated_at: datetime
    recorded_at: datetime
    unit_cost: Decimal
    list_price: Decimal


class CustomerVersion(NamedTuple):
    """What the shop knows of a customer from `updated_at` on."""

    updated_at: datetime
    recorded_at: datetime
    country_code: str
    email: str


V = TypeVar("V", ProductVersion, CustomerVersion)


@dataclass(frozen=True, kw_only=True)
class Member(Generic[V]):
    """Something that came at `since`, changed from version to version, and went at `until`; drawn in proportion to `weight`."""

    since: datetime
    until: datetime
    weight: int
    versions: tuple[V, ...]

    def at(self, moment: datetime) -> V:
        """Return the version that holds at the moment, which must not lie before the first."""
        return self.versions[bisect_right(self.versions, moment, key=lambda version: version.updated_at) - 1]


@dataclass(frozen=True, kw_only=True)
class Product(Member[ProductVersion]):
    product_id: str
    product_name: str
    category: str


@dataclass(frozen=True, kw_only=True)
class Customer(Member[CustomerVersion]):
    customer_id: str


M = TypeVar("M", Product, Customer)


class Roster(Generic[M]):
    """Members in the order in which they came, read from an endless stream only as far as a day needs."""

    def __init__(self, stream: Iterator[M]) -> None:
        self._stream: Iterator[M] = stream
        self._members: list[M] = []
        self._since: list[datetime] = []
        self._weights: list[int] = []  # cumulated

    def before(self, moment: datetime) -> list[M]:
        """Return everyone who came before the moment, the deleted included."""
        return self._members[: self._count_before(moment)]

    def draw(self, rng: Random, day: date) -> M:
        """Return one member who was there during the whole day, the heavier the likelier."""
        start = midnight(day)
        candidates = self._count_before(start)
        while True:
            ticket = rng.randrange(self._weights[candidates - 1])
            member = self._members[bisect_right(self._weights, ticket, 0, candidates)]
            if member.until >= start + DAY:
                return member

    def _count_before(self, moment: datetime) -> int:
        while not self._since or self._since[-1] < moment:
            member = next(self._stream)
            self._members.append(member)
            self._since.append(member.since)
            self._weights.append(member.weight + (self._weights[-1] if self._weights else 0))
        return bisect_left(self._since, moment)


class Category(NamedTuple):
    name: str
    cost_cents: tuple[int, int]
    markup_permille: tuple[int, int]
    nouns: tuple[str, ...]


CATEGORIES = (
    Category("kitchen", (200, 1_400), (1_900, 2_500), ("mug", "salad bowl", "teapot", "pan", "knife", "chopping board")),
    Category("living", (500, 3_500), (1_900, 2_600), ("cushion", "lamp", "blanket", "vase", "candle holder", "picture frame")),
    Category("garden", (300, 2_600), (1_700, 2_300), ("planter", "lantern", "bird feeder", "watering can", "trowel")),
    Category("toys", (200, 1_400), (1_900, 2_600), ("puzzle", "wooden train", "kite", "card game", "doll")),
    Category("stationery", (40, 500), (2_200, 3_200), ("notebook", "pencil set", "wrapping paper", "desk tray", "calendar")),
    Category("beauty", (120, 900), (2_300, 3_200), ("soap", "hand cream", "bath salt", "brush", "towel")),
    Category("sports", (400, 3_200), (1_600, 2_200), ("yoga mat", "bottle", "skipping rope", "backpack", "ball")),
    Category("electronics", (900, 6_000), (1_250, 1_500), ("speaker", "alarm clock", "charger", "headphones", "night light")),
)
ADJECTIVES = ("red", "blue", "small", "large", "striped", "vintage", "plain", "dotted", "oak", "linen", "enamel", "folding")

DAYS_BETWEEN_LAUNCHES = 5
DAYS_OF_LAUNCHES_BEFORE_OPENING = 1_000  # together with a life of 200 to 1,800 days: about 200 products at any time
DAYS_OF_SIGN_UPS_BEFORE_OPENING = 365


def products(company: Company) -> Iterator[Product]:
    """Yield every product that the company will ever launch, in the order of launch. A product's whole life is drawn at once."""
    opening = midnight(company.first_day) - DAY * DAYS_OF_LAUNCHES_BEFORE_OPENING
    for number in count():
        rng = company.draws("product", number)
        category = rng.choice(CATEGORIES)
        since = opening + DAY * DAYS_BETWEEN_LAUNCHES * number + _time_within(rng, DAYS_BETWEEN_LAUNCHES)
        until = since + DAY * rng.randint(200, 1_800)
        yield Product(
            product_id=f"P{number + 1:05d}",
            product_name=f"{rng.choice(ADJECTIVES)} {rng.choice(category.nouns)}",
            category=category.name,
            since=since,
            until=until,
            weight=1_000 // rng.randint(5, 60),
            versions=tuple(_product_versions(rng, category, since, until)),
        )


def _product_versions(rng: Random, category: Category, since: datetime, until: datetime) -> Iterator[ProductVersion]:
    cost = rng.randint(*category.cost_cents) * 100  # in ten-thousandths
    markup = rng.randint(*category.markup_permille)
    updated_at = recorded_at = since
    while updated_at < until and recorded_at < until:
        price_cents = cost * markup // 100_000 // 10 * 10 + 9
        yield ProductVersion(updated_at, recorded_at, Decimal(cost).scaleb(-4), Decimal(price_cents).scaleb(-2))
        cost = cost * rng.randint(950, 1_080) // 1_000
        updated_at += DAY * rng.randint(20, 120) + _time_within(rng, 1)
        is_late = rng.random() < 0.03  # the change is entered when it already holds
        recorded_at = updated_at + DAY * rng.randint(1, 3) if is_late else updated_at


def customers(company: Company) -> Iterator[Customer]:
    """Yield every customer who will ever sign up, in the order of sign-up: a few every day, for ever."""
    first_day = company.first_day - DAY * DAYS_OF_SIGN_UPS_BEFORE_OPENING
    number = 0
    for day in (first_day + DAY * n for n in count()):
        rng = company.draws("customers", day)
        for since in sorted(midnight(day) + _time_within(rng, 1) for _ in range(rng.randint(1, 5))):
            number += 1
            yield _customer(rng, number, since)


def _customer(rng: Random, number: int, since: datetime) -> Customer:
    until = since + DAY * rng.randint(30, 900) if rng.random() < 0.06 else NEVER
    country, email = _country(rng), f"customer{number}@example.com"
    versions = [CustomerVersion(since, since, country, email)]
    if rng.random() < 0.10:
        moved_at = since + DAY * rng.randint(2, 500) + _time_within(rng, 1)
        country = _country(rng)
        versions.append(CustomerVersion(moved_at, moved_at, country, email))
    if rng.random() < 0.05:
        renamed_at = versions[-1].updated_at + DAY * rng.randint(2, 300)
        versions.append(CustomerVersion(renamed_at, renamed_at, country, f"customer{number}.new@example.com"))
    return Customer(
        customer_id=f"C{number:06d}",
        since=since,
        until=until,
        weight=120 // rng.randint(1, 30),
        versions=tuple(version for version in versions if version.updated_at < until),
    )


def _country(rng: Random) -> str:
    return rng.choices(tuple(CURRENCY_OF_COUNTRY), COUNTRY_WEIGHTS)[0]


def _time_within(rng: Random, days: int) -> timedelta:
    return timedelta(seconds=rng.randrange(days * 86_400))
