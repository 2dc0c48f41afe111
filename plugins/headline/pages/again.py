"""Compute days again with everything behind them, or waive their unusual figures: one click makes one ranged run per DAG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from headline import settings
from headline.airflow_api import AirflowApi, Refused
from headline.errors import BadRequest
from headline.intervals import DAY, Interval, business_day, requested_interval
from headline.ledger import Figure, Figures
from headline.pages.airflow import VisitorsAirflow
from headline.pages.form import new_key, sent_fields, sent_key
from headline.pages.render import page
from headline.pages.visitor import CurrentVisitor, Visitor, from_this_site
from headline.pipeline.anomalies import in_words
from headline.specs import Catalog, Source, load_sound

router = APIRouter()
Dags = Mapping[str, Mapping[str, Any]]
WHAT = {"again": "Compute again", "waive": "Waive"}


@dataclass(frozen=True)
class Form:
    """What stands in one of the two forms; all of it is text as it was typed.

    `what`: again or waive. `found`: the names of the figures that may be waived, `told`: what each of them is in words, in the
    same order, `figures`: the names of those that are ticked. `sources`: whether the sources are read again first; None where it
    is no choice. `key`: names the runs, so that the same form sent twice starts them once. `error`: why it was refused.
    """

    what: str
    first: str = ""
    last: str = ""
    reason: str = ""
    found: Sequence[str] = ()
    told: Sequence[str] = ()
    figures: Sequence[str] = ()
    sources: bool | None = None
    key: str = ""
    error: str = ""

    @property
    def run_id(self) -> str:
        return f"{self.what}__{self.first}__{self.last}__{self.key}"


@dataclass(frozen=True)
class Step:
    """One DAG of a chain, in order. `state`: of its run, empty where it has none; `note`: why not."""

    dag_id: str
    run_id: str
    state: str = ""
    note: str = ""

    @property
    def path(self) -> str:
        return f"/dags/{quote(self.dag_id)}/runs/{quote(self.run_id, safe='')}"


async def sent(request: Request) -> Form:
    """The form that a browser has sent, whatever stands in it."""
    fields, lists = await sent_fields(request)
    return Form(
        what="waive" if fields.get("what") == "waive" else "again",
        first=fields.get("from", ""),
        last=fields.get("to", ""),
        reason=fields.get("reason", ""),
        found=lists.get("found", ()),
        told=lists.get("told", ()),
        figures=lists.get("figures", ()),
        sources="sources" in fields if "with_sources" in fields else None,
        key=sent_key(fields),
    )


def forms(
    catalog: Catalog, pipeline_id: str, days: Interval, *, sources: bool = False, figures: Sequence[Figure] = ()
) -> list[Form]:
    """The forms of a pipeline, filled in: to compute these days again and, where unusual figures hold it back, to waive these.

    `sources`: whether to propose that the sources are read again.
    """
    has_sources = not isinstance(catalog.pipelines[pipeline_id], Source)
    form = Form("again", str(days.start), str(days.end - DAY), sources=sources if has_sources else None, key=new_key())
    if not figures:
        return [form]
    of_figures = [figure.day for figure in figures if figure.day]
    first, last = min(of_figures, default=days.start), max(of_figures, default=days.end - DAY)
    names = [figure.name for figure in figures]
    told = [f"{figure.check_name} ({figure.table}): {in_words(figure.finding)}" for figure in figures]
    waive = replace(form, what="waive", first=str(first), last=str(last), found=names, told=told, figures=names)
    return [form, replace(waive, sources=False if has_sources else None)]


def held_back(catalog: Catalog, pipeline_id: str, within: Interval | None = None) -> list[Figure]:
    """The unusual figures for which a pipeline's tables are held back, of these days or of all."""
    return Figures().open([table.full_name for table in catalog.pipelines[pipeline_id].ordered_tables], within)


def chain(catalog: Catalog, pipeline_id: str, *, sources: bool = False) -> list[str]:
    """The pipeline and everything behind it, each after those that it reads.

    With `sources` from the sources on that its rows come from, and with everything behind these.
    """
    roots = set(catalog.sources_of(pipeline_id)) if sources else {pipeline_id}
    wanted = roots | {reader for root in roots for reader in catalog.readers_of(root)}
    return [pipeline.id for pipeline in catalog.in_order(wanted)]


