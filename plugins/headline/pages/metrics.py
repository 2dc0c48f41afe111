"""Metrics: how each stands now, and one of them with its chart, its periods, its segments and what it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import FileResponse, HTMLResponse
from markupsafe import Markup

from headline.errors import BadRequest, SpecError
from headline.figures.values import metric_sql
from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.oncall import owners
from headline.pages.reads import record_page
from headline.pages.render import page
from headline.pages.visitor import CurrentVisitor
from headline.serving import How, Point, Series, find_metric, published_metrics, read_series, text
from headline.serving.bundle import bundle, bundle_version
from headline.serving.charts import MOST_SEGMENTS, Chart, chart, note
from headline.serving.overview import Overview, overviews
from headline.serving.sparkline import sparkline
from headline.specs import load_sound, load_team
from headline.specs.metrics import Metric
from headline.warehouse import open_warehouse

router = APIRouter()
READS: dict[How, str] = {
    "published": "As published now",
    "recent": "Issued, most recent",
    "first": "Issued, as first reported",
    "as_of": "Issued, as of a day",
}
# How many days a page shows where nobody asks for others, and periods in its table.
DAYS = {"day": 90, "week": 371, "month": 1100}
MOST_ROWS = 400


@dataclass(frozen=True)
class Line:
    """A metric, or a segment of one, in a list. `change`: from the period before; `year`: from the same one a year before."""

    metric: Metric
    name: str
    latest: Point | None
    current: Point | None
    change: text.Change | None
    year: text.Change | None
    spark: Markup


@dataclass(frozen=True)
class Row:
    """A period in the table of a metric."""

    point: Point
    change: text.Change | None
    note: str


@router.get("/static/vega.js")
def vega() -> FileResponse:
    """What draws charts in a browser; its address names its version, so that it is kept."""
    return FileResponse(bundle(), media_type="text/javascript", headers={"Cache-Control": "private, max-age=31536000, immutable"})


@router.get("/metrics")
def metrics(visitor: CurrentVisitor, request: Request) -> HTMLResponse:
    """Every published metric of the pipelines that the visitor may see: newest value, changes, and a line, by area."""
    shown = visitor.readable()
    known = published_metrics(one for one in load_sound().pipelines.values() if one.id in shown)
    found = overviews(known.values(), Ledger(), open_warehouse())
    areas: dict[str, list[Line]] = {}
    for one in found:
        areas.setdefault(one.metric.pipeline.area, []).append(_line(one))
    record_page(visitor, request, known, sum(len(one.points) for one in found))
    return page("metrics.html", areas=areas, text=text)


@router.get("/metrics/{name}")
def metric(
    visitor: CurrentVisitor,
    request: Request,
    name: str,
    first: Annotated[str, Query(alias="from")] = "",
    last: Annotated[str, Query(alias="to")] = "",
    by: str = "",
    read: How = "published",
    as_of: str = "",
) -> HTMLResponse:
    """One metric over a range of days: chart, periods, segments; as published now or as it was issued."""
    try:
        one = find_metric(name, published_metrics(load_sound().pipelines.values()))
    except BadRequest as error:
        raise HTTPException(404, str(error)) from error
    visitor.must_read(one.pipeline.id)
    ledger, warehouse = Ledger(), open_warehouse()
    days = _days(one, _day(first), _day(last), ledger)
    told_on = _day(as_of) or datetime.now(UTC).date()
    moment = datetime.combine(told_on, time.max, UTC) if read == "as_of" else None
    how: dict[str, Any] = {"how": read, "moment": moment, "ledger": ledger, "warehouse": warehouse}
    [whole] = read_series([one], [days], marked=True, **how)
    segments = _largest_first(read_series([one], [days], by=by, **how)) if by else []
    record_page(visitor, request, [one.name], sum(len(series.points) for series in (whole, *segments)))
    return page(
        "metric.html",
        metric=one,
        owners=_owners(one),
        whole=whole,
        chart=_chart([whole]),
        rows=_rows(whole)[:MOST_ROWS],
        left_out=max(0, len(whole.points) - MOST_ROWS),
        segments=[_line(_of_segment(series), series.segment_value or "unknown") for series in segments],
        segments_chart=_chart(segments[:MOST_SEGMENTS]),
        by=by,
        days=days,
        read=read,
        reads=READS if one.is_issued else {"published": READS["published"]},
        as_of=told_on,
        sql=metric_sql(one, days, by, warehouse.dialect),
        table_sql=one.of.sql_file.read_text(),
        partial=[point for point in whole.points if point.status == "partial"],
        restated=[point for point in whole.points if point.is_restated],
        vega=bundle_version(),
        text=text,
    )


def _days(one: Metric, first: date | None, last: date | None, ledger: Ledger) -> Interval:
    """The whole periods of the days that are asked for; the newest ones where none are."""
    newest = ledger.newest_days([one.of.full_name]).get(one.of.full_name) or datetime.now(UTC).date()
    end = (last or max(newest, first or newest)) + DAY
    start = first or end - timedelta(days=DAYS[one.grain])
    if start >= end:
        raise BadRequest(f"the range ends on {end - DAY}, before it begins on {start}: exchange «From» and «To»")
    return Interval(start, end).widen(one.grain)


def _owners(one: Metric) -> str:
    """Who answers for a metric: its own owner, or those of its area."""
    try:
        team = load_team()
        people = [team.engineer(one.owner)] if one.owner else owners(team, one.pipeline.area).primaries
    except SpecError:  # the page of the rota says what is wrong with team.yml
        return "not known"
    return ", ".join(person.name for person in people)


def _chart(series: Sequence[Series]) -> Chart | None:
    """Nothing where there is no value to draw."""
    return chart(series) if any(point.value is not None for one in series for point in one.points) else None


def _rows(series: Series) -> list[Row]:
    """The periods, the newest first, each compared with the one before."""
    before = [None, *series.points]
    rows = [Row(now, text.change(series.metric, now, old), note(now, series.metric)) for old, now in zip(before, series.points)]  # noqa: B905
    return rows[::-1]


def _largest_first(segments: Sequence[Series]) -> list[Series]:
    """By the size of the newest value that each has."""

    def size(series: Series) -> Decimal:
        return next((abs(point.value) for point in reversed(series.points) if point.value is not None), Decimal(0))

    return sorted(segments, key=lambda series: (-size(series), series.segment))


def _of_segment(series: Series) -> Overview:
    latest, before = [None, None, *series.ended][-1], [None, None, *series.ended][-2]
    current = series.points[-1] if series.points and series.points[-1].status == "open" else None
    return Overview(series.metric, series.points, latest, before, current=current)


def _line(one: Overview, name: str = "") -> Line:
    metric, shown = one.metric, [point for point in one.points if point.value is not None]
    told = [text.told(point.value, metric.unit) for point in (shown[0], shown[-1])] if shown else []
    label = f"{name or text.title(metric)}, {len(shown)} periods: from {told[0]} to {told[-1]}" if told else ""
    return Line(
        metric,
        name or text.title(metric),
        one.latest,
        one.current,
        text.change(metric, one.latest, one.before),
        text.change(metric, one.latest, one.year_before),
        Markup(sparkline(one.points, label)),  # noqa: S704 (drawn here, what comes from elsewhere is escaped)
    )


def _day(text_: str) -> date | None:
    """What a field of the form holds; nothing where it is empty."""
    try:
        return date.fromisoformat(text_) if text_ else None
    except ValueError:
        raise BadRequest(f"{text_!r} is no day: write it as YYYY-MM-DD") from None
