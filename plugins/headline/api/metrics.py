"""Metrics: the list, one with its definition, and the values of one by period, as they are published or as they were issued."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from headline import settings
from headline.api.answer import Changed, answer, require_right, stamped
from headline.api.cursor import read_cursor, write_cursor
from headline.api.forms import LIST, NUMBER, Content, columns
from headline.api.gate import Caller
from headline.api.known import catalog, page_of, readable
from headline.api.parameters import Area, Cursor, First, Last, Limit, documented
from headline.api.rows import STAMPS
from headline.errors import BadRequest
from headline.intervals import DAY, Interval, business_day
from headline.ledger import Ledger, Stamp, Stamps
from headline.serving import How, find_metric, published_metrics, read_series
from headline.specs.metrics import Metric

router = APIRouter(prefix="/metrics", tags=["metrics"])
METRICS = columns(
    name="varchar",
    pipeline="varchar",
    area="varchar",
    table="varchar",
    description="varchar",
    unit="varchar",
    grain="varchar",
    segments=LIST,
    direction="varchar",
    owner="varchar",
    tier="integer",
    materiality="varchar",
    is_issued="boolean",
    definition_version="varchar",
)
VALUES = columns(metric="varchar", segment="varchar", start="date", end="date", value=NUMBER, coverage=NUMBER, status="varchar")


@router.get("", responses=documented("Metric", METRICS))
async def metrics(request: Request, visitor: Caller, area: Area = None, limit: Limit = 1000, cursor: Cursor = None) -> Response:
    """Every published metric that you may read, with its definition."""

    def make() -> Content:
        mine = published_metrics(one for one in readable(visitor) if area in (None, one.area))
        names, following = page_of(f"metrics {area}", mine, limit, cursor)
        return replace(_defined([mine[name] for name in names]), next_cursor=following)

    return await answer(request, visitor, make)


@router.get("/{name}", responses=documented("OneMetric", METRICS, is_one=True))
async def metric(request: Request, visitor: Caller, name: str) -> Response:
    """One metric, by its name or a former one."""

    def make() -> Content:
        found = _known(name)
        visitor.must_read(found.pipeline.id)
        return replace(_defined([found]), is_one=True)

    return await answer(request, visitor, make)


@router.get("/{name}/values", responses=documented("MetricValue", VALUES))
async def values(
    request: Request,
    visitor: Caller,
    name: str,
    first: First = None,
    last: Last = None,
    by: Annotated[str, Query(max_length=100, description="A segment of the metric: a row for each of its values.")] = "",
    read: Annotated[How, Query(description="As published now, as first reported, as issued last, or as of a day.")] = "published",
    as_of: Annotated[date | None, Query(description="The day of read=as_of; its end (UTC) counts.")] = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Response:
    """The values of a metric by segment and period; a week or month is in it that has any of the days.

    All pages are of the same values: once these are published again, the next page answers 409.
    """
    found = _known(name)
    await require_right(request, visitor, found.pipeline.id, (found.name,))
    if (as_of is not None) != (read == "as_of"):
        raise BadRequest("read=as_of needs as_of, a day such as 2026-11-15, and as_of needs read=as_of")
    if first and last and first > last:
        raise BadRequest(f"from {first} is after to {last}")
    of = f"{request.url.path} {first} {last} {by} {read} {as_of}"
    begin = Place(last + DAY if last and last < date.max else date.max, datetime.combine(as_of, time.max, UTC) if as_of else None)
    place = read_cursor(of, cursor, Place.of, begin)
    asked = Asked(found, by, read, first or date.min, place)

    async def stamp() -> Stamp:
        known = await asked.stamp()
        if read == "published" and place.content not in (None, known.content):
            raise HTTPException(409, f"{name} was published again since the first page was read")
        return known

    def make(known: Stamp) -> Content:
        rows = asked.rows(known)
        following = asked.next_place(known, rows[limit - 1]) if len(rows) > limit else None
        return Content(
            VALUES,
            rows[:limit],
            version=known.version,
            as_of=known.as_of,
            coverage=min((row[5] for row in rows[:limit]), default=None),
            names=(found.name,),
            next_cursor=write_cursor(of, following) if following else None,
        )

    # A period that is open today has ended tomorrow, though nothing was published.
    today = business_day(datetime.now(UTC), settings.load().reporting_zone)
    return await stamped(request, visitor, stamp, make, rights=f"{found.version} {today}", names=(found.name,))


@dataclass(frozen=True)
class Place:
    """Where a page begins: after a segment and period, among periods that begin before `day_after`; of figures, as of a moment.

    `content`: the state of the table that the first page has seen.
    """

    day_after: date
    moment: datetime | None = None
    after: tuple[str, date] | None = None
    content: str | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Place:
        segment, start = told["after"]
        moment = told["moment"] and datetime.fromisoformat(told["moment"]).astimezone(UTC)
        after = str(segment), date.fromisoformat(start)
        return cls(date.fromisoformat(told["day_after"]), moment, after, str(told["content"]))


@dataclass(frozen=True)
class Asked:
    """The values of a metric that are asked for."""

    metric: Metric
    by: str
    read: How
    first: date
    place: Place

    async def stamp(self) -> Stamp:
        if self.read == "published":
            return await STAMPS.ask((self.metric.of.full_name, self.first, self.place.day_after))
        return await asyncio.to_thread(Stamps().of_figures, self.place.moment)

    def rows(self, known: Stamp) -> list[tuple[Any, ...]]:
        """The rows from the place on, by segment and period; raises Changed where they are not what the stamp was of."""
        ends = min(self.place.day_after, (known.day_after if self.read == "published" else None) or date.max)
        if not known.version or self.first >= ends:
            return []
        # The most recent as of the moment of the stamp, which later figures do not change.
        how: How = "as_of" if self.read == "recent" else self.read
        moment = known.as_of if how == "as_of" else None
        found = read_series([self.metric], [Interval(self.first, ends)], by=self.by, how=how, moment=moment)
        is_published = self.read == "published"
        if is_published and Stamps().of_days([(self.metric.of.full_name, self.first, self.place.day_after)]) != [known]:
            raise Changed
        rows = [
            (self.metric.name, series.segment, one.start, one.end, one.value, one.coverage, one.status)
            for series in found
            for one in series.points
        ]
        after = self.place.after
        return sorted((row for row in rows if after is None or row[1:3] > after), key=lambda row: row[1:3])

    def next_place(self, known: Stamp, last: tuple[Any, ...]) -> dict[str, Any]:
        ends = min(self.place.day_after, known.day_after or date.max)
        moment = known.as_of.isoformat() if known.as_of else None
        return {"after": last[1:3], "day_after": ends, "moment": moment, "content": known.content}


def _known(name: str) -> Metric:
    try:
        return find_metric(name, published_metrics(catalog().pipelines.values()))
    except BadRequest:
        raise HTTPException(404, f"no metric is called {name}: GET metrics lists those that you may read") from None


def _defined(found: list[Metric]) -> Content:
    rows = [
        (
            *(one.name, one.pipeline.id, one.pipeline.area, one.of.full_name, one.description, one.unit, one.grain),
            *(list(one.segments), one.direction, one.owner or one.pipeline.area, one.tier or one.pipeline.tier),
            *(one.materiality, one.is_issued, one.version),
        )
        for one in found
    ]
    return Content(METRICS, rows, version=Ledger().newest_version())
