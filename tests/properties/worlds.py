"""Small worlds as hypothesis makes them: what the sources sent on each day of a few weeks, blemishes included.

Orders cluster on few days, a month apart as much as side by side, since the rules look 7, 30 and 45 days around. Two things
hold in every world, because the pipelines rely on them: versions of a record stand at most 7 days apart (identity looks that
far), and a product's version is told at most 7 days after it began (core_shop looks that far ahead).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import assume, settings
from hypothesis import strategies as st

from headline.intervals import DAY, Interval

Row = dict[str, Any]
Cell = tuple[str, date]

REPORTING = "EUR"
LONG_AGO = datetime.combine(date(2020, 1, 1), time())
PRODUCTS = ("lamp", "mug", "pen", "vase")
CATEGORIES = ("home", "kitchen", "office")
SHOP = ("orders", "order_items", "refunds", "products", "customers")
FINANCE = ("expenses", "exchange_rates")
APP = ("events", "experiment_assignments")
SOURCES = SHOP + FINANCE + APP
USERS = ("ann", "bob", "cem")


@dataclass(frozen=True)
class World:
    """What landed: the rows of each table and day; a day that is not mentioned brought nothing."""

    interval: Interval
    arrived: Mapping[Cell, Sequence[Row]] = field(repr=False)

    def __repr__(self) -> str:
        """What a reader needs to see of a counterexample: a snapshot only where it differs from the day before."""
        told = {cell: rows for cell, rows in self.arrived.items() if rows and rows != self.arrived.get((cell[0], cell[1] - DAY))}
        return "\n".join(
            [f"World({self.interval}", *(f"  {name} {day}: {rows}" for (name, day), rows in sorted(told.items())), ")"]
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    def with_cells_of(self, other: World, cells: Sequence[Cell]) -> World:
        return World(self.interval, {**self.arrived, **{cell: other.arrived.get(cell, []) for cell in cells}})


def few(number: int) -> settings:
    """So many worlds, each of which takes seconds; ten times as many for whoever explores."""
    return settings(max_examples=number * (10 if settings.get_current_profile_name() == "explore" else 1))


def sometimes(usual: st.SearchStrategy[Any], *rare: Any) -> st.SearchStrategy[Any]:
    """Mostly the usual, now and then one of the blemishes."""
    return st.integers(0, 23).flatmap(lambda draw: usual if draw else st.sampled_from(rare))


def money(largest: int) -> st.SearchStrategy[Decimal]:
    return st.integers(0, largest * 10_000).map(lambda units: Decimal(units).scaleb(-4))


def moments(day: date) -> st.SearchStrategy[datetime]:
    return st.integers(0, 86_399).map(lambda second: datetime.combine(day, time()) + timedelta(seconds=second))


CURRENCIES = sometimes(st.sampled_from([REPORTING, REPORTING, "USD", "GBP"]), None, "XXX")
CHANNELS = sometimes(st.sampled_from(["web", "app", "marketplace"]), None, "fax")
PRICES = sometimes(money(60), None, Decimal("-1.5"), Decimal(0))
QUANTITIES = sometimes(st.integers(1, 9), None, 0, -2)
STARTS = st.sampled_from([date(2026, 1, 20), date(2024, 2, 10), date(2025, 12, 20)])
DISTANCES = st.sampled_from([0, 1, 2, 7, 8, 29, 30, 31, 33, 47])


@st.composite
def worlds(draw: st.DrawFn, length: int, start: date | None = None) -> World:
    """A world of `length` days."""
    first = start or draw(STARTS)
    interval = Interval(first, first + timedelta(days=length))
    arrived: dict[Cell, list[Row]] = {}
    for day in not_just_one(draw(busy_days(interval))):
        arrived["orders", day], arrived["order_items", day] = draw(orders(day))
        for refund in draw(refunds(day, arrived["order_items", day])):
            if refund["refunded_at"] and refund["refunded_at"].date() in interval:
                arrived.setdefault(("refunds", refund["refunded_at"].date()), []).append(refund)
        arrived["expenses", day] = draw(expenses(day))
        arrived["experiment_assignments", day] = draw(assignments(day))
    draw(sent_again(interval, arrived))
    arrived |= draw(exchange_rates(interval)) | draw(product_snapshots(interval)) | customer_snapshots(interval)
    return World(interval, arrived)


@st.composite
def app_worlds(draw: st.DrawFn, length: int, start: date | None = None) -> World:
    """A world of `length` days in which only the app has users; some days are quiet, and some users stay away for weeks."""
    first = start or draw(STARTS)
    interval = Interval(first, first + timedelta(days=length))
    arrived: dict[Cell, list[Row]] = {}
    for day in not_just_one(draw(st.sets(st.sampled_from(list(interval)), min_size=1))):
        arrived["events", day] = draw(events(day))
        arrived["experiment_assignments", day] = draw(assignments(day))
    draw(sent_again(interval, arrived))
    return World(interval, arrived)


def not_just_one(days: set[date]) -> list[date]:
    """Hypothesis begins with the simplest world, which shows least and takes as long as any."""
    assume(len(days) > 1)
    return sorted(days)


# By table the key of a record, and the field that moves with its day.
IDENTITIES = {
    "orders": ("order_id", "ordered_at"),
    "refunds": ("refund_id", "refunded_at"),
    "expenses": ("expense_id", "incurred_on"),
    "events": ("event_id", "occurred_at"),
}
AWAY = st.sampled_from([0, 0, 0, 0, -3, -1, 1, 2, 3])


@st.composite
def sent_again(draw: st.DrawFn, interval: Interval, arrived: dict[Cell, list[Row]]) -> None:
    """Some records once more, corrected, up to 3 days away: two such worlds mixed have no versions further apart than 6."""
    for (table, day), rows in sorted((cell, [*rows]) for cell, rows in arrived.items() if cell[0] in IDENTITIES):
        key, moment = IDENTITIES[table]
        for record in {row[key]: row for row in rows if row[key]}.values():
            other = day + timedelta(days=draw(AWAY))
            if other == day or other not in interval or not record[moment]:
                continue
            again = record | {moment: moved(record[moment], other)} | draw(corrections(table))
            arrived.setdefault((table, other), []).append(again)
            if table == "orders":
                lines = [item for item in arrived.get(("order_items", day), []) if item["order_id"] == record[key]]
                arrived.setdefault(("order_items", other), []).extend(lines[: draw(st.integers(1, 3))])


def moved(moment: datetime | str, day: date) -> datetime | str:
    """The moment, or the text of a date or moment, on another day."""
    return f"{day}{moment[10:]}" if isinstance(moment, str) else datetime.combine(day, moment.time())


def corrections(table: str) -> st.SearchStrategy[Row]:
    """Fields that are other than before, or none."""
    amounts = sometimes(money(20), None)
    strategies: dict[str, st.SearchStrategy[Row]] = {
        "refunds": st.builds(lambda amount: {"amount": amount}, amounts),
        "expenses": st.builds(lambda amount: {"amount": None if amount is None else str(amount)}, amounts),
        "orders": st.sampled_from([{}, {"currency_code": "USD"}]),
        "events": st.sampled_from([{}, {"platform": "web"}, {"user_id": None}]),
    }
    return strategies[table]


def busy_days(interval: Interval) -> st.SearchStrategy[set[date]]:
    """Days with orders and expenses: a first one, and others at telling distances from it."""

    def days(first: int, distances: list[int]) -> set[date]:
        return {interval.start + timedelta(days=min(first + distance, len(interval) - 1)) for distance in (0, *distances)}

    return st.builds(days, st.integers(0, 2), st.lists(DISTANCES, min_size=1, max_size=3))


@st.composite
def orders(draw: st.DrawFn, day: date) -> tuple[list[Row], list[Row]]:
    """Headers and lines of a day's orders; an order's id names its day, so that no other day has it by chance."""
    headers: list[Row] = []
    items: list[Row] = []
    for number in range(draw(st.integers(1, 3))):
        key = f"{day:%m%d}-{number}"
        header = {
            "order_id": draw(sometimes(st.just(key), None)),
            "customer_id": draw(st.sampled_from([*USERS, None])),
            "ordered_at": draw(sometimes(moments(day), None)),
            "order_status": draw(sometimes(st.sampled_from(["paid", "shipped"]), None, "draft")),
            "sales_channel": draw(CHANNELS),
            "country_code": "NL",
            "currency_code": draw(CURRENCIES),
        }
        headers += [header] * draw(sometimes(st.just(1), 0, 2))
        if draw(st.integers(0, 9)) == 0:  # the order once more, changed
            headers.append(header | {"sales_channel": "app", "ordered_at": draw(moments(day))})
        for line in range(draw(st.integers(1, 3))):
            item = {
                "order_id": draw(sometimes(st.just(key), None)),
                "line_number": draw(sometimes(st.just(line + 1), None)),
                "product_id": draw(sometimes(st.sampled_from(PRODUCTS), None, "unheard of")),
                "quantity": draw(QUANTITIES),
                "unit_price": draw(PRICES),
                "discount_amount": draw(sometimes(money(3), None, Decimal("-0.5"), Decimal(9_999))),
            }
            items += [item] * draw(sometimes(st.just(1), 2))
            if draw(st.integers(0, 9)) == 0:
                items.append(item | {"unit_price": draw(PRICES)})
    return headers, items


@st.composite
def refunds(draw: st.DrawFn, day: date, items: Sequence[Row]) -> list[Row]:
    """Refunds of a day's lines and orders, days or a month later, some of lines that never were; and refunds without an order."""
    rows: list[Row] = []
    for number in range(draw(st.integers(0, 4))):
        item = draw(st.sampled_from(items))
        moment = draw(moments(day + timedelta(days=draw(DISTANCES))))
        reference = {"order_id": item["order_id"], "line_number": draw(st.sampled_from([item["line_number"]] * 4 + [None]))}
        row = {
            "refund_id": draw(sometimes(st.just(f"{day:%m%d}-{number}"), None)),
            **draw(
                sometimes(st.just(reference), {"order_id": None, "line_number": None}, {"order_id": "never", "line_number": 1})
            ),
            "refunded_at": moment,
            "quantity": draw(sometimes(st.integers(0, 3), None, -1)),
            "amount": draw(sometimes(money(20), None, Decimal("-4"))),
        }
        rows += [row] * draw(sometimes(st.just(1), 2))
    return rows