def checked(form: Form, today: date) -> tuple[Interval, dict[str, Any]]:
    """The days and the params of the runs that a form asks for; raises BadRequest with what to change."""
    if not form.first:
        raise BadRequest("fill in the first day under «From»")
    known, yesterday = settings.load(), Interval(today - DAY, today)
    days = requested_interval(form.first, form.last or None, yesterday, today, known.first_day, known.most_days)
    if form.what == "waive" and not form.reason:
        raise BadRequest("fill in why the figures are right, such as a sale or a holiday: it is kept with them")
    if form.what == "waive" and not form.figures:
        raise BadRequest("tick the figures that are right: no others are waived")
    params = {"from": str(days.start), "to": str(days.end - DAY)}
    return days, params | ({"accept": form.reason, "figures": list(form.figures)} if form.what == "waive" else {})


def start(
    api: AirflowApi, visitor: Visitor, known: Dags, dag_ids: list[str], run_id: str, params: Mapping[str, Any]
) -> list[Step]:
    """Start a run of each DAG in this order; those that the visitor may not start, or that would only wait, are left out.

    Once started, a run is found again. Raises Refused where Airflow answers anything else.
    """
    steps = []
    for dag_id in dag_ids:
        note = obstacle(dag_id, known, visitor)
        if not note:
            try:
                api.trigger(dag_id, run_id=run_id, conf=params)
            except Refused as error:
                if error.status == 403:
                    note = "you have no right to run it"
                elif error.status != 409:  # it runs since the same form was sent before
                    raise
        steps.append(Step(dag_id, run_id, "" if note else "queued", note))
    return steps


def dags(api: AirflowApi) -> Dags:
    """What Airflow says of each DAG that the visitor may see, by id."""
    return {dag["dag_id"]: dag for dag in api.dags()}


def obstacle(dag_id: str, known: Dags, visitor: Visitor) -> str:
    """Why the visitor cannot start a run of the DAG that would begin; empty where nothing is in the way."""
    if not visitor.may_trigger(dag_id):
        return "you have no right to run it"
    if dag_id not in known:
        return "Airflow has no such DAG"
    return "it is paused: unpause it, then compute it again" if known[dag_id]["is_paused"] else ""


@router.post("/again/{dag_id}", dependencies=[Depends(from_this_site)])
def compute_again(visitor: CurrentVisitor, api: VisitorsAirflow, dag_id: str, form: Annotated[Form, Depends(sent)]) -> Response:
    """Start the runs that a form asks for; what it asks for wrongly is told beside it, and stays in it."""
    catalog = load_sound()
    visitor.must_read(dag_id)
    visitor.must_trigger(dag_id)
    if dag_id not in catalog.pipelines:
        raise HTTPException(404, f"there is no pipeline {dag_id}")
    known = dags(api)
    try:
        _, params = checked(form, business_day(datetime.now(UTC), settings.load().reporting_zone))
        if note := obstacle(dag_id, known, visitor):
            raise BadRequest(f"{dag_id}: {note}")
    except BadRequest as error:
        return page("again.html", status=400, dag_id=dag_id, form=replace(form, error=str(error)), what=WHAT)
    run_id = replace(form, first=params["from"], last=params["to"], key=form.key or new_key()).run_id
    start(api, visitor, known, chain(catalog, dag_id, sources=bool(form.sources)), run_id, params)
    return RedirectResponse(f"{dag_id}/{quote(run_id)}", status_code=303)


@router.get("/again/{dag_id}/{run_id}")
def computed_again(visitor: CurrentVisitor, api: VisitorsAirflow, dag_id: str, run_id: str) -> HTMLResponse:
    """How far the runs are that one click has started, and which DAGs it has left out."""
    catalog = load_sound()
    visitor.must_read(dag_id)
    if dag_id not in catalog.pipelines:
        raise HTTPException(404, f"there is no pipeline {dag_id}")
    shown, known = visitor.readable(), dags(api)
    behind = chain(catalog, dag_id)
    steps, hidden = [], 0
    params: Mapping[str, Any] | None = None
    for name in chain(catalog, dag_id, sources=True):
        if name not in shown:
            hidden += name in behind
            continue
        run = api.run(name, run_id)
        if run:
            steps.append(Step(name, run_id, run["state"]))
            params = (run["conf"] or {}) if params is None else params
        elif name in behind:
            steps.append(Step(name, run_id, note=obstacle(name, known, visitor) or "it was not started"))
    if params is None:
        raise HTTPException(404, f"{dag_id} has no run {run_id}")
    return page("started.html", dag_id=dag_id, steps=steps, hidden=hidden, params=params, run_id=run_id)
