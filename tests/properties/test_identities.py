"""The identities of what the numbers mean, to the last digit, against a reckoning that shares nothing with the SQL."""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from tests.properties import model
from tests.properties.street import PROFIT, USE, MakeStreet, Street
from tests.properties.worlds import REPORTING, World, app_worlds, few, worlds

FIGURES = (
    "gross_revenue",
    "discount_amount",
    "refund_amount",
    "net_revenue",
    "uncosted_net_revenue",
    "cost_of_goods",
    "gross_profit",
    "marketing_expense",
    "operational_expense",
    "labor_expense",
    "net_profit",
    "order_count",
    "unit_count",
)


def computed(make_street: MakeStreet, world: World, pipelines: Sequence[str] = PROFIT, *, audited: bool = False) -> Street:
    street = make_street(pipelines)
    street.arrive(world)
    street.run(world.interval, audited=audited)
    return street


def profit_is_what_core_adds_up_to(street: Street, world: World) -> None:
    core = {name: street.rows(f"core.{name}") for name in ("order_lines", "refund_lines", "products", "expenses")}
    expected = model.daily_summary(core, world.interval)
    found = {(row["ds"], row["category"]): row for row in street.rows("profit.daily_profit_summary")}
    assert {key: {name: Decimal(row[name]) for name in FIGURES} for key, row in found.items()} == {
        key: {name: figures[name] for name in FIGURES} for key, figures in expected.items()
    }
    for month in street.rows("profit.monthly_profit_trends"):
        for name in ("net_revenue", "gross_profit", "net_profit"):
            days = [figures[name] for (day, _), figures in expected.items() if day.replace(day=1) == month["month"]]
            assert (month["month"], name, month[name]) == (month["month"], name, sum(days))


def every_row_is_kept_and_converted_once(street: Street, world: World) -> None:
    """raw = core + quarantine in rows and money; amounts in reporting currency are the row's own times the rate in force."""
    rates = street.rows("raw.exchange_rates")
    for raw, name, amounts in (
        (
            "order_items",
            "order_lines",
            {"unit_price": "unit_price_in_order_currency", "discount_amount": "discount_amount_in_order_currency"},
        ),
        ("refunds", "refund_lines", {"amount": "amount_in_order_currency"}),
        ("expenses", "expenses", {"amount": "amount_in_expense_currency"}),
    ):
        arrived, accepted, refused = street.rows(f"raw.{raw}"), street.rows(f"core.{name}"), street.rows(f"quarantine.{name}")
        refused = [row for row in refused if row["quarantine_reason"] != "order_without_lines"]  # it is no line
        kept = accepted + refused
        # A refund of a whole order is one row that arrived, and one for each of its lines.
        refunds = {row["refund_id"] for row in accepted} if raw == "refunds" else accepted
        assert len(arrived) == len(refunds) + len(refused)
        for before, after in amounts.items():
            assert total(arrived, before) == total(kept, after)
        assert all(row["quarantine_reason"] for row in refused)
        assert all(
            row["rate_to_reporting"] == model.rate_in_force(rates, row["currency_code"], row["ds"], REPORTING) for row in accepted
        )
    for line in street.rows("core.order_lines"):
        gross = line["quantity"] * line["unit_price_in_order_currency"]
        assert line["gross_revenue"] == model.rounded(gross * line["rate_to_reporting"])
        assert line["discount_amount"] == model.rounded(line["discount_amount_in_order_currency"] * line["rate_to_reporting"])
    for expense in street.rows("core.expenses"):
        assert expense["amount"] == model.rounded(
            expense["amount_in_expense_currency"] * expense["rate_to_reporting"], model.CENT
        )


def a_refund_has_two_clocks(street: Street, world: World) -> None:
    refunds = {(row["refund_id"], row["line_number"]): row for row in street.rows("core.refund_lines")}
    entries = [row for row in street.rows("profit.unit_profit") if row["entry"] == "refund"]
    assert Counter(refunds.keys()) == Counter((row["refund_id"], row["line_number"]) for row in entries)
    for entry in entries:
        refund = refunds[entry["refund_id"], entry["line_number"]]
        in_window = refund["order_ds"] is not None and refund["ds"] - refund["order_ds"] < timedelta(days=30)
        assert (entry["ds"], entry["order_ds"]) == (refund["ds"], refund["order_ds"])
        assert entry["is_attributed"] is in_window
        assert entry["net_profit"] == -refund["refund_amount"]


