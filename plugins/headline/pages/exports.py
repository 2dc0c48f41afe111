"""What leaves: exports with their newest runs and dead letters, for whoever may see their DAGs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse

from headline.errors import SpecError
from headline.ledger import Exports
from headline.listings import exports as listings
from headline.pages.render import page
from headline.pages.visitor import CurrentVisitor, Visitor
from headline.specs.exports import Export, load_export, load_exports

router = APIRouter()
_LETTERS_SHOWN = 100


@router.get("/exports")
def exports(visitor: CurrentVisitor) -> HTMLResponse:
    """Every export that the visitor may see, with its newest run and the rows that the receiver refuses."""
    known = _shown(visitor)
    newest = {one.export: one for one in Exports().newest([one.id for one in known])}
    return page("exports.html", exports=known, newest=newest, counts=Exports().counts([one.id for one in known]))


@router.get("/exports/{dag_id}")
def export(visitor: CurrentVisitor, dag_id: str) -> HTMLResponse:
    """One export: what it promises, its runs, and its dead letters."""
    visitor.must_read(dag_id)
    found = _export(dag_id)
    letters = list(Exports().dead_letters(dag_id).values())
    return page(
        "export.html",
        export=found,
        runs=Exports().newest([dag_id], limit=30),
        letters=letters[:_LETTERS_SHOWN],
        left_out=max(0, len(letters) - _LETTERS_SHOWN),
    )


@router.get("/api/exports")
def listed(visitor: CurrentVisitor) -> Response:
    """As `headline exports`."""
    return Response(listings.exports(_shown(visitor)).to_json(), media_type="application/json")


@router.get("/api/exports/{dag_id}")
def status(visitor: CurrentVisitor, dag_id: str) -> Response:
    """As `headline exports status`."""
    visitor.must_read(dag_id)
    _export(dag_id)
    told = [listings.runs(dag_id).to_json(), listings.dead_letters(dag_id).to_json()]
    return Response(f"[{', '.join(told)}]", media_type="application/json")


def _shown(visitor: Visitor) -> list[Export]:
    readable = visitor.readable()
    return [one for one in load_exports()[0] if one.id in readable]


def _export(name: str) -> Any:
    try:
        return load_export(name)
    except SpecError as error:
        raise HTTPException(404, str(error)) from error
