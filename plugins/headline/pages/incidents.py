"""Incidents: the list, what happened to each, and the button by which somebody takes one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse

from headline.airflow_api import AirflowApi, Refused
from headline.errors import BadRequest, HeadlineError
from headline.incidents.first_step import first_step
from headline.incidents.kinds import KINDS, days_of
from headline.incidents.phase import present
from headline.ledger import reading
from headline.ledger.incident import Event, Incident
from headline.ledger.incidents import Incidents
from headline.operators.links import contract_path
from headline.pages.again import Form, forms, held_back
from headline.pages.airflow import VisitorsAirflow
from headline.pages.render import page, words
from headline.pages.visitor import CurrentVisitor, Visitor, from_this_site
from headline.paging.message import likely_cause, links
from headline.redaction import redact
from headline.specs import Catalog, load_sound, load_team

router = APIRouter()
DAYS_LISTED = 30
LOG_LINES = 30
CHANNELS = {"inbox": "the inbox, which is this page", "email": "e-mail", "slack": "Slack", "sns": "SNS"}


@dataclass(frozen=True)
class Entry:
    """One thing that happened to an incident, as a sentence. `text`: the whole message, where somebody was sent one."""

    event: str
    at: datetime
    what: str
    detail: str = ""
    text: str = ""


@router.get("/incidents")
def incidents(visitor: CurrentVisitor) -> HTMLResponse:
    """What is open and what was in the last 30 days, of the pipelines that the visitor may see."""
    shown, now = visitor.readable(), datetime.now(UTC)
    found = [one for one in Incidents().recent(now - timedelta(days=DAYS_LISTED)) if one.pipeline in shown]
    return page(
        "incidents.html",
        open=by_cause(one for one in reversed(found) if one.state != "resolved"),
        resolved=by_cause(one for one in reversed(found) if one.state == "resolved"),
        days=DAYS_LISTED,
        now=now,
    )


@router.get("/incidents/{incident_id}")
def incident(visitor: CurrentVisitor, api: VisitorsAirflow, incident_id: int) -> HTMLResponse:
    """What is wrong, why, what to do first, and everything that happened since."""
    known, catalog = Incidents(), load_sound()
    found = present(_get(incident_id), datetime.now(UTC))
    visitor.must_read(found.pipeline)
    shown = visitor.readable()
    follows = _get(found.cause_id) if found.cause_id else None
    is_known = found.pipeline in catalog.pipelines
    readers = catalog.readers_of(found.pipeline) if is_known else []
    return page(
        "incident.html",
        incident=found,
        kind=KINDS[found.kind],
        cause=redact(likely_cause(found.facts)),
        first="" if found.state == "resolved" else first_step(found, catalog.sources_of(found.pipeline) if is_known else []),
        follows=follows if follows and follows.pipeline in shown else None,
        hanging=[one for one in known.open() if one.cause_id == found.id and one.pipeline in shown],
        readers=[one for one in readers if one in shown],
        links=_links(found),
        timeline=timeline(known.history(found.id), _names()),
        log=end_of_log(api, found.facts, found.pipeline),
        forms=_forms(catalog, found) if found.state != "resolved" and visitor.may_trigger(found.pipeline) else [],
        may_acknowledge=found.state == "open" and visitor.may_edit(found.pipeline),
        now=datetime.now(UTC),
    )


@router.post("/incidents/{incident_id}/acknowledge", dependencies=[Depends(from_this_site)])
def acknowledge(visitor: CurrentVisitor, incident_id: int) -> RedirectResponse:
    """The visitor takes the incident; again, nothing changes."""
    take(visitor, incident_id)
    return RedirectResponse(f"../{incident_id}", status_code=303)


def take(visitor: Visitor, incident_id: int) -> Incident:
    """Acknowledge an incident in the visitor's name; raises 403 where they may not, 404 where there is none."""
    found = _get(incident_id)
    visitor.must_read(found.pipeline)
    visitor.must_edit(found.pipeline)
    with reading(is_on=False):
        return Incidents().acknowledge(incident_id, by=visitor.name)


