"""Issued figures: as first reported, most recent, or as of a day; pages are of the figures as they were at the first page."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from headline.api.answer import stamped
from headline.api.cursor import read_cursor, write_cursor
from headline.api.forms import NUMBER, Content, columns
from headline.api.gate import Caller
from headline.api.parameters import Cursor, First, Last, Limit, documented
from headline.errors import BadRequest
from headline.ledger import FigureRow, IssuedFigures, Stamp, Stamps

router = APIRouter(prefix="/figures", tags=["figures"])
Which = Literal["first", "recent", "as_of"]
Name = Annotated[str | None, Query(max_length=200)]
FIGURES = columns(
    metric="varchar",
    segment="varchar",
    start="date",
    end="date",
    value=NUMBER,
    coverage=NUMBER,
    pipeline="varchar",
    reason="varchar",
    requester="varchar",
    approver="varchar",
    definition_version="varchar",
    commit="varchar",
    as_of="bigint",
    recorded_at="timestamp",
    hash="varchar",
)


@dataclass(frozen=True)
class Asked:
    """Which figures: `read` as `headline figures` has it, of a metric, segment or pipeline, whose periods begin within days."""

    read: Which
    of: dict[str, str]
    first: date
    last: date


@router.get("", responses=documented("Figure", FIGURES))
async def figures(
    request: Request,
    visitor: Caller,
    read: Annotated[Which, Query(description="As first reported, most recent, or as of the end of a day (UTC).")] = "recent",
    as_of: Annotated[date | None, Query(description="The day of read=as_of.")] = None,
    metric: Name = None,
    segment: Annotated[str | None, Query(max_length=200, description="column=value; empty: the whole alone.")] = None,
    pipeline: Name = None,
    first: First = None,
    last: Last = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Response:
    """The figures that were issued, by metric, segment and period, of the pipelines that you may read."""
    if (as_of is not None) != (read == "as_of"):
        raise BadRequest("read=as_of needs as_of, a day such as 2026-11-15, and as_of needs read=as_of")
    given = {"metric": metric, "segment": segment, "pipeline": pipeline}
    wanted = {name: value for name, value in given.items() if value is not None}
    asked = Asked(read, wanted, first or date.min, last or date.max)
    of = f"figures {asked} {as_of}"
    moment = datetime.combine(as_of, time.max, UTC) if as_of else None
    begin: tuple[tuple[str, str, date] | None, datetime | None] = (None, moment)
    after, moment = read_cursor(of, cursor, _place, begin)
    known = await asyncio.to_thread(lambda: {one.pipeline for one in IssuedFigures().metrics()})
    shown = {one for one in known if visitor.may_read(one)}

    async def stamp() -> Stamp:
        return await asyncio.to_thread(Stamps().of_figures, moment)

    def make(found: Stamp) -> Content:
        return _page(asked, of, shown, after, found, limit)

    return await stamped(request, visitor, stamp, make, rights=",".join(sorted(shown)))


def _place(told: Any) -> tuple[tuple[str, str, date] | None, datetime | None]:
    metric, segment, start = told["after"]
    return (str(metric), str(segment), date.fromisoformat(start)), datetime.fromisoformat(told["moment"]).astimezone(UTC)


def _page(asked: Asked, of: str, shown: set[str], after: tuple[str, str, date] | None, found: Stamp, limit: int) -> Content:
    """The figures of the chain as it was at the moment of the stamp."""
    ledger, moment = IssuedFigures(), found.as_of or datetime.min.replace(tzinfo=UTC)
    rows = ledger.as_first_reported(**asked.of) if asked.read == "first" else ledger.as_of(moment, **asked.of)
    mine = sorted(
        (
            row
            for row in rows
            if row.pipeline in shown and asked.first <= row.start <= asked.last and (row.recorded_at or moment) <= moment
        ),
        key=lambda row: row.key,
    )
    left = [row for row in mine if after is None or row.key > after]
    page = left[:limit]
    following = {"after": page[-1].key, "moment": moment.isoformat()} if len(left) > limit else None
    return Content(
        FIGURES,
        [tuple(getattr(row, column.name) for column in FIGURES) for row in page],
        version=found.version,
        as_of=found.as_of,
        coverage=min((row.coverage for row in page), default=None),
        names=_names(page),
        next_cursor=write_cursor(of, following) if following else None,
    )


def _names(rows: list[FigureRow]) -> list[str]:
    return sorted({row.metric for row in rows})
