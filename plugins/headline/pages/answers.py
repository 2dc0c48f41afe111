"""What the command line asks of the server, as JSON: the same as the pages show, with the rights of whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from headline.errors import HeadlineError
from headline.intervals import DAY, Interval, days_asked_for, in_words
from headline.ledger import Ledger
from headline.ledger.incident import Incident
from headline.ledger.incidents import Incidents
from headline.pages.again import held_back
from headline.pages.airflow import VisitorsAirflow
from headline.pages.incidents import take
from headline.pages.now import days_behind
from headline.pages.order import notes, ordered
from headline.pages.runs import RunGroup, failed_and_waiting
from headline.pages.visitor import CurrentVisitor, from_this_site
from headline.redaction import redact
from headline.specs import load_sound

router = APIRouter(prefix="/api")
First = Annotated[str, Query(alias="from")]
Last = Annotated[str, Query(alias="to")]
TIMES = ("kind", "incidents", "to detect", "to acknowledge", "to resolve")


@router.get("/status")
def status(visitor: CurrentVisitor, api: VisitorsAirflow) -> dict[str, Any]:
    """Runs that have failed or wait, and days that are behind their inputs; `problem`: why one of these is not known."""
    catalog, shown = load_sound(), visitor.readable()
    groups: list[RunGroup] = []
    behind, problem = {}, ""
    try:
        groups = failed_and_waiting(api, catalog, Ledger(), datetime.now(UTC))
        behind = days_behind(one for one in catalog.pipelines.values() if one.id in shown)
    except HeadlineError as error:  # the rest of `headline status` can be told without
        problem = redact(str(error))
    return {
        "runs": [{name: getattr(one, name) for name in ("dag_id", "state", "name", "days", "reason")} for one in groups],
        "behind": [{"table": table, "count": len(days), "days": in_words(days)} for table, days in behind.items()],
        "problem": problem,
    }


@router.get("/incidents")
def incidents(visitor: CurrentVisitor, days: Annotated[int, Query(ge=0, le=36500)] = 0) -> list[dict[str, Any]]:
    """The unresolved incidents and those opened in the last days, of the pipelines that the visitor may see, oldest first."""
    shown = visitor.readable()
    found = Incidents().recent(datetime.now(UTC) - timedelta(days=days)) if days else Incidents().open()
    return [told(one) for one in found if one.pipeline in shown]


@router.get("/incidents/times")
def times(visitor: CurrentVisitor, days: Annotated[int, Query(ge=0, le=36500)] = 0) -> list[dict[str, Any]]:
    """How long incidents took, in seconds, by kind: those of the last days (90 for 0) that the visitor may see."""
    measured = Incidents().times(datetime.now(UTC) - timedelta(days=days or 90), visitor.readable())
    spans = ((row.kind, row.count, *(span and round(span.total_seconds()) for span in row[2:])) for row in measured)
    return [dict(zip(TIMES, row, strict=True)) for row in spans]


@router.post("/incidents/{incident_id}/acknowledge", dependencies=[Depends(from_this_site)])
def acknowledge(visitor: CurrentVisitor, incident_id: int) -> dict[str, Any]:
    """The visitor takes the incident; the answer says who has it now."""
    return told(take(visitor, incident_id))


@router.get("/order")
def order(
    visitor: CurrentVisitor, dag: Annotated[list[str], Query(min_length=1)], first: First = "", last: Last = ""
) -> dict[str, Any]:
    """In which order DAGs run that read each other, what to know of it, and the figures that hold these days back.

    Answers 400 for days that no run may have.
    """
    days, catalog = _days(first, last), load_sound()
    for one in dag:
        visitor.must_trigger(one)
    found = ordered(catalog, dag)
    known = [one for one in found if one in catalog.pipelines] if first else []
    return {
        "order": found,
        "notes": list(notes(catalog, dag, found)),
        "figures": [figure.name for one in known for figure in held_back(catalog, one, days)],
    }


@router.get("/waits/{dag_id}")
def waits(visitor: CurrentVisitor, dag_id: str, first: First = "", last: Last = "") -> list[str]:
    """What a run of these days waits for, and the command that brings it; no line where nothing is missing."""
    from headline.pages import order

    visitor.must_trigger(dag_id)
    days = _days(first, last)
    return list(order.waits(load_sound(), dag_id, days.start, days.end - DAY))


def told(incident: Incident) -> dict[str, Any]:
    """An incident as JSON has it."""
    names: Sequence[str] = ("id", "kind", "pipeline", "ds", "state", "cause_id", "since", "acknowledged_by")
    return {name: getattr(incident, name) for name in names}


def _days(first: str, last: str) -> Interval:
    """The days that are asked for, yesterday where none are; raises BadRequest for what a run would refuse."""
    return days_asked_for(first or None, last or None)
