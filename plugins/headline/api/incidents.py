"""Incidents of the pipelines that one may read, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import Response

from headline.api.answer import answer
from headline.api.cursor import read_cursor, write_cursor
from headline.api.forms import Content, columns
from headline.api.gate import Caller
from headline.api.parameters import Cursor, Limit, documented
from headline.errors import BadRequest
from headline.incidents.phase import present
from headline.ledger import Ledger
from headline.ledger.incident import Incident
from headline.ledger.incidents import Incidents
from headline.pages.visitor import Visitor
from headline.paging.message import likely_cause
from headline.redaction import redact

router = APIRouter(prefix="/incidents", tags=["incidents"])
State = Literal["open", "acknowledged", "resolved"]
INCIDENTS = columns(
    id="bigint",
    kind="varchar",
    pipeline="varchar",
    day="date",
    state="varchar",
    likely_cause="varchar",
    cause_id="bigint",
    since="timestamp",
    opened_at="timestamp",
    acknowledged_at="timestamp",
    acknowledged_by="varchar",
    resolved_at="timestamp",
)


@router.get("", responses=documented("Incident", INCIDENTS))
async def incidents(
    request: Request,
    visitor: Caller,
    state: State | None = None,
    pipeline: Annotated[str | None, Query(max_length=200)] = None,
    since: Annotated[
        date | None, Query(description="Unresolved ones, and those opened from this day on; all if left out.")
    ] = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Response:
    """The incidents, by default all there ever were."""

    def make() -> Content:
        of = f"incidents {state} {pipeline} {since}"
        before = read_cursor(of, cursor, lambda place: int(place["before"]), None)
        found = Incidents().recent(datetime.combine(since or date(1970, 1, 1), time.min, UTC))
        mine = [
            one
            for one in sorted(found, key=lambda one: -one.id)
            if visitor.may_read(one.pipeline)
            and state in (None, one.state)
            and pipeline in (None, one.pipeline)
            and (before is None or one.id < before)
        ]
        following = {"before": mine[limit - 1].id} if len(mine) > limit else None
        return _content(visitor, mine[:limit], next_cursor=write_cursor(of, following) if following else None)

    return await answer(request, visitor, make)


@router.get("/{incident_id}", responses=documented("OneIncident", INCIDENTS, is_one=True))
async def incident(request: Request, visitor: Caller, incident_id: Annotated[int, Path(ge=1, lt=2**63)]) -> Response:
    """One incident."""

    def make() -> Content:
        try:
            found = Incidents().get(incident_id)
        except BadRequest as error:
            raise HTTPException(404, str(error)) from error
        visitor.must_read(found.pipeline)
        return _content(visitor, [found], is_one=True)

    return await answer(request, visitor, make)


def _content(visitor: Visitor, found: Sequence[Incident], **more: Any) -> Content:
    known = Incidents().by_id(one.cause_id for one in found if one.cause_id)
    rows = [_row(visitor, present(one, datetime.now(UTC)), known) for one in found]
    changed = (at for one in found for at in (one.opened_at, one.acknowledged_at, one.resolved_at) if at)
    return Content(INCIDENTS, rows, version=Ledger().newest_version(), as_of=max(changed, default=None), **more)


def _row(visitor: Visitor, one: Incident, known: dict[int, Incident]) -> tuple[Any, ...]:
    """Of a cause in a DAG that the visitor may not see nothing is told."""
    cause = known.get(one.cause_id or 0)
    return (
        one.id,
        one.kind,
        one.pipeline,
        one.ds,
        one.state,
        redact(likely_cause(one.facts)),
        cause.id if cause and visitor.may_read(cause.pipeline) else None,
        one.since,
        one.opened_at,
        one.acknowledged_at,
        one.acknowledged_by,
        one.resolved_at,
    )
