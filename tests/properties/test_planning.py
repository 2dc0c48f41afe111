"""Which days a run computes, against a model that looks at every day of every window.

Whatever arrives, in whatever order runs ask for whatever days: a day is stale exactly when an input within its window has a
version greater than its as_of. After a run no day that was asked for or lies in the restatement window is stale, and none was
computed that was neither asked for nor touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headline.intervals import DAY, Interval, Period, from_days, merge
from headline.ledger import Change, Ledger, PeriodState, missing_days, stale_periods, stale_states, touched
from headline.pipeline.plan import Plan, plan
from headline.pipeline.run import PipelineRun
from headline.specs import Pipeline, Table, Window

FIRST = date(2026, 2, 16)  # a Monday, two weeks before a month begins
LENGTH = 24
REACHES = st.sampled_from([0, 1, 3, "all"])
WINDOWS = st.builds(Window, lookback_days=REACHES, lookahead_days=st.sampled_from([0, 0, 1, 4, "all"]))
PERIODS: st.SearchStrategy[Period] = st.sampled_from(["day", "day", "week", "month"])
MOMENT = datetime(2026, 5, 1, tzinfo=UTC)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    start = draw(st.integers(0, LENGTH - 1))
    return Interval(FIRST + timedelta(days=start), FIRST + timedelta(days=draw(st.integers(start + 1, min(LENGTH, start + 6)))))


def days_of(found: Sequence[Interval]) -> set[date]:
    return {day for interval in found for day in interval}


def window_of(day: date, window: Window) -> tuple[date, date]:
    before = date.min if window.lookback_days == "all" else day - timedelta(days=window.lookback_days)
    return before, date.max if window.lookahead_days == "all" else day + timedelta(days=window.lookahead_days)


def looks_at(day: date, window: Window, other: date) -> bool:
    first, last = window_of(day, window)
    return first <= other <= last


@dataclass
class Model:
    """The versions of every day of every table, one by one, beside a ledger that keeps what the real planning asks of it."""

    version: int = 0
    states: dict[str, list[PeriodState]] = field(default_factory=dict)

    def record(self, table: str, changed: Sequence[Interval], unchanged: Sequence[Interval] = ()) -> None:
        """What `Recording.publish` does: changed periods get a new version, and all that was computed is as of it."""
        self.version += bool(changed)
        kept = [one for one in self.states.get(table, []) if not any(one.interval.overlaps(period) for period in changed)]
        lifted = [replace(one, as_of=self.version) if one.interval in unchanged else one for one in kept]
        new = [
            PeriodState(table, period, self.version, self.version, "f", 1, "complete", Decimal(1), "r", MOMENT, MOMENT)
            for period in changed
        ]
        self.states[table] = sorted([*lifted, *new], key=lambda one: one.interval)

    def lift(self, table: str, computed: Sequence[Interval]) -> None:
        """All periods that a run has computed are as of its record."""
        self.states[table] = [
            replace(one, as_of=self.version) if one.interval in computed else one for one in self.states.get(table, [])
        ]

    def stale(self, table: Table) -> list[Interval]:
        """Day by day: the periods with an input in the window of one of their days that is newer than their as_of."""
        return [
            one.interval
            for one in self.states.get(table.full_name, [])
            if any(
                other.version > one.as_of and any(looks_at(day, window, seen) for day in one.interval for seen in other.interval)
                for name, window in table.reads.items()
                for other in self.states.get(name, [])
            )
        ]


class Remembered(Ledger):
    """The ledger's answers from the model, by the words of their docstrings."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def newest_version(self) -> int:
        return self.model.version

    def _of(self, names: Any) -> Iterator[PeriodState]:
        return (one for name in sorted(names) for one in self.model.states.get(name, []))

    def states(self, table_names: Any, *within: Interval) -> list[PeriodState]:
        return [one for one in self._of(table_names) if not within or any(one.interval.overlaps(other) for other in within)]

    def newest_days(self, table_names: Any) -> dict[str, date]:
        return {one.table: one.interval.start for one in self._of(table_names)}

    def days_until(self, table_names: Any, day: date) -> dict[str, tuple[date, int]]:
        raise AssertionError("no window of these tables forbids gaps")

    def changes(self, reads: Mapping[str, Window], interval: Interval, since: int = 0) -> list[Change]:
        found = []
        for name, window in reads.items():
            near = Interval(interval.start, date.max) if window.lookback_days == "all" else window.reach(interval)
            near = Interval(near.start, window.reach(interval).end)
            newer = [one for one in self._of([name]) if one.version > since]
            found += [Change(name, one.interval, one.version) for one in newer if one.interval.overlaps(near)]
            before = [one.version for one in newer if one.interval.end <= interval.start]
            if window.lookback_days == "all" and before:
                found.append(Change(name, Interval(date.min, interval.start), max(before)))
        return found

    def changes_of(self, asked: Mapping[str, tuple[Mapping[str, Window], Interval, int]]) -> dict[str, list[Change]]:
        return {name: self.changes(*one) for name, one in asked.items()}


def pipeline_of(**tables: Table) -> Pipeline:
    made = Pipeline.model_construct(description="", tier=1, tables=tables)
    made._folder = Path("core/test")
    for name, table in tables.items():
        table._name, table._schema = name, "core"
    return made


def table_of(period: Period, **reads: Window) -> Table:
    return Table.model_validate({"period": period, "reads": {name.replace("__", "."): one for name, one in reads.items()}})


def planned(pipeline: Pipeline, requested: Interval, model: Model) -> Plan:
    """The plan of a run whose inputs are all there: what is missing is not the question here."""
    run = PipelineRun(pipeline, "run", requested, cast(Any, None), Remembered(model), cast(Any, None))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headline.pipeline.plan.missing_inputs", lambda *_arguments: {})
        return plan(run)


