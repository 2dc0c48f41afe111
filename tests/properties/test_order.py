"""A table is a function of its days and its inputs: nobody can see how often, in which pieces and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.properties.street import PROFIT, USE, MakeStreet, Rows
from tests.properties.worlds import APP, FINANCE, SHOP, Cell, World, app_worlds, few, worlds

from headline.intervals import Interval

LENGTH = 36
START = date(2026, 1, 20)
WHOLE = Interval(START, START + timedelta(days=LENGTH))
CHANGING = SHOP[:3] + FINANCE + APP[1:]


def computed_in_one_range(make_street: MakeStreet, world: World, pipelines: Sequence[str] = PROFIT) -> dict[str, Rows]:
    return computed_in_pieces(make_street, world, [world.interval], pipelines)


def computed_in_pieces(
    make_street: MakeStreet, world: World, order: Sequence[Interval], pipelines: Sequence[str] = PROFIT
) -> dict[str, Rows]:
    street = make_street(pipelines)
    street.arrive(world)
    street.run_pieces(order)
    return street.tables()


def healed(
    make_street: MakeStreet, before: World, final: World, cells: Sequence[Cell], until: int, pipelines: Sequence[str] = PROFIT
) -> dict[str, Rows]:
    """Some days of some tables arrive once more, with other rows, after everything was computed once; then one more run."""
    street = make_street(pipelines)
    street.arrive(before)
    street.run(before.interval)
    street.arrive(final, cells)
    street.run(Interval(START + timedelta(days=until), START + timedelta(days=until + 1)))
    return street.tables()


def assert_same(tables: dict[str, Rows], expected: dict[str, Rows]) -> None:
    """Row by row: what is missing and what is there besides, in the first table that differs."""
    assert tables.keys() == expected.keys()
    for name, rows in expected.items():
        assert (name, rows - tables[name], tables[name] - rows) == (name, Rows(), Rows())


def pieces(interval: Interval) -> st.SearchStrategy[list[Interval]]:
    """The interval in a few pieces, side by side or overlapping, in any order."""

    def cut(at: list[int], reach: int) -> list[Interval]:
        bounds = [0, *sorted(set(at)), len(interval)]
        starts = [interval.start + timedelta(days=bound) for bound in bounds]
        return [Interval(max(interval.start, start - timedelta(days=reach)), end) for start, end in pairwise(starts)]

    cuts = st.lists(st.integers(1, len(interval) - 1), min_size=1, max_size=3)
    return st.builds(cut, cuts, st.sampled_from([0, 0, 2, 9])).flatmap(st.permutations)


def day_by_day(days: Sequence[date]) -> list[Interval]:
    return [Interval(day, day + timedelta(days=1)) for day in days]


def cells(tables: Sequence[str]) -> st.SearchStrategy[list[Cell]]:
    """Some days of some tables."""
    offsets = st.sets(st.tuples(st.sampled_from(tables), st.integers(0, LENGTH - 1)), min_size=1, max_size=60)
    return offsets.map(lambda found: [(name, START + timedelta(days=offset)) for name, offset in sorted(found)])


@few(1)
@given(worlds(length=3))
def test_running_twice_is_running_once(make_street: MakeStreet, world: World) -> None:
    once = computed_in_one_range(make_street, world)
    assert_same(computed_in_pieces(make_street, world, [world.interval] * 2), once)


@few(1)
@given(worlds(length=4).flatmap(lambda world: st.tuples(st.just(world), st.permutations(list(world.interval)))))
def test_days_in_any_order_are_the_range(make_street: MakeStreet, example: tuple[World, list[date]]) -> None:
    world, days = example
    expected = computed_in_one_range(make_street, world)
    assert_same(computed_in_pieces(make_street, world, day_by_day(days)), expected)


@few(1)
@given(worlds(length=LENGTH, start=START), pieces(WHOLE))
def test_pieces_in_any_order_are_the_range(make_street: MakeStreet, world: World, order: list[Interval]) -> None:
    expected = computed_in_one_range(make_street, world)
    assert_same(computed_in_pieces(make_street, world, order), expected)


@few(2)
@given(worlds(length=LENGTH, start=START), worlds(length=LENGTH, start=START), cells(CHANGING), st.integers(1, LENGTH - 1))
def test_what_changes_later_is_as_if_it_had_been_so(
    make_street: MakeStreet, before: World, after: World, changes: list[Cell], until: int
) -> None:
    final = before.with_cells_of(after, changes)
    expected = computed_in_one_range(make_street, final)
    assert_same(healed(make_street, before, final, changes, until), expected)


# The same of growth and engagement, which read all days since the first one.


@few(1)
@given(app_worlds(length=5).flatmap(lambda world: st.tuples(st.just(world), st.permutations(list(world.interval)))))
def test_days_of_use_in_any_order_are_the_range(make_street: MakeStreet, example: tuple[World, list[date]]) -> None:
    world, days = example
    expected = computed_in_one_range(make_street, world, USE)
    assert_same(computed_in_pieces(make_street, world, [*day_by_day(days), *day_by_day(days[:1])], USE), expected)


@few(1)
@given(app_worlds(length=LENGTH, start=START), pieces(WHOLE))
def test_pieces_of_use_in_any_order_are_the_range(make_street: MakeStreet, world: World, order: list[Interval]) -> None:
    expected = computed_in_one_range(make_street, world, USE)
    assert_same(computed_in_pieces(make_street, world, order, USE), expected)


@few(1)
@given(app_worlds(length=LENGTH, start=START), app_worlds(length=LENGTH, start=START), cells(APP), st.integers(1, LENGTH - 1))
def test_use_that_changes_later_is_as_if_it_had_been_so(
    make_street: MakeStreet, before: World, after: World, changes: list[Cell], until: int
) -> None:
    final = before.with_cells_of(after, changes)
    expected = computed_in_one_range(make_street, final, USE)
    assert_same(healed(make_street, before, final, changes, until, USE), expected)
