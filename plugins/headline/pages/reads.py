"""Who has read which numbers: for those who answer for these numbers, who may edit their DAGs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated
from urllib.parse import unquote_plus

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse

from headline.ledger import Read, Reads, record_reads
from headline.pages.render import page
from headline.pages.visitor import CurrentVisitor, Visitor
from headline.specs import Catalog, load_sound
from headline.specs.metrics import read_metrics

router = APIRouter()
LISTED = 500
LOOKED_AT = 20  # times as many as are shown, for some are not for whoever asks


@router.get("/reads")
def reads(
    visitor: CurrentVisitor,
    reader: Annotated[str, Query(max_length=250)] = "",
    name: Annotated[str, Query(max_length=250)] = "",
) -> HTMLResponse:
    """The newest readings of the tables and metrics whose DAGs the visitor may edit."""
    found = newest_reads(visitor, reader or None, name or None, LISTED)
    return page("reads.html", reads=found, reader=reader, name=name, most=LISTED)


def newest_reads(visitor: Visitor, reader: str | None, name: str | None, limit: int) -> list[Read]:
    """The newest readings, of all that each names, the visitor may edit the DAG; raises 403 for who may edit none.

    What no DAG makes any more, and what names nothing, is for those who may edit every DAG.
    """
    catalog = load_sound()
    edits = {one for one in catalog.pipelines if visitor.may_edit(one)}
    if not edits:
        raise HTTPException(403, "who has read what is for those who may edit a DAG; ask an administrator of Airflow")
    makers = _makers(catalog)
    edits_all = len(edits) == len(catalog.pipelines)
    found = Reads().newest(limit if edits_all else limit * LOOKED_AT, reader, [name] if name else [])
    mine = (one for one in found if edits_all or (one.names and all(makers.get(told) in edits for told in one.names)))
    return list(mine)[:limit]


def record_page(visitor: Visitor, request: Request, names: Iterable[str], count: int) -> None:
    """Remember who has read which figures on a page, before they see them."""
    record_reads(Read(visitor.name, "page", tuple(names), decoded(path_of(request)), count))


def path_of(request: Request) -> str:
    """What was asked for: the address without its host."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def decoded(path: str) -> str:
    """An address as the audit log keeps it, so that a person who is erased is found in it; PostgreSQL keeps no NUL in a text."""
    return unquote_plus(path).replace("\0", " ")


def _makers(catalog: Catalog) -> dict[str, str]:
    """The pipeline of each table, quarantine and metric, also by its former names."""
    found = {name: one.id for name, one in catalog.makers.items()}
    for pipeline in catalog.pipelines.values():
        for name, metric in read_metrics(pipeline)[0].metrics.items():
            found |= dict.fromkeys((name, *metric.renamed_from), pipeline.id)
    return found
