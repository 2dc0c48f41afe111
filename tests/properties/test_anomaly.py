"""What is unusual: the SQL of checks/anomaly.jinja beside the formula of the domain, in exact fractions and loops over days."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.memory import open_in_memory

from headline.intervals import DAY, Interval
from headline.sql import parse, render, write
from headline.warehouse import Session

LAST = date(2026, 3, 1)  # a Sunday
WEEK = timedelta(days=7)
GROUPS = ("a", "b")
NEARLY = Fraction(1, 10**9)  # the engine counts in doubles: where exact numbers are as close as this, it may say either
Figures = dict[tuple[str, date], Decimal]
SEEN: Counter[tuple[str | None, bool]] = Counter()


@dataclass(frozen=True)
class Size:
    """What matters, and what a day without rows is."""

    at_least: Decimal
    floor: Decimal
    without_rows: int | None = None


@dataclass(frozen=True)
class Judged:
    """What the formula says of one point; `is_close` where it hangs on less than doubles can tell."""

    expected: Fraction | None
    score: Fraction | None
    finding: str | None
    is_close: bool = False


def judged(value: Fraction, history: Sequence[Fraction], size: Size) -> Judged:
    """DOMAIN 4: 0.6745 × (x − median) / MAD; MAD = 0 → 1.2533 × mean absolute deviation; both 0 → an absolute floor."""
    if not history:
        return Judged(None, None, "insufficient_history")
    expected = middle(history)
    deviations = [abs(one - expected) for one in history]
    score = None
    if spread := middle(deviations):
        score = Fraction("0.6745") * (value - expected) / spread
    elif spread := sum(deviations) / len(deviations):
        score = (value - expected) / (Fraction("1.2533") * spread)
    if len(history) < 8:
        return Judged(expected, score, "insufficient_history")
    margins = [
        abs(value - expected) - Fraction(size.at_least) * abs(expected),
        abs(value - expected) - Fraction(size.floor),
        Fraction(1) if score is None else abs(score) - Fraction("3.5"),
    ]
    is_outlier = all(margin > 0 for margin in margins)
    return Judged(expected, score, "outlier" if is_outlier else None, any(abs(margin) < NEARLY for margin in margins))


def middle(values: Sequence[Fraction]) -> Fraction:
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def by_formula(figures: Figures, interval: Interval, size: Size) -> dict[tuple[str, date], Judged]:
    """Every tested point of every group, one by one."""
    found = {}
    known = {key: Fraction(value) for key, value in figures.items() if in_reach(key[1], interval)}
    for group in {group for group, _ in known}:
        days = [day for one, day in known if one == group]
        for day in Interval(max(interval.start, interval.end - WEEK), interval.end):
            earlier = [day - WEEK * weeks for weeks in range(1, 13)]
            if size.without_rows is None:
                history = [known[group, one] for one in earlier if one in days]
                value = known.get((group, day))
            else:
                zero = Fraction(size.without_rows)
                history = [known.get((group, one), zero) for one in earlier if one >= min(days)]
                value = known.get((group, day), zero)
            if value is not None:
                found[group, day] = judged(value, history, size)
    return found


def in_reach(day: date, interval: Interval) -> bool:
    return interval.end - 13 * WEEK <= day < interval.end


def by_sql(session: Session, figures: Figures, interval: Interval, size: Size) -> dict[tuple[str, date], Mapping[str, Any]]:
    """The findings of the macro over a table of the figures, two rows for each."""
    session.query("create or replace table figures (ds date, category varchar, amount decimal(18, 4))")
    rows = [f"('{day}', '{group}', {part})" for (group, day), value in figures.items() for part in (value - 1, 1)]
    if rows:
        session.query(f"insert into figures values {', '.join(rows)}")
    found = findings(
        session,
        f"unusual('amount', 'sum(amount)', at_least={size.at_least}, floor={size.floor}, by=['category'], "
        f"without_rows={'none' if size.without_rows is None else size.without_rows})",
        interval,
    )
    assert {row["measure"] for row in found} <= {"amount"}
    by_key = {(row["category"], row["ds"]): row for row in found}
    assert len(by_key) == len(found)
    return by_key


def findings(session: Session, call: str, interval: Interval, period_column: str = "ds") -> list[dict[str, Any]]:
    text = "{% from 'checks/anomaly.jinja' import unusual with context %}{{ " + call + " }}"
    names = {"table": "figures", "key": [period_column], "period_column": period_column}
    result = session.query(write(parse(render(text, interval, "a test", **names), "a test"), "duckdb"))
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with open_in_memory([]) as opened:
        yield opened


@st.composite
def histories(draw: st.DrawFn) -> Figures:
    """Up to 14 weeks of two groups on one or two weekdays, of few values, so that deviations vanish and tie."""
    figures: Figures = {}
    anything = st.one_of(st.just(100), st.sampled_from([0, 99, 101]), st.integers(-(10**9), 10**9))
    for group in GROUPS:
        values = draw(st.sampled_from([st.just(0), st.just(100), st.sampled_from([100, 100, 100, 101]), anything]))
        weeks = draw(st.sampled_from([1, 7, 9, 13, 14]))
        for weekday in draw(st.sets(st.integers(0, 6), min_size=1, max_size=2)):
            day = LAST - timedelta(days=weekday)
            figures[group, day] = Decimal(draw(st.sampled_from([0, 50, 100, 140, 141, 1000, -100])))
            for week in set(range(1, weeks)) - draw(st.sets(st.integers(1, 14), max_size=3)):
                figures[group, day - WEEK * week] = Decimal(draw(values)).scaleb(-draw(st.sampled_from([0, 0, 2])))
    return figures


SIZES = st.builds(
    Size,
    at_least=st.sampled_from([Decimal(0), Decimal("0.4"), Decimal(2)]),
    floor=st.sampled_from([Decimal(0), Decimal(5), Decimal(1000)]),
    without_rows=st.sampled_from([None, 0]),
)


@settings(max_examples=150)
@given(histories(), SIZES, st.integers(1, 40))
def test_the_sql_says_what_the_formula_says(session: Session, figures: Figures, size: Size, length: int) -> None:
    interval = Interval(LAST - DAY * (length - 1), LAST + DAY)
    found, expected = by_sql(session, figures, interval, size), by_formula(figures, interval, size)
    assert found.keys() <= expected.keys()
    for key, point in expected.items():
        row = found.get(key)
        SEEN[point.finding, point.score is not None] += 1
        assert point.is_close or (row and row["finding"]) == point.finding
        if row:
            assert row["value"] == figures.get(key, Decimal(0))
            assert agree(row["expected"], point.expected, relative=0, absolute=1e-6)
            assert agree(row["score"], point.score, relative=1e-6)


def agree(found: Decimal | float | None, exact: Fraction | None, *, relative: float, absolute: float = 0) -> bool:
    if found is None or exact is None:
        return found is None and exact is None
    return math.isclose(found, exact, rel_tol=relative, abs_tol=absolute)


def test_all_that_can_be_said_was_said() -> None:
    """With and without a score, since one has none where nothing ever deviated."""
    if SEEN:  # empty where another worker had the examples
        cases = [(finding, is_scored) for finding in (None, "insufficient_history", "outlier") for is_scored in (True, False)]
        assert {case: SEEN[case] for case in cases if SEEN[case] < 10} == {}


def daily(*history: int, tested: int) -> Figures:
    """A figure of the weeks before, oldest first, and of the tested day."""
    return {("a", LAST - WEEK * ago): Decimal(value) for ago, value in enumerate(reversed([*history, tested]))}


SPREAD = (9600, 9800, 9800, 10000, 10000, 10200, 10200, 10400)
TWENTIETH = Size(Decimal("0.05"), Decimal(5))


@pytest.mark.parametrize(
    ("figures", "size", "says"),
    [
        # MAD 200: 0.6745 × 1038 / 200 is beyond 3.5, and 1037 is not
        (daily(*SPREAD, tested=11038), TWENTIETH, ("10000", "3.500655", "outlier")),
        (daily(*SPREAD, tested=11037), TWENTIETH, None),
        (daily(*SPREAD, tested=8962), TWENTIETH, ("10000", "-3.500655", "outlier")),
        (daily(*SPREAD, tested=11100), Size(Decimal("0.11"), Decimal(5)), None),
        (daily(*SPREAD, tested=11100), Size(Decimal("0.05"), Decimal(1100)), None),
        # MAD 0, mean absolute deviation 1: 5.1 is further than 3.5 × 1.2533
        (daily(100, 100, 100, 100, 100, 100, 104, 96, tested=106), TWENTIETH, ("100", "4.787361", "outlier")),
        # nothing ever deviated: what matters decides alone
        (daily(*[100] * 8, tested=106), TWENTIETH, ("100", None, "outlier")),
        (daily(*[100] * 8, tested=105), TWENTIETH, None),
        (daily(*[0] * 8, tested=6), TWENTIETH, ("0", None, "outlier")),
        (daily(*[0] * 8, tested=5), TWENTIETH, None),
        # seven weeks do not tell, the oldest of thirteen is forgotten, and the tested day is no part of its own history
        (daily(*[100] * 7, tested=500), TWENTIETH, ("100", None, "insufficient_history")),
        (daily(900, *[100] * 12, tested=106), TWENTIETH, ("100", None, "outlier")),
        (daily(tested=500), TWENTIETH, (None, None, "insufficient_history")),
    ],
)
def test_what_is_said_of_a_day(session: Session, figures: Figures, size: Size, says: tuple[str | None, ...] | None) -> None:
    found = by_sql(session, figures, Interval(LAST, LAST + DAY), size).get(("a", LAST))
    numbers = found and [None if found[name] is None else Decimal(str(found[name])) for name in ("expected", "score")]
    assert (found and (*map(rounded, numbers), found["finding"])) == (says and (*map(rounded, says[:2]), says[2]))


def rounded(number: Decimal | str | None) -> Decimal | None:
    return None if number is None else round(Decimal(number), 6)


def test_a_day_without_rows_counts_since_the_first_that_had_some(session: Session) -> None:
    """Eight weeks before the tested one, of which one is without rows; without the first of them, seven."""
    figures = {("a", LAST - WEEK * ago): Decimal(100) for ago in (1, 2, 3, 4, 5, 7, 8)}
    day = Interval(LAST, LAST + DAY)
    assert by_sql(session, figures, day, Size(Decimal("0.4"), Decimal(5))) == {}
    zero = Size(Decimal("0.4"), Decimal(5), without_rows=0)
    assert by_sql(session, figures, day, zero)["a", LAST]["finding"] == "outlier"
    del figures["a", LAST - WEEK * 8]
    assert by_sql(session, figures, day, zero)["a", LAST]["finding"] == "insufficient_history"


def test_without_a_single_row_there_is_something_to_learn(session: Session) -> None:
    """Nothing found must not pass for nothing unusual."""
    session.query("create or replace table figures (ds date, amount bigint)")
    call = "unusual('amount', 'sum(amount)', at_least=0.4, floor=5, without_rows=0)"
    rows = findings(session, call, Interval(LAST - DAY, LAST + DAY))
    said = {(row["ds"], row["value"], row["finding"]) for row in rows}
    assert said == {(LAST - DAY, Decimal(0), "insufficient_history"), (LAST, Decimal(0), "insufficient_history")}


@pytest.mark.parametrize("length", [3, 60])
def test_only_the_last_seven_days_are_asked_about(session: Session, length: int) -> None:
    figures = {("a", LAST - DAY * ago): Decimal(100 if ago >= 20 else 900) for ago in range(130)}
    found = by_sql(session, figures, Interval(LAST - DAY * (length - 1), LAST + DAY), TWENTIETH)
    assert {day for _, day in found} == {LAST - DAY * ago for ago in range(min(length, 7))}


@pytest.mark.parametrize(
    ("period_column", "periods", "interval", "tested"),
    [
        (
            "week",
            [date(2026, 1, 5) + WEEK * n for n in range(9)],
            Interval(date(2026, 2, 23), date(2026, 3, 9)),
            date(2026, 3, 2),
        ),
        ("month", [date(2025, n, 1) for n in range(4, 13)], Interval(date(2025, 11, 1), date(2026, 1, 1)), date(2025, 12, 1)),
    ],
)
def test_a_week_or_month_is_held_against_those_before_it(
    session: Session, period_column: str, periods: list[date], interval: Interval, tested: date
) -> None:
    session.query(f"create or replace table figures ({period_column} date, amount bigint)")
    rows = ", ".join(f"('{period}', {100 + n if period != tested else 150})" for n, period in enumerate(periods))
    session.query(f"insert into figures values {rows}")
    [row] = findings(session, "unusual('amount', 'sum(amount)', at_least=0.2, floor=5)", interval, period_column)
    assert (row[period_column], row["value"], row["expected"], row["finding"]) == (tested, 150, Decimal("103.5"), "outlier")
    session.query(f"delete from figures where {period_column} = '{periods[0]}'")
    [row] = findings(session, "unusual('amount', 'sum(amount)', at_least=0.2, floor=5)", interval, period_column)
    assert row["finding"] == "insufficient_history"
