"""The data catalog: what each table and column means, who answers for it, how fresh it is, and who reads it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property

from headline import settings
from headline.errors import SpecError
from headline.intervals import DAY, Interval, business_day
from headline.ledger import Ledger, PeriodState
from headline.specs import Catalog, Column, Contract, Pipeline, Table, read_contract
from headline.specs.metrics import read_metrics
from headline.sql import parse, render, tables_read

_IN_UNITS = re.compile(r"\bin (minutes|seconds|hours|days)\b")
_SOME_DAY = Interval(date(2026, 3, 3), date(2026, 3, 4))


@dataclass(frozen=True)
class Entry:
    """One table of the catalog; `contract` is None where its file is faulty."""

    table: Table
    pipeline: Pipeline
    contract: Contract | None

    @property
    def name(self) -> str:
        return self.table.full_name

    @property
    def description(self) -> str:
        return self.contract.description if self.contract else "Its contract cannot be read."

    @property
    def columns(self) -> Sequence[Column]:
        return self.contract.columns if self.contract else ()

    @cached_property
    def metrics(self) -> list[str]:
        """The metrics that are computed from it, by name."""
        found, _ = read_metrics(self.pipeline)
        return sorted(name for name, metric in found.metrics.items() if metric.of.full_name == self.name)

    @cached_property
    def units(self) -> dict[str, str]:
        """By column its unit, where a metric or the contract's text tells one."""
        of_metrics = {
            metric.column: metric.unit.replace("reporting_currency", settings.load().reporting_currency)
            for metric in read_metrics(self.pipeline)[0].metrics.values()
            if metric.column and metric.of.full_name == self.name
        }
        told = {column.name: of_metrics.get(column.name) or unit_of(column) for column in self.columns}
        return {name: unit for name, unit in told.items() if unit}


@dataclass(frozen=True)
class Match:
    """A table that a search has found, with those of its columns that match."""

    entry: Entry
    columns: Sequence[Column] = ()


@dataclass(frozen=True)
class Freshness:
    """How a table stands by the ledger's current state.

    `level`: good, waiting, warning or bad; `standing`: the same in a word. `until`: its last published day, None before the
    first. `coverage`: of the newest period. `computed_at`: when that was computed last, changed or not.
    """

    level: str
    standing: str
    until: date | None = None
    coverage: Decimal | None = None
    computed_at: datetime | None = None


def entries(catalog: Catalog, readable: Collection[str]) -> list[Entry]:
    """The tables of the pipelines with these ids, by name."""
    found = [
        Entry(table, pipeline, read_contract(table)[0])
        for pipeline in catalog.pipelines.values()
        if pipeline.id in readable
        for table in pipeline.tables.values()
    ]
    return sorted(found, key=lambda entry: entry.name)


def unit_of(column: Column) -> str:
    """The unit that the description or the type of a column tells; empty where they tell none."""
    text = column.description
    if "in reporting currency" in text:
        return settings.load().reporting_currency
    if column.data_type == "timestamp":
        return "UTC"
    if "0 to 1" in text:
        return "share, 0 to 1"
    found = _IN_UNITS.search(text)
    return found[1] if found else ""


def search(among: Iterable[Entry], text: str) -> list[Match]:
    """The tables in whose name, description or columns all words of a text stand, the best first; all of them for no words.

    A word in the name of a table counts most, then in that of a column, then in a description.
    """
    words = text.casefold().split()
    found = [(rank, match) for entry in among if (rank := _rank(entry, words)) is not None for match in [_match(entry, words)]]
    return [match for _, match in sorted(found, key=lambda one: (one[0], one[1].entry.name))]


def _places(entry: Entry, word: str) -> list[bool]:
    """Whether a word stands in the table's name, in a column's, in the table's description, in a column's."""
    return [
        word in entry.name.casefold(),
        any(word in column.name.casefold() for column in entry.columns),
        word in entry.description.casefold(),
        any(word in column.description.casefold() for column in entry.columns),
    ]


def _rank(entry: Entry, words: Sequence[str]) -> int | None:
    """How far from the table's name the words stand, 0 for in it; None where one stands nowhere."""
    places = [_places(entry, word) for word in words]
    return sum(found.index(True) for found in places) if all(map(any, places)) else None


def _match(entry: Entry, words: Sequence[str]) -> Match:
    """With the columns that have all words which the table's name has not, or else those with one of them in their name."""
    wanted = [word for word in words if not _places(entry, word)[0]]
    texts = [(column, f"{column.name} {column.description}".casefold()) for column in entry.columns if wanted]
    columns = [column for column, text in texts if all(word in text for word in wanted)]
    return Match(entry, columns or [column for column, _ in texts if any(word in column.name.casefold() for word in wanted)])


def freshness(among: Sequence[Entry], ledger: Ledger, now: datetime | None = None) -> dict[str, Freshness]:
    """By table how it stands against its deadline. Raises Transient when the ledger is out of reach."""
    known, moment = settings.load(), now or datetime.now(UTC)
    yesterday = business_day(moment, known.reporting_zone) - DAY
    newest = ledger.newest_days([entry.name for entry in among])
    days = {Interval(day, day + DAY) for day in newest.values()}
    states = {
        state.table: state for state in (ledger.states(newest, *days) if days else ()) if newest[state.table] in state.interval
    }
    found = {}
    for entry in among:
        if entry.name in known.without:
            found[entry.name] = Freshness("waiting", "Not in this deployment")
        else:
            due = entry.pipeline.due_at(yesterday) if yesterday >= known.start_date else None
            found[entry.name] = _standing(states.get(entry.name), yesterday, is_due=due is not None and moment >= due)
    return found


def _standing(state: PeriodState | None, yesterday: date, *, is_due: bool) -> Freshness:
    if state is None:
        return Freshness("bad", "Late") if is_due else Freshness("waiting", "Never published")
    level, standing = "good", "Landed"
    if state.interval.end <= yesterday:
        level, standing = ("bad", "Late") if is_due else ("waiting", "Waiting")
    elif state.is_partial:
        level, standing = "warning", "Partial"
    until = min(state.interval.end - DAY, yesterday)
    return Freshness(level, standing, until, state.coverage, state.computed_at)


def read_by(catalog: Catalog, name: str) -> list[str]:
    """The tables whose SELECT reads a table or its quarantine, by name."""
    outputs = set(catalog.tables[name].outputs)
    return sorted(
        table.full_name for table in catalog.tables.values() if outputs & table.reads.keys() and table.full_name != name
    )


def exports_of(name: str) -> list[str]:
    """The exports whose SELECT reads a table, by name: folders of include/sql/exports with an export.yml."""
    return [export for export, tables in _exports().items() if name in tables]


def _exports() -> dict[str, set[str]]:
    """By export the tables that its SQL reads; an export whose SQL is faulty reads what of it can be understood."""
    found: dict[str, set[str]] = {}
    for file in sorted((settings.load().sql / "exports").glob("*/export.yml")):
        tables = found.setdefault(file.parent.name, set())
        for sql in sorted(file.parent.glob("*.sql")):
            where = f"exports/{file.parent.name}/{sql.name}"
            try:
                tables |= tables_read(parse(render(sql.read_text(), _SOME_DAY, where), where))
            except SpecError:
                continue
    return found