@st.composite
def expenses(draw: st.DrawFn, day: date) -> list[Row]:
    """Expense entries as text, as an API gives them."""
    rows: list[Row] = []
    for number in range(draw(st.integers(0, 4))):
        amount = draw(sometimes(money(500), None, Decimal("-7")))
        row = {
            "expense_id": draw(sometimes(st.just(f"{day:%m%d}-{number}"), None, "")),
            "incurred_on": str(day),
            "expense_type": draw(sometimes(st.sampled_from(["operational", "marketing", "marketing", "labor"]), None, "bribe")),
            "sales_channel": draw(sometimes(st.sampled_from(["web", "app", "marketplace", None]), "fax")),
            "amount": None if amount is None else str(amount),
            "currency_code": draw(CURRENCIES),
        }
        rows += [row] * draw(sometimes(st.just(1), 2))
    return rows


@st.composite
def assignments(draw: st.DrawFn, day: date) -> list[Row]:
    """Who was shown what, as text: some are shown both variants, some rows name another day, repeat or lack something."""
    rows: list[Row] = []
    for user in draw(st.lists(st.sampled_from(USERS), max_size=2)):
        shown_on = day + timedelta(days=draw(sometimes(st.just(0), -1, 1, 3)))
        row = {
            "experiment_id": draw(sometimes(st.just("price"), None)),
            "variant": draw(sometimes(st.sampled_from(["control", "treatment"]), None)),
            "user_id": draw(sometimes(st.just(user), None)),
            "exposed_at": draw(sometimes(moments(shown_on).map(lambda moment: f"{moment.isoformat()}Z"), None)),
        }
        rows += [row] * draw(sometimes(st.just(1), 2))
    return rows


