"""Which days of a table must be computed: those asked for, and those published whose inputs have changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from headline.intervals import DAY, Interval, Period, from_days, merge
from headline.ledger.ledger import Change
from headline.specs import Window

ONLY_THE_DAY = Window()


def intervals_to_compute(
    requested: Interval,
    period: Period,
    reads: Mapping[str, Window],
    published: Sequence[Change],
    changed: Sequence[Change],
    recomputed: Mapping[str, Sequence[Interval]],
) -> list[Interval]:
    """The intervals, whole periods, that one run computes for one table.

    `published`: publications of the table, oldest first. `changed`: loads and publications of its inputs.
    `recomputed`: what this very run computes of its inputs. A published day is computed again when an input that it
    depends on, by the window of `reads`, has changed after the version the day was computed from.
    """
    seen = _newest_as_of(published)
    wanted = [requested, *from_days(stale_days(reads, published, changed))]
    for table, intervals in recomputed.items():
        for interval in intervals:
            wanted += from_days(_affected(interval, reads[table], seen))
    return merge(interval.widen(period) for interval in wanted)


def stale_days(reads: Mapping[str, Window], published: Sequence[Change], changed: Iterable[Change]) -> set[date]:
    """The published days of a table that depend on a change which they were computed without."""
    seen = _newest_as_of(published)
    return {
        day for change in changed for day in _affected(change.interval, reads[change.table], seen) if seen[day] < change.version
    }


def is_outdated(intervals: Iterable[Interval], reads: Mapping[str, Window], newer: Iterable[Change]) -> bool:
    """Whether a change that came after these days were computed touches what one of them depends on."""
    days = [day for interval in intervals for day in interval]
    return any(_affected(change.interval, reads[change.table], days) for change in newer)


def missing_days(requested: Interval, published: Iterable[Change], window: Window = ONLY_THE_DAY) -> list[date]:
    """The days of the request that no publication or load covers, and the gaps before it where the window forbids them."""
    covered = {day for change in published for day in change.interval}
    start = requested.start
    if window.without_gaps and covered:
        earliest = date.min if window.days_before == "all" else start - timedelta(days=window.days_before)
        start = min(start, max(earliest, min(covered)))
    return [day for day in Interval(start, requested.end) if day not in covered]


def _newest_as_of(published: Sequence[Change]) -> dict[date, int]:
    return {day: change.as_of for change in published for day in change.interval}


def _affected(interval: Interval, window: Window, days: Iterable[date]) -> list[date]:
    """Those of `days` whose window [day - days_before, day + days_after] meets the interval."""
    earliest = date.min if window.days_after == "all" else interval.start - timedelta(days=window.days_after)
    latest = date.max if window.days_before == "all" else interval.end - DAY + timedelta(days=window.days_before)
    return [day for day in days if earliest <= day <= latest]
