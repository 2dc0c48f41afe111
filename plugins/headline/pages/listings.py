"""What commands list, for whoever reads it from another machine: of the pipelines whose DAGs they may see, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from threading import BoundedSemaphore
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Response

from headline import settings
from headline.errors import BadRequest, SpecError, Transient
from headline.ledger import Ledger
from headline.listings import published
from headline.operators.backfill import DAG_ID
from headline.pages.visitor import CurrentVisitor, Visitor, from_this_site
from headline.show import Rows
from headline.specs import Pipeline, Table, load_sound, read_contract
from headline.warehouse import open_warehouse
from headline.why.inquiry import explain

router = APIRouter(prefix="/api")
# Queries that run side by side: each may take the memory of one engine, and the server has more to do.
QUERIES = BoundedSemaphore(2)


@router.get("/tables")
def tables(visitor: CurrentVisitor, *, stale: bool = False) -> Response:
    """As `headline tables`."""
    return _sent((published.stale_tables if stale else published.tables)(_pipelines(visitor), Ledger()))


@router.get("/audits")
def audits(visitor: CurrentVisitor, table: str = "", *, failed: bool = False) -> Response:
    """As `headline audits`."""
    from headline.listings.audits import audits

    if table:
        _must_read(visitor, table)
    return _sent(audits([table] if table else [name for one in _pipelines(visitor) for name in one.outputs], failed=failed))


@router.post("/query", dependencies=[Depends(from_this_site)])
def query(visitor: CurrentVisitor, sql: Annotated[str, Body(embed=True)]) -> Response:
    """As `headline query`. Tables with personal data are for those alone who may edit the DAG that makes them."""
    return _sent(answer(visitor, sql))


def answer(visitor: Visitor, sql: str, first: int | None = None) -> Rows:
    """The rows of a SELECT of the visitor's, or the first of them. Raises BadRequest for what they may not ask, or where it takes
    too much, Transient while others ask."""
    if not QUERIES.acquire(timeout=settings.load().query_seconds):
        raise Transient("others ask too much at the moment: try again in a minute")
    try:
        return published.query(sql, visitor.name, to_be_asked(visitor), first)
    except SpecError as error:  # the SQL is at fault, not a file of the server's
        raise BadRequest(str(error)) from error
    finally:
        QUERIES.release()


def to_be_asked(visitor: Visitor) -> list[str]:
    """The tables and quarantines that the visitor may ask."""
    return [name for one in _pipelines(visitor) for name in _to_be_asked(visitor, one)]


@router.get("/why/{table}/{day}")
def why(visitor: CurrentVisitor, table: str, day: date) -> list[str]:
    """As `headline why`. Of a root cause in a DAG that the visitor may not see only the name is told."""
    _must_read(visitor, table)
    catalog = load_sound()
    answer = explain(catalog, Ledger(), catalog.table(table), day, datetime.now(UTC), open_warehouse())
    return answer.for_readers_of({name for one in _pipelines(visitor) for name in one.names}).lines


@router.get("/backfills/all")
def backfills(visitor: CurrentVisitor) -> Response:
    """As `headline backfill status`."""
    from headline.listings import backfills

    visitor.must_read(DAG_ID)
    return _sent(backfills.backfills())


@router.get("/backfills/{number}/chunks")
def chunks(visitor: CurrentVisitor, number: int) -> Response:
    """As `headline backfill status`, of one."""
    from headline.listings import backfills

    visitor.must_read(DAG_ID)
    return _sent(backfills.chunks(number))


@router.post("/backfills/plan", dependencies=[Depends(from_this_site)])
def plan(visitor: CurrentVisitor, fields: Annotated[Mapping[str, Any], Body()]) -> str:
    """As `headline backfill plan`; nothing is recorded."""
    from headline.listings import backfills

    visitor.must_trigger(DAG_ID)
    return backfills.plan(fields, visitor.name)


def _sent(rows: Rows) -> Response:
    return Response(rows.to_json(), media_type="application/json")


def _pipelines(visitor: Visitor) -> list[Pipeline]:
    shown = visitor.readable()
    return [one for one in load_sound().pipelines.values() if one.id in shown]


def _must_read(visitor: Visitor, table: str) -> None:
    """Raises BadRequest where there is no such table, and 403 where the visitor may not see the DAG that makes it."""
    catalog = load_sound()
    if table not in catalog.tables:
        raise BadRequest(f"no table is called {table}: headline tables lists them")
    visitor.must_read(catalog.makers[table].id)


def _to_be_asked(visitor: Visitor, pipeline: Pipeline) -> list[str]:
    """The tables and quarantines of a pipeline that the visitor may ask."""

    def is_personal(table: Table) -> bool:
        contract, _ = read_contract(table)
        return contract is None or bool(contract.personal_columns)

    may_edit = visitor.may_edit(pipeline.id)
    return [name for name, table in pipeline.outputs.items() if may_edit or not is_personal(table)]
