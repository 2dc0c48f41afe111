"""A run's session: staging tables of its own, beside the published ones."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from headline.errors import BadData, Transient
from headline.intervals import Interval
from headline.ledger import Identity, Locks
from headline.ledger.identity import HOW_TO_RESTORE, published
from headline.specs import Table
from headline.specs.files import file_state
from headline.warehouse.base import Asked, Content, Output, Replacement, Staging, Warehouse, nothing
from headline.warehouse.duckdb.columns import known_of, normal
from headline.warehouse.duckdb.contents import contents_of
from headline.warehouse.duckdb.histories import changed_days
from headline.warehouse.duckdb.identity import identify
from headline.warehouse.duckdb.instance import STAGING, WAREHOUSE, ensure_calendar
from headline.warehouse.duckdb.kept import keep
from headline.warehouse.duckdb.masked import attached, masked_rows
from headline.warehouse.duckdb.publication import ensure_table, replace_rows
from headline.warehouse.duckdb.session import DuckDBSession
from headline.warehouse.identity import foreign, mismatch_of

if TYPE_CHECKING:
    from headline.warehouse.duckdb.warehouse import DuckDBWarehouse


# So many seconds a run reads before it asks whether somebody waits to publish: opening the file again costs 10 ms of CPU.
_TO_ONESELF = 0.1


class DuckDBStaging(DuckDBSession, Staging):
    """An instance in memory: the file is attached as `warehouse` while it is needed, staging tables are in `staging`."""

    _identity: Identity | None = None  # as it was when the file was attached, and the state that the file had then
    _state: list[tuple[int, ...] | None] | None = None

    def __init__(self, connection: duckdb.DuckDBPyConnection, warehouse: DuckDBWarehouse, locks: Locks, kept: Path) -> None:
        super().__init__(connection, warehouse.path)
        self._warehouse = warehouse
        self._locks = locks
        self._kept = kept
        self._since = 0.0

    def give_way(self) -> None:
        is_due = time.monotonic() > self._since + _TO_ONESELF
        if self._open and is_due and self._locks.is_waited_for(self._warehouse.lock_name):
            with self._let_go():
                pass

    @contextmanager
    def publishing(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(self._locks.exclusive(self._warehouse.lock_name, self._warehouse.lock_timeout))
            if not self._warehouse.path.exists():
                self._require_own()  # before a new file is there
            self._attach(stack, "")
            self._require_own()
            ensure_calendar(self)
            yield

    def ensure(self, outputs: Sequence[Output]) -> None:
        names = {"calendar.days", *(output.name for output in outputs)}
        with self.reading():
            known = known_of(self, names)
        lacking = [output for output in outputs if known.get(output.name) != normal(output.columns)]
        if not lacking and ("calendar.days" in known):
            return
        self._require_unpublished([one.name for one in lacking if one.name not in known and not one.is_quarantine])
        with self._let_go(), self.publishing():
            known = known_of(self, names)  # before the transaction: it asks for tables that may not be there
            with self.transaction():
                for output in lacking:
                    ensure_table(self, output, known.get(output.name))

    @staticmethod
    def unconnected(name: str) -> Any:
        from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

        return DuckDBDataSourceImpl.from_existing_cursor(None, name)

    @staticmethod
    def staging_name_of_every_run(output: str) -> str:
        return f"{STAGING}.{output.replace('.', '__')}"

    def staging_name(self, output: str) -> str:
        return self.staging_name_of_every_run(output)

    def stage(self, table: Table, selects: Sequence[str], asked: Asked = nothing) -> list[Content]:  # noqa: ARG002
        name = self.staging_name(table.full_name)
        staged = f"{name}__and_quarantine" if table.quarantine else name
        with self.transaction():
            self.execute(f"create or replace table {staged} as {selects[0]}")
            for select in selects[1:]:
                self.execute(f"insert into {staged} {select}")
            for output, condition in (
                ((table.full_name, "is null"), (table.quarantine_name, "is not null")) if table.quarantine else ()
            ):
                columns = ", ".join(Output(output, table).columns)
                view = f"select {columns} from {staged} where quarantine_reason {condition}"
                self.execute(f"create or replace view {self.staging_name(output)} as {view}")
        return contents_of(self, staged, table, told=table.quarantine)

    def stage_from(self, other: Warehouse, table: Table, intervals: Sequence[Interval] | None, mask: str) -> list[Content]:
        with attached(self._connection, other, mask):
            return self.stage(table, [masked_rows(self._connection, table, intervals)])

    def changed_days(self, table: Table, zone: str) -> list[Interval]:
        with self.reading():
            return changed_days(self, self.staging_name(table.full_name), table, zone)

    def identity(self) -> Identity | None:
        return self._identity

    def replace(self, replacements: Sequence[Replacement], after: Identity | None = None) -> dict[str, int]:
        with self.transaction():
            for replacement in replacements:
                replace_rows(self, replacement, self.staging_name)
            if after:
                identify(self, self._identity, after)
        self._identity = after or self._identity
        return {}  # a file has no snapshots

    def drop(self, tables: Sequence[str], after: Identity) -> None:
        with self.transaction():
            for name in tables:
                self.execute(f"drop table if exists {name}")
            identify(self, self._identity, after)
        self._identity = after

    def keep(self) -> None:
        keep(self, self._kept)

    def forget(self, run_key: str) -> None:
        self._warehouse.forget(run_key)

    # inside

    def _begin_reading(self, stack: ExitStack) -> None:
        stack.enter_context(self._locks.shared(self._warehouse.lock_name, self._warehouse.lock_timeout))
        if self._warehouse.path.exists():
            self._attach(stack, "(read_only)")
        else:  # before the first publication
            stack.callback(self._detach)
            self._open = stack
        self._require_own()
        self._since = time.monotonic()

    def _require_own(self) -> None:
        """Raises BadData where the file is not the warehouse that the ledger knows; who holds the lock sees both at rest."""
        if not self._warehouse.is_known:
            return
        before, state = self._identity, [file_state(file) for file in self._warehouse.files]
        if is_new := state != self._state:  # asking the file takes longer than all else here
            self._identity, self._state = super().identity(), state
        told = mismatch_of(self, self._identity, self._locks)
        if told and not is_new:  # written again between two ticks of the clock
            self._identity = super().identity()
            told = mismatch_of(self, self._identity, self._locks)
        if told:
            raise foreign(self._warehouse.path, told)
        if before and self._identity and self._identity.publication < before.publication:
            raise Transient(f"the warehouse {self._warehouse.path} was restored while the run computed: run it again")

    def _require_unpublished(self, names: list[str]) -> None:
        """Raises BadData for a table that is not there although periods of it are published: it would be taken for empty."""
        if names and self._warehouse.is_known and (lost := published(names, self._locks)):
            raise BadData(
                f"the warehouse {self._warehouse.path}: according to the ledger days of {', '.join(lost)} are published, "
                f"but there is no such table. Nothing was computed or published. {HOW_TO_RESTORE}"
            )

    def _attach(self, stack: ExitStack, how: str) -> None:
        """Attach the file until the stack is closed."""
        stack.callback(self._detach)
        self._warehouse.attach(self._connection, how)
        self._open = stack

    def _detach(self) -> None:
        self._open = None
        with suppress(duckdb.Error):
            self._connection.execute(f"use memory; detach {WAREHOUSE}")
