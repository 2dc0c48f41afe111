"""The values of a metric as they were issued: as first reported, most recent, or as of a moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from headline.errors import BadRequest
from headline.intervals import Interval
from headline.ledger import FigureRow, IssuedFigures
from headline.ledger.figure_row import FigureKey
from headline.serving.series import Point, Series
from headline.specs.metrics import Metric

Rows = dict[FigureKey, FigureRow]


def issued_series(
    metric: Metric, days: Sequence[Interval], by: str, how: str, moment: datetime | None, figures: IssuedFigures
) -> list[Series]:
    """The series of a metric, or of each segment of it by a column: the issued periods that meet any of the days.

    `how`: first, recent or as_of, which needs a moment. Raises BadRequest for a metric that is never issued.
    """
    if not metric.is_issued:
        raise BadRequest(f"{metric.name} is published and never issued: it can be read as it is published now, and no other way")
    rows = _rows(metric, how, moment, figures)
    points: dict[str, list[FigureRow]] = defaultdict(list)
    for row in sorted(rows.values(), key=lambda row: row.start):
        if any(row.interval.overlaps(span) for span in days) and _is_of(row.segment, by):
            points[row.segment].append(row)
    if not by:
        points.setdefault("", [])
    found = []
    for segment, mine in sorted(points.items()):
        newest = max((row.recorded_at for row in mine if row.recorded_at), default=None)
        made = [Point(row.start, row.end, row.value, row.coverage, "complete") for row in mine]
        version = max((row.id for row in mine), default=0)
        found.append(Series(metric, segment, made, version, moment if how == "as_of" else newest))
    return found


def with_issued(series: Iterable[Series], figures: IssuedFigures) -> list[Series]:
    """The same with what was issued for each period, first and last, so that restatements show."""
    found = []
    known: dict[str, tuple[Rows, Rows]] = {}
    for one in series:
        metric = one.metric
        if metric.is_issued and metric.name not in known:
            known[metric.name] = _rows(metric, "first", None, figures), _rows(metric, "recent", None, figures)
        first, recent = known.get(metric.name, ({}, {}))
        points = [
            replace(point, issued=recent[key], first=first[key].value)
            if (key := (metric.name, one.segment, point.start)) in recent
            else point
            for point in one.points
        ]
        found.append(replace(one, points=points))
    return found


def _rows(metric: Metric, how: str, moment: datetime | None, figures: IssuedFigures) -> Rows:
    """What was issued of a metric, by the key under its present name, also under its former names."""
    found: Rows = {}
    rows = [row for name in (metric.name, *metric.renamed_from) for row in _read(name, how, moment, figures)]
    for row in sorted(rows, key=lambda row: row.id, reverse=how == "first"):
        found[metric.name, row.segment, row.start] = row
    return found


def _read(name: str, how: str, moment: datetime | None, figures: IssuedFigures) -> list[FigureRow]:
    if how == "first":
        return figures.as_first_reported(metric=name)
    if how == "recent":
        return figures.most_recent(metric=name)
    if moment is None:
        raise BadRequest("as of which moment? Name one, or read the most recent figures")
    return figures.as_of(moment, metric=name)


def _is_of(segment: str, by: str) -> bool:
    return segment.startswith(f"{by}=") if by else not segment