@st.composite
def events(draw: st.DrawFn, day: date) -> list[Row]:
    """Events as text: visits that last over midnight, notifications, repeats, events of other days and without a time."""
    rows: list[Row] = []
    for number, user in enumerate(draw(st.lists(st.sampled_from(USERS), max_size=4))):
        happened_on = day + timedelta(days=draw(sometimes(st.just(0), -4, 2)))
        row = {
            "event_id": draw(sometimes(st.just(f"{day:%m%d}-{number}"), None)),
            "user_id": draw(sometimes(st.just(user), None)),
            "session_id": draw(st.sampled_from([f"{user}-1", f"{user}-2", None])),
            "event_type": draw(sometimes(st.sampled_from(["app_opened", "product_viewed", "notification_received"]), None)),
            "occurred_at": draw(sometimes(moments(happened_on).map(lambda moment: f"{moment.isoformat()}Z"), None)),
            "platform": draw(st.sampled_from(["ios", "web", None])),
        }
        rows += [row] * draw(sometimes(st.just(1), 2))
    return rows


@st.composite
def exchange_rates(draw: st.DrawFn, interval: Interval) -> dict[Cell, list[Row]]:
    """A rate now and then: gaps of weekends, of more than a week, and of everything; some files repeat an older rate."""
    arrived: dict[Cell, list[Row]] = {}
    for currency in ("USD", "GBP"):
        offsets = draw(st.sets(st.integers(0, len(interval) - 1), max_size=6)) | set(
            draw(st.sampled_from([(), (0,), (0, 7, 14, 21)]))
        )
        for offset in sorted(offset for offset in offsets if offset < len(interval)):
            day = interval.start + timedelta(days=offset)
            row = {
                "rate_date": str(day - timedelta(days=draw(sometimes(st.just(0), 1, 3)))),
                "currency_code": currency,
                "rate_to_reporting": str(Decimal(draw(st.integers(1, 3 * 10**8))).scaleb(-8)),
            }
            arrived.setdefault(("exchange_rates", day), []).append(row)
    return arrived


