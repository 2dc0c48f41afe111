"""Published tables: the list, one with its columns, and the rows of one by days."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response

from headline.api.answer import answer
from headline.api.forms import LIST, Content, columns
from headline.api.gate import Caller
from headline.api.known import listed_page, table_of
from headline.api.parameters import Area, Cursor, First, Last, Limit, documented
from headline.api.rows import masked, rows_of
from headline.intervals import DAY, in_words
from headline.ledger import Ledger, partial_days
from headline.listings import published
from headline.pages.visitor import Visitor
from headline.specs import Pipeline, Table, load_contract, read_contract

router = APIRouter(prefix="/tables", tags=["tables"])
LISTED = columns(
    name="varchar",
    pipeline="varchar",
    area="varchar",
    tier="integer",
    description="varchar",
    grain="varchar",
    key=LIST,
    first_day="date",
    last_day="date",
    status="varchar",
    coverage="decimal(38, 18)",
    partial_days="varchar",
    published_at="timestamp",
    masked=LIST,
)
COLUMNS = columns(name="varchar", type="varchar", description="varchar", additive_over=LIST, personal="boolean", masked="boolean")


@router.get("", responses=documented("Table", LISTED))
async def tables(
    request: Request,
    visitor: Caller,
    area: Area = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Response:
    """Every published table that you may read, with what of it is published."""
    return await answer(request, visitor, lambda: _listed(visitor, area, limit, cursor))


@router.get("/{name}", responses=documented("OneTable", LISTED, is_one=True))
async def table(request: Request, visitor: Caller, name: str) -> Response:
    """One table, with what of it is published."""
    return await answer(request, visitor, lambda: _one(visitor, name))


@router.get("/{name}/columns", responses=documented("TableColumn", COLUMNS))
async def table_columns(request: Request, visitor: Caller, name: str) -> Response:
    """The columns of a table as its contract has them, in order."""
    return await answer(request, visitor, lambda: _columns(visitor, name))


@router.get("/{name}/rows", responses=documented("TableRows", None))
async def rows(
    request: Request,
    visitor: Caller,
    name: str,
    first: First = None,
    last: Last = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Response:
    """The published rows of a table, or of its quarantine, in the order of their day and key.

    All pages are of the same rows: once these are published again, the next page answers 409. Personal data are empty for who may
    not see them.
    """
    return await rows_of(request, visitor, name, (first, last), limit, cursor)


def _listed(visitor: Visitor, area: str | None, limit: int, cursor: str | None) -> Content:
    found, following = listed_page(visitor, f"tables {area}", area, limit, cursor)
    return replace(_described(visitor, found), next_cursor=following)


def _one(visitor: Visitor, name: str) -> Content:
    pipeline, table = table_of(visitor, name)
    return replace(_described(visitor, [(pipeline, table)]), is_one=True)


def _columns(visitor: Visitor, name: str) -> Content:
    pipeline, table = table_of(visitor, name)
    hidden = masked(visitor, pipeline, table)
    rows = []
    for one in load_contract(table).columns:
        over = one.attributes.additive_over
        told = [over] if isinstance(over, str) else over and list(over)
        rows.append((one.name, one.sql_type, one.description, told, one.attributes.personal, one.name in hidden))
    return Content(COLUMNS, rows, version=Ledger().newest_version())


def _described(visitor: Visitor, found: list[tuple[Pipeline, Table]]) -> Content:
    """A row for each table, with what the ledger knows of it."""
    ledger = Ledger()
    names = {table.full_name for _, table in found}
    siblings = {table.full_name for one, _ in found for table in one.tables.values()}
    states, newest = ledger.states(siblings), ledger.newest_publications()
    pipelines = {one.id: one for one, _ in found}.values()
    partial = {name: days for one in pipelines for name, days in partial_days(one, states).items()}
    standing = {row[0]: row[5] for row in published.tables(pipelines, ledger).rows}
    rows = []
    for pipeline, table in found:
        mine = [state for state in states if state.table == table.full_name]
        contract, _ = read_contract(table)
        rows.append(
            (
                table.full_name,
                pipeline.id,
                pipeline.area,
                pipeline.tier,
                contract.description if contract else "",
                table.period,
                list(table.key),
                min((one.interval.start for one in mine), default=None),
                max((one.interval.end - DAY for one in mine), default=None),
                standing.get(table.full_name, "never published"),
                min((one.coverage for one in mine), default=None),
                in_words(partial.get(table.full_name, ())),
                newest[table.full_name].published_at if table.full_name in newest else None,
                masked(visitor, pipeline, table),
            )
        )
    shown = [state for state in states if state.table in names]
    return Content(
        LISTED,
        rows,
        version=max((one.version for one in shown), default=0),
        as_of=max((one.changed_at for one in shown), default=None),
        coverage=min((one.coverage for one in shown), default=None),
    )
