"""What commands list, for whoever reads it from another machine: of the pipelines whose DAGs they may see, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from threading import BoundedSemaphore
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Response

from headline import settings
from headline.errors import BadRequest, SpecError, Transient
from headline.ledger import Ledger
from headline.listings import published
from headline.listings.reads import MOST_READS, rows_of
from headline.operators.backfill import DAG_ID
from headline.pages.reads import newest_reads
from headline.pages.visitor import CurrentVisitor, Visitor, from_this_site
from headline.show import Rows
from headline.specs import Column, Pipeline, load_sound, read_contract
from headline.warehouse import open_warehouse
from headline.why.inquiry import explain

router = APIRouter(prefix="/api")
# Queries that run side by side: each may take the memory of one engine, and the server has more to do.
QUERIES = BoundedSemaphore(2)
REASON = Column(name="quarantine_reason", data_type="varchar", description="The rule that refused the row.")


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
    """As `headline query`. Personal data are null for who may not see those of the DAG that makes the table."""
    return _sent(answer(visitor, sql))


def answer(visitor: Visitor, sql: str, first: int | None = None) -> Rows:
    """The rows of a SELECT of the visitor's, or the first of them. Raises BadRequest for what they may not ask, or where it takes
    too much, Transient while others ask."""
    among, masked = to_be_asked(visitor)
    if not QUERIES.acquire(timeout=settings.load().query_seconds):
        raise Transient("others ask too much at the moment: try again in a minute")
    try:
        return published.query(sql, visitor.name, among, masked, first)
    except SpecError as error:  # the SQL is at fault, not a file of the server's
        raise BadRequest(str(error)) from error
    finally:
        QUERIES.release()


@router.get("/reads")
def reads(
    visitor: CurrentVisitor,
    reader: str | None = None,
    name: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_READS)] = 100,
) -> Response:
    """As `headline reads`."""
    return _sent(rows_of(newest_reads(visitor, reader, name, limit)))


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


def to_be_asked(visitor: Visitor) -> tuple[list[str], dict[str, list[Column]]]:
    """The tables and quarantines that the visitor may ask, and the columns of those whose personal data they may not see."""
    among, masked = [], {}
    for pipeline in _pipelines(visitor):
        sees_personal = visitor.may_see_personal(pipeline.id)
        for name, table in pipeline.outputs.items():
            contract, _ = read_contract(table)
            if contract is None and not sees_personal:  # nobody knows what is personal in it
                continue
            among.append(name)
            if contract and contract.personal_columns and not sees_personal:
                masked[name] = [*contract.columns, *([REASON] if name != table.full_name else [])]
    return among, masked
