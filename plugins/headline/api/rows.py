"""The rows of a published table by days, a page at a time; all pages are of the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import HTTPException, Request
from fastapi.responses import Response

from headline import settings
from headline.api.answer import READS, Changed, stamped
from headline.api.cursor import read_cursor, write_cursor
from headline.api.forms import Column, Content
from headline.api.known import contract_version, table_of
from headline.errors import BadRequest, Transient
from headline.intervals import DAY, Interval, in_words
from headline.ledger import Ledger, Read, Stamp, Stamps, partial_days
from headline.ledger.stamps import Days
from headline.pages.at_once import AtOnce
from headline.pages.listings import QUERIES
from headline.pages.reads import decoded, path_of
from headline.pages.visitor import Visitor
from headline.specs import Pipeline, Table, load_contract, read_contract
from headline.warehouse import ask, open_warehouse

STAMPS: AtOnce[Days, Stamp] = AtOnce(lambda asked: Stamps().of_days(asked))


@dataclass(frozen=True)
class Place:
    """Where a page begins: after so many rows of days that end before `day_after`, whose state the first page has seen."""

    offset: int
    day_after: date
    content: str | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Place:
        offset = int(told["offset"])
        if not 0 < offset < 2**53:
            raise ValueError(offset)
        return cls(offset, date.fromisoformat(told["day_after"]), str(told["content"]))


def masked(visitor: Visitor, pipeline: Pipeline, table: Table) -> list[str]:
    """The columns of a table that the visitor sees empty, because they hold personal data."""
    contract, _ = read_contract(table)
    personal = contract.personal_columns if contract else set()
    return sorted(personal) if personal and not visitor.may_see_personal(pipeline.id) else []


async def rows_of(
    request: Request, visitor: Visitor, name: str, days: tuple[date | None, date | None], limit: int, cursor: str | None
) -> Response:
    """A page of the rows; raises 403 and 404 as `table_of`, 409 where they are others than those of the first page."""
    try:
        pipeline, table = table_of(visitor, name)
    except HTTPException as error:
        if error.status_code == 403:
            await READS.ask(Read(visitor.name, "api", (name,), decoded(path_of(request))))
        raise
    first, last = days
    if table.period_column is None and (first or last):
        raise BadRequest(f"{name} is replaced whole and has no days: read it without from and to")
    if first and last and first > last:
        raise BadRequest(f"from {first} is after to {last}")
    of = f"{request.url.path} {first} {last}"
    place = read_cursor(of, cursor, Place.of, Place(0, last + DAY if last and last < date.max else date.max))
    columns = _columns(visitor, pipeline, table, is_quarantine=name != table.full_name)
    asked = (table.full_name, first or date.min, place.day_after)

    async def stamp() -> Stamp:
        found = await STAMPS.ask(asked)
        if place.content is not None and found.content != place.content:
            raise HTTPException(409, f"{name} was published again since the first page was read")
        return found

    def read(found: Stamp) -> Content:
        begins, ends = first or date.min, min(place.day_after, found.day_after or date.max)
        if not found.version or begins >= ends:
            return Content(columns, (), names=(name,))
        inside = Interval(begins, ends)
        rows = _asked(_select(table, name, columns, inside, limit + 1, place.offset))
        if Stamps().of_days([asked]) != [found]:
            raise Changed
        is_more = len(rows) > limit
        following = {"offset": place.offset + limit, "day_after": inside.end, "content": found.content}
        return Content(
            columns,
            rows[:limit],
            version=found.version,
            as_of=found.as_of,
            coverage=found.coverage,
            names=(name,),
            notes={"masked": [one.name for one in columns if one.is_masked], **_partial(pipeline, table, inside)},
            next_cursor=write_cursor(of, following) if is_more else None,
        )

    hidden = ",".join(one.name for one in columns if one.is_masked)
    return await stamped(request, visitor, stamp, read, rights=f"{contract_version(table)} {hidden}", names=(name,))


@dataclass(frozen=True)
class _Shown(Column):
    is_masked: bool = False

    @property
    def sql(self) -> str:
        return f"cast(null as {self.type}) as {self.name}" if self.is_masked else f"t.{self.name}"


def _columns(visitor: Visitor, pipeline: Pipeline, table: Table, *, is_quarantine: bool) -> list[_Shown]:
    hidden = set(masked(visitor, pipeline, table))
    found = [_Shown(one.name, one.sql_type, one.description, one.name in hidden) for one in load_contract(table).columns]
    return [*found, _Shown("quarantine_reason", "varchar", "The rule that refused the row.")] if is_quarantine else found


def _select(table: Table, name: str, columns: Sequence[_Shown], days: Interval, limit: int, offset: int) -> str:
    """In an order that is the same each time: by day and key, in a quarantine, which has none, by all columns."""
    ordered = [table.period_column, *table.key] if name == table.full_name and table.key else [one.name for one in columns]
    order = ", ".join(f"t.{one}" for one in dict.fromkeys(ordered) if one)
    column = table.period_column
    within = f" where t.{column} >= date '{days.start}' and t.{column} < date '{days.end}'" if column else ""
    return (
        f"select {', '.join(one.sql for one in columns)} from {name} as t{within} order by {order} limit {limit} offset {offset}"
    )


def _asked(sql: str) -> list[tuple[Any, ...]]:
    if not QUERIES.acquire(timeout=settings.load().query_seconds):
        raise Transient("others ask too much at the moment: try again in a minute")
    try:
        return ask(open_warehouse(), sql).rows
    finally:
        QUERIES.release()


def _partial(pipeline: Pipeline, table: Table, days: Interval) -> dict[str, str]:
    """In words which of the days are partial."""
    if table.period_column is None:
        return {}
    states = Ledger().states([one.full_name for one in pipeline.tables.values()], days)
    return {"partial_days": in_words(day for day in partial_days(pipeline, states).get(table.full_name, ()) if day in days)}
