"""Which days should be there by now and are not: of every landed table, and of what every pipeline publishes.

Should be there: the days that the schedule owes, and those of a short hole between days that are there. Missing is one of which
- nothing has been loaded, or the raw table's completeness check has found nothing in what did;
- a pipeline has published nothing, although all that it reads is there and no audit holds the day back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from headline import settings
from headline.intervals import DAY, Interval
from headline.ledger import Change, Ledger, PeriodState, StagingTable, missing_days, touched
from headline.specs import Catalog, Pipeline, Source, Table

# A longer hole in what the schedule does not owe is no accident: somebody has computed two ranges apart.
LONGEST_HOLE = timedelta(days=7)


@dataclass(frozen=True)
class Found:
    """What is there of one day: `content` for the record and, where it does not count, why (`fault`)."""

    content: dict[str, Any]
    fault: str = ""


@dataclass(frozen=True)
class Missing:
    """A day of `landing` (a landed table, or a pipeline for all that it publishes) that should be there `since` a moment."""

    pipeline: str
    landing: str
    ds: date
    since: datetime
    reason: str
    before: dict[str, Any]

    @property
    def key(self) -> tuple[str, date]:
        return self.landing, self.ds


@dataclass(frozen=True)
class Stock:
    """What is there, by day, of one thing that a pipeline owes: a landed table, or all that it publishes.

    `nothing`: what is said of a day that is not there. `must_wait`: whether nobody can expect a day yet.
    """

    pipeline: Pipeline
    landing: str
    days: Mapping[date, Found]
    nothing: Found
    must_wait: Callable[[date], bool] = lambda _day: False

    def of(self, day: date) -> Found:
        return self.days.get(day, self.nothing)

    def missing(self, now: datetime) -> Iterator[Missing]:
        """The days that should be there by now and are not, in order."""
        wanted = expected_days(self.days, settings.load().start_date, last_due(self.pipeline, now))
        wanted |= {day for day, found in self.days.items() if found.fault and self.pipeline.due_at(day) <= now}
        for day in sorted(wanted):
            found = self.of(day)
            if found.fault and not self.must_wait(day):
                since = self.pipeline.due_at(day)
                yield Missing(self.pipeline.id, self.landing, day, since, found.fault, found.content)


def take_stock(catalog: Catalog, ledger: Ledger, now: datetime) -> list[Stock]:
    """What is there of everything that the pipelines owe, except what this deployment does without."""
    stocks: list[Stock] = []
    known = _Known.of(catalog, ledger)
    for pipeline in catalog.pipelines.values():
        arrivals = list(_arrivals(pipeline, known)) if isinstance(pipeline, Source) else []
        to_come = {missing.ds for stock in arrivals for missing in stock.missing(now)}
        stocks += [*arrivals, *_publication(pipeline, known, to_come)]
    return stocks


@dataclass(frozen=True)
class _Known:
    """What the ledger knows of all tables, read at once: their states by table, and what audits hold back."""

    ledger: Ledger
    by_table: Mapping[str, Sequence[PeriodState]]
    held: Sequence[StagingTable]

    @staticmethod
    def of(catalog: Catalog, ledger: Ledger) -> _Known:
        published = [table.full_name for pipeline in catalog.pipelines.values() for table in _tables(pipeline)]
        read = {name for pipeline in catalog.pipelines.values() for name in (*pipeline.inputs, *getattr(pipeline, "landed", ()))}
        by_table: dict[str, list[PeriodState]] = defaultdict(list)
        for state in ledger.states({*published, *read}):
            by_table[state.table].append(state)
        return _Known(ledger, by_table, ledger.failed_staging_tables(published))

    def states(self, names: Iterable[str]) -> list[PeriodState]:
        return [state for name in names for state in self.by_table.get(name, ())]


def expected_days(there: Iterable[date], first: date, last: date) -> set[date]:
    """The days that the schedule owes, from its `first` to the `last` one that is due, and those of short holes."""
    expected = set(Interval(first, last + DAY)) if first <= last else set()
    for one, other in pairwise(sorted(there)):
        if DAY < other - one <= LONGEST_HOLE + DAY:
            expected |= set(Interval(one + DAY, other))
    return expected


def last_due(pipeline: Pipeline, now: datetime) -> date:
    """The newest day whose landing time has passed."""
    day = now.date()
    while pipeline.due_at(day) > now:
        day -= DAY
    return day


def _arrivals(source: Source, known: _Known) -> Iterator[Stock]:
    tables = _tables(source)
    silent = _silent_days(tables, known)
    nothing = Found({"files": 0, "rows": 0, "checksum": None}, "nothing has been loaded")
    for landing in source.landed:
        if readers := [table for table in tables if landing in table.reads]:
            days = {}
            for load in known.states([landing]):
                # A table that is made of several landings lacks what any of them lacks: what holds rows is not to blame.
                blamed = [table.full_name for table in readers if load.row_count == 0 or _landings(table) == [landing]]
                day = load.interval.start
                fault = next((silent[name, day] for name in blamed if (name, day) in silent), "")
                days[day] = Found({"files": 1, "rows": load.row_count, "checksum": load.fingerprint}, fault)
            yield Stock(source, landing, days, nothing)


def _silent_days(tables: Sequence[Table], known: _Known) -> dict[tuple[str, date], str]:
    """The days, by table, in which completeness checks found nothing, and that were not published whole since."""
    names = [table.full_name for table in tables]
    silent = {}
    if failed := known.ledger.failed_checks("completeness", names):
        whole = {(state.table, state.interval.start): state.computed_at for state in known.states(names) if not state.is_partial}
        for row in failed:
            for day in {date.fromisoformat(key["ds"]) for key in row.sample if "ds" in key}:
                since = whole.get((row.table_name, day))
                if since is None or since <= row.audited_at:
                    silent[row.table_name, day] = f"what arrived holds nothing of it: «{row.check_name}» has failed"
    return silent


def _publication(pipeline: Pipeline, known: _Known, to_come: Collection[date]) -> Iterator[Stock]:
    """A day is there with the first of the pipeline's tables: they are published together, but for one that is new.

    Weeks and months are published as a whole from their first day on. They tell something only where there is nothing finer, and
    of the days whose inputs were there at that time.
    """
    tables = _tables(pipeline)
    if not tables:
        return
    read = {name for table in tables for name in table.reads} - {"calendar.days", *settings.load().without}
    inputs = {name: window for name, window in pipeline.inputs.items() if name in read}
    there = known.states(inputs)
    by_day = [table.full_name for table in tables if table.period in ("day", "all")]
    came = {} if by_day else known.ledger.first_versions(inputs)
    published: dict[date, set[str]] = defaultdict(set)
    for state in known.states(by_day or [table.full_name for table in tables]):
        for day in state.interval:
            if by_day or all(came.get((name, day), 0) <= state.as_of for name in inputs):
                published[day].add(state.table)
    own = {table.full_name for table in tables}
    held = [staging_table for staging_table in known.held if staging_table.table in own]

    def must_wait(day: date) -> bool:
        """Whether it lacks an input, or an audit refuses what these very inputs make: a retry does not fix bad data."""
        asked = Interval(day, day + DAY)
        return (
            day in to_come
            or any(missing_days(asked, [one.interval for one in known.by_table.get(name, ())], inputs[name]) for name in inputs)
            or any(
                any(interval.overlaps(asked) for interval in staging_table.intervals)
                and not touched(staging_table.intervals, inputs, _newer(there, staging_table.as_of))
                for staging_table in held
            )
        )

    nothing = Found({"tables": []}, "all that it reads is there, but it was never published")
    days = {day: Found({"tables": sorted(names)}) for day, names in published.items()}
    yield Stock(pipeline, pipeline.id, days, nothing, must_wait)


def _newer(states: Iterable[PeriodState], version: int) -> list[Change]:
    return [Change(state.table, state.interval, state.version) for state in states if state.version > version]


def _tables(pipeline: Pipeline) -> list[Table]:
    return [table for table in pipeline.ordered_tables if table.full_name not in settings.load().without]


def _landings(table: Table) -> list[str]:
    return [name for name in table.reads if name.startswith("landing.")]
