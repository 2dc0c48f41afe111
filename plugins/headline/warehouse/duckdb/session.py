"""A session in which published tables are read and changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlglot

from headline.ledger import Identity
from headline.specs import Table
from headline.warehouse.arrow import fitting
from headline.warehouse.base import Content, Result, Session
from headline.warehouse.duckdb.columns import tables
from headline.warehouse.duckdb.contents import published_contents
from headline.warehouse.duckdb.identity import identity_of
from headline.warehouse.duckdb.instance import WAREHOUSE
from headline.warehouse.duckdb.one_query import query_alone
from headline.warehouse.duckdb.statements import Statements

if TYPE_CHECKING:
    import pyarrow as pa

    from headline.s3.copies import Held


class DuckDBSession(Statements, Session):
    """One connection in which the published tables have their plain names."""

    _held: Held | None = None

    def query(self, sql: str) -> Result:
        cursor = self.execute(sql)
        return Result([column[0] for column in cursor.description or []], cursor.fetchall())

    def limit_memory(self, most: str) -> None:
        self.execute(f"set memory_limit = '{most}'")

    def batches(self, sql: str, schema: pa.Schema, size: int) -> Iterator[pa.RecordBatch]:
        # Else rows are kept in their order, for which each thread holds back what it has until its turn comes.
        self.execute("set preserve_insertion_order = false")
        with self.errors():
            yield from (fitting(batch, schema) for batch in self._connection.sql(sql).to_arrow_reader(size))

    def query_alone(self, sql: str, seconds: float) -> Result:
        return query_alone(self, self._connection, sql, seconds)

    def change(self, statements: Sequence[str], besides: Sequence[str] = ()) -> None:  # noqa: ARG002 (there is one state only)
        with self.transaction():
            for statement in statements:
                self.execute(statement)
        self.execute(f"force checkpoint {WAREHOUSE}")

    def tables(self) -> set[str]:
        return tables(self)

    def identity(self) -> Identity | None:
        return identity_of(self)

    def columns(self, table: str) -> dict[str, str]:
        return {name: kind for name, kind, *_ in self.execute(f"describe {table}").fetchall()}

    def published_contents(self, table: Table) -> list[Content]:
        return published_contents(self, table)

    def landing(self, files: Mapping[str, Mapping[str, str]], columns: dict[str, str]) -> sqlglot.exp.Expr:
        if files:
            text = "select * from read_parquet(files, union_by_name = true, hive_partitioning = false)"
        else:
            nulls = [f"cast(null as {kind}) as {_quoted(name)}" for name, kind in columns.items()]
            text = f"select {', '.join(nulls)} where false"
        query = sqlglot.parse_one(text, read="duckdb")
        if files:
            # All files as one node: to parse and copy one for each of a year takes as long as the engine needs to read some.
            listed = ",\n".join("'" + file.removeprefix("file://").replace("'", "''") + "'" for file in self._local(list(files)))
            [place] = (column for column in query.find_all(sqlglot.exp.Column) if column.name == "files")
            place.replace(sqlglot.exp.Var(this=f"[{listed}]"))
        return query.subquery()  # type: ignore[attr-defined]

    def _local(self, files: Sequence[str]) -> Sequence[str]:
        """The files, copies in the place of those on S3: DuckDB's extension for S3 is not among the packages of its releases."""
        if not any(file.startswith("s3://") for file in files):
            return files
        from headline.s3.copies import Held
        from headline.s3.path import S3Path

        self._held = self._held or Held()
        return [str(path) for path in self._held.paths([S3Path(file) for file in files])]

    def soda_data_source(self, name: str) -> Any:
        from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

        return DuckDBDataSourceImpl.from_existing_cursor(self._connection, name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
