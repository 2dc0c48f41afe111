"""What a backfill would do, before anything runs: which tables and days, in which order and chunks, for how long, and to what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from math import log2

from headline import settings
from headline.backfill.selection import select
from headline.backfill.totals import Totals, totals
from headline.figures.reach import could_move
from headline.intervals import DAY, Interval, from_days, merge
from headline.ledger import (
    Backfills,
    Change,
    Chunk,
    FigureRow,
    Ledger,
    Request,
    made_by_earlier_code,
    missing_days,
    stale_states,
    touched,
)
from headline.specs import Catalog, Pipeline
from headline.warehouse import Warehouse

# Days by table that are to be computed again → which issued figures that could move, a line each.
CouldMove = Callable[[Mapping[str, Sequence[Interval]]], Sequence[str]]


@dataclass(frozen=True)
class Part:
    """What is to be computed of one pipeline.

    `tables`: all of them, since a pipeline is published as a whole, each with why. `days`: those to compute, `chunks`: at once.
    `at_stake`: by table the days that may change, `stale`: those of them that are stale now; the others follow from these.
    `left_out`: by table read the days that it lacks. `seconds`: how long it takes by experience; None without any.
    """

    pipeline: str
    tables: dict[str, str]
    days: list[Interval]
    chunks: list[Interval]
    at_stake: dict[str, list[Interval]]
    stale: dict[str, list[Interval]] = field(default_factory=dict)
    left_out: dict[str, list[date]] = field(default_factory=dict)
    seconds: float | None = None


@dataclass(frozen=True)
class Plan:
    """All of it, in order of work: pipelines after those they read, each chunk after the ones before it.

    `before`: rows and money of the days at stake. `issued`: issued figures that could move. `later`: by table, how many days
    become stale where these change, and are not part of it. `taken`: why it would be refused now, empty where nothing is in the
    way.
    """

    request: Request
    parts: list[Part]
    before: Totals
    issued: list[str]
    later: dict[str, int]
    taken: str = ""

    @property
    def chunks(self) -> list[Chunk]:
        spans = [(part.pipeline, one) for part in self.parts for one in part.chunks]
        return [Chunk(number, pipeline, interval) for number, (pipeline, interval) in enumerate(spans, 1)]

    @property
    def seconds(self) -> float | None:
        """How long all of it takes, as far as there is experience; None where there is none of any pipeline."""
        known = [part.seconds for part in self.parts if part.seconds is not None]
        return sum(known) if known else None


def make_plan(
    catalog: Catalog, ledger: Ledger, warehouse: Warehouse, request: Request, issued_by: CouldMove | None = None
) -> Plan:
    """Plan a request from the ledger; of the warehouse only sums of money are read. Raises BadRequest, Transient."""
    chosen = select(catalog, request.selection, with_downstream=request.with_downstream)
    parts: list[Part] = []
    for pipeline in _in_order(catalog, chosen):
        part = _part(catalog, ledger, pipeline, request, chosen, parts)
        if part.days or part.left_out:
            parts.append(part)
    history = Backfills(ledger.conn_id).seconds([part.pipeline for part in parts])
    parts = [_timed(part, history.get(part.pipeline, [])) for part in parts]
    days = _days_by_table(catalog, parts)
    before = totals(catalog, ledger, warehouse, days)
    issued = issued_by(days) if issued_by else _issued(catalog, ledger, days)
    plan = Plan(request, parts, before, list(issued), _later(catalog, ledger, days))
    return replace(plan, taken=Backfills(ledger.conn_id).taken(plan.chunks))


def _issued(catalog: Catalog, ledger: Ledger, days: Mapping[str, Sequence[Interval]]) -> list[str]:
    """The issued figures that could move, a line for each metric, those of months before those of weeks and days."""
    found: dict[str, list[FigureRow]] = defaultdict(list)
    for row in sorted(could_move(ledger, days, catalog), key=lambda row: (-len(row.interval), row.metric, row.start)):
        found[row.metric].append(row)
    return [
        f"{metric}: {len(rows)} of {rows[0].start} to {max(row.interval.end for row in rows) - DAY}"
        for metric, rows in found.items()
    ]


def _in_order(catalog: Catalog, chosen: Iterable[str]) -> list[Pipeline]:
    """The pipelines of these tables, each after those that it reads; what this deployment does without is none."""
    without, makers = settings.load().without, catalog.makers
    wanted = {makers[name].id for name in chosen if name not in without}
    return catalog.in_order(wanted)


def _part(
    catalog: Catalog, ledger: Ledger, pipeline: Pipeline, request: Request, chosen: Mapping[str, str], before: Sequence[Part]
) -> Part:
    names = [table.full_name for table in pipeline.ordered_tables]
    tables = {name: chosen.get(name, "published with the pipeline") for name in names}
    stale: dict[str, list[Interval]] = {}
    at_stake = {name: [request.days] for name in names}
    if request.is_stale_only:
        stale = stale_days(ledger, pipeline, request.days)
        at_stake = _followed(ledger, pipeline, request.days, stale, before)
    wanted = _within((one for mine in at_stake.values() for one in mine), request.days)
    left_out = _lacking(catalog, ledger, pipeline, wanted, before)
    lost = {day for days in left_out.values() for day in days}
    days = from_days(day for one in wanted for day in one if day not in lost) if lost else wanted
    at_stake = {name: merge(part for one in days for part in _within(mine, one)) for name, mine in at_stake.items() if mine}
    return Part(pipeline.id, tables, days, [chunk for one in days for chunk in cut(one)], at_stake, stale, left_out)


def stale_days(ledger: Ledger, pipeline: Pipeline, *within: Interval) -> dict[str, list[Interval]]:
    """By table the published days that are stale: an input changed after they were computed, or SQL or contract did."""
    tables = [table for table in pipeline.ordered_tables if table.full_name not in settings.load().without]
    outdated = made_by_earlier_code(tables, ledger)
    found = {}
    for table in tables:
        stale = [state.interval for state in stale_states(table, pipeline.reads_by_table(table), ledger, *within)]
        days = [one for span in within for one in _within([*stale, *outdated.get(table.full_name, [])], span)]
        if days:
            found[table.full_name] = merge(days)
    return found


def _followed(
    ledger: Ledger, pipeline: Pipeline, within: Interval, stale: Mapping[str, list[Interval]], before: Sequence[Part]
) -> dict[str, list[Interval]]:
    """By table its stale days, and the published ones that depend on what may change of other tables before it."""
    changes = [Change(name, one, version=1) for part in before for name, mine in part.at_stake.items() for one in mine]
    found = {}
    for table in pipeline.ordered_tables:
        reads = pipeline.reads_by_table(table)
        mine = [change for change in changes if change.table in reads]
        states = [state.interval for state in ledger.states([table.full_name], within)] if mine else []
        follow = states[-1:] if table.period_column is None else touched(states, reads, mine)
        found[table.full_name] = _within([*stale.get(table.full_name, []), *follow], within)
        changes += [Change(table.full_name, one.widen(table.period), version=1) for one in found[table.full_name]]
    return found


def _lacking(
    catalog: Catalog, ledger: Ledger, pipeline: Pipeline, wanted: Sequence[Interval], before: Sequence[Part]
) -> dict[str, list[date]]:
    """By table read, the days that nobody can compute, since they are neither published nor computed by an earlier part."""
    if not wanted:
        return {}
    always_there = {"calendar.days", *settings.load().without}
    found: dict[str, list[date]] = {}
    hull = Interval(wanted[0].start, wanted[-1].end)
    makers = catalog.makers
    for name, window in pipeline.inputs.items():
        if name in always_there:
            continue
        known = makers[name].outputs[name].full_name if name in makers else name
        there = [state.interval for state in ledger.states([known], *([] if window.without_gaps else [hull]))]
        there += [one for part in before if known in part.tables for one in part.days]
        lost = sorted({day for one in wanted for day in missing_days(one, there, window)})
        if lost and window.without_gaps:  # every day after a gap lacks it
            lost = [day for one in wanted for day in one if day >= lost[0]]
        if lost:
            found[known] = lost
    return found


def _within(intervals: Iterable[Interval], limits: Interval) -> list[Interval]:
    """The days of the intervals that lie within the limits."""
    return merge(Interval(max(one.start, limits.start), min(one.end, limits.end)) for one in intervals if one.overlaps(limits))


def cut(days: Interval) -> list[Interval]:
    """Days in stretches of as many as one chunk may have, where it goes at the ends of months, so that none is computed twice."""
    most = timedelta(days=settings.load().backfill_days)
    found, start = [], days.start
    while start < days.end:
        end = min(start + most, days.end)
        if end < days.end and (month := end.replace(day=1)) > start:
            end = month
        found.append(Interval(start, end))
        start = end
    return found


def _timed(part: Part, history: Sequence[tuple[int, float]]) -> Part:
    """A chunk takes as long as the known one whose number of days is nearest; one with more days takes longer by its days."""
    seconds = None
    if history:
        seconds = 0.0
        for chunk in part.chunks:
            nearest = min(history, key=lambda known: abs(log2(known[0] / len(chunk))))
            seconds += nearest[1] * max(1.0, len(chunk) / nearest[0])
    return replace(part, seconds=seconds)


def _days_by_table(catalog: Catalog, parts: Sequence[Part]) -> dict[str, list[Interval]]:
    without, tables = settings.load().without, catalog.tables
    return {
        name: merge(one.widen(tables[name].period) for one in days)
        for part in parts
        for name, days in part.at_stake.items()
        if days and name not in without
    }


def _later(catalog: Catalog, ledger: Ledger, days: Mapping[str, Sequence[Interval]]) -> dict[str, int]:
    """By table how many published days depend on these and are not among them."""
    changes = [Change(name, one, version=1) for name, mine in days.items() for one in mine]
    found = {}
    for pipeline in catalog.pipelines.values():
        for table in pipeline.ordered_tables:
            reads = pipeline.reads_by_table(table)
            mine = [change for change in changes if change.table in reads]
            if not mine or table.period_column is None:
                continue
            states = [state.interval for state in ledger.states([table.full_name])]
            known = days.get(table.full_name, ())
            others = [one for one in states if not any(span.start <= one.start and one.end <= span.end for span in known)]
            if count := sum(len(one) for one in touched(others, reads, mine)):
                found[table.full_name] = count
    return found
