"""A session in which published tables are read and changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp, parse_one

from headline import settings
from headline.errors import BadRequest
from headline.ledger import Identity, Statement
from headline.specs import Table
from headline.sql import DIALECT
from headline.warehouse.arrow import of_rows
from headline.warehouse.base import Content, Result, Session
from headline.warehouse.iceberg.contents import published_contents
from headline.warehouse.iceberg.engine import Engine
from headline.warehouse.iceberg.names import STAGING
from headline.warehouse.iceberg.soda import data_source
from headline.warehouse.identity import OWN_SCHEMA

if TYPE_CHECKING:
    import pyarrow as pa


class IcebergSession(Session):
    """One engine that is open."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def query(self, sql: str) -> Result:
        return self.engine.query(sql)

    def batches(self, sql: str, schema: pa.Schema, size: int) -> Iterator[pa.RecordBatch]:
        columns, rows = self.engine.rows(sql)
        yield from of_rows(columns, rows, schema, size)

    def query_alone(self, sql: str, seconds: float) -> Result:
        return self.engine.query_within(sql, seconds, settings.load().query_rows)

    def change(self, statements: Sequence[str], besides: Sequence[str] = ()) -> None:
        """One commit a statement; who is killed in between carries all of them out again."""
        trees = [parse_one(statement, read=DIALECT) for statement in statements]
        changed = {f"{table.db}.{table.name}" for tree in trees if (table := tree.find(exp.Table))}
        if changed and not self.engine.can_expunge:  # before anything is changed
            told = ", ".join(sorted(changed))
            raise BadRequest(f"this engine cannot remove older snapshots of {told}; nothing was changed")
        for tree in trees:
            self.engine.query(self.engine.write(tree))
        if self.engine.can_expunge and (emptied := sorted({*changed, *besides})):
            self.engine.expunge(emptied)

    def tables(self) -> set[str]:
        return {name for name in self.engine.tables() if name.split(".")[0] not in (STAGING, OWN_SCHEMA)}

    def identity(self) -> Identity | None:
        return self.engine.identity()

    def columns(self, table: str) -> dict[str, str]:
        return self.engine.columns(table)

    def published_contents(self, table: Table) -> list[Content]:
        return published_contents(self.engine, table)

    def landing(self, files: Mapping[str, Mapping[str, str]], columns: dict[str, str]) -> exp.Expr:
        if files:
            return self.engine.landing(files, columns)
        nulls = [exp.alias_(exp.cast(exp.null(), kind, dialect=DIALECT), name, quoted=True) for name, kind in columns.items()]
        return exp.select(*nulls).where(exp.false()).subquery()

    def spent(self) -> list[Statement]:
        return self.engine.spent()

    def soda_data_source(self, name: str) -> Any:
        return data_source(self.engine, name)
