"""Backfills over a range: what each has done, the plan of a new one, and the buttons that start, resume and cancel one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from headline.airflow_api import AirflowApi, Refused
from headline.backfill import Plan, make_plan, markdown, read_request, select
from headline.backfill.control import cancel as cancelling
from headline.backfill.control import is_at_work
from headline.backfill.render import effect, span
from headline.errors import BadRequest
from headline.ledger import Backfill, Backfills, Ledger, reading
from headline.operators.backfill import DAG_ID
from headline.pages.airflow import VisitorsAirflow
from headline.pages.form import new_key, sent_fields, sent_key
from headline.pages.markdown import text_to_html
from headline.pages.now import days_behind, days_by_earlier_code
from headline.pages.render import page
from headline.pages.visitor import CurrentVisitor, Visitor, from_this_site
from headline.specs import load_sound
from headline.warehouse import open_warehouse

router = APIRouter(prefix="/backfills")
answers = APIRouter(prefix="/api/backfills")
LEVELS = {"succeeded": "good", "failed": "bad", "cancelled": "warning", "done": "good"}


@dataclass(frozen=True)
class Form:
    """What stands in the form, as it was typed. `key`: names the run, so that the same form sent twice starts it once."""

    select: str = ""
    first: str = ""
    last: str = ""
    reason: str = ""
    downstream: bool = False
    stale: bool = False
    key: str = ""
    error: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """The same as the params of the DAG."""
        days = {"from": self.first or None, "to": self.last or None, "days": "stale" if self.stale else "everything"}
        return {"select": self.select, "reason": self.reason, "downstream": self.downstream, **days}

    @property
    def run_id(self) -> str:
        return f"asked__{self.key}"


async def sent(request: Request) -> Form:
    """The form that a browser has sent, whatever stands in it."""
    fields, _ = await sent_fields(request)
    return Form(
        select=fields.get("select", ""),
        first=fields.get("from", ""),
        last=fields.get("to", ""),
        reason=fields.get("reason", ""),
        downstream="downstream" in fields,
        stale="stale" in fields,
        key=sent_key(fields),
    )


SentForm = Annotated[Form, Depends(sent)]
FROM_HERE = [Depends(from_this_site)]


@router.get("")
def backfills(visitor: CurrentVisitor, run: str = "") -> HTMLResponse:
    """All backfills, open ones first, stale days that nobody computes by himself, and the form of a new one."""
    visitor.must_read(DAG_ID)
    pipelines = list(load_sound().pipelines.values())
    behind = {name: len(days) for name, days in days_behind(pipelines).items()}
    earlier = {name: sum(map(len, days)) for name, days in days_by_earlier_code(pipelines).items()}
    return page(
        "backfills.html",
        found=Backfills().newest(),
        levels=LEVELS,
        stale=sorted(behind.keys() | earlier.keys()),
        behind=behind,
        earlier=earlier,
        form=Form(key=new_key()) if visitor.may_trigger(DAG_ID) else None,
        run=_path(run) if run else "",
        asked=Backfills().of_run(run) if run else None,
    )


@router.get("/{number}")
def backfill(visitor: CurrentVisitor, number: int) -> HTMLResponse:
    """One backfill: its plan, how far each chunk is, by which run, and what it has done to totals."""
    visitor.must_read(DAG_ID)
    found = _get(number)
    return page(
        "backfill.html",
        found=found,
        levels=LEVELS,
        span=span,
        path=_path,
        plan=text_to_html(found.plan),
        effect=effect(found.totals_before, found.totals_after) if found.totals_after else [],
        is_idle=found.is_open and not is_at_work(number),
        may_run=visitor.may_trigger(DAG_ID),
        key=new_key(),
    )


@router.post("/plan", dependencies=FROM_HERE)
def plan(visitor: CurrentVisitor, form: SentForm) -> HTMLResponse:
    """What the form would compute; nothing is recorded."""
    visitor.must_trigger(DAG_ID)
    try:
        planned = _planned(visitor, form)
    except BadRequest as error:
        return page("backfill_plan.html", status=400, form=replace(form, error=str(error)), plan="", may_run=False)
    may_run = bool(planned.chunks) and not planned.taken
    return page("backfill_plan.html", form=form, plan=text_to_html(markdown(planned)), may_run=may_run)


@router.post("/start", dependencies=FROM_HERE)
def start(visitor: CurrentVisitor, api: VisitorsAirflow, form: SentForm) -> Response:
    """Start what the form asks for, as the visitor; sent twice it is started once."""
    visitor.must_trigger(DAG_ID)
    catalog = load_sound()
    try:
        request = read_request(catalog, Ledger(), form.fields, visitor.name)
        select(catalog, request.selection)
        form = replace(form, key=form.key or new_key())  # without one, all such forms would be one run
        _trigger(api, form.run_id, form.fields)
    except BadRequest as error:
        return page("backfill_plan.html", status=400, form=replace(form, error=str(error)), plan="", may_run=False)
    return RedirectResponse(f"../backfills?run={quote(form.run_id)}", status_code=303)


@router.post("/{number}/resume", dependencies=FROM_HERE)
def resume(visitor: CurrentVisitor, api: VisitorsAirflow, number: int, form: SentForm) -> Response:
    """Go on with what is missing of an open backfill."""
    visitor.must_trigger(DAG_ID)
    found = _get(number)
    if found.is_open:
        try:
            _trigger(api, f"resumed__{number}__{form.key or new_key()}", found.fields | {"resume": number})
        except BadRequest as error:
            raise HTTPException(409, str(error)) from error
    return RedirectResponse(f"../{number}", status_code=303)


@router.post("/{number}/cancel", dependencies=FROM_HERE)
def cancel(visitor: CurrentVisitor, number: int) -> Response:
    """End a backfill; every table stays whole."""
    cancel_answer(visitor, number)
    return RedirectResponse(f"../{number}", status_code=303)


@answers.post("/{number}/cancel", dependencies=FROM_HERE)
def cancel_answer(visitor: CurrentVisitor, number: int) -> dict[str, Any]:
    """The same for the command line: how it stands then."""
    visitor.must_trigger(DAG_ID)
    _get(number)
    with reading(is_on=False):
        cancelling(load_sound(), Ledger(), open_warehouse(), number, visitor.name)
    return told(_get(number))


@answers.get("")
def answer_of_run(visitor: CurrentVisitor, run: str) -> dict[str, Any] | None:
    """The backfill that a run has asked for; null where there was nothing to compute."""
    visitor.must_read(DAG_ID)
    found = Backfills().of_run(run)
    return told(found) if found else None


@answers.get("/{number}")
def answer(visitor: CurrentVisitor, number: int) -> dict[str, Any]:
    """How one stands."""
    visitor.must_read(DAG_ID)
    return told(_get(number))


def told(found: Backfill) -> dict[str, Any]:
    """A backfill as JSON has it; `fields`: what the form said."""
    names = ("name", "run_id", "standing", "progress", "is_open", "fields")
    changed = effect(found.totals_before, found.totals_after) if found.totals_after else []
    return {name: getattr(found, name) for name in names} | {"effect": changed}


def _planned(visitor: Visitor, form: Form) -> Plan:
    catalog, ledger = load_sound(), Ledger()
    request = read_request(catalog, ledger, form.fields, visitor.name, datetime.now(UTC))
    return make_plan(catalog, ledger, open_warehouse(), request)


def _trigger(api: AirflowApi, run_id: str, fields: Mapping[str, Any]) -> None:
    """Start a run of the DAG; raises BadRequest where it would only wait, Refused where Airflow refuses it."""
    if any(dag["dag_id"] == DAG_ID and dag["is_paused"] for dag in api.dags()):
        raise BadRequest(f"the DAG {DAG_ID} is paused, its run would only wait: unpause it first")
    try:
        api.trigger(DAG_ID, run_id=run_id, conf={name: value for name, value in fields.items() if value is not None})
    except Refused as error:
        if error.status == 403:
            raise HTTPException(403, f"you may see {DAG_ID}, not run it; ask an administrator of Airflow") from error
        if error.status != 409:  # it runs since the same form was sent before
            raise


def _path(run_id: str) -> str:
    return f"/dags/{DAG_ID}/runs/{quote(run_id, safe='')}"


def _get(number: int) -> Backfill:
    try:
        return Backfills().get(number)
    except BadRequest as error:
        raise HTTPException(404, str(error)) from error
