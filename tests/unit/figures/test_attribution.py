"""What a difference comes from: parts that sum to it exactly, and the figures that given days could move."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random

import pytest
from tests.unit.records import days_of, record

from headline import specs
from headline.backfill.plan import _issued
from headline.figures.attribution import attribute
from headline.figures.reach import could_move, reach_of
from headline.intervals import DAY, Interval
from headline.ledger import FigureRow, IssuedFigures, Ledger
from headline.ledger.figure_row import FigureKey
from headline.specs.metrics import Metrics, load_metrics

MAY = Interval(date(2026, 5, 1), date(2026, 6, 1))
D5, D6 = date(2026, 5, 5), date(2026, 5, 6)
DAILY = ("daily_gross_revenue", "daily_discounts", "daily_refunds", "daily_cost_of_goods", "daily_expenses")
RAW = ("orders", "order_items", "refunds", "expenses", "products", "exchange_rates")
# What the month's profit is of these: gross revenue less all others.
SIGNS = (1, -1, -1, -1, -1)


@pytest.fixture
def metrics(ledger: Ledger) -> Metrics:
    """Those of profit; of every raw table all of May is there, as when its figures were issued."""
    for name in RAW:
        record(ledger, *days_of(f"raw.{name}", MAY.start, MAY.end - DAY))
    return load_metrics(specs.load().pipelines["investor_profit"])


def figure(metrics: Metrics, name: str, start: date, value: object, as_of: int = 1000, **more: object) -> FigureRow:
    metric = metrics.metrics[name]
    end = (Interval(start, start + DAY).widen(metric.grain)).end
    told = Decimal(str(value)) if value is not None else None
    versions = ("run", "c", "code", "contract", "i", as_of)
    row = FigureRow("investor_profit", name, metric.version, "", start, end, told, Decimal(1), "issued", "", *versions)
    return replace(row, **more)  # type: ignore[arg-type]


def by_key(rows: list[FigureRow]) -> dict[FigureKey, FigureRow]:
    return {row.key: row for row in rows}


def changed_later(ledger: Ledger, *raw: str, day: date = D5) -> int:
    """The version as of now; then a day of these raw tables changes."""
    as_of = ledger.newest_version()
    for name in raw:
        record(ledger, *days_of(f"raw.{name}", day, day))
    return as_of


def parts(
    metrics: Metrics, moved: tuple[FigureRow, FigureRow], old: list[FigureRow], new: list[FigureRow]
) -> list[tuple[str, Decimal, tuple[str, ...]]]:
    [found] = attribute([moved], metrics, by_key(old), by_key(new), specs.load(), "headline_ledger")
    return [(part.cause, part.amount, part.besides) for part in found]


@pytest.mark.parametrize(
    ("raw", "metric", "amount", "cause"),
    [
        (("orders", "order_items"), "daily_gross_revenue", 30, "orders"),
        (("refunds",), "daily_refunds", 5000, "refunds"),
        (("expenses",), "daily_expenses", 12, "expenses"),
        (("exchange_rates",), "daily_gross_revenue", 1, "rates"),
        (("products",), "daily_cost_of_goods", 7, "products"),
        ((), "daily_gross_revenue", 2, "code"),
    ],
)
def test_each_cause_is_named(
    ledger: Ledger, metrics: Metrics, raw: tuple[str, ...], metric: str, amount: int, cause: str
) -> None:
    as_of = changed_later(ledger, *raw)
    old = [figure(metrics, metric, D5, 100, as_of), figure(metrics, "monthly_net_profit", MAY.start, 1000, as_of)]
    moved = SIGNS[DAILY.index(metric)] * amount
    new = [figure(metrics, metric, D5, 100 + amount), figure(metrics, "monthly_net_profit", MAY.start, 1000 + moved)]
    assert parts(metrics, (old[1], new[1]), old, new) == [(cause, moved, ())]


def test_late_orders_refunds_and_expenses_of_one_day_are_told_apart(ledger: Ledger, metrics: Metrics) -> None:
    as_of = changed_later(ledger, "orders", "order_items", "refunds", "expenses")
    amounts = (900, 40, 5000, 300, 77)
    old = [figure(metrics, name, D5, 10_000, as_of) for name in DAILY]
    new = [figure(metrics, name, D5, 10_000 + amount) for name, amount in zip(DAILY, amounts, strict=True)]
    before = figure(metrics, "monthly_net_profit", MAY.start, 50_000, as_of)
    after = replace(before, value=Decimal(50_000 + 900 - 40 - 5000 - 300 - 77))
    found = {cause: amount for cause, amount, _ in parts(metrics, (before, after), old, new)}
    assert found == {"orders": 900 - 40 - 300, "refunds": -5000, "expenses": -77}


def test_what_else_changed_is_named_beside_it(ledger: Ledger, metrics: Metrics) -> None:
    as_of = changed_later(ledger, "orders", "exchange_rates")
    old, new = (
        figure(metrics, "daily_gross_revenue", D5, 1, as_of),
        figure(metrics, "daily_gross_revenue", D5, 2, code_version="x"),
    )
    assert parts(metrics, (old, new), [old], [new]) == [("orders", 1, ("code", "rates"))]


def test_a_change_on_another_day_is_no_cause(ledger: Ledger, metrics: Metrics) -> None:
    as_of = changed_later(ledger, "expenses", day=D6)
    old, new = figure(metrics, "daily_expenses", D5, 1, as_of), figure(metrics, "daily_expenses", D5, 2)
    assert parts(metrics, (old, new), [old], [new]) == [("code", 1, ())]


def test_what_the_parts_do_not_explain_is_a_part_of_its_own(ledger: Ledger, metrics: Metrics) -> None:
    as_of = changed_later(ledger, "refunds")
    old = [figure(metrics, "daily_refunds", D5, 0, as_of), figure(metrics, "monthly_net_profit", MAY.start, 100, as_of)]
    new = [figure(metrics, "daily_refunds", D5, 5), figure(metrics, "monthly_net_profit", MAY.start, Decimal("94.99"))]
    assert parts(metrics, (old[1], new[1]), old, new) == [("refunds", Decimal("-5.01"), ())]


def test_a_figure_without_a_value_has_no_parts(metrics: Metrics) -> None:
    old, new = figure(metrics, "monthly_net_margin", MAY.start, None), figure(metrics, "monthly_net_margin", MAY.start, "0.2")
    assert parts(metrics, (old, new), [old], [new]) == []


def test_parts_always_sum_to_the_whole_difference_exactly(ledger: Ledger, metrics: Metrics) -> None:
    """Whatever moves on whichever days, to the last of the ledger's digits."""
    rng, seen = Random(14), 0
    as_of = changed_later(ledger, "orders", "refunds", "products", day=D5)
    changed_later(ledger, "expenses", day=D6)
    days = [MAY.start, D5, D6, MAY.end - DAY]
    pairs, old, new = [], [], []
    for _ in range(40):
        start = rng.choice(days)
        name = rng.choice([*DAILY, "monthly_net_profit", "monthly_net_revenue", "daily_net_profit", "monthly_net_margin"])
        place = MAY.start if name.startswith("monthly") else start
        before = figure(metrics, name, place, Decimal(rng.randrange(-(10**22), 10**22)).scaleb(-8), as_of)
        after = replace(before, value=Decimal(rng.randrange(-(10**22), 10**22)).scaleb(-8))
        pairs.append((before, after))
        old.append(before)
        new.append(after)
    for (before, after), mine in zip(
        pairs, attribute(pairs, metrics, by_key(old), by_key(new), specs.load(), "headline_ledger"), strict=True
    ):
        assert before.value is not None
        assert after.value is not None
        assert sum(part.amount for part in mine) == after.value - before.value
        seen += len(mine)
    assert seen > 60


