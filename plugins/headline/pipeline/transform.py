"""One SELECT per table writes its staging table for the days to compute; what it holds is compared with what is published."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from headline import settings
from headline.errors import SpecError
from headline.intervals import DAY, Interval
from headline.ledger import OPEN, Change, PeriodState, Published, StagingTable, has_not_ended
from headline.pipeline.asked import asked_of
from headline.pipeline.landed import landed, require_taken_over
from headline.pipeline.names import rendered, resolutions
from headline.pipeline.plan import Plan, require_history
from headline.specs import Source, Table
from headline.sql import code_version, compile_table
from headline.warehouse import EMPTY, Content, Staging, is_history

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Staged:
    """One staged table: the days computed, the text that the engine ran, and its rows beside what is published.

    `changed`: the periods whose content is new. `unchanged`: the first days of the others. `replaced`: the days whose rows are
    to be replaced; None = all rows. `code_version`: of the SQL, contract and macros that computed it.
    """

    table: Table
    intervals: list[Interval]
    compiled_sql: str
    row_count: int
    refused_count: int
    changed: list[Published] = field(repr=False)
    unchanged: list[date] = field(repr=False)
    replaced: list[Interval] | None = field(repr=False)
    code_version: str

    @property
    def changes(self) -> list[Change]:
        """What other tables of the run depend on."""
        return [Change(one.table, one.interval, version=1) for one in self.changed]


def transform(plan: Plan, table: Table, staged: dict[str, Staged], session: Staging) -> Staged:
    """Write one table's staging table and say which of its periods changed; `staged` are the tables before it in the run.

    Raises SpecError for rows outside of the days computed: they would never be replaced again, and double with every run; BadData
    where a table that takes over what landed has not all of it.
    """
    run = plan.run
    intervals = plan.intervals(table, [change for one in staged.values() for change in one.changes])
    require_history(run, table, intervals)
    # A table that is rebuilt whole is computed once, however its days lie.
    with session.reading():
        code = code_version(table)
        text = rendered(table, intervals[0]) if isinstance(run.pipeline, Source) else ""
        loads = landed(run, table.reads, intervals)
        computed = {name: one.intervals for name, one in staged.items()}
        names = resolutions(run, table.reads, computed, session, text, loads)
        selects = [compile_table(table, interval, names, run.warehouse.dialect) for interval in intervals]
        contents = session.stage(table, selects, lambda: asked_of(run, table, intervals, computed, loads, session))
        _require_within(table, intervals, contents)
        require_taken_over(run, table, contents, loads, session)
    rows, refused = sum(one.row_count for one in contents), sum(one.refused_count for one in contents)
    changed, unchanged, replaced = compared(plan, table, intervals, contents, session)
    run.ledger.record_staging_table(
        StagingTable(run.key, table.full_name, intervals, plan.as_of, rows - refused, "transformed", run.run_id)
    )
    log.info(
        "%s: %s rows for %s%s; %s of %s periods changed",
        table.full_name,
        rows - refused,
        ", ".join(map(str, intervals)),
        f" and {refused} quarantined" if refused else "",
        len(changed),
        len(changed) + len(unchanged),
    )
    return Staged(table, intervals, ";\n\n".join(selects), rows - refused, refused, changed, unchanged, replaced, code)


def _require_within(table: Table, intervals: Sequence[Interval], contents: Sequence[Content]) -> None:
    if table.period_column is None:
        return
    known = {period.start for interval in intervals for period in periods(interval, table)}
    if outside := sum(one.row_count for one in contents if one.start not in known):
        raise SpecError(
            [f"{table.sql_file.name}: {outside} rows are outside of {intervals[0]}; its WHERE must use start and end"]
        )


def periods(interval: Interval, table: Table) -> Iterator[Interval]:
    """The periods of a table within an interval of whole periods."""
    start = interval.start
    while start < interval.end:
        period = Interval(start, start + DAY).widen(table.period)
        yield period
        start = period.end


def compared(
    plan: Plan, table: Table, intervals: Sequence[Interval], contents: Sequence[Content], session: Staging
) -> tuple[list[Published], list[date], list[Interval] | None]:
    """Of what is staged: the periods whose content is new, the first days of the others, and the days whose rows are replaced."""
    if table.period_column is None:
        return _compared_whole(plan, table, contents[0] if contents else EMPTY, session)
    found = {one.start: one for one in contents}
    known = {state.interval: (state.fingerprint, state.status) for state in _states(plan, table, intervals)}
    changed, unchanged = [], []
    for interval in intervals:
        for period in periods(interval, table):
            now = _published(table, period, found.get(period.start, EMPTY))
            if known.get(period) == (now.fingerprint, now.status):
                unchanged.append(period.start)
            else:
                changed.append(now)
    return changed, unchanged, [one.interval for one in changed]


def _compared_whole(
    plan: Plan, table: Table, content: Content, session: Staging
) -> tuple[list[Published], list[date], list[Interval] | None]:
    """A table that is replaced whole has one content; new to the days that were asked for, and to those on which it differs."""
    requested = plan.run.requested
    known = {state.interval.start for state in _states(plan, table, [requested])}
    newest = plan.run.ledger.newest_state(table.full_name)
    # After a crash the published rows may be these already, so that comparing them does not find what readers have yet to see.
    in_doubt = plan.run.ledger.in_doubt(table.full_name)
    if newest and newest.fingerprint == content.fingerprint and not in_doubt:
        changed = [_published(table, Interval(day, day + DAY), content) for day in requested if day not in known]
        return changed, sorted(known & set(requested)), []
    affected = [requested, *(state.interval for state in in_doubt)]
    if newest:
        everything = Interval(date.min, date.max)
        days = session.changed_days(table, settings.load().reporting_zone) if is_history(table) else [everything]
        affected += [state.interval for state in plan.run.ledger.states([table.full_name], *days)] if days else []
    days_affected = sorted({day for interval in affected for day in interval})
    return [_published(table, Interval(day, day + DAY), content) for day in days_affected], [], None


def _states(plan: Plan, table: Table, intervals: Sequence[Interval]) -> list[PeriodState]:
    """The states of these days; stale days that follow from the run itself are among those that the plan has read."""
    states = plan.states.get(table.full_name, [])
    return [state for state in states if any(state.interval.overlaps(interval) for interval in intervals)]


def _published(table: Table, period: Interval, content: Content) -> Published:
    status = "partial" if content.is_partial or content.lacks_days else "complete"
    if table.period in ("week", "month") and has_not_ended(period):
        status = OPEN
    return Published(table.full_name, period, content.fingerprint, content.row_count, status, content.coverage)
