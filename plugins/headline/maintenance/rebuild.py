"""The warehouse rebuilt from what landed: every table for the days that the ledger says are published."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from headline.intervals import Interval, merge
from headline.ledger import Identity, Ledger, Load, Locks, PeriodState, made_by_earlier_code, stale_states
from headline.ledger.identity import recorded
from headline.pipeline.fingerprints import NOT_RECORDED, Difference, Unknown, compare
from headline.pipeline.landed import landed, require_taken_over
from headline.pipeline.names import rendered, resolutions
from headline.pipeline.run import PipelineRun
from headline.specs import Catalog, Pipeline, Source, Table
from headline.sql import compile_table
from headline.warehouse import Output, Replacement, Staging, Warehouse

# Told of each table when it is there: its name, its number of periods and rows, and the seconds it took.
Report = Callable[[str, int, int, float], None]


@dataclass(frozen=True)
class Rebuilt:
    """What came of it. `differences`: periods whose rows are not those that the ledger tells of, each with why that may be.

    `kept`: where the warehouse of before is kept; empty where there was none. `is_in_place`: whether the new one took its place.
    `left_out`: tables that the ledger knows and no folder makes any more.
    """

    differences: list[tuple[Difference, str]]
    unknown: list[Unknown]
    left_out: list[str]
    kept: str
    is_in_place: bool


def rebuild(
    catalog: Catalog, ledger: Ledger, warehouse: Warehouse, report: Report = lambda *_: None, *, with_differences: bool = False
) -> Rebuilt:
    """Make a new warehouse beside the old one, and let it take its place when it is whole and as the ledger says.

    Where it is not, it takes its place only `with_differences`; the days that differ then count as changed, so that the next run
    for them computes, audits and records them. Nobody reads or publishes meanwhile. Raises BadData where a landed file is gone or
    damaged, Transient when somebody reads or publishes for too long, SpecError for faulty SQL.
    """
    with warehouse.alone("a rebuild"):
        fresh = warehouse.beside()
        states = _states(catalog, ledger)
        before, after = _identities(ledger)
        _fill(catalog, ledger, fresh, states, report, after)
        with fresh.session(read_only=True) as session:
            verified = compare(catalog.tables.values(), ledger, session)
        told = _explained(catalog, ledger, verified.differences)
        left_out = sorted(_published_tables(ledger) - catalog.tables.keys())
        is_in_place = with_differences or all(one.what == NOT_RECORDED for one in verified.differences)
        kept = ""
        if is_in_place:
            ledger.begin_publication(_first_days(verified.differences), before, after)
            kept = warehouse.give_place(fresh)
            ledger.end_publication(after)
        return Rebuilt(told, verified.unknown, left_out, kept, is_in_place)


class _AsPublished(Ledger):
    """The ledger as the rows of one table of a source have seen it: files that came later are not there yet."""

    def __init__(self, table: str, conn_id: str) -> None:
        super().__init__(conn_id)
        self._table = table

    def current_loads(self, landing: str, intervals: Sequence[Interval] | None = None) -> list[Load]:
        return self.loads_seen(self._table, landing, intervals or [Interval(date.min, date.max)])


def _identities(ledger: Ledger) -> tuple[Identity, Identity]:
    """What the ledger knows of its warehouse, and what that is when it has been rebuilt."""
    locks = Locks("headline: a rebuild", conn_id=ledger.conn_id)
    try:
        known = recorded(locks)
    finally:
        locks.close()
    before = known.identity if known else Identity.new()
    return before, before.next()


def _states(catalog: Catalog, ledger: Ledger) -> dict[str, list[PeriodState]]:
    states: dict[str, list[PeriodState]] = {}
    for state in ledger.states(catalog.tables):
        states.setdefault(state.table, []).append(state)
    return states


def _fill(
    catalog: Catalog, ledger: Ledger, fresh: Warehouse, states: dict[str, list[PeriodState]], report: Report, after: Identity
) -> None:
    with fresh.staging("rebuild") as session:
        session.ensure([Output(name, table) for table in catalog.tables.values() for name in table.outputs])
    for pipeline in catalog.in_order():
        with fresh.staging("rebuild") as session, session.publishing():
            for table in pipeline.ordered_tables:
                if mine := states.get(table.full_name):
                    begun = time.monotonic()
                    run = _run(catalog, pipeline, table, mine, ledger, fresh)
                    rows = _compute(run, table, mine, session)
                    report(table.full_name, len(mine), rows, time.monotonic() - begun)
    with fresh.staging("rebuild") as session, session.publishing():
        session.replace([], after)


def _run(
    catalog: Catalog, pipeline: Pipeline, table: Table, states: list[PeriodState], ledger: Ledger, fresh: Warehouse
) -> PipelineRun:
    hull = Interval(states[0].interval.start, max(state.interval.end for state in states))
    if isinstance(pipeline, Source):
        ledger = _AsPublished(table.full_name, ledger.conn_id)
    return PipelineRun(pipeline, "rebuild", hull, catalog, ledger, fresh)


def _compute(run: PipelineRun, table: Table, states: list[PeriodState], session: Staging) -> int:
    """Fill one table from those before it, for the days that are published; gives its number of rows, quarantined ones too."""
    published = merge(state.interval.widen(table.period) for state in states)
    intervals = published if table.period_column else [run.requested]
    sql = rendered(table, intervals[0]) if isinstance(run.pipeline, Source) else ""
    loads = landed(run, table.reads, intervals)
    names = resolutions(run, table.reads, {}, session, sql, loads)
    selects = [compile_table(table, interval, names, run.warehouse.dialect) for interval in intervals]
    contents = session.stage(table, selects)
    require_taken_over(run, table, contents, loads, session)
    session.replace([Replacement(table, intervals if table.period_column else None)])
    return sum(one.row_count for one in contents)


def _explained(catalog: Catalog, ledger: Ledger, differences: Sequence[Difference]) -> list[tuple[Difference, str]]:
    """Each difference with why it may be, as far as the ledger knows."""
    makers = catalog.makers
    names = {one.table for one in differences}
    stale = {
        name: merge(state.interval for state in stale_states(catalog.tables[name], reads, ledger))
        for name in names
        for reads in [makers[name].reads_by_table(catalog.tables[name])]
    }
    earlier = made_by_earlier_code([catalog.tables[name] for name in names], ledger)

    def why(one: Difference) -> Iterator[str]:
        if one.what == NOT_RECORDED:
            yield "a run had died"
        if any(one.interval.overlaps(days) for days in stale.get(one.table, ())):
            yield "its inputs have changed since"
        if makers[one.table].reads_by_table(catalog.tables[one.table]).keys() & names:
            yield "what it reads differs"
        if any(one.interval.overlaps(days) for days in earlier.get(one.table, ())):
            yield "an earlier version of the code made it"

    return [(one, ", ".join(why(one)) or "not known") for one in differences]


def _first_days(differences: Sequence[Difference]) -> dict[str, list[date]]:
    days: dict[str, list[date]] = {}
    for one in differences:
        days.setdefault(one.table, []).append(one.interval.start)
    return days


def _published_tables(ledger: Ledger) -> set[str]:
    return set(ledger.newest_publications())
