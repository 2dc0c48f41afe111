"""The data catalog: every table and column that the visitor may see, where it comes from and who reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse

from headline.errors import HeadlineError
from headline.ledger import Ledger
from headline.oncall import AreaOwners, owners
from headline.pages.now import days_behind, days_by_earlier_code, partial_notes
from headline.pages.render import page
from headline.pages.visitor import CurrentVisitor
from headline.redaction import redact
from headline.serving.catalog import Entry, Freshness, entries, exports_of, freshness, read_by, search
from headline.serving.drawing import Drawing, drawn
from headline.serving.lineage import Graph, column_graph, table_graph
from headline.specs import Catalog, load_sound, load_team
from headline.sql import Origin, column_lineage

router = APIRouter(prefix="/catalog")
NEAR = 1  # steps of a lineage that are shown before all of them are asked for


@dataclass(frozen=True)
class Lineage:
    """One lineage as picture and as text; `hidden`: how many names lie further away than the picture shows."""

    graph: Graph
    drawing: Drawing
    hidden: int


@dataclass(frozen=True)
class Audited:
    """The newest audit of tables; `problem`: why it is not known."""

    rows: Sequence[Any] = ()
    problem: str = ""

    def counts(self, table: str) -> Counter[str]:
        """How many checks of a table ended how."""
        return Counter(row.outcome for row in self.rows if row.table_name == table)


@router.get("")
def catalog(visitor: CurrentVisitor, q: str = "") -> HTMLResponse:
    """The tables of the DAGs that the visitor may see, or those that a search finds."""
    known = load_sound()
    among = entries(known, visitor.readable())
    found = search(among, q)
    shown = [match.entry for match in found]
    fresh, problem = _freshness(shown)
    return page(
        "catalog.html",
        found=found,
        total=len(among),
        q=q,
        words=q.split(),
        fresh=fresh,
        problem=problem,
        audited=_audited(shown),
        owners={area: _owners(area) for area in {entry.pipeline.area for entry in shown}},
    )


@router.get("/{name}")
def table(visitor: CurrentVisitor, name: str, column: str = "", *, all: bool = False) -> HTMLResponse:  # noqa: A002
    """One table: what it promises, how it stands, where it comes from and who reads it; `column`: the lineage of one."""
    known = load_sound()
    if name not in known.makers:
        raise HTTPException(404, f"there is no table {name}")
    pipeline = known.makers[name]
    visitor.must_read(pipeline.id)
    shown = entries(known, visitor.readable())
    [entry] = [one for one in shown if name in one.table.outputs]
    if column and column not in {one.name for one in entry.columns}:
        raise HTTPException(404, f"{entry.name} has no column {column}")
    fresh, problem = _freshness([entry])
    audited = _audited([entry])
    origins, untold = _origins(known, entry)
    return page(
        "table.html",
        entry=entry,
        table=entry.table,
        pipeline=pipeline,
        contract=entry.contract,
        fresh=fresh.get(entry.name),
        problem=problem,
        days=_days(entry),
        partial=partial_notes(pipeline, [entry.table]),
        owners=_owners(pipeline.area),
        audits=audited.rows,
        audit_problem=audited.problem,
        counts=audited.counts(entry.name),
        readers=read_by(known, entry.name),
        exports=exports_of(entry.name),
        origins=origins,
        untold=untold,
        column=column,
        tables=_lineage(table_graph(known, entry.name), NEAR, all),
        columns=_lineage(column_graph(known, entry.name, column), NEAR, all) if column else None,
        linked={output for one in shown for output in one.table.outputs},
        all=all,
    )


def _lineage(graph: Graph, near: int, whole: bool) -> Lineage:
    shown = graph if whole else graph.near(near)
    count = sum(len(step) for steps in (graph.above, graph.below) for step in steps)
    drawing = drawn([graph.here], shown.edges)
    return Lineage(graph, drawing, count + 1 - len(drawing.boxes))


def _freshness(among: Sequence[Entry]) -> tuple[Mapping[str, Freshness], str]:
    """How tables stand; or the problem for which nobody knows, which keeps nobody from reading the rest."""
    try:
        return freshness(among, Ledger(), datetime.now(UTC)), ""
    except HeadlineError as error:
        return {}, redact(str(error))


def _audited(among: Sequence[Entry]) -> Audited:
    try:
        return Audited(Ledger().latest_audits([entry.name for entry in among]) if among else ())
    except HeadlineError as error:
        return Audited(problem=redact(str(error)))


def _origins(known: Catalog, entry: Entry) -> tuple[Mapping[str, Sequence[Origin]], str]:
    """Of each column those that it is computed from; or why that is not known."""
    try:
        return column_lineage(entry.table, known.filled_by), ""
    except HeadlineError as error:
        return {}, str(error)


def _days(entry: Entry) -> tuple[int, int] | None:
    """How many published days of a table are behind their inputs, and how many earlier code made; None where nobody knows."""
    with suppress(HeadlineError):
        behind = days_behind([entry.pipeline]).get(entry.name, ())
        return len(behind), sum(map(len, days_by_earlier_code([entry.pipeline]).get(entry.name, ())))
    return None


def _owners(area: str) -> AreaOwners | None:
    with suppress(HeadlineError):  # the board says what is wrong with the team's file
        return owners(load_team(), area)
    return None
