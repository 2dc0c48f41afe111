"""The embedded engine: one DuckDB file, which many processes read or one writes."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from shutil import copyfile
from threading import Timer
from typing import Any

import duckdb
import sqlglot

from headline import settings
from headline.connections import Connection
from headline.errors import BadData, BadRequest, NoSpace, SpecError, Transient
from headline.intervals import DAY, Interval, merge
from headline.ledger import Identity, Locks, mismatch
from headline.ledger.identity import MENDING, published
from headline.space import is_full, no_space
from headline.specs import Table, load_contract
from headline.specs.files import file_state
from headline.sql import within, write
from headline.warehouse.base import Content, Output, Replacement, Result, Session, Staging, Warehouse

_WRONG_SQL = (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException, duckdb.NotImplementedException)
_WRONG_VALUES = (
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.InvalidInputException,
    duckdb.TypeMismatchException,
)
_FOR_NOW = (duckdb.IOException, duckdb.TransactionException, duckdb.OutOfMemoryException, duckdb.InterruptException)
# A file that could not be written to its end invalidates the instance; the next one finds it as it was before.
_AT_THE_END = (*_FOR_NOW, duckdb.FatalException)
_FILE_NAMED = re.compile(r"\"(/[^\"]+)\"")
# Of a SELECT that a person wrote: what it may put on disk, how many characters it may give, and how many rows are taken at once.
MOST_ON_DISK, LONGEST_ANSWER, ROWS_AT_ONCE = "10GB", 200_000_000, 2_000
WAREHOUSE, STAGING = "warehouse", "staging"
# What the warehouse knows of itself, which is none of the published tables.
OWN_SCHEMA = "headline"
IDENTITY = f"{OWN_SCHEMA}.identity"
# So many seconds a run reads before it asks whether somebody waits to publish: opening the file again costs 10 ms of CPU.
_TO_ONESELF = 0.1
# What a copy of the file and of its log are called.
_COPIED = ("warehouse.duckdb", "warehouse.duckdb.wal")
_LAST_INSTANT = "timestamp '9999-12-31 00:00:00'"
# Of the keys whose rows differ: each stretch between two instants at which anything begins or ends, and what is valid in it.
_CHANGED = """
with differing as (
    (select {columns} from {staged} except all select {columns} from {published})
    union all
    (select {columns} from {published} except all select {columns} from {staged})
),
keys as (select distinct {key} from differing),
sides as (
    select 1 as side, {key}, hash({others}) as content, valid_from, valid_to from {staged} semi join keys using ({key})
    union all
    select 2 as side, {key}, hash({others}) as content, valid_from, valid_to from {published} semi join keys using ({key})
),
instants as (
    select {key}, valid_from as instant from sides
    union
    select {key}, valid_to as instant from sides
),
stretches as (
    select {key}, instant as starts_at, lead(instant) over (partition by {key} order by instant) as ends_at from instants
),
contents as (
    select
        {key},
        starts_at,
        ends_at,
        sum(content::hugeint) filter (where side = 1) as staged,
        sum(content::hugeint) filter (where side = 2) as published
    from stretches
    inner join sides using ({key})
    where valid_from <= starts_at and valid_to >= ends_at
    group by {key}, starts_at, ends_at
)
select distinct
    cast(timezone('{zone}', timezone('UTC', starts_at)) as date) as first_day,
    case
        when ends_at < {last} then cast(timezone('{zone}', timezone('UTC', ends_at - interval 1 microsecond)) as date)
    end as last_day
