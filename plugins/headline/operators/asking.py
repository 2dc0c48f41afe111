"""How a run that is held back has people asked; light to import, since every task of a pipeline does."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headline.figures.gate import FiguresGate
    from headline.ledger import FigureRequest

log = logging.getLogger(__name__)

DAG_ID = "approve_figures"
KIND = "restatement_waiting"
_RESTATES = re.compile(r"restatement__(\d+)__\d+")


def gate_of(context: Any) -> FiguresGate:
    """The gate of a run: whoever has caused the run asks for what comes of it, also where an approved run finds something new."""
    from headline.figures.gate import FiguresGate
    from headline.ledger import FigureRequests

    run = context["dag_run"]
    if restates := _RESTATES.fullmatch(run.run_id):  # the task `publish` may have cleared it, as nobody's deed
        asked = FigureRequests().get(int(restates[1]))
        return FiguresGate(run.triggering_user_name or asked.requester, involved=lambda: asked.people)
    return FiguresGate(run.triggering_user_name or "", involved=lambda: people_of(context))


def people_of(context: Any) -> list[str]:
    """Who has caused a run: who triggered it, and everybody who has cleared it. Raises as `cleared_by`."""
    from headline.operators.cleared import cleared_by

    run = context["dag_run"]
    return [*([run.triggering_user_name] if run.triggering_user_name else ()), *cleared_by(run)]


def ask_people(gate: FiguresGate) -> None:
    """Have people asked about each request that waits, once; what fails here is made up for by the watch."""
    for request in gate.waiting:
        if request.state == "asked":
            try:
                _ask(request)
            except Exception:  # the request stands in the ledger: why the run is held back must be told in any case
                log.exception("nobody could be asked about request %s yet; the watch asks within minutes", request.id)


def ask_about_forgotten() -> None:
    """Have people asked about requests that wait and have no incident, such as where the network failed."""
    from headline.ledger import FigureRequests
    from headline.ledger.incidents import Incidents

    waiting = [one for one in FigureRequests().all(waiting=True) if one.kind == "restatement"]
    known = {(one.pipeline, one.ds) for one in Incidents().open() if one.kind == KIND} if waiting else set()
    for request in waiting:
        if (request.pipeline, request.start) not in known:
            log.warning("request %s waits, and nobody was asked about it: people are asked now", request.id)
            _ask(request)


def _ask(request: FigureRequest) -> None:
    """Start the run of approve_figures in which it is decided, and open an incident: where that is there, all is."""
    _start_approval(request)
    _open_incident(request)


def _start_approval(request: FigureRequest) -> None:
    """A run of its own for each request; one that is there already is left alone."""
    from airflow.sdk.execution_time.comms import TriggerDagRun
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    conf = {"request": request.id}
    note = f"{request.pipeline} {request.run_id}"
    SUPERVISOR_COMMS.send(TriggerDagRun(dag_id=DAG_ID, run_id=f"request__{request.id}", conf=conf, note=note))


def _open_incident(request: FigureRequest) -> None:
    from headline.figures.text import difference, material, name, number, parts
    from headline.incidents.watch import report
    from headline.ledger.incident import Finding

    first = material(request)[0]
    facts = {
        "request": request.id,
        "figures": len(material(request)),
        "figure": f"{name(first['figure'])} of {first['figure']['start']}",
        "old": number(first["old"]),
        "new": number(first["figure"]["value"]),
        "difference": number(difference(first), signed=True),
        "comes_from": parts(first),
        "requester": " and ".join(request.people),
        "sha256": request.sha256,
        "run_id": request.run_id,
    }
    now = datetime.now(UTC)
    report([Finding(request.pipeline, KIND, request.start, now, facts)], now)
