"""Which days a run computes, against a model that remembers for each day exactly what it was computed from.

Whatever arrives, in whatever order runs ask for whatever days: after a run no published day is out of date, and none was
computed that was neither asked for nor touched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headline.intervals import DAY, Interval, Period, from_days, merge
from headline.ledger import Change
from headline.ledger.staleness import intervals_to_compute, is_outdated, missing_days
from headline.specs import Window

FIRST = date(2026, 2, 16)  # a Monday, two weeks before a month begins
LENGTH = 24
WINDOWS = st.builds(Window, days_before=st.sampled_from([0, 1, 3, "all"]), days_after=st.sampled_from([0, 0, 1, 4, "all"]))
PERIODS: st.SearchStrategy[Period] = st.sampled_from(["day", "day", "week", "month"])
Memory = dict[date, Any]


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    start = draw(st.integers(0, LENGTH - 1))
    return Interval(FIRST + timedelta(days=start), FIRST + timedelta(days=draw(st.integers(start + 1, min(LENGTH, start + 6)))))


HISTORIES = st.lists(st.tuples(st.sampled_from(["arrive", "run", "run the first alone"]), intervals()), min_size=2, max_size=12)


def days_of(found: list[Interval]) -> set[date]:
    return {day for interval in found for day in interval}


def window_of(day: date, window: Window) -> tuple[date, date]:
    before = date.min if window.days_before == "all" else day - timedelta(days=window.days_before)
    return before, date.max if window.days_after == "all" else day + timedelta(days=window.days_after)


def looked_at(day: date, memory: Memory, window: Window) -> dict[date, Any]:
    """What a computation for the day sees of an input."""
    first, last = window_of(day, window)
    return {other: value for other, value in memory.items() if first <= other <= last}


@dataclass
class Table:
    """A table that remembers what each day was made of."""

    name: str
    period: Period
    reads: dict[str, Window]
    made_of: Memory = field(default_factory=dict)
    publications: list[Change] = field(default_factory=list)

    def fresh(self, day: date, inputs: dict[str, Memory]) -> Any:
        """What a computation of the day's whole period would see now."""
        period = Interval(day, day + DAY).widen(self.period)
        return [(name, [looked_at(one, inputs[name], window) for one in period]) for name, window in self.reads.items()]


@settings(max_examples=300)
@given(HISTORIES, PERIODS, st.tuples(WINDOWS, WINDOWS, WINDOWS))
def test_nothing_is_out_of_date_after_a_run(
    history: list[tuple[str, Interval]], period: Period, windows: tuple[Window, ...]
) -> None:
    """Two tables, the second reads the first: both in one run, or the first in a run of its own, like another pipeline's."""
    version = 0
    source: Memory = {}
    arrivals: list[Change] = []
    first = Table("first", "day", {"source": windows[0]})
    second = Table("second", period, {"first": windows[1], "source": windows[2]})
    inputs = {"source": source, "first": first.made_of}

    def compute(
        table: Table, requested: Interval, changed: list[Change], recomputed: dict[str, list[Interval]]
    ) -> list[Interval]:
        stale = {day for day, value in table.made_of.items() if value != table.fresh(day, inputs)}
        found = intervals_to_compute(requested, table.period, table.reads, table.publications, changed, recomputed)
        asked = set(requested.widen(table.period))
        assert asked | stale <= days_of(found)
        if table.name == "first":  # the second is also computed where the first was and came out as before
            assert days_of(found) <= asked | days_of(
                [Interval(day, day + DAY).widen(table.period) for day in touched(table, changed)]
            )
        for day in days_of(found):
            table.made_of[day] = table.fresh(day, inputs)
        return found

    def touched(table: Table, changed: list[Change]) -> set[date]:
        """Published days that look at a day that changed after they were computed."""
        computed_at = {day: change.as_of for change in table.publications for day in change.interval}
        return {
            day
            for day, as_of in computed_at.items()
            for change in changed
            if change.version > as_of and looked_at(day, dict.fromkeys(change.interval), table.reads[change.table])
        }

    for action, interval in history:
        if action == "arrive":
            version += 1
            source.update(dict.fromkeys(interval, version))
            arrivals.append(Change("source", interval, version))
            continue
        as_of = version
        tables = [first] if action == "run the first alone" else [first, second]
        recomputed: dict[str, list[Interval]] = {}
        computed: list[tuple[Table, list[Interval]]] = []
        for table in tables:
            changed = arrivals if table is first else arrivals + first.publications
            known = {name: found for name, found in recomputed.items() if name in table.reads}
            recomputed[table.name] = compute(table, interval, changed, known)
            computed.append((table, recomputed[table.name]))
        for table, found in computed:
            for one in found:
                version += 1
                table.publications.append(Change(table.name, one, version, as_of))
        for table in tables:
            assert all(value == table.fresh(day, inputs) for day, value in table.made_of.items())


@given(st.lists(intervals(), max_size=4), st.lists(intervals(), max_size=4), WINDOWS)
def test_a_result_is_outdated_when_a_newer_change_lies_in_a_window(
    results: list[Interval], changes: list[Interval], window: Window
) -> None:
    newer = [Change("source", interval, 1) for interval in changes]
    changed = dict.fromkeys(days_of(changes))
    assert is_outdated(results, {"source": window}, newer) is any(looked_at(day, changed, window) for day in days_of(results))


@given(intervals(), st.lists(intervals(), max_size=5))
def test_missing_days_are_those_that_nothing_covers(requested: Interval, published: list[Interval]) -> None:
    missing = missing_days(requested, [Change("source", interval, 1) for interval in published])
    assert missing == sorted(set(requested) - days_of(published))


@given(st.lists(intervals(), max_size=8))
def test_merged_intervals_are_the_same_days_in_the_fewest_pieces(given_intervals: list[Interval]) -> None:
    merged = merge(given_intervals)
    assert days_of(merged) == days_of(given_intervals)
    assert all(one.end < other.start for one, other in pairwise(merged))
    assert merge(reversed(merged)) == merged == from_days(days_of(given_intervals))


@given(st.dates(date(1999, 12, 1), date(2030, 1, 31)), st.integers(1, 70), st.sampled_from(["day", "week", "month"]))
def test_widening_reaches_whole_periods_and_no_further(start: date, length: int, period: Period) -> None:
    interval = Interval(start, start + timedelta(days=length))
    wide = interval.widen(period)
    assert wide.widen(period) == wide
    assert set(interval) <= set(wide)
    name = {"day": "%j %Y", "week": "%G %V", "month": "%Y %m"}[period]
    periods = {day.strftime(name) for day in interval}
    around = Interval(wide.start - timedelta(days=40), wide.end + timedelta(days=40))
    assert set(wide) == {day for day in around if day.strftime(name) in periods}
