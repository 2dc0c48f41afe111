"""A table is a function of its days and its inputs: nobody can see how often, in which pieces and in which order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.street import Rows, Street
from tests.properties.worlds import FINANCE, SHOP, Cell, World, worlds

from headline.intervals import Interval

MakeStreet = Callable[[], Street]
LENGTH = 36
START = date(2026, 1, 20)


def computed_in_one_range(make_street: MakeStreet, world: World) -> dict[str, Rows]:
    street = make_street()
    street.arrive(world)
    street.run(world.interval)
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


@settings(max_examples=4)
@given(worlds(length=3))
def test_running_twice_is_running_once(make_street: MakeStreet, world: World) -> None:
    once = computed_in_one_range(make_street, world)
    street = make_street()
    street.arrive(world)
    street.run(world.interval)
    street.run(world.interval)
    assert_same(street.tables(), once)


@settings(max_examples=4)
@given(worlds(length=4).flatmap(lambda world: st.tuples(st.just(world), st.permutations(list(world.interval)))))
def test_days_in_any_order_are_the_range(make_street: MakeStreet, example: tuple[World, list[date]]) -> None:
    world, days = example
    expected = computed_in_one_range(make_street, world)
    street = make_street()
    street.arrive(world)
    street.run_pieces(Interval(day, day + timedelta(days=1)) for day in days)
    assert_same(street.tables(), expected)


@settings(max_examples=6)
@given(worlds(length=LENGTH, start=START), pieces(Interval(START, START + timedelta(days=LENGTH))))
def test_pieces_in_any_order_are_the_range(make_street: MakeStreet, world: World, order: list[Interval]) -> None:
    expected = computed_in_one_range(make_street, world)
    street = make_street()
    street.arrive(world)
    street.run_pieces(order)
    assert_same(street.tables(), expected)


@settings(max_examples=6)
@given(
    worlds(length=LENGTH, start=START),
    worlds(length=LENGTH, start=START),
    st.sets(st.tuples(st.sampled_from(SHOP[:3] + FINANCE), st.integers(0, LENGTH - 1)), min_size=1, max_size=60),
    st.integers(1, LENGTH - 1),
)
def test_what_changes_later_is_as_if_it_had_been_so(
    make_street: MakeStreet, before: World, after: World, changes: set[tuple[str, int]], until: int
) -> None:
    """Some days of some tables arrive once more, with other rows, after everything was computed once; the next run heals it."""
    cells: list[Cell] = [(name, START + timedelta(days=offset)) for name, offset in changes]
    final = before.with_cells_of(after, cells)
    expected = computed_in_one_range(make_street, final)
    street = make_street()
    street.arrive(before)
    street.run(before.interval)
    street.arrive(final, cells)
    street.run(Interval(START + timedelta(days=until), START + timedelta(days=until + 1)))
    assert_same(street.tables(), expected)
