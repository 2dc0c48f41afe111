"""Soda on an engine of Iceberg: its statements are DuckDB's, and become the engine's on their way.

So the checks on a schema compare the types of the contract with logical types, on every engine. Soda's packages for Spark and
Athena want a whole Spark, or an older client of Athena, beside what is installed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from headline.warehouse.base import Result

if TYPE_CHECKING:
    from headline.warehouse.iceberg.engine import Engine


class Connection:
    """A DB-API connection with as much as Soda uses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def cursor(self) -> Cursor:
        """A cursor, which is a context manager too."""
        return Cursor(self._engine)

    def close(self) -> None:
        """The session that lent its engine closes it."""

    commit = rollback = close


class _Column(NamedTuple):
    name: str
    kind: None = None


class Cursor:
    """Runs a statement of DuckDB's dialect on the engine and keeps its rows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._result = Result([], [])

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def description(self) -> list[_Column]:
        """The names of the columns; Soda asks for no more."""
        return [_Column(name) for name in self._result.columns]

    def execute(self, sql: str) -> None:
        """Run a statement."""
        self._result = self._engine.query(self._engine.transpile(sql))

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows."""
        return self._result.rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row."""
        return self._result.rows[0] if self._result.rows else None

    def close(self) -> None:
        """Forget the rows."""
        self._result = Result([], [])


def data_source(engine: Engine | None, name: str) -> Any:
    """A data source of Soda's on an engine; without one enough to build statements."""
    from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

    source = DuckDBDataSourceImpl.from_existing_cursor(None, name)
    if engine:
        source.data_source_connection.connection = Connection(engine)
    return source
