"""Which published periods are stale: an input that they depend on changed after they were computed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date, timedelta
from itertools import accumulate
from math import inf

from headline.intervals import DAY, Interval, in_few_words, merge
from headline.ledger.period import Change, PeriodState
from headline.ledger.state import CurrentState
from headline.specs import Catalog, Table, Window

ONLY_THE_DAY = Window()


def stale_periods(states: Sequence[PeriodState], reads: Mapping[str, Window], changes: Iterable[Change]) -> list[PeriodState]:
    """The states, of one table in order of days, for which an input in reach of the window of `reads` has a version newer than
    their as_of."""
    newest = _newest_in_reach([state.interval for state in states], reads, changes)
    return [state for state, version in zip(states, newest, strict=True) if version > state.as_of]


def stale_states(
    table: Table, reads: Mapping[str, Window], ledger: CurrentState, *within: Interval, limits: tuple[int, float] = (0, inf)
) -> list[PeriodState]:
    """The published periods of a table that meet one of the intervals, of all where none is given, and are stale.

    `reads`: what it is computed from, by the names that the ledger knows. `limits`: changes after the first version and up to the
    second one count. A table that is replaced whole is stale as a whole: its newest period tells it.
    """
    states = ledger.states([table.full_name], *within)
    if not states:
        return []
    if table.period_column is None:
        as_of = max(ledger.newest_as_of(table.full_name), limits[0])
        everything = Interval(date.min, date.max)
        newer = any(change.version <= limits[1] for change in ledger.changes(reads, everything, as_of))
        return states[-1:] if newer else []
    hull = Interval(states[0].interval.start, states[-1].interval.end)
    since = max(min(state.as_of for state in states), limits[0])
    changes = [change for change in ledger.changes(reads, hull, since) if change.version <= limits[1]]
    return stale_periods(states, reads, changes)


def behind(
    catalog: Catalog, ledger: CurrentState, *within: Interval, names: Set[str] | None = None
) -> dict[str, list[PeriodState]]:
    """The published periods that are behind their inputs, by table: an input changed after they were computed.

    `within`: the days to look at, all where none is given. `names`: the only tables to look at. A table that is behind on nothing
    is left out.
    """
    found = {}
    for pipeline in catalog.pipelines.values():
        for table in pipeline.ordered_tables:
            if names is not None and names.isdisjoint(table.outputs):
                continue
            if stale := stale_states(table, pipeline.reads_by_table(table), ledger, *within):
                found[table.full_name] = stale
    return found


def made_by_earlier_code(tables: Iterable[Table], ledger: CurrentState) -> dict[str, list[Interval]]:
    """By table, the published days that were computed by another version of SQL, contract or macros than is there now.

    Their content may be what it would be today; nobody knows before they are computed again. A column that came later is empty
    in them. Tables that have none, or whose files are faulty, are left out.
    """
    from headline.sql import code_versions  # with the parser, which few of those who ask for staleness need

    asked = list(tables)
    return ledger.made_by_other_code(code_versions(asked), {table.full_name for table in asked if table.period_column is None})


def touched(intervals: Sequence[Interval], reads: Mapping[str, Window], changes: Iterable[Change]) -> list[Interval]:
    """Those of the intervals, in order of days, that depend on any of the changes."""
    newest = _newest_in_reach(intervals, reads, changes)
    return [interval for interval, version in zip(intervals, newest, strict=True) if version > 0]


def missing_days(requested: Interval, there: Iterable[Interval], window: Window = ONLY_THE_DAY) -> list[date]:
    """The days of the request that nothing covers, and the gaps before it where the window forbids them."""
    covered = merge(there)
    start = requested.start
    if window.without_gaps and covered:
        earliest = date.min if window.lookback_days == "all" else start - timedelta(days=window.lookback_days)
        start = min(start, max(earliest, covered[0].start))
    return [day for day in Interval(start, requested.end) if not any(day in one for one in covered)]


def missing_inputs(reads: Mapping[str, Window], requested: Interval, ledger: CurrentState) -> dict[str, list[date]]:
    """By table read, the days that must be published for the request and are not; a table that lacks nothing is left out."""
    [missing] = missing_for([(reads, requested)], ledger)
    return missing


def missing_for(waits: Sequence[tuple[Mapping[str, Window], Interval]], ledger: CurrentState) -> list[dict[str, list[date]]]:
    """The same of many requests with one query for all of them.

    Earlier days are counted where a window allows no gaps, and looked up only where their number is too small.
    """
    if not waits:
        return []
    names = {name for reads, _ in waits for name in reads}
    published: dict[str, list[Interval]] = {name: [] for name in names}
    for state in ledger.states(names, *merge(requested for _, requested in waits)):
        published[state.table].append(state.interval)
    gapless = {name for reads, _ in waits for name, window in reads.items() if window.without_gaps}
    before = {day: _days_before(gapless, day, ledger) for day in {requested.start for _, requested in waits} if gapless}
    found = []
    for reads, requested in waits:
        earlier = before.get(requested.start, {})
        missing = {
            name: missing_days(requested, [*published[name], *earlier.get(name, [])], window) for name, window in reads.items()
        }
        found.append({name: days for name, days in missing.items() if days})
    return found


def lacking_in_words(missing: Mapping[str, Iterable[date]]) -> str:
    """Tables with the days that they lack; those that lack the same days together."""
    alike: dict[str, list[str]] = {}
    for name, days in missing.items():
        alike.setdefault(in_few_words(days), []).append(name)
    return "; ".join(f"{_names(names)} {days}" for days, names in alike.items())


def _names(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} and {len(names) - 2} more tables,"


def _days_before(names: Iterable[str], day: date, ledger: CurrentState) -> dict[str, list[Interval]]:
    counted = ledger.days_until(names, day)
    gaps = [name for name, (first, count) in counted.items() if (day - first).days > count]
    there = {name: [Interval(first, day)] for name, (first, _) in counted.items() if name not in gaps}
    for state in ledger.states(gaps, Interval(date.min, day)) if gaps else ():
        there.setdefault(state.table, []).append(state.interval)
    return there


def _newest_in_reach(intervals: Sequence[Interval], reads: Mapping[str, Window], changes: Iterable[Change]) -> list[int]:
    """For each of the intervals, in order, the newest version of all changes that it depends on; 0 where there is none."""
    starts = [interval.start for interval in intervals]
    ends = [interval.end for interval in intervals]
    newest = [0] * len(intervals)
    onwards = [0] * len(intervals)
    for change in changes:
        reach = reads[change.table].touched_by(change.interval)
        first = _first_that_ends_after(ends, reach.start)
        if reach.end == date.max:  # all that follow: noted once instead of for each of them
            if first < len(intervals):
                onwards[first] = max(onwards[first], change.version)
            continue
        for index in range(first, bisect_left(starts, reach.end)):
            newest[index] = max(newest[index], change.version)
    return [max(pair) for pair in zip(newest, accumulate(onwards, max), strict=True)] if intervals else []


def _first_that_ends_after(ends: Sequence[date], day: date) -> int:
    return bisect_left(ends, day + DAY) if day < date.max else len(ends)