def the_lines_of_an_order_bear_its_refund_by_their_net_revenue(street: Street, world: World) -> None:
    lines = sorted(street.rows("core.order_lines"), key=lambda line: line["line_number"])
    arrived = {row["refund_id"]: row for row in street.rows("raw.refunds")}
    split: dict[str, dict[int | None, dict[str, Any]]] = {}
    for row in street.rows("core.refund_lines"):
        if row["order_id"] and arrived[row["refund_id"]]["line_number"] is None:
            split.setdefault(row["refund_id"], {})[row["line_number"]] = row
    for refund, rows in split.items():
        whole = arrived[refund]
        shares = {
            line["line_number"]: line["gross_revenue"] - line["discount_amount"]
            for line in lines
            if line["order_id"] == whole["order_id"]
            and line["ds"] <= whole["ds"]
            and line["gross_revenue"] > line["discount_amount"]
        }
        assert set(rows) == (set(shares) or {None})
        assert total([*rows.values()], "amount_in_order_currency") == whole["amount"]
        for amount in ("amount_in_order_currency", "refund_amount") if shares else ():
            cents = int(total([*rows.values()], amount) * 100)
            parts = model.largest_remainder(cents, [*shares.values()])
            assert [int(rows[line][amount] * 100) for line in shares] == parts
            assert sum(row[amount] % model.CENT != 0 for row in rows.values()) <= 1


def a_day_is_as_complete_as_what_was_refused_leaves_it(street: Street, world: World) -> None:
    """By the least of its kinds of money, repeats left out, and of revenue what has no cost.

    The summary is as complete as the lesser, a month as its mean.
    """
    told = {}
    for name, tables in (
        ("shop", {"order_lines": ("revenue", "gross_revenue"), "refund_lines": ("refund_amount", "refund_amount")}),
        ("finance", {"expenses": ("expense", "amount")}),
    ):
        complete = street.catalog.pipelines[f"core_{name}"].coverage.complete
        rows = {row["ds"]: row for row in street.rows(f"core.{name}_coverage")}
        assert set(rows) == set(world.interval)
        kept = {table: street.rows(f"core.{table}") for table in tables}
        set_aside = {table: street.rows(f"quarantine.{table}") for table in tables}
        for day, row in rows.items():
            shares, counts = [], [0, 0, 0]
            for table, (measure, column) in tables.items():
                accepted = [one for one in kept[table] if one["ds"] == day]
                quarantine = [one for one in set_aside[table] if one["ds"] == day]
                refused = [one for one in quarantine if not one["quarantine_reason"].startswith("duplicate_")]
                found = (len(accepted), len(refused), len(quarantine) - len(refused))
                counts = [before + more for before, more in zip(counts, found, strict=True)]
                there, lost = row[f"accepted_{measure}"], row[f"refused_{measure}"]
                assert there == total(accepted, column)
                # A mean is rounded, and by engines not the same way.
                assert abs(lost - model.refused_money(accepted, refused, column)) <= len(refused) * model.UNIT
                uncosted = total([one for one in accepted if one.get("has_unit_cost") is False], column)
                assert row.get(f"uncosted_{measure}", 0) == uncosted
                shares.append(Fraction(there - uncosted) / Fraction(there + lost) if there + lost else Fraction(1))
            assert [row["accepted_count"], row["refused_count"], row["repeated_count"]] == counts
            assert abs(Fraction(row["coverage"]) - min(shares)) <= Fraction(1, 2_000_000)
            assert row["is_partial"] is (min(shares) < Fraction(complete))
        told[name] = rows
    expected = {
        day: (
            min(told[name][day]["coverage"] for name in told),
            any(told[name][day]["is_partial"] for name in told),
        )
        for day in world.interval
    }
    summary = street.rows("profit.daily_profit_summary")
    assert {row["ds"]: (row["coverage"], row["is_partial"]) for row in summary} == expected
    for month in street.rows("profit.monthly_profit_trends"):
        there = [day for day in expected if day.replace(day=1) == month["month"]]
        days = [expected[day] for day in there]
        has_gap = max(there).day > len(there)
        length = monthrange(month["month"].year, month["month"].month)[1]
        assert abs(month["coverage"] - sum(coverage for coverage, _ in days) / length) < Decimal("0.000001")
        assert month["is_partial"] is (has_gap or any(is_partial for _, is_partial in days))
        assert month["is_provisional"] is (len(days) < length)


