"""How metrics stand now: the newest value of each, and what it is compared with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from headline.intervals import DAY, Interval, Period
from headline.ledger import Ledger
from headline.serving.reading import read_series
from headline.serving.series import Point, Series
from headline.specs.metrics import Metric
from headline.warehouse import Warehouse

YEAR = timedelta(days=364)  # 52 weeks: a day is compared with the same day of the week
# How many periods a line shows.
SHOWN: Mapping[Period, int] = {"day": 60, "week": 26, "month": 13}


@dataclass(frozen=True)
class Overview:
    """A metric with its newest periods. `latest`: the newest one that has ended; `before`: the one before it; `year_before`: the
    same month of the year before, for days and weeks the one 52 weeks before; `current`: the open one."""

    metric: Metric
    points: Sequence[Point]
    latest: Point | None = None
    before: Point | None = None
    year_before: Point | None = None
    current: Point | None = None


def overviews(metrics: Iterable[Metric], ledger: Ledger, warehouse: Warehouse) -> list[Overview]:
    """One for each metric, in their order; one whose table was never published has no periods."""
    asked = list(metrics)
    newest = ledger.newest_days({metric.of.full_name for metric in asked})
    groups: dict[tuple[Period, date], list[Metric]] = defaultdict(list)
    for metric in asked:
        if day := newest.get(metric.of.full_name):
            groups[metric.grain, day].append(metric)
    found: dict[str, Overview] = {}
    for (grain, day), mine in groups.items():
        series = read_series(mine, _windows(grain, day), ledger=ledger, warehouse=warehouse)
        found |= {one.metric.name: _overview(one, day) for one in series}
    return [found.get(metric.name) or Overview(metric, []) for metric in asked]


def _windows(grain: Period, newest: date) -> list[Interval]:
    """The days that the line shows, and those of the year before that its end is compared with."""
    if grain == "month":
        return [Interval(_months_before(newest, SHOWN["month"] + 1), newest + DAY)]
    length = 7 if grain == "week" else 1
    first = newest - timedelta(days=length * SHOWN[grain])
    return [Interval(newest - YEAR - timedelta(days=length), newest - YEAR + DAY), Interval(first, newest + DAY)]


def _overview(series: Series, newest: date) -> Overview:
    metric, points = series.metric, {point.start: point for point in series.points}
    ended = series.ended
    latest = ended[-1] if ended else None
    shown = [point for point in series.points if point.start > _first_shown(metric.grain, newest)]
    if latest is None:
        return Overview(metric, shown, current=next(iter(reversed(shown)), None))
    return Overview(
        metric,
        shown,
        latest,
        points.get(_earlier(metric.grain, latest.start)),
        points.get(_months_before(latest.start, 12) if metric.grain == "month" else latest.start - YEAR),
        next((point for point in shown if point.status == "open"), None),
    )


def _first_shown(grain: Period, newest: date) -> date:
    if grain == "month":
        return _months_before(newest, SHOWN["month"])
    return newest - timedelta(days=SHOWN[grain] * (7 if grain == "week" else 1))


def _earlier(grain: Period, start: date) -> date:
    """The first day of the period before."""
    return _months_before(start, 1) if grain == "month" else start - (7 * DAY if grain == "week" else DAY)


def _months_before(day: date, count: int) -> date:
    """The first day of the month so many months before that of a day."""
    months = day.year * 12 + day.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)
