"""What a judgement rests on: what the ledger knows, what the pipelines promise, and the time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from statistics import median
from typing import Any

from headline.errors import SpecError
from headline.incidents.days import end_of
from headline.incidents.stranded import Stranded
from headline.intervals import DAY, business_day
from headline.ledger import Attempt, HeldDay, SchemaChange
from headline.ledger.evidence import Evidence, Publication
from headline.specs import Catalog, Table, load_contract

LOOK_BACK_DAYS = 3  # older days page nobody; within them a day is told even if nobody looked when it was missed
HISTORY_DAYS = 28
ENOUGH_HISTORY = 5
STUCK_FACTOR = 3
STUCK_AT_LEAST = timedelta(minutes=10)


@dataclass(frozen=True)
class Landing:
    """How far one day of one pipeline is: tables that lack it, those that have it in part, and when the last of them came.

    What a table has in part is judged by what arrived for that day: one that is partial for an earlier day only is not told.
    """

    missing: list[str]
    partial: dict[str, float]
    landed_at: datetime | None

    @property
    def is_complete(self) -> bool:
        return not self.missing and not self.partial


@dataclass(frozen=True)
class World:
    """Everything that a judgement rests on.

    `stale`: by pipeline, the published days that were computed before an input changed which should be in by now.
    `escalated`: missing days that nobody tries to bring any more. `changed_schemas`: how the columns of landings differ.
    `held`: readings of days
    that would have lost what was loaded. `slow`: by pipeline and day, tasks that take too long. `down`: parts of the alerts' own
    path that do not work. `stranded`: runs of Airflow's backfills that can never start; None where nobody knows. `restatements`:
    pipeline and first day of each that waits for a person.
    """

    catalog: Catalog
    evidence: Evidence
    now: datetime
    start_date: date
    zone: str
    without: frozenset[str] = frozenset()
    stale: Mapping[str, set[date]] = field(default_factory=dict)
    escalated: Sequence[Attempt] = ()
    changed_schemas: Sequence[SchemaChange] = ()
    held: Sequence[HeldDay] = ()
    slow: Mapping[tuple[str, date], list[dict[str, Any]]] = field(default_factory=dict)
    down: Mapping[str, str] = field(default_factory=dict)
    stranded: Sequence[Stranded] | None = None
    restatements: Set[tuple[str, date]] = frozenset()

    @property
    def yesterday(self) -> date:
        return business_day(self.now, self.zone) - DAY

    @property
    def days(self) -> list[date]:
        """The days that are looked at, the newest first."""
        days = [self.yesterday - DAY * n for n in range(LOOK_BACK_DAYS)]
        return [day for day in days if day >= self.start_date]

    @cached_property
    def inputs(self) -> dict[str, set[str]]:
        """By pipeline, those that it waits for, in an order in which each comes after them; only those that exist here."""
        expected: dict[str, set[str]] = {}
        for pipeline in self.catalog.in_order():
            made = [table for table in pipeline.tables.values() if table.full_name not in self.without]
            read = self.catalog.inputs_of(pipeline.id)
            inputs = read & expected.keys()
            if made and (inputs or not read):
                expected[pipeline.id] = inputs
        return expected

    def deadline(self, pipeline: str, day: date) -> datetime:
        return self.catalog.pipelines[pipeline].due_at(day)

    def landing(self, pipeline: str, day: date) -> Landing:
        """What readers have of one day: of each table the newest publication counts."""
        missing, partial, moments = [], {}, []
        for table in self._telling_tables(pipeline):
            newest = next(self._taken_in(pipeline, table, day), None)
            if newest is None:
                missing.append(table.full_name)
            else:
                moments.append(newest.published_at)
                if self._is_partial_for(table, newest, day):
                    partial[table.full_name] = float(newest.coverage)
        return Landing(missing, partial, None if missing else max(moments))

    def first_landed_at(self, pipeline: str, day: date) -> datetime | None:
        """When all tables had a day for the first time, however often since; None where it came more than a day late, which says
        nothing about what is usual."""
        if (pipeline, day) not in self._first_landings:
            moments = [
                min((one.published_at for one in self._taken_in(pipeline, table, day)), default=None)
                for table in self._telling_tables(pipeline)
            ]
            latest = None if None in moments else max(moment for moment in moments if moment)
            self._first_landings[pipeline, day] = latest if latest and latest - end_of(day, self.zone) < DAY else None
        return self._first_landings[pipeline, day]

    def published_since(self, pipeline: str, moment: datetime, day: date | None = None) -> bool:
        """Whether the pipeline has published anything, or that day, after a moment; the same content computed again counts."""
        names = {table.full_name for table in self._tables(pipeline)}
        return any(
            one.table in names and one.computed_at > moment and (day is None or day in one.interval)
            for one in self.evidence.publications
        )

    # what is usual

    def usual(self, pipeline: str) -> timedelta | None:
        """The median time from when its inputs were there until it had landed; None while too few days are known."""
        times = []
        day = self.evidence.first
        while day < self.yesterday:
            begun, landed = self._began(pipeline, day), self.first_landed_at(pipeline, day)
            if begun and landed and begun <= landed:
                times.append((landed - begun).total_seconds())
            day += DAY
        return timedelta(seconds=median(times)) if len(times) >= ENOUGH_HISTORY else None

    def expected_at(self, pipeline: str, day: date) -> datetime | None:
        """When a day will have landed if all takes as long as usual from now on; None where nobody can tell."""
        if landed_at := self.landing(pipeline, day).landed_at:
            return landed_at
        usual = self.usual(pipeline)
        begins = [self.expected_at(one, day) for one in self.inputs[pipeline]] or [end_of(day, self.zone)]
        if usual is None or any(moment is None for moment in begins):
            return None
        return max(self.now, max(moment for moment in begins if moment) + usual)

    def stuck_since(self, pipeline: str, day: date) -> datetime | None:
        """When its inputs were there, if it has taken much longer since than is usual."""
        begun, usual = self._began(pipeline, day), self.usual(pipeline)
        if begun is None or usual is None:
            return None
        return begun if self.now - begun > max(STUCK_FACTOR * usual, STUCK_AT_LEAST) else None

    # inside

    @cached_property
    def _by_table(self) -> dict[str, list[Publication]]:
        found: dict[str, list[Publication]] = {}
        for publication in self.evidence.publications:
            found.setdefault(publication.table, []).append(publication)
        return found

    def _tables(self, pipeline: str) -> list[Table]:
        tables = self.catalog.pipelines[pipeline].tables.values()
        return [table for table in tables if table.full_name not in self.without]

    def _telling_tables(self, pipeline: str) -> list[Table]:
        """Those that tell whether a day is there: weeks and months do so only where there is nothing finer."""
        tables = self._tables(pipeline)
        return [table for table in tables if table.period in ("day", "all")] or tables

    def _taken_in(self, pipeline: str, table: Table, day: date) -> Iterator[Publication]:
        """The publications of a table that hold a day, the newest first.

        A week or a month is published whole from its first day on: it holds the days whose inputs were there at that time.
        """
        is_coarse = table.period in ("week", "month")
        inputs = self.catalog.pipelines[pipeline].external_reads(table).keys() & self.catalog.makers.keys() - self.without
        for one in self._by_table.get(table.full_name, []):
            if day in one.interval and (not is_coarse or all(0 < self._came(name, day) <= one.as_of for name in inputs)):
                yield one

    def _is_partial_for(self, table: Table, publication: Publication, day: date) -> bool:
        """Whether rows of that day are missing, and not only rows of days that the table sums up besides.

        Where its inputs say how much of the day is there they decide; a week or month tells of nothing that its days do not.
        """
        if publication.is_complete or table.period in ("week", "month"):
            return False
        inputs = [self.catalog.tables[name] for name in sorted(table.reads.keys() & self._tell_coverage)]
        return not inputs or any(
            self._is_partial_for(one, newest, day) for one in inputs if (newest := self._newest(one.full_name, day))
        )

    @cached_property
    def _tell_coverage(self) -> set[str]:
        """The tables whose rows say how much of their period is there; a faulty contract says nothing, and stops no watch."""
        found = set()
        for name, table in self.catalog.tables.items():
            with suppress(SpecError):
                if name not in self.without and load_contract(table).tells_coverage:
                    found.add(name)
        return found

    def _newest(self, table: str, day: date) -> Publication | None:
        return next((one for one in self._by_table.get(table, []) if day in one.interval), None)

    def _came(self, table: str, day: date) -> int:
        """The version that brought a day first; 0 where none did."""
        return min((one.version for one in self._by_table.get(table, []) if day in one.interval), default=0)

    @cached_property
    def _first_landings(self) -> dict[tuple[str, date], datetime | None]:
        return {}

    def _began(self, pipeline: str, day: date) -> datetime | None:
        """When the inputs of a day were there."""
        moments = [self.first_landed_at(one, day) for one in self.inputs[pipeline]]
        return None if None in moments else max([end_of(day, self.zone), *(moment for moment in moments if moment)])
