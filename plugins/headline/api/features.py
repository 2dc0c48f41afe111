"""Features of entities as they were known at a moment: by the SELECT of the export that a model is trained on."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime

from headline import settings
from headline.api.answer import answer, require_right
from headline.api.forms import Column, Content
from headline.api.gate import Caller
from headline.api.known import catalog
from headline.api.parameters import documented
from headline.errors import BadRequest, Transient
from headline.exports.entitled import tables_of
from headline.exports.features import features_at, labels_of
from headline.exports.result import Work
from headline.ledger import Ledger
from headline.pages.visitor import Visitor
from headline.specs.exports import Export, load_exports
from headline.warehouse import open_warehouse

router = APIRouter(prefix="/features", tags=["features"])
MOST_KEYS = 100
LOOK_UPS = BoundedSemaphore(1)  # each reads many landed files; pages and other endpoints have queries of their own
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
Keys = Annotated[
    list[str],
    Query(
        max_length=MOST_KEYS,
        description="An entity: the values of `features.key` of export.yml, in its order, as a line of CSV. None: no rows.",
    ),
]
Moment = Annotated[AwareDatetime | None, Query(description="What was known then; without it what is known now.")]


@router.get("/{name}", responses=documented("Features", None))
async def features(request: Request, visitor: Caller, name: str, key: Keys = [], as_of: Moment = None) -> Response:  # noqa: B006 (FastAPI's way)
    """The features of entities at a moment: a row that an export of that moment has for the same label. Repeat `key` for several.

    `name`: of the export, whose DAG you may read. Personal data are empty for who may not see them.
    """
    export = next((one for one in load_exports()[0] if one.id == name and one.features), None)
    if export is None:
        raise HTTPException(404, f"no export with features is called {name}")
    await require_right(request, visitor, name, tables_of(export))
    now = datetime.now(UTC)
    moment = as_of or now
    if not EARLIEST <= moment <= now:
        raise BadRequest(f"as_of {moment.isoformat()} is not between {EARLIEST:%Y-%m-%d} and now")
    return await answer(request, visitor, lambda: _content(visitor, export, key, moment))


def _content(visitor: Visitor, export: Export, keys: list[str], moment: datetime) -> Content:
    columns = [Column(one, column.type, column.description) for one, column in export.columns.items()]
    hidden = set(export.personal.columns) if export.personal and not visitor.may_see_personal(export.id) else set()
    found = _looked_up(export, [_entity(export, one) for one in keys], moment) if keys else []
    rows = [[None if column.name in hidden else row[column.name] for column in columns] for row in found]
    names = tables_of(export)
    return Content(columns, rows, Ledger().newest_version(), moment, names=names, notes={"masked": sorted(hidden)})


def _entity(export: Export, line: str) -> dict[str, str]:
    names, values = labels_of(export).key, next(csv.reader([line]), [])
    if len(values) != len(names) or "\0" in line:
        raise BadRequest(f"key {line!r} has {len(values)} value(s): write {','.join(names)}")
    return dict(zip(names, values, strict=True))


def _looked_up(export: Export, entities: list[dict[str, str]], moment: datetime) -> list[dict[str, object]]:
    if not LOOK_UPS.acquire(timeout=settings.load().query_seconds):
        raise Transient("others ask too much at the moment: try again in a minute")
    try:
        return features_at(Work(export, "api", catalog(), Ledger(), open_warehouse()), entities, moment)
    finally:
        LOOK_UPS.release()