from contents
where staged is distinct from published
"""


class DuckDBSession(Session):
    """One connection in which the published tables have their plain names."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path | None = None) -> None:
        self._connection = connection
        self._path = path

    def query(self, sql: str) -> Result:
        cursor = self._execute(sql)
        return Result([column[0] for column in cursor.description or []], cursor.fetchall())

    def query_alone(self, sql: str, seconds: float) -> Result:
        self._execute(f"set max_temp_directory_size = '{MOST_ON_DISK}'")
        # No file, no extension, no other database; and nobody can take that back.
        self._execute("set enable_external_access = false")
        self._execute("set lock_configuration = true")
        clock = Timer(seconds, self._connection.interrupt)
        clock.start()
        try:
            return self._few_rows(sql)
        except Transient as error:
            if not isinstance(error.__cause__, duckdb.InterruptException):
                raise
            raise BadRequest(
                f"the query was stopped after {seconds:g} s (HEADLINE_QUERY_SECONDS); ask for less at once"
            ) from error
        except duckdb.Error as error:
            raise BadRequest(f"DuckDB refused the query: {error}") from error
        finally:
            clock.cancel()

    def _few_rows(self, sql: str) -> Result:
        """As `query`; raises BadRequest where the rows are more than a process is to hold."""
        cursor, most = self._execute(sql), settings.load().query_rows
        rows: list[tuple[Any, ...]] = []
        size = 0
        while part := cursor.fetchmany(ROWS_AT_ONCE):
            rows += part
            size += sum(len(value) for row in part for value in row if isinstance(value, str | bytes))
            if len(rows) > most or size > LONGEST_ANSWER:
                raise BadRequest(
                    f"the query gives more than {most:,} rows (HEADLINE_QUERY_ROWS) or {LONGEST_ANSWER:,} characters: "
                    "add a limit, or ask for sums"
                )
        return Result([column[0] for column in cursor.description or []], rows)

    def change(self, statements: Sequence[str]) -> None:
        with self._transaction():
            for statement in statements:
                self._execute(statement)
        self._execute(f"force checkpoint {WAREHOUSE}")

    def tables(self) -> set[str]:
        return set(self._known())

    def identity(self) -> Identity | None:
        try:
            rows = self._execute(f"select id, publication, mark from {WAREHOUSE}.{IDENTITY}").fetchall()
        except SpecError:  # nothing was published since identities are kept
            return None
        return Identity(*rows[0]) if rows else None

    def columns(self, table: str) -> dict[str, str]:
        return {name: kind for name, kind, *_ in self._execute(f"describe {table}").fetchall()}

    def published_contents(self, table: Table) -> list[Content]:
        columns = Output(table.full_name, table).columns
        rows = f"select {', '.join(columns)}, cast(null as varchar) as quarantine_reason from {table.full_name}"
        if table.quarantine:
            rows += f" union all select {', '.join(columns)}, quarantine_reason from {table.quarantine_name}"
        return self._contents(f"({rows})", table, told=table.quarantine)

    def landing(self, files: Sequence[str], columns: dict[str, str]) -> sqlglot.exp.Expr:
        if files:
            text = "select * from read_parquet(files, union_by_name = true, hive_partitioning = false)"
        else:
            nulls = [f"cast(null as {kind}) as {_quoted(name)}" for name, kind in columns.items()]
            text = f"select {', '.join(nulls)} where false"
        query = sqlglot.parse_one(text, read="duckdb")
        if files:
            # All files as one node: to parse and copy one for each of a year takes as long as the engine needs to read some.
            listed = ",\n".join("'" + file.removeprefix("file://").replace("'", "''") + "'" for file in files)
            [place] = (column for column in query.find_all(sqlglot.exp.Column) if column.name == "files")
            place.replace(sqlglot.exp.Var(this=f"[{listed}]"))
        return query.subquery()  # type: ignore[attr-defined]

    def soda_data_source(self, name: str) -> Any:
        from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

        return DuckDBDataSourceImpl.from_existing_cursor(self._connection, name)

    def _known(self) -> dict[str, dict[str, str]]:
        """The columns of every published table that there is."""
        found = self._execute(
            "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
            f"where database_name = '{WAREHOUSE}' and schema_name <> '{OWN_SCHEMA}' order by table_oid, column_index"
        ).fetchall()
        known: dict[str, dict[str, str]] = {}
        for table, column, kind in found:
            known.setdefault(table, {})[column] = _normal_type(kind)
        return known

    def _known_of(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """The columns of those of these tables that are there.

        A list of all columns makes a new instance bind every view of its own, which takes longer than a table's day.
        """
        try:
            found = self._columns_of(names)
        except SpecError:  # one of them is not there
            there = self._execute(
                f"select schema_name || '.' || table_name from duckdb_tables() where database_name = '{WAREHOUSE}'"
            ).fetchall()
            found = self._columns_of({name for (name,) in there}.intersection(names))
        known: dict[str, dict[str, str]] = {}
        for table, column, kind, _ in found:
            known.setdefault(table, {})[column] = _normal_type(kind)
        return known

    def _columns_of(self, names: Iterable[str]) -> list[tuple[Any, ...]]:
        columns = [f"select '{name}', name, type, cid from pragma_table_info('{WAREHOUSE}.{name}')" for name in names]
        return self._execute(f"{' union all '.join(columns)} order by cid").fetchall() if columns else []

    def _contents(self, rows: str, table: Table, *, told: bool) -> list[Content]:
        """What each period holds of rows that have the columns of the table and, where it is `told`, `quarantine_reason`."""
        contract = load_contract(table)
        # Where no row is refused a condition that always holds would be asked of each of them.
        valid = " filter (where quarantine_reason is null)" if told else ""
        # Types as they are published: equal values of different types have different hashes.
        values = [f"cast({column.name} as {column.sql_type})" for column in contract.columns]
        values.append("quarantine_reason" if told else "cast(null as varchar)")
        shares = [f"coalesce(min(coverage){valid}, 1)", f"coalesce(bool_or(is_partial){valid}, false)"]
        tells_days = table.period in ("week", "month") and "is_provisional" in contract.column_names
        lacks_days = f"coalesce(bool_or(is_provisional){valid}, false)" if tells_days else "false"
        found = self._execute(
            f"select {table.period_column or 'null'}, count(*), coalesce(sum(cast(hash({', '.join(values)}) as hugeint)), 0), "
            f"{'count(quarantine_reason)' if told else '0'}, {', '.join(shares) if contract.tells_coverage else '1, false'}, "
            f"{lacks_days} from {rows} as contents group by 1"
        ).fetchall()
        return [Content(start, rows, f"{rows}:{digest}", *others) for start, rows, digest, *others in found]

    def _execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Run a statement; DuckDB's errors become ours by what can be done about them."""
        try:
            return self._connection.execute(sql)
        except _WRONG_SQL as error:
            raise SpecError([f"DuckDB refused the SQL: {error}"]) from error
        except _WRONG_VALUES as error:
            raise BadData(f"a value does not fit the type that the SQL asks for: {error}") from error
        except _AT_THE_END as error:
            raise _for_now(error, self._connection, self._path) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.begin()
        try:
            yield
        except BaseException:
            with suppress(duckdb.Error):
                self._connection.rollback()
            raise
        try:
            self._connection.commit()
        except _AT_THE_END as error:
            raise _for_now(error, self._connection, self._path) from error


class DuckDBStaging(DuckDBSession, Staging):
    """An instance in memory: the file is attached as `warehouse` while it is needed, staging tables stand in `staging`."""

    _identity: Identity | None = None  # as it was when the file was attached, and the state that the file had then
    _state: list[tuple[int, ...] | None] | None = None

    def __init__(self, connection: duckdb.DuckDBPyConnection, warehouse: DuckDBWarehouse, locks: Locks, kept: Path) -> None:
        super().__init__(connection, warehouse.path)
        self._warehouse = warehouse
        self._locks = locks
        self._kept = kept
        self._open: ExitStack | None = None  # what is entered while published tables can be read or written
        self._since = 0.0

    @contextmanager
    def reading(self) -> Iterator[None]:
        if self._open:
            yield
            return
        with ExitStack() as stack:
            self._begin_reading(stack)
            yield

    def give_way(self) -> None:
        stack, is_due = self._open, time.monotonic() > self._since + _TO_ONESELF
        if stack and is_due and self._locks.is_waited_for(self._warehouse.lock_name):
            stack.close()
            self._begin_reading(stack)

    @contextmanager
    def publishing(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(self._locks.exclusive(self._warehouse.lock_name, self._warehouse.lock_timeout))
            if not self._warehouse.path.exists():
                self._require_own()  # before a new file is there
            self._attach(stack, "")
            self._require_own()
            _ensure_calendar(self._connection, self._warehouse.path)
            yield

    def ensure(self, outputs: Sequence[Output]) -> None:
        names = {"calendar.days", *(output.name for output in outputs)}
        with self.reading():
            known = self._known_of(names)
        lacking = [output for output in outputs if known.get(output.name) != _normal(output.columns)]
        if not lacking and ("calendar.days" in known):
            return
        self._require_unpublished([one.name for one in lacking if one.name not in known and not one.is_quarantine])
        with self.publishing():
            known = self._known_of(names)  # before the transaction: it asks for tables that may not be there
            with self._transaction():
                for output in lacking:
                    self._ensure(output, known.get(output.name))

    @staticmethod
    def unconnected(name: str) -> Any:
        from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

        return DuckDBDataSourceImpl.from_existing_cursor(None, name)

    @staticmethod
    def staging_name(output: str) -> str:
        return f"{STAGING}.{output.replace('.', '__')}"

    def stage(self, table: Table, selects: Sequence[str]) -> list[Content]:
        name = self.staging_name(table.full_name)
        staged = f"{name}__and_quarantine" if table.quarantine else name
        with self._transaction():
            self._execute(f"create or replace table {staged} as {selects[0]}")
            for select in selects[1:]:
                self._execute(f"insert into {staged} {select}")
            for output, condition in (
                ((table.full_name, "is null"), (table.quarantine_name, "is not null")) if table.quarantine else ()
            ):
                columns = ", ".join(Output(output, table).columns)
                view = f"select {columns} from {staged} where quarantine_reason {condition}"
                self._execute(f"create or replace view {self.staging_name(output)} as {view}")
        return self._contents(staged, table, told=table.quarantine)

    def changed_days(self, table: Table, zone: str) -> list[Interval]:
        output = Output(table.full_name, table)
        key = [column for column in table.key if column != "valid_from"]
        # Types as they are published: equal values of different types have different hashes.
        others = [
            f"cast({name} as {kind})"
            for name, kind in output.columns.items()
            if name not in (*key, "valid_from", "valid_to", "is_current")
        ]
        sql = _CHANGED.format(
            columns=", ".join(output.columns),
            key=", ".join(key),
            others=", ".join(others) or "1",
            staged=self.staging_name(table.full_name),
            published=table.full_name,
            zone=zone,
            last=_LAST_INSTANT,
        )
        with self.reading():
            found = self._execute(sql).fetchall()
        return merge(Interval(first, date.max if last is None else max(first, last) + DAY) for first, last in found)

    def identity(self) -> Identity | None:
        return self._identity

    def replace(self, replacements: Sequence[Replacement], after: Identity | None = None) -> None:
        with self._transaction():
            for replacement in replacements:
                table = replacement.table
                condition = ""
                if replacement.intervals is not None:
                    days = merge(replacement.intervals)  # each stretch is compared with every row
                    condition = f" where {write(within(str(table.period_column), days), 'duckdb')}"
                for output in table.outputs:
                    columns = ", ".join(Output(output, table).columns)
                    self._execute(f"delete from {output}{condition}")
                    self._execute(
                        f"insert into {output} ({columns}) select {columns} from {self.staging_name(output)}{condition}"
                    )
            if after:
                self._identify(after)
        self._identity = after or self._identity

    def drop(self, tables: Sequence[str], after: Identity) -> None:
        with self._transaction():
            for name in tables:
                self._execute(f"drop table if exists {name}")
            self._identify(after)
        self._identity = after

    def keep(self) -> None:
        self._kept.parent.mkdir(parents=True, exist_ok=True)
        _forget_half_written(self._kept)
        half_written = self._kept.with_suffix(".half")
        try:
            self._execute(f"attach '{half_written}' as kept")
            self._execute(f"copy from database {STAGING} to kept")
            self._execute("detach kept")
            half_written.replace(self._kept)
        except NoSpace:
            _forget_half_written(self._kept)
            raise

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
        told = _mismatch(self, self._identity, self._locks)
        if told and not is_new:  # written anew between two ticks of the clock
            self._identity = super().identity()
            told = _mismatch(self, self._identity, self._locks)
        if told:
            raise BadData(f"the warehouse {self._warehouse.path}: {told}. Nothing was computed or published. {MENDING}")
        if before and self._identity and self._identity.publication < before.publication:
            raise Transient(f"the warehouse {self._warehouse.path} was restored while the run computed: run it again")

    def _require_unpublished(self, names: list[str]) -> None:
        """Raises BadData for a table that is not there although periods of it are published: it would be taken for empty."""
        if names and self._warehouse.is_known and (lost := published(names, self._locks)):
            raise BadData(
                f"the warehouse {self._warehouse.path}: the ledger says that days of {', '.join(lost)} are published, "
                f"and there is no such table. Nothing was computed or published. {MENDING}"
            )

    def _identify(self, identity: Identity) -> None:
        values = f"'{identity.id}' as id, {identity.publication}::bigint as publication, '{identity.mark}' as mark"
        if self._identity is None:
            self._execute(f"create schema if not exists {OWN_SCHEMA}")
            self._execute(f"create or replace table {IDENTITY} as select {values}")
        else:
            self._execute(f"update {IDENTITY} set publication = {identity.publication}, mark = '{identity.mark}'")

    def _attach(self, stack: ExitStack, how: str) -> None:
        """Attach the file until the stack is closed."""
        stack.callback(self._detach)
        self._warehouse.attach(self._connection, how)
        self._open = stack

    def _detach(self) -> None:
        self._open = None
        with suppress(duckdb.Error):
            self._connection.execute(f"use memory; detach {WAREHOUSE}")

    def _ensure(self, output: Output, known: dict[str, str] | None) -> None:
        if known is None:
            self._execute(f"create schema if not exists {output.name.split('.')[0]}")
            self._execute(f"create table if not exists {output.name} ({output.ddl})")
            return
        wanted = _normal(output.columns)
        changed = [name for name, kind in known.items() if name in wanted and kind != wanted[name]]
        gone = [name for name in known if name not in wanted]
        if changed or gone:
            raise SpecError(
                [
                    f"{output.name}: the contract retypes {changed or 'no column'} and drops {gone or 'no column'} of it. "
                    "Make the warehouse anew by it: headline rebuild --with-differences"
                ]
            )
        for name, kind in output.columns.items():
            if name not in known:
                self._execute(f"alter table {output.name} add column {name} {kind}")


class DuckDBWarehouse(Warehouse):
    """The file at the connection's host. Extras: memory_limit, threads, temp_directory, lock_timeout (seconds)."""

    dialect = "duckdb"

    def __init__(self, connection: Connection, *, is_known: bool = True) -> None:
        self.path = Path(connection.host)
        self.is_known = is_known  # whether it is the one that the ledger tells of
        self._connection = connection
        self.lock_name = f"warehouse {self.path}"
        self.lock_timeout = float(connection.extra.get("lock_timeout", 60))
        self._config: dict[str, Any] = {
            "memory_limit": connection.extra.get("memory_limit", "2GB"),
            "temp_directory": connection.extra.get("temp_directory", f"{self.path}.spill"),
        }
        if "threads" in connection.extra:
            self._config["threads"] = connection.extra["threads"]

    @contextmanager
    def session(self, *, read_only: bool = False) -> Iterator[Session]:
        if read_only and not self.path.exists():
            raise Transient(
                f"there is no warehouse {self.path}. Nothing was published yet: make run. It was there before: "
                "`headline verify` says what was lost, and what brings it back"
            )
        with ExitStack() as stack:
            locks = self._locks("a reader" if read_only else "a writer", stack)
            stack.enter_context(locks.shared(self.lock_name) if read_only else locks.exclusive(self.lock_name))
            connection = self._instance(stack)
            self.attach(connection, "(read_only)" if read_only else "")
            if not read_only:
                _ensure_calendar(connection, self.path)
            yield DuckDBSession(connection, self.path)

    @contextmanager
    def staging(self, run_key: str, locks: Locks | None = None) -> Iterator[Staging]:
        with ExitStack() as stack:
            locks = locks or self._locks(f"the run {run_key}", stack)
            connection = self._instance(stack)
            connection.execute(f"attach ':memory:' as {STAGING}")
            # Tables have no order of rows; to keep one costs memory and a twentieth of the time of a run.
            connection.execute("set preserve_insertion_order = false")
            yield DuckDBStaging(connection, self, locks, self._kept_file(run_key))

    @contextmanager
    def kept(self, run_key: str) -> Iterator[Staging]:
        file = self._kept_file(run_key)
        if not file.exists():
            raise BadRequest(f"the run {run_key} has kept nothing; clear it to compute it again")
        with ExitStack() as stack:
            locks = self._locks("a reader", stack)
            connection = self._instance(stack)
            connection.execute(f"attach '{file}' as {STAGING} (read_only)")
            yield DuckDBStaging(connection, self, locks, file)

    def forget(self, run_key: str) -> None:
        file = self._kept_file(run_key)
        file.unlink(missing_ok=True)
        _forget_half_written(file)

    def mismatch(self) -> str:
        with ExitStack() as stack:
            locks = self._locks("a reader", stack)
            stack.enter_context(locks.shared(self.lock_name))
            return self._mismatch(locks)

    def is_empty(self) -> bool:
        if not self.path.exists():
            return True
        with self.session(read_only=True) as session:
            return _is_empty(session)

    @contextmanager
    def at_rest(self, holder: str) -> Iterator[None]:
        with ExitStack() as stack:
            locks = self._locks(holder, stack)
            stack.enter_context(locks.shared(self.lock_name))
            if told := self._mismatch(locks):
                raise BadData(f"the warehouse {self.path}: {told}. Nothing was computed or published. {MENDING}")
            yield

    @contextmanager
    def alone(self, holder: str) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(self._locks(holder, stack).exclusive(self.lock_name))
            yield

    def copy(self, folder: Path) -> None:
        for file, name in zip(self.files, _COPIED, strict=True):
            with suppress(FileNotFoundError):
                copyfile(file, folder / name)

    def beside(self, copied: Path | None = None) -> DuckDBWarehouse:
        other = DuckDBWarehouse(replace(self._connection, host=f"{self.path}.new"), is_known=False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for file, name in zip(other.files, _COPIED, strict=True):
            file.unlink(missing_ok=True)
            if copied and (copied / name).exists():
                copyfile(copied / name, file)
        return other

    def give_place(self, other: Warehouse) -> str:
        """The new file is whole and closed. A crash between the two moves leaves none, which every run refuses."""
        if not isinstance(other, DuckDBWarehouse):
            raise TypeError(f"{other} is no DuckDB file")
        kept = Path(f"{self.path}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        was_there = self.path.exists()
        for old, new in zip(self.files, (kept, Path(f"{kept}.wal")), strict=True):
            with suppress(FileNotFoundError):
                old.replace(new)  # the log too: it would be played into the new file
        for new, place in zip(other.files, self.files, strict=True):
            with suppress(FileNotFoundError):
                new.replace(place)
        return str(kept) if was_there else ""

    @property
    def files(self) -> tuple[Path, Path]:
        """The file, and its log, which is there after a crash."""
        return self.path, Path(f"{self.path}.wal")

    def attach(self, connection: duckdb.DuckDBPyConnection, how: str) -> None:
        """Attach the file as `warehouse`; who obeys the locks finds it free, so that only another program can hold it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + self.lock_timeout
        while True:
            try:
                connection.execute(f"attach '{self.path}' as {WAREHOUSE} {how}; use {WAREHOUSE}")
                return
            except (duckdb.IOException, duckdb.ResourceInUseException) as error:
                if is_full(error):
                    raise no_space("the warehouse", self.path, 0, error) from error
                if "lock" not in str(error) or time.monotonic() > deadline:
                    raise Transient(
                        f"the warehouse {self.path} could not be opened within {self.lock_timeout:.0f} s: {error}. "
                        "If another program holds it (its PID stands above), close it there"
                    ) from error
            time.sleep(random.uniform(0.02, 0.1))  # noqa: S311 (jitter, not secrecy)

    # inside

    def _mismatch(self, locks: Locks) -> str:
        with ExitStack() as stack:
            session = DuckDBSession(self._instance(stack), self.path)
            if self.path.exists():
                self.attach(session._connection, "(read_only)")
            return _mismatch(session, session.identity(), locks)

    def _locks(self, holder: str, stack: ExitStack) -> Locks:
        locks = Locks(f"headline: {holder}", self.lock_timeout)
        stack.callback(locks.close)
        return locks

    def _instance(self, stack: ExitStack) -> duckdb.DuckDBPyConnection:
        connection = instance(self._config)
        stack.callback(connection.close)
        return connection

    def _kept_file(self, run_key: str) -> Path:
        return Path(f"{self.path}.kept") / f"{run_key}.duckdb"


def instance(config: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """A DuckDB instance in memory: moments are in UTC, and no optimizer is on that is known to give wrong rows."""
    # DuckDB 2.0.0 took `sale_count > 0` for false where the count was 2, in experiment_profit, because of its statistics.
    connection = duckdb.connect(":memory:", config={**config, "disabled_optimizers": "statistics_propagation"})
    connection.execute("load icu")
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")  # standard output is for rows
    return connection


def _mismatch(session: DuckDBSession, found: Identity | None, locks: Locks) -> str:
    return mismatch(found, not found and _is_empty(session), locks)


def _is_empty(session: Session) -> bool:
    """Whether there is no table but the calendar, which is made with the file."""
    return session.tables() <= {"calendar.days"}


def _forget_half_written(kept: Path) -> None:
    """Remove what a process has left that was killed while it kept its staging tables."""
    for ending in (".half", ".half.wal"):
        kept.with_suffix(ending).unlink(missing_ok=True)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _normal(columns: dict[str, str]) -> dict[str, str]:
    """The columns with their types as DuckDB writes them."""
    return {name: _normal_type(kind) for name, kind in columns.items()}


@cache  # parsing a type takes longer than creating a table
def _normal_type(kind: str) -> str:
    return sqlglot.exp.DataType.build(kind, dialect="duckdb").sql("duckdb")


def _for_now(error: duckdb.Error, connection: duckdb.DuckDBPyConnection, path: Path | None) -> Transient:
    """What is raised for an error that may be over at the next try; a full disk is told as that. `path`: of the warehouse."""
    if not is_full(error):
        return Transient(f"DuckDB could not finish for now: {error}")
    needed, folder = 0, path or Path()
    with suppress(duckdb.Error):
        asked = connection.cursor().execute(
            "select coalesce(sum(memory_usage_bytes + temporary_storage_bytes), 0), "
            "current_setting('temp_directory') from duckdb_memory()"
        )
        needed, temporary = asked.fetchone() or (0, "")
        folder = Path(temporary) if "temp_directory" in str(error) else folder
    named = _FILE_NAMED.search(str(error))
    return no_space("the warehouse", Path(named[1]) if named else folder.absolute(), int(needed), error)


def _ensure_calendar(connection: duckdb.DuckDBPyConnection, path: Path | None = None) -> None:
    """`calendar.days`: a row a day for a century, since portable SQL has no generate_series."""
    try:
        connection.execute("create schema if not exists calendar")
        connection.execute(
            "create table if not exists calendar.days as select cast(day as date) as ds "
            "from generate_series(date '2000-01-01', date '2099-12-31', interval 1 day) as days(day)"
        )
    except _AT_THE_END as error:
        raise _for_now(error, connection, path) from error