@dataclass(frozen=True)
class LogEnd:
    """The end of what the failing try of a task logged; `problem`: why it cannot be shown."""

    task_id: str
    try_number: int
    lines: Sequence[str] = ()
    problem: str = ""


def end_of_log(api: AirflowApi, facts: Mapping[str, Any], dag_id: str) -> LogEnd | None:
    """The last 30 lines of the try that an incident names, with the rights of whoever asks; None where it names no task."""
    run_id, task_id = facts.get("run_id"), facts.get("task_id")
    if not run_id or not task_id:
        return None
    number = facts.get("try_number") or 0
    try:
        number = number or (api.task_instance(dag_id, run_id, task_id) or {}).get("try_number", 0)
        lines = [line for text in api.log(dag_id, run_id, task_id, number) for line in text.splitlines()] if number else []
    except Refused as error:
        return LogEnd(task_id, number, problem="You may not read this log." if error.status in (401, 403) else redact(str(error)))
    return LogEnd(
        task_id, number, [redact(line) for line in lines[-LOG_LINES:]], "" if lines else "Airflow has no log of it any more."
    )


def _forms(catalog: Catalog, incident: Incident) -> list[Form]:
    """To compute the incident's days again and, where unusual figures hold them back, to waive these."""
    if incident.pipeline not in catalog.pipelines or incident.facts.get("drill"):
        return []
    days, has_broken = days_of(incident), incident.kind == "contract_failed"
    figures = held_back(catalog, incident.pipeline, days) if has_broken else []
    return forms(catalog, incident.pipeline, days, sources=has_broken, figures=figures)


def by_cause(found: Iterable[Incident]) -> list[tuple[Incident, list[Incident]]]:
    """Each incident with those among them that follow from it, which do not stand for themselves then."""
    known = {one.id: one for one in found}
    hanging: dict[int, list[Incident]] = {}
    for one in known.values():
        if one.cause_id in known:
            hanging.setdefault(one.cause_id, []).append(one)
    return [(one, hanging.get(one.id, [])) for one in known.values() if one.cause_id not in known]


def timeline(events: Sequence[Event], names: Mapping[str, str]) -> list[Entry]:
    """Everything that happened to an incident in sentences. `names`: of the engineers, by their ids."""
    entries = []
    for event in events:
        who, over = names.get(event.person or "", event.person or ""), CHANNELS.get(event.channel or "", event.channel or "")
        match event.event:
            case "told":
                entries.append(Entry(event.event, event.at, f"{who} was told over {over}", text=event.detail))
                continue
            case "delivery_failed":
                what = f"{who} was not reached" + (f" over {over}" if over else "")
            case "acknowledged":
                what = f"Acknowledged by {who}"
            case "escalated":
                what = f"Escalated to {who}"
            case "opened" if event.detail:
                entries.append(Entry(event.event, event.at, f"Opened {event.detail}"))
                continue
            case _:
                what = words(event.event).capitalize()
        entries.append(Entry(event.event, event.at, what, event.detail))
    return entries


def _links(incident: Incident) -> dict[str, str]:
    """Where the message leads, but for the button that is here, and to the rows of a broken contract."""
    found = links(incident, "")
    del found["Acknowledge"]
    if table := incident.facts.get("table"):
        found["Contract"] = contract_path(incident.pipeline, table.split(".")[-1])
    return found


def _names() -> dict[str, str]:
    """The engineers by their ids; none where team.yml cannot be read."""
    try:
        return {engineer.id: engineer.name for engineer in load_team().engineers}
    except HeadlineError:
        return {}


def _get(incident_id: int) -> Incident:
    try:
        return Incidents().get(incident_id)
    except BadRequest as error:
        raise HTTPException(404, str(error)) from error
