"""The board: how each pipeline stands, at a glance, for whoever may see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from headline.airflow_api import AirflowApi
from headline.errors import HeadlineError
from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.ledger.incident import Incident
from headline.ledger.incidents import Incidents
from headline.oncall import AreaOwners, owners
from headline.pages.again import forms, held_back
from headline.pages.airflow import VisitorsAirflow
from headline.pages.now import current_duty, current_world, days_behind, days_by_earlier_code
from headline.pages.render import duration, page
from headline.pages.runs import RunGroup, failed_and_waiting
from headline.pages.visitor import CurrentVisitor
from headline.redaction import redact
from headline.specs import Catalog, Table, load_team

if TYPE_CHECKING:
    from headline.incidents.world import World

router = APIRouter()


@dataclass(frozen=True)
class Row:
    """One pipeline on the board.

    `level`: good, waiting, warning or bad. `standing`: the same in a word, `freshness` in a few: how yesterday stands against
    its deadline. `open_periods`: kinds of period, such as month, of which the current one has not ended.
    `days_behind`: published days that are behind their inputs, `days_by_earlier_code`: that an earlier version of SQL or contract
    made, both in the table that has the most of them.
    `checks`: how many checks of the newest audits ended how.
    """

    pipeline: str
    area: str
    tier: int
    level: str
    standing: str
    freshness: str
    last_day: date | None
    deadline: datetime
    partial_days: int
    days_behind: int = 0
    days_by_earlier_code: int = 0
    open_periods: Sequence[str] = ()
    checks: Mapping[str, int] = field(default_factory=dict)
    incidents: Sequence[Incident] = ()


def rows(
    world: World,
    checks: Mapping[str, Mapping[str, int]],
    incidents: Sequence[Incident],
    shown: set[str],
    behind: Mapping[str, int],
    earlier: Mapping[str, int],
) -> list[Row]:
    """A row for each pipeline that is shown, what is worst first.

    `behind`: by table, how many days are behind their inputs; `earlier`: how many an earlier version of the code made.
    """
    found = []
    for name in world.inputs:
        if name in shown:
            pipeline = world.catalog.pipelines[name]
            level, standing, freshness = _freshness(world, name)
            mine = [incident for incident in incidents if incident.pipeline == name]
            if mine and level in ("good", "waiting"):
                level, standing, freshness = "warning", "Incident", f"{standing.lower()} {freshness}"
            last_day, partial_days = _published(world, name)
            found.append(
                Row(
                    pipeline=name,
                    area=pipeline.area,
                    tier=pipeline.tier,
                    level=level,
                    standing=standing,
                    freshness=freshness,
                    last_day=last_day,
                    deadline=world.deadline(name, world.yesterday),
                    partial_days=partial_days,
                    days_behind=max((behind.get(table.full_name, 0) for table in pipeline.tables.values()), default=0),
                    days_by_earlier_code=max((earlier.get(table.full_name, 0) for table in pipeline.tables.values()), default=0),
                    open_periods=sorted({table.period for table in pipeline.tables.values() if is_open(table, world.yesterday)}),
                    checks=sum((Counter(checks.get(table.full_name, {})) for table in pipeline.tables.values()), Counter()),
                    incidents=mine,
                )
            )
    order = ["bad", "warning", "waiting", "good"]
    return sorted(found, key=lambda row: (order.index(row.level), row.tier, row.deadline, row.pipeline))


def is_open(table: Table, yesterday: date) -> bool:
    """Whether the current week or month of a table has not ended: it is open, whatever it holds so far."""
    return Interval(yesterday, yesterday + DAY).widen(table.period).end > yesterday + DAY


def _freshness(world: World, name: str) -> tuple[str, str, str]:
    """Level, standing and freshness of a pipeline."""
    landing, due = world.landing(name, world.yesterday), world.deadline(name, world.yesterday)
    tables = world.catalog.tables
    partial = {table: share for table, share in landing.partial.items() if not is_open(tables[table], world.yesterday)}
    if landing.landed_at and not partial:
        first = world.first_landed_at(name, world.yesterday) or landing.landed_at
        again = f", again {_clock(landing.landed_at)}" if _clock(landing.landed_at) != _clock(first) else ""
        return "good", "Landed", f"{_clock(first)}, due {due:%H:%M}{again}"
    if partial and not landing.missing:
        share = min(partial.values())
        return "warning", "Partial", f"coverage {share:.1%}"
    if world.yesterday < world.start_date:
        return "waiting", "Not due", f"deadlines begin with {world.start_date}"
    if world.now >= due:
        return "bad", "Late", f"by {duration(world.now - due)}, due {due:%H:%M}"
    expected = world.expected_at(name, world.yesterday)
    usual = f", expected {expected.astimezone(UTC):%H:%M}" if expected else ""
    return "waiting", "Waiting", f"due {due:%H:%M}, in {duration(due - world.now)}{usual}"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M}"


def _published(world: World, name: str) -> tuple[date | None, int]:
    """The last day that all tables of a pipeline have, and how many of the days that are looked at lack rows of their own."""
    tables = {table.full_name for table in world.catalog.pipelines[name].tables.values()} - world.without
    ends = dict.fromkeys(tables, date.min)
    for one in world.evidence.publications:
        if one.table in ends:
            ends[one.table] = max(ends[one.table], one.interval.end)
    partial = [day for day in Interval(world.evidence.first, world.yesterday + DAY) if world.landing(name, day).partial]
    end = min(ends.values(), default=date.min)
    return None if end == date.min else min(end - DAY, world.yesterday), len(partial)


@router.get("/board")
def board(visitor: CurrentVisitor, api: VisitorsAirflow, dag_id: str | None = None) -> HTMLResponse:
    """How each pipeline stands, or one, table by table, as the tab of its DAG; failed and waiting runs; who is on call."""
    shown = visitor.readable()
    if dag_id is not None:
        visitor.must_read(dag_id)
        shown &= {dag_id}
    now = datetime.now(UTC)
    world = current_world(now)
    incidents = [incident for incident in Incidents().open() if incident.pipeline in shown]
    tables = [table for name in shown & world.inputs.keys() for table in world.catalog.pipelines[name].ordered_tables]
    checks: dict[str, Counter[str]] = {table.full_name: Counter() for table in tables}
    audited = {}
    for audit in Ledger().latest_audits(checks) if checks else []:
        checks[audit.table_name][audit.outcome] += 1
        audited[audit.table_name] = audit.audited_at
    pipelines = [world.catalog.pipelines[name] for name in shown & world.inputs.keys()]
    behind, earlier = days_behind(pipelines), days_by_earlier_code(pipelines)
    counts = {name: sum(map(len, days)) for name, days in earlier.items()}
    found = rows(world, checks, incidents, shown, {name: len(days) for name, days in behind.items()}, counts)
    groups, problem = _runs(api, world.catalog, now, dag_id)
    known: dict[str, Any] = {"duty": current_duty(now), "day": world.yesterday, "now": now, "runs": groups, "problem": problem}
    if dag_id is None:
        standings = Counter((row.level, row.standing) for row in found)
        others = [one for one in incidents if one.pipeline not in world.inputs and not _is_passed_drill(one)]
        return page("board.html", rows=found, standings=standings, others=others, **known)
    pipeline = world.catalog.pipelines.get(dag_id)
    may_run = bool(found) and visitor.may_trigger(dag_id)
    days = _days_to_compute(behind, world.yesterday)
    proposed = forms(world.catalog, dag_id, days, figures=held_back(world.catalog, dag_id)) if may_run else []
    return page(
        "pipeline.html",
        dag_id=dag_id,
        pipeline=pipeline,
        row=found[0] if found else None,
        owners=_owners(pipeline.area) if pipeline else None,
        incidents=incidents,
        tables=tables,
        counts=checks,
        behind={name: len(days) for name, days in behind.items()},
        earlier=counts,
        outdated=_hull([one for days in earlier.values() for one in days]),
        forms=proposed,
        newest=Ledger().newest_staging_tables(checks),
        audited=audited,
        **known,
    )


def _runs(api: AirflowApi, catalog: Catalog, now: datetime, dag_id: str | None) -> tuple[list[RunGroup], str]:
    """Runs that have failed or wait; or the problem for which nobody knows, which keeps nobody from seeing the rest."""
    try:
        return failed_and_waiting(api, catalog, Ledger(), now, dag_id or "~"), ""
    except HeadlineError as error:
        return [], redact(str(error))


def _days_to_compute(behind: Mapping[str, Sequence[date]], yesterday: date) -> Interval:
    """What the forms propose: the days that are behind their inputs, or else yesterday."""
    days = sorted(day for found in behind.values() for day in found if day <= yesterday)
    return Interval(days[0], days[-1] + DAY) if days else Interval(yesterday, yesterday + DAY)


def _hull(days: Sequence[Interval]) -> tuple[date, date] | None:
    """The first and the last of some days; None where there are none."""
    return (min(one.start for one in days), max(one.end for one in days) - DAY) if days else None


def _is_passed_drill(incident: Incident) -> bool:
    return bool(incident.facts.get("drill")) and incident.state == "acknowledged"


def _owners(area: str) -> AreaOwners | None:
    try:
        return owners(load_team(), area)
    except HeadlineError:  # the line about who is on call says what is wrong with the team's file
        return None