LAWS = (
    profit_is_what_core_adds_up_to,
    every_row_is_kept_and_converted_once,
    a_refund_has_two_clocks,
    the_lines_of_an_order_bear_its_refund_by_their_net_revenue,
    a_day_is_as_complete_as_what_was_refused_leaves_it,
)


@few(3)
@given(worlds(length=50))
def test_profit_obeys_every_law(make_street: MakeStreet, world: World) -> None:
    """To compute a world takes seconds, to hold a law against it none: each is held against all of them."""
    street = computed(make_street, world)
    for law in LAWS:
        law(street, world)


@few(1)
@given(worlds(length=8))
def test_the_contracts_of_profit_agree(make_street: MakeStreet, world: World) -> None:
    assert_contracts_agree(make_street, world, PROFIT)


@few(1)
@given(app_worlds(length=40))
def test_the_contracts_of_use_agree(make_street: MakeStreet, world: World) -> None:
    assert_contracts_agree(make_street, world, USE)


def assert_contracts_agree(make_street: MakeStreet, world: World, pipelines: Sequence[str]) -> None:
    """No contract refuses what these laws accept, if every day has so many valid rows that the others are few."""
    arrived = {cell: [*rows] for cell, rows in world.arrived.items()}
    for day in world.interval:
        for name, rows in valid_rows(day).items():
            arrived.setdefault((name, day), []).extend(rows)
        for rate in arrived.get(("exchange_rates", day), []):
            rate["rate_date"] = str(day)  # a contract wants the file of the day
    street = computed(make_street, World(world.interval, arrived), pipelines, audited=True)
    audited = {check.table_name for check in street.ledger.latest_audits()}
    assert audited == {table.full_name for name in pipelines for table in street.catalog.pipelines[name].ordered_tables}


def valid_rows(day: date) -> dict[str, list[dict[str, Any]]]:
    """An order of many lines, expenses, and the events of a user."""
    order, moment = f"{day:%m%d}-valid", datetime.combine(day, time())
    header = {"order_id": order, "customer_id": None, "ordered_at": moment, "order_status": "paid", "sales_channel": "web"}
    line = {"order_id": order, "product_id": "vase", "quantity": 1, "unit_price": Decimal(5), "discount_amount": Decimal(0)}
    expense = {
        "incurred_on": str(day),
        "expense_type": "labor",
        "sales_channel": None,
        "amount": "1.00",
        "currency_code": REPORTING,
    }
    event = {
        "user_id": "dee",
        "session_id": "dee",
        "event_type": "app_opened",
        "occurred_at": f"{day}T00:00:00Z",
        "platform": "web",
    }
    return {
        "orders": [header | {"country_code": "NL", "currency_code": REPORTING}],
        "order_items": [line | {"line_number": number} for number in range(1, 201)],
        "expenses": [expense | {"expense_id": f"{order}-{number}"} for number in range(100)],
        "events": [event | {"event_id": f"{order}-{number}"} for number in range(100)],
    }


@pytest.mark.parametrize("cents", [0, 1, 99, 100_001])
def test_the_model_itself_shares_exactly(cents: int) -> None:
    parts = model.largest_remainder(cents, [Decimal(1), Decimal(1), Decimal(1)])
    assert sum(parts) == cents
    assert parts == sorted(parts, reverse=True)


def total(rows: list[dict[str, Any]], column: str) -> Decimal:
    return sum((row[column] for row in rows if row[column] is not None), Decimal(0))