def test_the_reach_goes_through_all_tables_in_between() -> None:
    catalog = specs.load()
    reads = reach_of(catalog, "profit.monthly_profit_trends")
    assert {f"raw.{name}" for name in RAW} <= reads.keys()
    assert {"profit.daily_profit_summary", "profit.unit_profit", "core.order_lines", "core.expenses"} <= reads.keys()
    assert reads["profit.daily_profit_summary"].lookback_days == 366
    assert not [name for name in reads if name.startswith("landing.")]
    assert "raw.events" not in reads


def test_days_of_an_input_could_move_what_follows_from_them(ledger: Ledger, metrics: Metrics) -> None:
    rows = [
        *(figure(metrics, "daily_expenses", day, 1) for day in (D5, D6)),
        *(figure(metrics, "monthly_net_profit", month, 1) for month in (date(2025, 3, 1), MAY.start)),
    ]
    IssuedFigures().record([*rows, figure(metrics, "daily_refunds", D5, 1, status="draft")])
    catalog = specs.load()

    def moved(**days: date) -> set[tuple[str, date]]:
        asked = {name.replace("__", "."): [Interval(day, day + DAY)] for name, day in days.items()}
        return {(row.metric, row.start) for row in could_move(ledger, asked, catalog)}

    assert moved(core__expenses=D5) == {("daily_expenses", D5), ("monthly_net_profit", MAY.start)}
    assert moved(profit__monthly_profit_trends=MAY.start) == {("monthly_net_profit", MAY.start)}
    assert moved(core__expenses=date(2025, 3, 9)) >= {("monthly_net_profit", date(2025, 3, 1))}
    assert moved(core__expenses=date(2026, 7, 1)) == set()
    assert moved(raw__events=D5) == set()
    assert could_move(ledger, {}, catalog) == []
    told = _issued(catalog, ledger, {"core.expenses": [Interval(D5, D6)]})
    plan = ["monthly_net_profit: 1 of 2026-05-01 to 2026-05-31", "daily_expenses: 1 of 2026-05-05 to 2026-05-05"]
    assert told == plan, "as the plan of a backfill says it"