@st.composite
def product_snapshots(draw: st.DrawFn, interval: Interval, products: Sequence[str] = PRODUCTS[:3]) -> dict[Cell, list[Row]]:
    """A full snapshot every day: costs that change, are told late, are faulty; products that go and come back."""
    constant = {
        "product_id": "vase",
        "product_name": "vase",
        "category": "home",
        "unit_cost": Decimal(2),
        "updated_at": LONG_AGO,
    }
    arrived: dict[Cell, list[Row]] = {("products", day): [constant] for day in interval}
    for product in products:
        for day, row in draw(product_history(interval, product)):
            arrived["products", day] += [row] * (2 if row["unit_cost"] is None else 1)  # a row without a cost comes twice
    return arrived


@st.composite
def product_history(draw: st.DrawFn, interval: Interval, product: str) -> list[tuple[date, Row]]:
    """One product's row in each snapshot that has it. No two versions share their moment, as no two rows of a table do."""
    length = len(interval)
    cuts = sorted(draw(st.sets(st.integers(1, max(1, length - 1)), max_size=4)))
    history: list[tuple[date, Row]] = []
    for begin, end in zip([0, *cuts], [*cuts, length], strict=True):
        told = interval.start + timedelta(days=begin)
        since = draw(moments(told - timedelta(days=draw(st.sampled_from([0, 0, 1, 5, 7])) if begin else 100)))
        row = {
            "product_id": product,
            "product_name": product,
            "category": draw(sometimes(st.sampled_from(CATEGORIES), None)),
            "unit_cost": draw(sometimes(money(20), None, Decimal("-1"))),
            "updated_at": since + timedelta(microseconds=begin + 1),
        }
        if draw(st.integers(0, 5)):  # else it is gone for these days
            history += [(interval.start + timedelta(days=offset), row) for offset in range(begin, end)]
    return history


def customer_snapshots(interval: Interval) -> dict[Cell, list[Row]]:
    """One customer, always the same: nothing but its own table is made of it."""
    row = {
        "customer_id": "ann",
        "signed_up_at": LONG_AGO,
        "country_code": "NL",
        "email": "ann@example.org",
        "updated_at": LONG_AGO,
    }
    return {("customers", day): [row] for day in interval}
