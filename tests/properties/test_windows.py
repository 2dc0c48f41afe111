"""`reads` in pipeline.yml says how far around a day a table looks. It must not look further, or days would depend on the run.

Each table's SELECT is run for one day with its inputs cut to the stated windows, and must give what the range gave for that day.
With the laws of planning, which read the same windows, this is why days may be computed in any pieces and in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache

from hypothesis import given
from hypothesis import strategies as st
from tests.properties.street import PROFIT, USE, MakeStreet, Rows
from tests.properties.worlds import World, app_worlds, few, worlds

from headline.intervals import DAY, Interval
from headline.pipeline import compile_table
from headline.specs import Table, Window, load
from headline.sql import within, write
from headline.warehouse import Session

START = date(2026, 1, 20)
LENGTH = 64
SOME_DAYS = Interval(date(1066, 10, 1), date(1492, 8, 1))  # Mondays, so they are whole weeks as well as whole months


@few(1)
@given(worlds(length=LENGTH, start=START), st.sets(st.integers(0, LENGTH - 1), max_size=2))
def test_a_day_of_profit_depends_on_its_windows_alone(make_street: MakeStreet, world: World, offsets: set[int]) -> None:
    busy = {day for name, day in world.arrived if name == "orders"}
    compare(make_street, PROFIT, world, busy | {START + timedelta(days=offset) for offset in offsets})


@few(1)
@given(app_worlds(length=LENGTH, start=START), st.sets(st.integers(0, LENGTH - 1), min_size=2, max_size=4))
def test_a_day_of_use_depends_on_its_windows_alone(make_street: MakeStreet, world: World, offsets: set[int]) -> None:
    compare(make_street, USE, world, {START + timedelta(days=offset) for offset in offsets})


def compare(make_street: MakeStreet, pipelines: Sequence[str], world: World, days: set[date]) -> None:
    tables = windowed_tables(pipelines)
    assert len(tables) >= 8
    street = make_street(pipelines)
    street.arrive(world)
    street.run(world.interval)
    with street.warehouse.session() as session:
        session.query("create schema seen")
        for day in sorted(days):
            for table in tables:
                assert (table.full_name, day, computed_alone(table, day, session)) == (
                    table.full_name,
                    day,
                    published(table, day, session),
                )


def windowed_tables(pipelines: Sequence[str]) -> list[Table]:
    """Every table but the raw ones, which map what landed row by row, and those that are rebuilt whole."""
    return [
        table
        for name in pipelines
        for table in load().pipelines[name].ordered_tables
        if table.period != "all" and not any(read.startswith("landing.") for read in table.reads)
    ]


def computed_alone(table: Table, day: date, session: Session) -> Rows:
    """The table's rows for a day, from no more than it says that it reads."""
    days = Interval(day, day + DAY).widen(table.period)
    for name, window in table.reads.items():
        if name != "calendar.days":
            session.query(f"create or replace table {seen(name)} as {cut(name, reach(days, window))}")
    return Counter(session.query(compiled(table, days)).rows)


def published(table: Table, day: date, session: Session) -> Rows:
    """What the range gave for the day: valid rows and refused ones, as the SELECT gives them."""
    assert table.period_column
    inside = write(within(table.period_column, [Interval(day, day + DAY).widen(table.period)]), "duckdb")
    accepted = f"select *{', null' if table.quarantine else ''} from {table.full_name} where {inside}"
    refused = [f"select * from {table.quarantine_name} where {inside}"] if table.quarantine else []
    return Counter(session.query(" union all ".join([accepted, *refused])).rows)


def cut(name: str, days: Interval) -> str:
    """The rows of an input in these days; of a history (SCD type 2) the versions that hold on one of them, without later ends."""
    table = load().makers[name].outputs[name]
    if table.period_column:
        return f"select * from {name} where {write(within(table.period_column, [days]), 'duckdb')}"
    end = f"timestamp '{days.end}'"
    valid = f"valid_from < {end} and valid_to > timestamp '{days.start}'"
    return f"select * replace (least(valid_to, {end}) as valid_to) from {name} where {valid}"


def reach(days: Interval, window: Window) -> Interval:
    start = date(1, 1, 1) if window.lookback_days == "all" else days.start - timedelta(days=window.lookback_days)
    end = date(9999, 1, 1) if window.lookahead_days == "all" else days.end + timedelta(days=window.lookahead_days)
    return Interval(start, end)


def seen(name: str) -> str:
    return f"seen.{name.replace('.', '__')}"


def compiled(table: Table, days: Interval) -> str:
    return _compiled(table.full_name).replace(str(SOME_DAYS.start), str(days.start)).replace(str(SOME_DAYS.end), str(days.end))


@cache
def _compiled(name: str) -> str:
    """Compiling takes longer than running here, so it is done once, for days that the text has nowhere else."""
    table = load().table(name)
    names = {read: seen(read) for read in table.reads if read != "calendar.days"}
    return compile_table(table, SOME_DAYS, names, "duckdb")
