"""Issued figures: as first reported, most recent or as of a day, and the requests to issue or to restate them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse

from headline.errors import BadRequest
from headline.figures import text
from headline.intervals import DAY
from headline.ledger import FigureRequests, FigureRow, IssuedFigures
from headline.pages.reads import record_page
from headline.pages.render import page
from headline.pages.visitor import CurrentVisitor

router = APIRouter()
READS = {"recent": "Most recent", "first": "As first reported", "as_of": "As of a day"}
MOST = 2000  # rows on one page


@dataclass(frozen=True)
class Line:
    """A figure as the page shows it. `first`: what was reported first, where that was another value."""

    row: FigureRow
    first: Decimal | None
    is_restated: bool

    @property
    def last_day(self) -> date:
        return self.row.end - DAY


@router.get("/figures")
def figures(
    request: Request,
    visitor: CurrentVisitor,
    read: Literal["recent", "first", "as_of"] = "recent",
    as_of: date | None = None,
    grain: Annotated[Literal["month", "week", "day"], Query()] = "month",
) -> HTMLResponse:
    """The figures of the pipelines that the visitor may see, of one grain, the newest periods first."""
    shown, ledger = visitor.readable(), IssuedFigures()
    day = as_of or datetime.now(UTC).date()
    match read:
        case "first":
            rows = ledger.as_first_reported()
        case "recent":
            rows = ledger.most_recent()
        case "as_of":
            rows = ledger.as_of(datetime.combine(day, time.max, UTC))
    mine = [row for row in rows if row.pipeline in shown and _grain(row) == grain]
    first = {row.key: row.value for row in ledger.as_first_reported()}
    lines = [
        Line(row, first[row.key], first[row.key] != row.value)
        for row in sorted(mine, key=lambda row: (-row.start.toordinal(), row.metric, row.segment))
    ]
    record_page(visitor, request, sorted({line.row.metric for line in lines[:MOST]}), len(lines[:MOST]))
    return page(
        "figures.html",
        lines=lines[:MOST],
        left_out=max(0, len(lines) - MOST),
        read=read,
        reads=READS,
        grain=grain,
        day=day,
        head=ledger.head(),
        requests=[one for one in FigureRequests().all() if one.pipeline in shown][:20],
    )


@router.get("/figures/requests/{request_id}")
def figure_request(request: Request, visitor: CurrentVisitor, request_id: int) -> HTMLResponse:
    """What a request would issue or restate, what each difference comes from, and what was decided."""
    requests = FigureRequests()
    try:
        known = requests.get(request_id)
    except BadRequest as error:
        raise HTTPException(404, str(error)) from error
    visitor.must_read(known.pipeline)
    record_page(visitor, request, sorted({str(one["figure"]["metric"]) for one in known.figures}), len(known.figures))
    ordered: Sequence[dict[str, object]] = [*text.material(known), *(one for one in known.figures if not one["is_material"])]  # type: ignore[list-item]
    return page("request.html", request=known, figures=ordered[:MOST], history=requests.history(request_id), text=text)


def _grain(row: FigureRow) -> str:
    return {1: "day", 7: "week"}.get((row.end - row.start).days, "month")
