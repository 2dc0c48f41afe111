"""Statements on a connection, and what DuckDB's errors mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from headline.errors import BadData, SpecError, Transient
from headline.space import is_full, no_space

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


class Statements:
    """One connection; DuckDB's errors become ours by what can be done about them. `path`: of the warehouse."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path | None = None) -> None:
        self._connection = connection
        self._path = path

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Run a statement; raises SpecError for wrong SQL, BadData for wrong values, Transient for what may be over."""
        with self.errors():
            return self._connection.execute(sql)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """DuckDB's errors as ours: those of a statement, and those of fetching its rows."""
        try:
            yield
        except _WRONG_SQL as error:
            raise SpecError([f"DuckDB rejected the SQL: {error}"]) from error
        except _WRONG_VALUES as error:
            raise BadData(f"a value does not fit the type in the SQL: {error}") from error
        except _AT_THE_END as error:
            raise _for_now(error, self._connection, self._path) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is executed within it holds as a whole, or not at all."""
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


def _for_now(error: duckdb.Error, connection: duckdb.DuckDBPyConnection, path: Path | None) -> Transient:
    """The error for a failure that a retry may fix; a full disk is named as the cause. `path`: of the warehouse."""
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