ACTIONS = st.tuples(st.sampled_from(["arrive", "run", "run"]), intervals(), st.sets(st.integers(0, LENGTH - 1), max_size=LENGTH))


@settings(max_examples=300)
@given(
    st.lists(ACTIONS, min_size=2, max_size=10),
    PERIODS,
    st.tuples(WINDOWS, WINDOWS, WINDOWS),
    st.sampled_from([5, 99]),
)
def test_a_run_computes_what_was_asked_for_and_what_is_stale_in_the_restatement_window(
    history: list[tuple[str, Interval, set[int]]], period: Period, windows: tuple[Window, ...], restated: int
) -> None:
    """Two tables, the second reads the first. `moved`: the days on which what a run computes is not what it was."""
    first = table_of("day", raw__source=windows[0])
    second = table_of(period, core__first=windows[1], raw__source=windows[2])
    pipeline, model = pipeline_of(first=first, second=second), Model()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADLINE_RESTATEMENT_DAYS", str(restated))
        forget()
        for action, interval, offsets in history:
            moved = {FIRST + timedelta(days=offset) for offset in offsets}
            if action == "arrive":
                model.record("raw.source", [Interval(day, day + DAY) for day in interval])
                continue
            run_once(pipeline, interval, moved, model, restated)
    forget()


def run_once(pipeline: Pipeline, requested: Interval, moved: set[date], model: Model, restated: int) -> None:
    before = planned(pipeline, requested, model)
    known = [one for table in pipeline.ordered_tables for one in model.states.get(table.full_name, [])]
    newest = max([requested.end, *(one.interval.start + DAY for one in known)])
    reached = [Interval(newest - timedelta(days=restated), newest), *(requested.widen(t.period) for t in pipeline.ordered_tables)]
    computed: dict[str, list[Interval]] = {}
    changed: dict[str, list[Interval]] = {}
    stale = {table.full_name: model.stale(table) for table in pipeline.ordered_tables}
    for table in pipeline.ordered_tables:
        news = [Change(name, one, 1) for name, found in changed.items() for one in found]
        found = before.intervals(table, news)
        at_stake = [
            one.interval
            for one in model.states.get(table.full_name, [])
            if any(one.interval.overlaps(other) for other in reached)
        ]
        follow = [
            one
            for one in at_stake
            if any(
                looks_at(day, table.reads[change.table], seen)
                for change in news
                if change.table in table.reads
                for day in one
                for seen in change.interval
            )
        ]
        expected = {*requested.widen(table.period), *days_of([one for one in stale[table.full_name] if one in at_stake])}
        assert days_of(found) == expected | days_of(follow)
        pieces = {Interval(day, day + DAY).widen(table.period) for day in days_of(found)}
        there = {one.interval for one in model.states.get(table.full_name, [])}
        computed[table.full_name] = sorted(pieces)
        changed[table.full_name] = sorted(one for one in pieces if one not in there or set(one) & moved)
    versions = {one: one.version for one in known}
    for name, pieces_changed in changed.items():
        model.record(name, pieces_changed)
    for name, pieces_computed in computed.items():
        model.lift(name, pieces_computed)
    for table in pipeline.ordered_tables:
        name = table.full_name
        left = [one for one in model.stale(table) if any(one.overlaps(other) for other in reached)]
        assert left == [], "whatever may ride along has"
        assert not set(model.stale(table)) & set(computed[name])
        assert [one.interval for one in stale_states(table, table.reads, Remembered(model))] == model.stale(table)
        kept = [one for one in model.states[name] if one.interval in computed[name] and one.interval not in changed[name]]
        assert {one.version for one in kept} <= set(versions.values()), "what came out as before has no version of its own"
        assert {one.as_of for one in kept} <= {model.version}
    again = planned(pipeline, requested, model)
    assert [days_of(again.intervals(table)) for table in pipeline.ordered_tables] == [
        set(requested.widen(table.period)) for table in pipeline.ordered_tables
    ], "a run right after it has nothing left but what it was asked for"


def forget() -> None:
    from headline.settings import load

    load.cache_clear()


@given(
    PERIODS,
    st.lists(st.tuples(intervals(), st.integers(1, 9)), max_size=4),
    st.lists(st.integers(0, 9), min_size=LENGTH),
    WINDOWS,
)
def test_a_period_is_stale_when_an_input_in_its_window_is_newer(
    period: Period, found: list[tuple[Interval, int]], as_of: list[int], window: Window
) -> None:
    changes = [Change("raw.source", interval, version) for interval, version in found]
    pieces = sorted({Interval(FIRST + n * DAY, FIRST + (n + 1) * DAY).widen(period) for n in range(LENGTH)})
    states = [
        PeriodState("core.t", one, 9, seen, "f", 1, "complete", Decimal(1), "r", MOMENT, MOMENT)
        for one, seen in zip(pieces, as_of, strict=False)
    ]
    reads = {"raw.source": window}

    def newest(one: Interval) -> int:
        depends = (
            change.version for change in changes if any(looks_at(day, window, seen) for day in one for seen in change.interval)
        )
        return max(depends, default=0)

    assert stale_periods(states, reads, changes) == [state for state in states if newest(state.interval) > state.as_of]
    assert touched(pieces, reads, changes) == [one for one in pieces if newest(one)]


@given(intervals(), st.lists(intervals(), max_size=5))
def test_missing_days_are_those_that_nothing_covers(requested: Interval, published: list[Interval]) -> None:
    missing = missing_days(requested, published)
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
