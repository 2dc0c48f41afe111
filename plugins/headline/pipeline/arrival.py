"""Compares an arrival with the expected schema before it counts as loaded."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from typing import cast

import pyarrow as pa

from headline.drift.agreement import agreed_with, alternatives, readers
from headline.drift.detect import column_changes
from headline.errors import BadData
from headline.intervals import DAY, Interval
from headline.ledger import ColumnChange, Load, SchemaChange, SchemaChanges
from headline.pipeline.run import PipelineRun
from headline.sources.agreed import Agreed
from headline.sources.columns import Columns
from headline.sources.database_connection import Refused
from headline.sources.intact import flaw_of
from headline.sources.landing import SAMPLE_ROWS, Unfit, columns_of
from headline.sources.offered import asked_for, offered
from headline.sources.refused import RESERVED
from headline.specs import DatabaseIngest, HttpIngest, Source, StreamIngest

log = logging.getLogger(__name__)

# A change that a sample shows is looked at again in so many rows of a day, before anybody is told.
THOROUGHLY = 100_000
NO_VALUES = pa.chunked_array([], pa.string())


class Arrival:
    """The columns of one ingest: added columns are notified and let through; other changes block the load; the file is kept."""

    def __init__(self, run: PipelineRun, name: str) -> None:
        self._run = run
        self._name = name
        self._landing = f"landing.{name}"
        self._source = cast(Source, run.pipeline)
        self._spec = self._source.ingest[name]
        self._remembered = SchemaChanges(run.ledger.conn_id)
        self._offered: dict[str, str] = {}

    @contextmanager
    def reading(self, interval: Interval) -> Iterator[None]:
        """While a source is read: what does not fit the spec is kept and told, as is why the source refuses a query."""
        try:
            yield
        except Unfit as error:
            if (kept := error.kept) is None:
                raise
            raise self._held(kept, self._changes(kept, self._before(kept.ds)), f" ({error})") from error
        except Refused as error:
            if found := self._changes_of_relations(interval):
                self._remembered.record(found)
                fault = error.faults[0].splitlines()[0]
                raise BadData(self._told(found, f"its columns have changed, so {fault}", "Nothing arrived")) from error
            raise

    def require_agreed(self, loads: Sequence[Load], known: Mapping[date, Load]) -> None:
        """Let pass what has the agreed columns; raises BadData with every column that is gone, renamed or retyped.

        `known`: what had landed before of these days.
        """
        if not loads:
            return
        whole = Interval(loads[0].ds, loads[-1].ds + DAY)
        newest = self._remembered.newest(self._landing)
        self._watch_relations(whole, newest)
        checksums = {load.ds: load.checksum for load in known.values()}
        # A day that brought nothing, or no record that can be read, says nothing of columns.
        new = [load for load in loads if checksums.get(load.ds) != load.checksum and load.columns.keys() - {"ds", *RESERVED}]
        before = self._before(new[0].ds) if new else None
        for load in new:
            changes = self._changes(load, before)
            if any(change.is_blocking for change in changes):
                alike = sum(other.columns == load.columns for other in new) - 1
                raise self._held(load, changes, f", nor do {alike} more day(s) with the same columns" if alike else "")
            if changes:
                self._let_through(self._found(load, changes))
            before = load if load.row_count else before
        if newest and newest.is_blocking and any(load.ds == newest.ds for load in loads):
            [again] = [load for load in loads if load.ds == newest.ds]
            self._remembered.record(self._found(again, []))

    @cached_property
    def agreed(self) -> Agreed:
        """The columns that the SQL reads, what it casts them to, and how the source writes that."""
        return agreed_with(self._source, self._name)

    # what arrived

    @cached_property
    def _known(self) -> set[str]:
        """The columns that are not news, for any load or report has had them."""
        return self._remembered.columns_seen(self._landing).union(*(row.columns for row in self._remembered.of(self._landing)))

    def _before(self, day: date) -> Load | None:
        """What an arrival for the day is compared with; a file that is not what was landed is nothing to compare with."""
        before = self._remembered.load_before(self._landing, day)
        if before and (damage := flaw_of(before)):
            log.warning("%s: nothing is compared with the file of %s, %s: %s", self._landing, before.ds, before.file, damage)
            return None
        return before

    def _changes(self, load: Load, before: Load | None) -> list[ColumnChange]:
        """A column may be missing if another replaces it, and on days from before it was added to the schema."""
        agreed = self.agreed.kinds
        if absent := agreed.keys() - load.columns.keys():
            others = alternatives(self._source, self._name)
            excused = {name for name in absent if others.get(name, set()) & load.columns.keys()}
            if before and absent - before.columns.keys():
                later = self._remembered.columns_seen(self._landing, after=load.ds)
                excused |= (absent - before.columns.keys()) & later
            agreed = {name: kinds for name, kinds in agreed.items() if name not in excused}

        def changes(rows: int) -> list[ColumnChange]:
            columns = [columns_of(one, rows) if one else None for one in (load, before)]
            return column_changes(agreed, columns_of(load, rows), columns[1], lambda: self._known, is_sparse=self._is_sparse)

        return changes(SAMPLE_ROWS) and changes(THOROUGHLY)

    @property
    def _is_sparse(self) -> bool:
        """Whether a record may leave out a column that it has no value for."""
        return isinstance(self._spec, HttpIngest | StreamIngest) or getattr(self._spec, "format", "") == "json"

    # what a database offers besides

    def _watch_relations(self, interval: Interval, newest: SchemaChange | None) -> None:
        """An extract query names its columns, so that one that was added shows in the tables only."""
        if not isinstance(self._spec, DatabaseIngest):
            return
        self._offered = {name: kind for name, (kind, _) in offered(self._spec, self._source.folder, interval).items()}
        agreed = self._remembered.newest(self._landing, agreed=True) if newest and newest.is_blocking else newest
        if agreed is None or _of_relations(agreed.columns) != self._offered:
            relations = {_relation(name) for name in self._known}
            added = [
                ColumnChange(name, "added", after=kind)
                for name, kind in self._offered.items()
                if name not in self._known and _relation(name) in relations
            ]
            self._let_through(self._found_in_relations(self._offered, added))

    def _changes_of_relations(self, interval: Interval) -> SchemaChange | None:
        """What became of the columns that the extract query asks for, since they were last seen."""
        agreed = self._remembered.newest(self._landing, agreed=True)
        if agreed is None or not isinstance(self._spec, DatabaseIngest):
            return None
        asked = asked_for(self._spec, self._source.folder, interval)
        now = offered(self._spec, self._source.folder, interval, SAMPLE_ROWS)
        last = self._before(interval.start)
        landed = columns_of(last) if last else Columns({}, 0, lambda _: NO_VALUES)
        changes: list[ColumnChange] = []
        for relation in dict.fromkeys(_relation(name) for name in now):
            was = {name: kind for name, kind in agreed.columns.items() if _relation(name) == relation}
            arrived = {name: kind for name, (kind, _) in now.items() if _relation(name) == relation}
            changes += column_changes(
                {name: () for name in was if _column(name) in asked},
                Columns(arrived, 1, lambda name: now[name][1]),
                Columns(was, 1, lambda name: landed.read(_column(name)) if _column(name) in landed.kinds else NO_VALUES),
                was.keys,
            )
        found = self._found_in_relations({name: kind for name, (kind, _) in now.items()}, changes)
        return found if found.is_blocking else None

    # notified and recorded

    def _found(self, load: Load, changes: list[ColumnChange]) -> SchemaChange:
        return SchemaChange(self._landing, load.ds, load.file, self._run.run_id, {**load.columns, **self._offered}, changes)

    def _found_in_relations(self, offered: dict[str, str], changes: list[ColumnChange]) -> SchemaChange:
        return SchemaChange(self._landing, self._run.requested.start, "", self._run.run_id, offered, changes)

    def _let_through(self, found: SchemaChange) -> None:
        self._remembered.record(found)
        self._known.update(found.columns)
        if found.changes:
            log.warning("%s", self._told(found, "the source has columns that no SQL reads", "It is loaded without them"))

    def _held(self, load: Load, changes: list[ColumnChange], what: str) -> BadData:
        found = self._found(load, changes)
        if found.is_blocking:
            self._remembered.record(found)
        what = f"what arrived for {load.ds}, {load.row_count} rows, does not match the schema{what}; nothing was loaded"
        return BadData(self._told(found, what, f"What arrived is kept in {load.file}"))

    def _told(self, found: SchemaChange, what: str, kept: str) -> str:
        tables = " or ".join(table.full_name for table in readers(self._source, self._name))
        ways = f"`headline contract diff {tables}` shows the change of the contract that would accept it"
        if found.is_blocking:
            first, last = self._run.requested.start, self._run.requested.end - DAY
            days = f"{first}" if first == last else f"{first} to {last}"
            ways = f"Ask the owner of the source to revert it, or accept it: {ways}. Then trigger {self._source.id} for {days}"
        return "\n".join([f"{self._landing}: {what}:", *(f"  - {line}" for line in found.told), f"{kept}. {ways}"])


def _of_relations(columns: Mapping[str, str]) -> dict[str, str]:
    return {name: kind for name, kind in columns.items() if "." in name}


def _relation(name: str) -> str:
    """The relation of a `relation.column`."""
    return name.rpartition(".")[0]


def _column(name: str) -> str:
    """The column of a `relation.column`."""
    return name.rpartition(".")[2]
