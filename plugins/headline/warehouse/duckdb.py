"""The embedded engine: one DuckDB file, one writer at a time."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import sqlglot

from headline.connections import Connection
from headline.errors import BadData, SpecError, Transient
from headline.specs import Contract
from headline.sql import within, write
from headline.warehouse.base import CANDIDATES, Replacement, Result, Session, Warehouse

_WRONG_SQL = (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException, duckdb.NotImplementedException)
_WRONG_VALUES = (
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.InvalidInputException,
    duckdb.TypeMismatchException,
)
_FOR_NOW = (duckdb.IOException, duckdb.TransactionException, duckdb.OutOfMemoryException, duckdb.InterruptException)


class DuckDBSession(Session):
    """One connection to the file; DuckDB locks the file for as long as it is open."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def query(self, sql: str) -> Result:
        cursor = self._execute(sql)
        return Result([column[0] for column in cursor.description or []], cursor.fetchall())

    def ensure_table(self, table: str, contract: Contract, *, quarantine: bool = False) -> None:
        self._execute(f"create schema if not exists {table.split('.')[0]}")
        self._execute(f"create table if not exists {table} ({contract.ddl(quarantine=quarantine)})")
        described = {name: kind for name, kind, *_ in self._execute(f"describe {table}").fetchall()}
        wanted = {column.name: column.sql_type for column in contract.columns}
        for column in contract.columns:
            if column.name not in described:
                self._execute(f"alter table {table} add column {column.name} {column.sql_type}")
        changed = [name for name, kind in described.items() if name in wanted and not _same_type(kind, wanted[name])]
        gone = [name for name in described if name not in wanted and name != "quarantine_reason"]
        if changed or gone:
            raise SpecError(
                [
                    f"{table}: the contract retypes {changed or 'no column'} and drops {gone or 'no column'} of it. "
                    "Rename or drop the published table, then run its pipeline over the whole range again"
                ]
            )

    def write_candidate(self, candidate: str, selects: Sequence[str]) -> int:
        with self._transaction():
            self._execute(f"create or replace table {candidate} as {selects[0]}")
            for select in selects[1:]:
                self._execute(f"insert into {candidate} {select}")
        count = self._execute(f"select count(*) from {candidate}").fetchone()
        return int(count[0]) if count else 0

    def publish(self, replacements: Sequence[Replacement]) -> None:
        with self._transaction():
            for replacement in replacements:
                columns = ", ".join(replacement.columns)
                outdated = ""
                if replacement.period_column is not None:
                    outdated = f" where {write(within(replacement.period_column, replacement.intervals), 'duckdb')}"
                self._execute(f"delete from {replacement.table}{outdated}")
                self._execute(f"insert into {replacement.table} ({columns}) select {columns} from {replacement.candidate}")

    def drop(self, tables: Sequence[str]) -> None:
        for table in tables:
            self._execute(f"drop table if exists {table}")

    def landing(self, files: Sequence[str], columns: dict[str, str]) -> sqlglot.exp.Expr:
        if files:
            listed = ", ".join("'" + file.removeprefix("file://").replace("'", "''") + "'" for file in files)
            text = f"select * from read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
        else:
            nulls = [f"cast(null as {kind}) as {_quoted(name)}" for name, kind in columns.items()]
            text = f"select {', '.join(nulls)} where false"
        return sqlglot.parse_one(text, read="duckdb").subquery()  # type: ignore[attr-defined]

    def soda_data_source(self, name: str) -> Any:
        from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

        return DuckDBDataSourceImpl.from_existing_cursor(self._connection, name)

    def _execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Run a statement; DuckDB's errors become ours by what can be done about them."""
        try:
            return self._connection.execute(sql)
        except _WRONG_SQL as error:
            raise SpecError([f"DuckDB refused the SQL: {error}"]) from error
        except _WRONG_VALUES as error:
            raise BadData(f"a value does not fit the type that the SQL asks for: {error}") from error
        except _FOR_NOW as error:
            raise Transient(f"DuckDB could not finish for now: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.begin()
        try:
            yield
        except BaseException:
            with suppress(duckdb.Error):
                self._connection.rollback()
            raise
        self._connection.commit()


class DuckDBWarehouse(Warehouse):
    """The file at the connection's host. Extras: memory_limit, threads, temp_directory, lock_timeout (seconds)."""

    dialect = "duckdb"

    def __init__(self, connection: Connection) -> None:
        self.path = Path(connection.host)
        self._lock_timeout = float(connection.extra.get("lock_timeout", 60))
        self._config: dict[str, Any] = {
            "memory_limit": connection.extra.get("memory_limit", "2GB"),
            "temp_directory": connection.extra.get("temp_directory", f"{self.path}.spill"),
        }
        if "threads" in connection.extra:
            self._config["threads"] = connection.extra["threads"]

    @contextmanager
    def session(self, *, read_only: bool = False) -> Iterator[Session]:
        if read_only and not self.path.exists():
            raise Transient(f"the warehouse {self.path} does not exist yet; the first run makes it (`make run`)")
        connection = self._open(read_only)
        try:
            connection.execute("load icu")
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set enable_progress_bar = false")  # standard output is for rows
            if not read_only:
                connection.execute(f"create schema if not exists {CANDIDATES}")
                _ensure_calendar(connection)
            yield DuckDBSession(connection)
        finally:
            connection.close()

    def _open(self, read_only: bool) -> duckdb.DuckDBPyConnection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + self._lock_timeout
        while True:
            try:
                return duckdb.connect(self.path, read_only=read_only, config=self._config)
            except duckdb.IOException as error:
                if "lock" not in str(error) or time.monotonic() > deadline:
                    raise Transient(
                        f"the warehouse {self.path} could not be opened within {self._lock_timeout:.0f} s: {error}. "
                        "If another program holds it (its PID stands above), close it there"
                    ) from error
            time.sleep(random.uniform(0.02, 0.1))  # noqa: S311 (jitter, not secrecy)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@cache  # parsing a type takes longer than creating a table
def _same_type(one: str, other: str) -> bool:
    parsed = [sqlglot.exp.DataType.build(kind, dialect="duckdb") for kind in (one, other)]
    return bool(parsed[0] == parsed[1])


def _ensure_calendar(connection: duckdb.DuckDBPyConnection) -> None:
    """`calendar.days`: a row a day for a century, since portable SQL has no generate_series."""
    connection.execute("create schema if not exists calendar")
    connection.execute(
        "create table if not exists calendar.days as select cast(day as date) as ds "
        "from generate_series(date '2000-01-01', date '2099-12-31', interval 1 day) as days(day)"
    )
