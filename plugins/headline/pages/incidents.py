"""Incidents: the list, what happened to each, and the button by which somebody takes one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse

from headline.pages.render import page
from headline.pages.visitor import CurrentVisitor, from_this_site

if TYPE_CHECKING:
    from headline.ledger.incidents import Incident

router = APIRouter()
DAYS_LISTED = 30


@router.get("/incidents")
def incidents(visitor: CurrentVisitor) -> HTMLResponse:
    """What is open and what was in the last 30 days, of the pipelines that the visitor may see."""
    from headline.ledger.incidents import Incidents

    shown = visitor.readable()
    since = datetime.now(UTC) - timedelta(days=DAYS_LISTED)
    found = [incident for incident in Incidents().recent(since) if incident.pipeline in shown]
    return page(
        "incidents.html",
        open=[incident for incident in reversed(found) if incident.state != "resolved"],
        resolved=[incident for incident in reversed(found) if incident.state == "resolved"],
        days=DAYS_LISTED,
    )


@router.get("/incidents/{incident_id}")
def incident(visitor: CurrentVisitor, incident_id: int) -> HTMLResponse:
    """What is wrong, why, what to do first, and everything that happened since."""
    from headline.alerts.kinds import KINDS
    from headline.alerts.message import likely_cause, links, redact
    from headline.ledger.incidents import Incidents

    known = Incidents()
    found = _get(incident_id)
    visitor.must_read(found.pipeline)
    shown = visitor.readable()
    follows = _get(found.cause_id) if found.cause_id else None
    hanging = [one for one in known.open() if one.cause_id == found.id and one.pipeline in shown]
    return page(
        "incident.html",
        incident=found,
        kind=KINDS[found.kind],
        cause=redact(likely_cause(found.facts)),
        follows=follows if follows and follows.pipeline in shown else None,
        hanging=hanging,
        links={name: url for name, url in links(found, "").items() if name != "Acknowledge"},
        history=known.history(found.id),
        may_acknowledge=found.state == "open" and visitor.may_edit(found.pipeline),
    )


@router.post("/incidents/{incident_id}/acknowledge", dependencies=[Depends(from_this_site)])
def acknowledge(visitor: CurrentVisitor, incident_id: int) -> RedirectResponse:
    """The visitor takes the incident; again, nothing changes."""
    from headline.ledger.incidents import Incidents

    found = _get(incident_id)
    visitor.must_read(found.pipeline)
    visitor.must_edit(found.pipeline)
    Incidents().acknowledge(incident_id, by=visitor.name)
    return RedirectResponse(f"../{incident_id}", status_code=303)


def _get(incident_id: int) -> Incident:
    from headline.errors import BadRequest
    from headline.ledger.incidents import Incidents

    try:
        return Incidents().get(incident_id)
    except BadRequest as error:
        raise HTTPException(404, str(error)) from error
