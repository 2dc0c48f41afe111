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
_RESTATES = re.compile(r"restatement__(\d+)__\d+")


def gate_of(context: Any) -> FiguresGate:
    """The gate of a run: whoever asked for the run asks for what comes of it, also where an approved run finds something new."""
    from headline.figures.gate import FiguresGate
    from headline.ledger import FigureRequests

    person = context["dag_run"].triggering_user_name or ""
    if not person and (restates := _RESTATES.fullmatch(context["dag_run"].run_id)):
        person = FigureRequests().get(int(restates[1])).requester
    return FiguresGate(person)


def ask_people(gate: FiguresGate, context: Any) -> None:
    """Open an incident for each request that waits, and start the run of approve_figures in which it is decided, once."""
    for request in gate.waiting:
        if request.state == "asked":
            try:
                _open_incident(request, context["dag_run"].run_id)
                _start_approval(request, context)
            except Exception:  # the request stands in the ledger: why the run is held back must be told in any case
                log.exception("nobody could be asked about request %s; trigger %s with it", request.id, DAG_ID)


def _start_approval(request: FigureRequest, context: Any) -> None:
    """A run of its own for each request; one that is there already is left alone."""
    from airflow.sdk.execution_time.comms import TriggerDagRun
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    conf = {"request": request.id}
    note = f"{request.pipeline} {context['dag_run'].run_id}"
    SUPERVISOR_COMMS.send(TriggerDagRun(dag_id=DAG_ID, run_id=f"request__{request.id}", conf=conf, note=note))


def _open_incident(request: FigureRequest, run_id: str) -> None:
    from headline.figures.text import difference, material, name, number, parts
    from headline.incidents.watch import report
    from headline.ledger import IssuedFigures
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
        "requester": request.requester,
        "sha256": request.sha256,
        "chain_head": IssuedFigures().head(),
        "run_id": run_id,
    }
    now = datetime.now(UTC)
    report([Finding(request.pipeline, "restatement_waiting", request.start, now, facts)], now)
