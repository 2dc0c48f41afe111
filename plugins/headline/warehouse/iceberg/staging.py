"""A run's session: staging tables of its own, beside the published ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from headline.errors import BadData, BadRequest, SpecError, Transient
from headline.intervals import Interval
from headline.ledger import Identity, Locks
from headline.ledger.identity import HOW_TO_RESTORE, published, recorded
from headline.specs import Table
from headline.warehouse.base import Asked, Content, Output, Replacement, Staging, is_history, nothing
from headline.warehouse.iceberg.calendar import CALENDAR, ensure_calendar
from headline.warehouse.iceberg.contents import contents_of, contents_query
from headline.warehouse.iceberg.engine import Engine, Partition
from headline.warehouse.iceberg.histories import changed_days, changed_query
from headline.warehouse.iceberg.names import STAGING, is_with_quarantine, outputs_of, staging_table, suffix
from headline.warehouse.iceberg.session import IcebergSession
from headline.warehouse.iceberg.soda import data_source
from headline.warehouse.iceberg.statements import parts, replacing, same_type, typed
from headline.warehouse.identity import foreign, mismatch_of

if TYPE_CHECKING:
    from headline.warehouse.iceberg.warehouse import IcebergWarehouse


class IcebergStaging(IcebergSession, Staging):
    """An open engine; published tables are read within the ledger's shared lock and replaced within its exclusive one."""

    def __init__(self, engine: Engine, warehouse: IcebergWarehouse, locks: Locks, run_key: str) -> None:
        super().__init__(engine)
        self._warehouse = warehouse
        self._locks = locks
        self._suffix = suffix(run_key)
        self._identity: Identity | None = None
        self._is_kept = False

    def give_way(self) -> None:
        if self._open and self._locks.is_waited_for(self._warehouse.lock_name):
            with self._let_go():
                pass

    @contextmanager
    def publishing(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(self._locks.exclusive(self._warehouse.lock_name, self._warehouse.lock_timeout))
            self._enter(stack)
            self._require_own(anew=True)
            self.engine.begin_publishing()
            yield

    def ensure(self, outputs: Sequence[Output]) -> None:
        with self.reading():
            known = self.engine.columns_of([CALENDAR, *(output.name for output in outputs)])
        lacking = [output for output in outputs if not _is_as_wanted(output, known[output.name])]
        if not lacking and known[CALENDAR]:
            return
        self._require_unpublished([one.name for one in lacking if not known[one.name] and not one.is_quarantine])
        with self._let_go(), self.publishing():
            ensure_calendar(self.engine)
            known = self.engine.columns_of([output.name for output in lacking])
            for output in lacking:
                self._ensure(output, known[output.name])

    @staticmethod
    def unconnected(name: str) -> Any:
        return data_source(None, name)

    def staging_name(self, output: str) -> str:
        return self.engine.staging_name(output, self._suffix)

    def stage(self, table: Table, selects: Sequence[str], asked: Asked = nothing) -> list[Content]:
        staged = self._table(table)
        columns = Output(table.full_name, table).columns | ({"quarantine_reason": "varchar"} if table.quarantine else {})
        self.engine.create_namespace(STAGING)
        self.engine.create_union(staged, [typed(select, columns, self.engine.dialect) for select in selects])
        self.make_views(staged)
        self.engine.foresee(lambda: [*self._asked(staged, table), *asked()])
        return contents_of(self.engine, staged, table, told=table.quarantine)

    def stage_from(self, *_: object) -> list[Content]:
        """Raises BadRequest."""
        raise BadRequest("a sample of another installation can be loaded into a DuckDB warehouse only")

    def changed_days(self, table: Table, zone: str) -> list[Interval]:
        with self.reading():
            return changed_days(self.engine, self.staging_name(table.full_name), table, zone)

    def identity(self) -> Identity | None:
        return self._identity

    def replace(self, replacements: Sequence[Replacement], after: Identity | None = None) -> dict[str, int]:
        """Table by table, each in commits of its own; the identity last."""
        snapshots: dict[str, int] = {}
        for replacement in replacements:
            for name in replacement.table.outputs:
                self._replace(Output(name, replacement.table), replacement.intervals)
                if snapshot := self.engine.snapshot(name):
                    snapshots[name] = snapshot
        if after:
            self.engine.identify(after)
            self._identity = after
        return snapshots

    def drop(self, tables: Sequence[str], after: Identity) -> None:
        for name in tables:
            self.engine.drop_table(name)
        self.engine.identify(after)
        self._identity = after

    def keep(self) -> None:
        self._is_kept = True

    def forget(self, run_key: str) -> None:
        self._warehouse.drop_staging(self.engine, suffix(run_key))

    def make_views(self, staged: str) -> None:
        """Make the views that outputs are read by of a staging table, where the table itself is not what they are read by."""
        for output in outputs_of(staged):
            if (name := self.staging_name(output)) == staged:
                continue
            condition, columns = "", list(self.columns(staged))
            if is_with_quarantine(staged):
                is_quarantine = output.startswith("quarantine.")
                condition = f" where quarantine_reason is {'not ' if is_quarantine else ''}null"
                columns = [column for column in columns if is_quarantine or column != "quarantine_reason"]
            self.engine.create_view(name, f"select {', '.join(map(self.engine.viewed, columns))} from {staged}{condition}")

    def drop_staged(self) -> None:
        """Drop the run's staging tables unless they are kept; views first, because they depend on them."""
        if not self._is_kept:
            self._warehouse.drop_staging(self.engine, self._suffix)

    # inside

    def _asked(self, staged: str, table: Table) -> Iterator[str]:
        """What is asked of each staging table that was made."""
        yield self.engine.write(contents_query(self.engine, staged, table, told=table.quarantine))
        if is_history(table):
            yield self.engine.write(changed_query(self.engine, self.staging_name(table.full_name), table))

    def _table(self, table: Table) -> str:
        """The staging table of a table, with the rows of its quarantine."""
        return staging_table(table.full_name, self._suffix, with_quarantine=table.quarantine)

    def _replace(self, output: Output, intervals: Sequence[Interval] | None) -> None:
        columns, column = output.columns, output.table.period_column
        staged = exp.to_table(self.staging_name(output.name))
        if intervals is None or column is None:
            self.query(self.engine.write(replacing(output.name, columns, staged, None)))
            return
        for days in parts(intervals, self.engine.most_partitions):
            self.query(self.engine.write(replacing(output.name, columns, staged.copy(), (column, days))))

    def _ensure(self, output: Output, known: dict[str, str]) -> None:
        """Make a published table with the columns of its contract, or add those that are new."""
        if not known:
            column = output.table.period_column
            unit = "day" if output.table.period == "day" else "month"
            self.engine.create_namespace(output.name.split(".")[0])
            self.engine.create_table(output.name, output.columns, Partition(column, unit) if column else None, output.comments)
            return
        wanted = output.columns
        changed = [name for name, kind in known.items() if name in wanted and not same_type(kind, wanted[name])]
        gone = [name for name in known if name not in wanted]
        if changed or gone:
            raise SpecError(
                [
                    f"{output.name}: the contract retypes {changed or 'no column'} and drops {gone or 'no column'} of it. "
                    "Rebuild the warehouse with the contract: headline rebuild --with-differences"
                ]
            )
        if new := {name: kind for name, kind in wanted.items() if name not in known}:
            self.engine.add_columns(output.name, new)

    def _begin_reading(self, stack: ExitStack) -> None:
        stack.enter_context(self._locks.shared(self._warehouse.lock_name, self._warehouse.lock_timeout))
        self._enter(stack)
        self._require_own(anew=False)

    def _enter(self, stack: ExitStack) -> None:
        before = self._open
        stack.callback(lambda: setattr(self, "_open", before))
        self._open = stack

    def _require_own(self, *, anew: bool) -> None:
        """Raises BadData where it is not the warehouse that the ledger knows; who holds the lock sees both at rest.

        `anew`: whether the engine is asked also where nobody has published since it was asked last.
        """
        before = self._identity
        if not self._warehouse.is_known:
            self._identity = self.engine.identity()
            return
        if not anew and before and (known := recorded(self._locks)) and known.identity == before and not known.planned:
            return
        self._identity = self.engine.identity()
        if told := mismatch_of(self, self._identity, self._locks):
            raise foreign(self._warehouse.place, told)
        if before and self._identity and self._identity.publication < before.publication:
            raise Transient(f"the warehouse {self._warehouse.place} was restored while the run computed: run it again")

    def _require_unpublished(self, names: list[str]) -> None:
        """Raises BadData for a table that is not there although periods of it are published: it would be taken for empty."""
        if names and self._warehouse.is_known and (lost := published(names, self._locks)):
            raise BadData(
                f"the warehouse {self._warehouse.place}: according to the ledger days of {', '.join(lost)} are published, "
                f"but there is no such table. Nothing was computed or published. {HOW_TO_RESTORE}"
            )


def _is_as_wanted(output: Output, known: dict[str, str]) -> bool:
    """Whether a table has the columns of its contract; their order does not matter, since every statement names them."""
    wanted = output.columns
    return known.keys() == wanted.keys() and all(same_type(kind, wanted[name]) for name, kind in known.items())
