"""Splitting expenses over order lines: nothing is lost, nothing is made up, and nobody is a cent from his exact share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties import model
from tests.properties.memory import insert, open_in_memory

from headline.intervals import Interval
from headline.pipeline import compile_table
from headline.specs import load
from headline.warehouse import Session

DAYS = Interval(date(2026, 3, 1), date(2026, 3, 3))
CENT = Decimal("0.01")
CHANNELS = ["web", "app", "marketplace"]
Row = dict[str, Any]


def amounts(largest: int) -> st.SearchStrategy[int]:
    """Few steps, so that shares tie; and the largest that there may be."""
    return st.one_of(st.integers(0, 3), st.integers(0, 10**6), st.integers(0, largest))


@st.composite
def books(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """Order lines and expenses of two days; up to a billion an order line and a day's expenses of 10 million."""
    lines, expenses = [], []
    for day in DAYS:
        for number in range(draw(st.integers(0, 8))):
            driver = Decimal(draw(amounts(10**13))).scaleb(-4)
            discount = Decimal(draw(amounts(10**4))).scaleb(-4)
            lines.append(
                {
                    "ds": day,
                    "order_id": f"{day:%d}-{number // 2}",
                    "line_number": number,
                    "sales_channel": draw(st.sampled_from(CHANNELS)),
                    "gross_revenue": driver + discount,
                    "discount_amount": discount,
                }
            )
        for number in range(draw(st.integers(0, 6))):
            kind = draw(st.sampled_from(["marketing", "operational", "labor"]))
            expenses.append(
                {
                    "ds": day,
                    "expense_id": f"{day:%d}-{number}",
                    "expense_type": kind,
                    "sales_channel": draw(st.sampled_from([*CHANNELS, None])) if kind == "marketing" else None,
                    "amount": Decimal(draw(amounts(10**9))) * CENT,
                }
            )
    return lines, expenses


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with open_in_memory(load().table("profit.expense_allocation").reads.keys() - {"calendar.days"}) as opened:
        yield opened


def allocated(session: Session, lines: list[Row], expenses: list[Row]) -> list[Row]:
    for name, rows in (("core.order_lines", lines), ("core.expenses", expenses)):
        insert(session, name, rows)
    result = session.query(compiled())
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


@cache
def compiled() -> str:
    return compile_table(load().table("profit.expense_allocation"), DAYS, {}, "duckdb")


def parts_sum_to_the_whole_and_are_near_their_shares(rows: list[Row], lines: list[Row], expenses: list[Row]) -> None:
    parts: dict[Any, list[Row]] = defaultdict(list)
    whole: dict[Any, Decimal] = defaultdict(Decimal)
    for row in rows:
        parts[row["ds"], row["expense_type"], row["sales_channel"]].append(row)
    for row in expenses:
        whole[row["ds"], row["expense_type"], row["sales_channel"]] += row["amount"]
    assert parts.keys() == whole.keys()
    for pool, amount in whole.items():
        assert sum(part["amount"] for part in parts[pool]) == amount
        shared = [part for part in parts[pool] if part["order_id"] is not None]
        drivers = {(line["order_id"], line["line_number"]): line["gross_revenue"] - line["discount_amount"] for line in lines}
        total = sum(Fraction(drivers[part["order_id"], part["line_number"]]) for part in shared)
        for part in shared:
            exact = Fraction(amount) * Fraction(drivers[part["order_id"], part["line_number"]]) / total
            assert part["amount"] % CENT == 0
            assert abs(Fraction(part["amount"]) - exact) < Fraction(CENT)


def they_are_the_largest_remainders(rows: list[Row], lines: list[Row], expenses: list[Row]) -> None:
    """To the cent the parts that a reckoning in exact fractions gives, ties included."""
    expected, unallocated = model.allocation(lines, expenses)
    found: Counter[Any] = Counter()
    left: Counter[Any] = Counter()
    for row in rows:
        if row["order_id"] is None:
            left[row["ds"], row["expense_type"]] += row["amount"]
        else:
            found[row["order_id"], row["line_number"], row["expense_type"]] += row["amount"]
    assert found == Counter(expected)
    assert left == Counter(unallocated)


@settings(max_examples=120)
@given(books())
def test_expenses_are_split_by_every_law(session: Session, example: tuple[list[Row], list[Row]]) -> None:
    rows = allocated(session, *example)
    parts_sum_to_the_whole_and_are_near_their_shares(rows, *example)
    they_are_the_largest_remainders(rows, *example)
