"""Which days of each table a run computes: those asked for, and stale ones within the restatement window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from headline import settings
from headline.errors import Transient
from headline.intervals import DAY, Interval, from_days, merge
from headline.ledger import IN_DOUBT, Change, PeriodState, missing_days, missing_inputs, stale_periods, touched
from headline.pipeline.run import PipelineRun
from headline.specs import Table


@dataclass(frozen=True)
class Plan:
    """What a run knows before it computes: inputs up to `as_of`, the state of its tables, and what changed of their inputs.

    `states`: by table, the periods asked for and those within the restatement window, in order of days. `changes`: by table, what
    changed of its inputs; days out of reach of its own windows are told as one change, which means nothing to another table.
    `gaps`: by table, days that it lacks although its inputs have them, where another table of the pipeline reads it without gaps.
    `alone`: whether stale days are left for another run.
    """

    run: PipelineRun
    as_of: int
    states: dict[str, list[PeriodState]] = field(repr=False)
    changes: dict[str, list[Change]] = field(repr=False)
    gaps: dict[str, list[Interval]] = field(repr=False, default_factory=dict)
    alone: bool = False

    def intervals(self, table: Table, changed: Iterable[Change] = ()) -> list[Interval]:
        """The days to compute of one table, in whole periods.

        `changed`: what this very run has changed of the pipeline's other tables.
        """
        requested = self.run.requested.widen(table.period)
        if table.period_column is None:
            return [requested]
        gaps = self.gaps.get(table.full_name, [])
        if self.alone:
            return merge(interval.widen(table.period) for interval in [requested, *gaps])
        reads = self.run.pipeline.reads_by_table(table)
        states = self.states.get(table.full_name, [])
        stale = [state.interval for state in stale_periods(states, reads, self.changes.get(table.full_name, []))]
        in_doubt = [state.interval for state in states if state.fingerprint == IN_DOUBT]
        follow = touched([state.interval for state in states], reads, [change for change in changed if change.table in reads])
        return merge(interval.widen(table.period) for interval in [requested, *stale, *in_doubt, *follow, *gaps])


def plan(run: PipelineRun) -> Plan:
    """Look once at the ledger, for all tables of the pipeline; the cost follows the days at stake, not history.

    Raises Transient where an input is not published for the days asked for, or has gaps that it must not have.
    """
    as_of = run.ledger.newest_version()
    _require_inputs(run)
    names = [table.full_name for table in run.pipeline.ordered_tables]
    window = _restatement_window(run, names)
    states: dict[str, list[PeriodState]] = {name: [] for name in names}
    for state in run.ledger.states(names, *merge([_widest(run), *window])):
        states[state.table].append(state)
    asked = {}
    for table in run.pipeline.ordered_tables:
        if table.period_column is None:
            continue
        at_stake = [
            state for state in states[table.full_name] if not _is_within(state.interval, run.requested.widen(table.period))
        ]
        if at_stake:
            hull = Interval(at_stake[0].interval.start, at_stake[-1].interval.end)
            oldest = min(state.as_of for state in at_stake)
            asked[table.full_name] = (run.pipeline.reads_by_table(table), hull, oldest)
    return Plan(run, as_of, states, run.ledger.changes_of(asked), _gaps(run, states))


def _gaps(run: PipelineRun, states: dict[str, list[PeriodState]]) -> dict[str, list[Interval]]:
    """Days are counted first, and looked up only where a table has fewer than its inputs."""
    tables = run.pipeline.outputs
    gapless = {
        tables[name].full_name: tables[name]
        for table in run.pipeline.ordered_tables
        for name, window in table.reads.items()
        if name in tables and window.without_gaps
    }
    found = {}
    for name, table in gapless.items():
        inputs = sorted(run.pipeline.external_reads(table).keys() - _always_there())
        counts = {one: count for one, (_, count) in run.ledger.days_until([name, *inputs], date.max).items()}
        known = {day for state in states[name] for day in state.interval}
        asked = sum(day not in known for day in run.requested)
        if min((counts.get(one, 0) for one in inputs), default=0) > counts.get(name, 0) + asked:
            there: dict[str, set[date]] = {one: set() for one in (name, *inputs)}
            for state in run.ledger.states(there):
                there[state.table] |= set(state.interval)
            found[name] = from_days(set.intersection(*(there[one] for one in inputs)) - there[name])
    return found


def require_history(run: PipelineRun, table: Table, intervals: Sequence[Interval]) -> None:
    """A missing day must not pass for a day on which nothing happened, neither for a stale day that is computed again."""
    end = intervals[-1].end
    for name, window in run.pipeline.external_reads(table).items():
        if window.without_gaps and end > run.requested.end:
            there = [state.interval for state in run.ledger.states([name])]
            newest = max((interval.end for interval in there), default=run.requested.end)
            needed = Interval(run.requested.start, max(run.requested.end, min(end, newest)))
            _refuse_missing(table.full_name, {name: missing_days(needed, there, window)})


def _require_inputs(run: PipelineRun) -> None:
    reads = {name: window for name, window in run.pipeline.inputs.items() if name not in _always_there()}
    _refuse_missing(run.pipeline.id, missing_inputs(reads, run.requested, run.ledger))


def _always_there() -> set[str]:
    return {"calendar.days", *settings.load().without}


def _refuse_missing(who: str, missing: dict[str, list[date]]) -> None:
    if lacking := [f"{name} lacks {len(days)} day(s) from {days[0]}" for name, days in missing.items() if days]:
        raise Transient(
            f"{who}: {'; '.join(lacking)}: a day that is not published would look as if nothing had happened on it. "
            "Run what makes it for these days"
        )


def _restatement_window(run: PipelineRun, names: Sequence[str]) -> list[Interval]:
    """The days before the newest one, of this run or published, in which stale days ride along; none where the setting is 0."""
    days = settings.load().restatement_days
    newest = max([run.requested.end, *(day + DAY for day in run.ledger.newest_days(names).values())])
    return [Interval(newest - timedelta(days=days), newest)] if days else []


def _widest(run: PipelineRun) -> Interval:
    asked = [run.requested.widen(table.period) for table in run.pipeline.ordered_tables]
    return Interval(min(one.start for one in asked), max(one.end for one in asked))


def _is_within(inner: Interval, outer: Interval) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end
