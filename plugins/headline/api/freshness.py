"""How fresh each table is: its newest day, the day that must be published by now, and what of it is partial or stale."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from headline import settings
from headline.api.answer import answer
from headline.api.forms import Content, columns
from headline.api.gate import Caller
from headline.api.known import listed_page
from headline.api.parameters import Area, Cursor, Limit, documented
from headline.intervals import DAY, Interval, business_day, in_words
from headline.ledger import Ledger, partial_days, stale_states
from headline.pages.visitor import Visitor
from headline.specs import Pipeline

router = APIRouter(prefix="/freshness", tags=["freshness"])
DAYS = 62  # that are looked at: the newest month has begun by then
FRESHNESS = columns(
    table="varchar",
    pipeline="varchar",
    area="varchar",
    tier="integer",
    last_day="date",
    due_day="date",
    is_late="boolean",
    next_due_at="timestamp",
    coverage="decimal(38, 18)",
    partial_days="varchar",
    stale_days="varchar",
    changed_at="timestamp",
)


@router.get("", responses=documented("Freshness", FRESHNESS))
async def freshness(
    request: Request,
    visitor: Caller,
    area: Area = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Response:
    """A row for each table that you may read; days and coverage are those of the last 62 days."""
    return await answer(request, visitor, lambda: _content(visitor, area, limit, cursor))


def _content(visitor: Visitor, area: str | None, limit: int, cursor: str | None) -> Content:
    now, ledger = datetime.now(UTC), Ledger()
    today = business_day(now, settings.load().reporting_zone)
    found, following = listed_page(visitor, f"freshness {area}", area, limit, cursor)
    pipelines = {one.id: one for one, _ in found}
    known = [table.full_name for one in pipelines.values() for table in one.tables.values()]
    states = ledger.states(known, Interval(today - timedelta(days=DAYS), today + timedelta(days=DAYS)))
    partial = {name: days for one in pipelines.values() for name, days in partial_days(one, states).items()}
    rows = []
    for pipeline, table in found:
        name = table.full_name
        own = [state for state in states if state.table == name]
        last = max((min(one.interval.end, today) - DAY for one in own), default=None)
        due = _due_day(pipeline, now, today)
        stale = stale_states(table, pipeline.reads_by_table(table), ledger)
        rows.append(
            (
                name,
                pipeline.id,
                pipeline.area,
                pipeline.tier,
                last,
                due,
                last is None or last < due,
                pipeline.due_at(due + DAY),
                min((one.coverage for one in own), default=None),
                in_words(partial.get(name, ())),
                in_words(day for state in stale for day in state.interval),
                max((one.changed_at for one in own), default=None),
            )
        )
    told = [state for state in states if state.table in {table.full_name for _, table in found}]
    return Content(
        FRESHNESS,
        rows,
        version=ledger.newest_version(),
        as_of=max((one.changed_at for one in told), default=None),
        coverage=min((one.coverage for one in told), default=None),
        next_cursor=following,
    )


def _due_day(pipeline: Pipeline, now: datetime, today: date) -> date:
    """The newest business day whose deadline has passed."""
    day = today - DAY
    while pipeline.due_at(day) > now:
        day -= DAY
    return day
