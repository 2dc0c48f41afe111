"""Pages inside Airflow: the board, metrics, incidents, the catalog, figures and runbooks, for whoever may read the DAG."""

from __future__ import annotations

from pathlib import Path

from airflow.api_fastapi.core_api.security import requires_access_dag, requires_authenticated
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from headline import specs
from headline.errors import SpecError
from headline.incidents.kinds import FORMER, KINDS
from headline.pages import (
    again,
    answers,
    backfills,
    board,
    catalog,
    errors,
    experiments,
    explore,
    exports,
    figures,
    incidents,
    listings,
    metrics,
    reads,
    reports,
    rota,
)
from headline.pages.headers import send_headers
from headline.pages.ledger import ReadsTheLedger
from headline.pages.markdown import to_html
from headline.pages.now import partial_notes
from headline.pages.render import page
from headline.pages.visitor import CurrentVisitor, active_user
from headline.runbooks import ALERT_PAGES
from headline.specs import Pipeline, load_sound

# Docs are off because an app's dependencies do not cover them: they would be open to anybody.
app = FastAPI(
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    dependencies=[Depends(requires_authenticated()), Depends(active_user)],
    exception_handlers=errors.HANDLERS,
)
for part in (
    again,
    answers,
    backfills,
    board,
    catalog,
    experiments,
    explore,
    exports,
    figures,
    incidents,
    listings,
    metrics,
    reads,
    reports,
    rota,
):
    app.include_router(part.router)
app.include_router(backfills.answers)
send_headers(app)
app.add_middleware(ReadsTheLedger)
STATIC = {file.name: file for file in (Path(__file__).parent / "static").iterdir()}
MAY_READ = [Depends(requires_access_dag(method="GET"))]


@app.get("/static/{name}")
def static(name: str) -> FileResponse:
    """The style and the script of the pages."""
    if name not in STATIC:
        raise HTTPException(404, f"there is no file {name}")
    return FileResponse(STATIC[name], headers={"Cache-Control": "private, max-age=300"})


@app.get("/runbooks")
def runbooks(visitor: CurrentVisitor) -> HTMLResponse:
    """The pages of all kinds of alert, and the runbooks of the pipelines that the visitor may see."""
    shown = visitor.readable()
    pipelines = [one for one in load_sound().pipelines.values() if one.id in shown and one.runbook_file.is_file()]
    return page("runbooks.html", kinds=KINDS.values(), pipelines=pipelines)


@app.get("/runbooks/{dag_id}", dependencies=MAY_READ)
def runbook(dag_id: str) -> HTMLResponse:
    """The pipeline's RUNBOOK.md."""
    pipeline = _pipeline(dag_id)
    if not pipeline.runbook_file.is_file():
        raise HTTPException(404, f"{dag_id} has no RUNBOOK.md")
    partial = partial_notes(pipeline, pipeline.tables.values())
    return page("runbook.html", pipeline=pipeline, body=to_html(pipeline.runbook_file), partial=partial)


@app.get("/alerts/{kind}")
def alert(kind: str) -> HTMLResponse:
    """What a kind of alert means and what to do about it; it says nothing of any DAG, so whoever is logged in may read it."""
    kind = FORMER.get(kind, kind)
    file = ALERT_PAGES / f"{kind}.md"
    if file not in ALERT_PAGES.glob("*.md"):
        raise HTTPException(404, f"there is no kind of alert {kind}")
    return page("alert.html", kind=kind, body=to_html(file))


@app.get("/contracts/{dag_id}/{table}", dependencies=MAY_READ)
def contract(dag_id: str, table: str) -> RedirectResponse:
    """What a table promises is a part of its page in the catalog."""
    pipeline = _pipeline(dag_id)
    if table not in pipeline.tables:
        raise HTTPException(404, f"{dag_id} has no table {table}")
    return RedirectResponse(f"../../catalog/{pipeline.tables[table].full_name}", 307)


def _pipeline(dag_id: str) -> Pipeline:
    """Read when it is asked for: the server lives longer than the files stay as they are."""
    for folder in specs.pipeline_folders():
        if folder.name == dag_id:
            try:
                return specs.load_pipeline(folder)
            except SpecError as error:
                raise HTTPException(404, str(error)) from error
    raise HTTPException(404, f"there is no pipeline {dag_id}")
