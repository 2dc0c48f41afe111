"""Pages inside Airflow: the board, incidents, issued figures, the rota, runbooks and contracts, for whoever may read the DAG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

from airflow.api_fastapi.core_api.security import requires_access_dag, requires_authenticated
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import FileResponse, HTMLResponse

from headline import settings, specs
from headline.errors import HeadlineError, SpecError
from headline.incidents.kinds import FORMER, KINDS
from headline.intervals import business_day, in_words
from headline.ledger import Ledger, partial_days
from headline.pages import again, answers, backfills, board, errors, experiments, figures, incidents, listings, rota
from headline.pages.headers import send_headers
from headline.pages.ledger import ReadsTheLedger
from headline.pages.markdown import to_html
from headline.pages.render import page
from headline.pages.visitor import CurrentVisitor
from headline.redaction import redact
from headline.runbooks import ALERT_PAGES
from headline.specs import Pipeline, Table, load_contract, load_sound

# Docs are off because an app's dependencies do not cover them: they would be open to anybody.
app = FastAPI(
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    dependencies=[Depends(requires_authenticated())],
    exception_handlers=errors.HANDLERS,
)
for part in (again, answers, backfills, board, experiments, figures, incidents, listings, rota):
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
def contract(dag_id: str, table: str) -> HTMLResponse:
    """What a table promises: its columns with types and units, and its checks with what the newest audit said of them."""
    pipeline = _pipeline(dag_id)
    if table not in pipeline.tables:
        raise HTTPException(404, f"{dag_id} has no table {table}")
    found = pipeline.tables[table]
    audits, problem = [], ""
    try:
        audits = Ledger().latest_audits([found.full_name])
    except HeadlineError as error:  # the promise can be read without it
        problem = redact(str(error))
    return page(
        "contract.html",
        counts=Counter(audit.outcome for audit in audits),
        pipeline=pipeline,
        table=found,
        contract=load_contract(found),
        partial=partial_notes(pipeline, [found]),
        audits=audits,
        problem=problem,
    )


def partial_notes(pipeline: Pipeline, tables: Iterable[Table]) -> list[str]:
    """A line for each set of days that readers of these tables of the pipeline see in part; none where all is complete."""
    today = business_day(datetime.now(UTC), settings.load().reporting_zone)
    try:
        states = Ledger().states([table.full_name for table in pipeline.tables.values()])
        # A week or month that has not ended is open; its days tell for themselves which are partial.
        found = partial_days(pipeline, [state for state in states if state.interval.end <= today])
    except HeadlineError as error:
        return [f"Which days are partial is not known now: {redact(str(error))}"]
    together: dict[tuple[date, ...], list[str]] = {}
    for name in sorted(found.keys() & {table.full_name for table in tables}):
        together.setdefault(tuple(found[name]), []).append(name)
    return [
        f"{len(days)} {'day is' if len(days) == 1 else 'days are'} partial: {in_words(days)} ({', '.join(names)})"
        for days, names in sorted(together.items())
    ]


def _pipeline(dag_id: str) -> Pipeline:
    """Read when it is asked for: the server lives longer than the files stay as they are."""
    for folder in specs.pipeline_folders():
        if folder.name == dag_id:
            try:
                return specs.load_pipeline(folder)
            except SpecError as error:
                raise HTTPException(404, str(error)) from error
    raise HTTPException(404, f"there is no pipeline {dag_id}")
