"""Explore: a SELECT of the visitor's over the tables that they may read, its rows as a table or as CSV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from headline.errors import HeadlineError
from headline.pages.form import sent_fields
from headline.pages.listings import answer, to_be_asked
from headline.pages.render import page
from headline.pages.visitor import CurrentVisitor, Visitor, from_this_site
from headline.redaction import redact
from headline.serving.catalog import entries
from headline.show import Rows, text
from headline.specs import load_sound

router = APIRouter(prefix="/explore")
SHOWN = 500  # rows on the page; all of them are in the CSV


@dataclass(frozen=True)
class Asked:
    """What a browser has sent: a SELECT, and whether all its rows are wanted as CSV."""

    sql: str
    is_csv: bool


async def sent(request: Request) -> Asked:
    """The form, whatever stands in it."""
    fields, _ = await sent_fields(request)
    return Asked(fields.get("sql", "").replace("\r\n", "\n"), fields.get("as") == "csv")


Form = Annotated[Asked, Depends(sent)]
FROM_HERE = [Depends(from_this_site)]


@router.get("")
def explore(visitor: CurrentVisitor, sql: str = "", table: str = "") -> HTMLResponse:
    """The form, with a SELECT in it or one of a table; nothing is asked before it is sent."""
    if table and not sql and table in to_be_asked(visitor)[0]:
        sql = f"select *\nfrom {table}\nlimit 100"
    return _page(visitor, sql)


@router.post("", dependencies=FROM_HERE)
def ask(visitor: CurrentVisitor, form: Form) -> Response:
    """The first rows of the SELECT, or all as CSV, or what is wrong with it."""
    if not form.sql:
        return _page(visitor, "", error="Write a SELECT first, for example that of a table beside the form.")
    try:
        rows = answer(visitor, form.sql, None if form.is_csv else SHOWN + 1)
    except HeadlineError as error:
        return _page(visitor, form.sql, error=redact(str(error)))
    if form.is_csv:
        headers = {"Content-Disposition": 'attachment; filename="query.csv"'}
        return Response(rows.to_csv(), media_type="text/csv; charset=utf-8", headers=headers)
    return _page(visitor, form.sql, rows=rows)


def _page(visitor: Visitor, sql: str, rows: Rows | None = None, error: str = "") -> HTMLResponse:
    allowed = set(to_be_asked(visitor)[0])
    return page(
        "explore.html",
        status=400 if error else 200,
        sql=sql,
        rows=rows and rows.rows[:SHOWN],
        columns=rows and rows.columns,
        is_cut=rows is not None and len(rows.rows) > SHOWN,
        error=error,
        text=text,
        tables=[entry for entry in entries(load_sound(), visitor.readable()) if entry.name in allowed],
    )
