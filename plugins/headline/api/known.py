"""The repository as the API knows it: looked at again every other second, for a look at all folders takes 10 ms."""

from __future__ import annotations

import time
from collections.abc import Iterable
from threading import Lock

from fastapi import HTTPException

from headline.api.cursor import read_cursor, write_cursor
from headline.figures import values
from headline.pages.visitor import Visitor
from headline.specs import Catalog, Pipeline, Table, load_sound

SECONDS = 2.0
_LOCK = Lock()
_LOOKED: list[tuple[float, Catalog]] = []
_VERSIONS: dict[str, str] = {}


def catalog() -> Catalog:
    """All folders without faults, as they were at most two seconds ago."""
    now = time.monotonic()
    with _LOCK:
        if not _LOOKED or now - _LOOKED[0][0] > SECONDS:
            _LOOKED[:] = [(now, load_sound())]
            _VERSIONS.clear()
        return _LOOKED[0][1]


def contract_version(table: Table) -> str:
    """The version of a table's contract, as it was when all folders were looked at."""
    if table.full_name not in _VERSIONS:
        _VERSIONS[table.full_name] = values.contract_version(table)
    return _VERSIONS[table.full_name]


def readable(visitor: Visitor) -> list[Pipeline]:
    """The pipelines whose DAGs the visitor may see."""
    return [one for one in catalog().pipelines.values() if visitor.may_read(one.id)]


def listed_page(
    visitor: Visitor, of: str, area: str | None, limit: int, cursor: str | None
) -> tuple[list[tuple[Pipeline, Table]], str | None]:
    """A page of the tables that the visitor may read, of an area or all, by name, and the cursor of the next one."""
    mine = {table.full_name: (one, table) for one in readable(visitor) for table in one.tables.values()}
    names, following = page_of(of, (name for name, (one, _) in mine.items() if area in (None, one.area)), limit, cursor)
    return [mine[name] for name in names], following


def page_of(of: str, names: Iterable[str], limit: int, cursor: str | None) -> tuple[list[str], str | None]:
    """A page of names in their order, and the cursor of the next one; `of`: the request that they are asked by."""
    after = read_cursor(of, cursor, lambda place: str(place["after"]), "")
    later = sorted(name for name in names if name > after)
    return later[:limit], write_cursor(of, {"after": later[limit - 1]}) if len(later) > limit else None


def table_of(visitor: Visitor, name: str) -> tuple[Pipeline, Table]:
    """What makes a table or quarantine; raises 404 where there is none, 403 where the visitor may not see its DAG."""
    if not (pipeline := catalog().makers.get(name)):
        raise HTTPException(404, f"no table is called {name}: GET tables lists those that you may read")
    visitor.must_read(pipeline.id)
    return pipeline, pipeline.outputs[name]
