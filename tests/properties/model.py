"""What core must add up to, reckoned row by row in Python: the definitions once more, sharing nothing with the SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

Row = Mapping[str, Any]
Sums = dict[tuple[Any, ...], list[Decimal]]

CENT, UNIT = Decimal("0.01"), Decimal("0.0001")
UNALLOCATED = "unallocated"


def rounded(amount: Decimal, to: Decimal = UNIT) -> Decimal:
    return amount.quantize(to, ROUND_HALF_UP)


def rate_in_force(rates: Iterable[Row], currency: str | None, day: date, reporting: str) -> Decimal | None:
    """The rate told on the last day, up to this one, that had rates of any currency, if it is at most 7 days old.

    It is what the newest file of 7 days more says of its currency and date.
    """
    if currency == reporting:
        return Decimal(1)
    every = list(rates)
    last = max((rate["ds"] for rate in every if rate["ds"] <= day), default=None)
    told = next((rate for rate in every if rate["ds"] == last and rate["currency_code"] == currency), None)
    if told is None or day - told["rate_date"] > timedelta(days=7):
        return None
    versions = [
        rate
        for rate in every
        if (rate["currency_code"], rate["rate_date"]) == (currency, told["rate_date"])
        and timedelta(0) <= rate["ds"] - told["ds"] <= timedelta(days=7)
    ]
    found: Decimal = max(versions, key=lambda rate: rate["ds"])["rate_to_reporting"]
    return found


def largest_remainder(cents: int, drivers: Sequence[Decimal]) -> list[int]:
    """Whole cents that sum to `cents`, as near as can be to the drivers' shares; among equals the earlier gets more."""
    exact = [cents * Fraction(driver) / sum(map(Fraction, drivers)) for driver in drivers]
    parts = [int(share) for share in exact]
    by_remainder = sorted(range(len(drivers)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: cents - sum(parts)]:
        parts[i] += 1
    return parts


def allocation(
    lines: Iterable[Row], expenses: Iterable[Row]
) -> tuple[dict[tuple[str, int, str], Decimal], dict[tuple[date, str], Decimal]]:
    """The expense of each (order, line, type), and what stays unallocated of each (day, type)."""
    pools: dict[tuple[date, str, str | None], Decimal] = defaultdict(Decimal)
    for expense in expenses:
        pools[expense["ds"], expense["expense_type"], expense["sales_channel"]] += expense["amount"]
    allocated: dict[tuple[str, int, str], Decimal] = defaultdict(Decimal)
    unallocated: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for (day, kind, channel), amount in pools.items():
        sharing = sorted(
            (line["order_id"], line["line_number"], line["gross_revenue"] - line["discount_amount"])
            for line in lines
            if line["ds"] == day and channel in (None, line["sales_channel"]) and line["gross_revenue"] > line["discount_amount"]
        )
        if not sharing:
            unallocated[day, kind] += amount
            continue
        for (order, number, _), cents in zip(
            sharing, largest_remainder(int(amount * 100), [driver for *_, driver in sharing]), strict=True
        ):
            allocated[order, number, kind] += cents * CENT
    return allocated, unallocated


def refused_money(accepted: Sequence[Row], refused: Sequence[Row], column: str) -> Decimal:
    """What is missing of a day; a row whose money is not known counts as the mean of those that are there, or as 1."""
    mean = sum((row[column] for row in accepted), Decimal(0)) / max(len(accepted), 1)
    return sum((_worth(row, column, rounded(mean) or Decimal(1)) for row in refused), Decimal(0))


def _worth(row: Row, column: str, otherwise: Decimal) -> Decimal:
    in_own_currency = [value for name, value in row.items() if name.startswith("amount_in_")]
    if row.get("unit_price_in_order_currency") is not None and row["quantity"] is not None:
        in_own_currency.append(row["quantity"] * row["unit_price_in_order_currency"])
    if 0 in in_own_currency:
        return Decimal(0)
    return otherwise if row[column] is None else abs(row[column])


def product_at(products: Iterable[Row], line: Row) -> Row:
    """The one version of a line's product that was valid when it was ordered."""
    [version] = [
        product
        for product in products
        if product["product_id"] == line["product_id"] and product["valid_from"] <= line["ordered_at"] < product["valid_to"]
    ]
    return version


def daily_summary(core: Mapping[str, list[Row]], days: Iterable[date]) -> dict[tuple[date, str], dict[str, Decimal]]:
    """The figures of each (day, category), every refund booked on its own day."""
    sums: dict[tuple[date, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    allocated, unallocated = allocation(core["order_lines"], core["expenses"])
    orders = set()
    for line in core["order_lines"]:
        product = product_at(core["products"], line)
        figures = sums[line["ds"], product["category"]]
        figures["gross_revenue"] += line["gross_revenue"]
        figures["discount_amount"] += line["discount_amount"]
        if product["unit_cost"] is None:
            figures["uncosted_net_revenue"] += line["gross_revenue"] - line["discount_amount"]
        else:
            figures["cost_of_goods"] += line["quantity"] * product["unit_cost"]
        figures["unit_count"] += line["quantity"]
        for kind in ("marketing", "operational", "labor"):
            figures[f"{kind}_expense"] += allocated.get((line["order_id"], line["line_number"], kind), Decimal(0))
        orders.add((line["ds"], product["category"], line["order_id"]))
    for day, category, _ in orders:
        sums[day, category]["order_count"] += 1
    for refund in core["refund_lines"]:
        category = product_at(core["products"], refund)["category"] if refund["product_id"] else UNALLOCATED
        sums[refund["ds"], category]["refund_amount"] += refund["refund_amount"]
    for day in days:
        for kind in ("marketing", "operational", "labor"):
            sums[day, UNALLOCATED][f"{kind}_expense"] += unallocated.get((day, kind), Decimal(0))
    for figures in sums.values():
        figures["net_revenue"] = figures["gross_revenue"] - figures["discount_amount"] - figures["refund_amount"]
        figures["gross_profit"] = figures["net_revenue"] - figures["uncosted_net_revenue"] - figures["cost_of_goods"]
        figures["net_profit"] = (
            figures["gross_profit"] - figures["marketing_expense"] - figures["operational_expense"] - figures["labor_expense"]
        )
    return sums
