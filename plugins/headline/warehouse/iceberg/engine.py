"""What an engine on Iceberg has to be able to do; everything else is portable SQL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlglot import exp

from headline.ledger import Identity, Statement
from headline.sql import DIALECT, transpiled
from headline.warehouse.base import Result
from headline.warehouse.iceberg.names import STAGING
from headline.warehouse.iceberg.statements import described, replacing, types_in
from headline.warehouse.identity import IDENTITY


class Partition(NamedTuple):
    """By what a published table is cut: a DATE column, and `day` or `month` of it."""

    column: str
    unit: str


class Engine(ABC):
    """One open connection to an engine.

    Every method raises Transient for what may be over at the next try, SpecError for wrong SQL, BadData for wrong values.
    """

    dialect: str
    # The most periods that one MERGE replaces: Athena writes 100 partitions at most, and others keep a file open for each.
    most_partitions = 100
    # Whether it can leave nothing of rows that were changed.
    can_expunge = False

    @abstractmethod
    def query(self, sql: str) -> Result:
        """Run one statement in the engine's dialect; its rows, none where it gives none. Moments are naive, in UTC."""

    def rows(self, sql: str) -> tuple[Sequence[str], Iterator[Sequence[Any]]]:
        """The same for rows that are many: their columns, and one after the other, of which some engines hold but a few."""
        found = self.query(sql)
        return found.columns, iter(found.rows)

    def foresee(self, statements: Callable[[], Sequence[str]]) -> None:  # noqa: B027
        """What will be asked next, as `query` will be asked it: an engine that charges for each statement answers it together."""

    def begin_publishing(self) -> None:  # noqa: B027
        """Within the exclusive lock, before the first MERGE: what killed runs have left at work must not come after it."""

    def spent(self) -> list[Statement]:
        """The statements that have ended since this was asked last, of an engine that charges for each."""
        return []

    @abstractmethod
    def query_within(self, sql: str, seconds: float, most_rows: int) -> Result:
        """The same for a SELECT that somebody wrote: stopped after so many seconds, or at so many rows, with BadRequest."""

    @abstractmethod
    def tables(self, namespace: str = "") -> set[str]:
        """Every table of a namespace, or of all of the catalog, as `schema.table`, staging tables too, views not."""

    @abstractmethod
    def columns(self, table: str) -> dict[str, str]:
        """Name and type, in DuckDB's dialect (`VARCHAR`, `DECIMAL(18,4)`), of each column; empty where there is no such table."""

    def columns_of(self, tables: Sequence[str]) -> dict[str, dict[str, str]]:
        """The same of several tables."""
        return {table: self.columns(table) for table in tables}

    @abstractmethod
    def snapshot(self, table: str) -> int | None:
        """The id of a table's current snapshot; None where it has none yet."""

    @abstractmethod
    def row_hash(self, text: exp.Expr) -> exp.Expr:
        """A whole number of 64 bits made of a text: equal for equal texts, and spread evenly."""

    @abstractmethod
    def landing(self, files: Mapping[str, Mapping[str, str]], columns: Mapping[str, str]) -> exp.Expr:
        """The rows of these landed Parquet files as a table or a subquery, their columns united by name.

        `columns`: those that the SQL asks for at least, with types for where no file has them.
        """

    def write(self, tree: exp.Expr) -> str:
        """A syntax tree of DuckDB's dialect as text in the engine's."""
        return tree.sql(dialect=self.dialect)

    def transpile(self, sql: str) -> str:
        """A statement in DuckDB's dialect as text in the engine's."""
        return transpiled(sql, self.dialect)

    def create_namespace(self, name: str) -> None:
        """Make a namespace where it is not there."""
        self.query(f"create database if not exists {name}")

    def create_table(
        self,
        name: str,
        columns: Mapping[str, str],
        partition: Partition | None = None,
        comments: Mapping[str, str] | None = None,
    ) -> None:
        """Make a published table of format version 2 where it is not there; types in DuckDB's dialect, comments by column."""
        listed = described(types_in(self.dialect, columns), comments or {})
        cut = f" partitioned by ({partition.unit}s({partition.column}))" if partition else ""
        self.query(f"create table if not exists {name} ({listed}) using iceberg{cut} tblproperties ('format-version' = '2')")

    def add_columns(self, name: str, columns: Mapping[str, str]) -> None:
        """Add columns to a published table."""
        listed = ", ".join(f"{column} {kind}" for column, kind in types_in(self.dialect, columns).items())
        self.query(f"alter table {name} add columns ({listed})")

    def create_as(self, name: str, select: str) -> None:
        """Make a staging table of the rows of a SELECT in the engine's dialect, in the place of one of that name."""
        self.drop_table(name)
        self.query(f"create table {name} using iceberg as {select}")

    def create_union(self, name: str, selects: Sequence[str]) -> None:
        """Make a staging table of the rows of several SELECTs with the same columns, in the place of one of that name."""
        self.create_as(name, "\nunion all\n".join(selects))

    def create_view(self, name: str, select: str) -> None:
        """Make a view of staged rows, in the place of one of that name; `name` is one of `staging_name`."""
        self.query(f"create or replace view {name} as {select}")

    def viewed(self, column: str) -> str:
        """A column of a staging table as the view of an output selects it."""
        return column

    def drop_table(self, name: str) -> None:
        """Drop a table with its files, where it is there."""
        self.query(f"drop table if exists {name}")

    def drop_view(self, name: str) -> None:
        """Drop a view, where it is there."""
        self.query(f"drop view if exists {name}")

    def staging_name(self, output: str, suffix: str) -> str:
        """What the staged rows of an output are called; a view of that name is made where no staging table has it.

        `suffix`: that of the run.
        """
        return f"{STAGING}.{output.replace('.', '__')}__{suffix}"

    def identity(self) -> Identity | None:
        """Which warehouse this is and what was published last; None before the first publication."""
        if not self.columns(IDENTITY):
            return None
        rows = self.query(f"select id, publication, mark from {IDENTITY}").rows
        return Identity(*rows[0]) if rows else None

    def identify(self, identity: Identity) -> None:
        """Write which warehouse this is from now on, in one commit."""
        columns = {"id": "varchar", "publication": "bigint", "mark": "varchar"}
        schema = IDENTITY.split(".")[0]
        if not self.columns(IDENTITY):
            self.create_namespace(schema)
            self.create_table(IDENTITY, columns)
        values = exp.select(
            exp.alias_(exp.Literal.string(identity.id), "id"),
            exp.alias_(exp.cast(exp.Literal.number(identity.publication), "bigint", dialect=DIALECT), "publication"),
            exp.alias_(exp.Literal.string(identity.mark), "mark"),
        )
        self.query(self.write(replacing(IDENTITY, columns, values.subquery("known"), None)))

    def expunge(self, tables: Sequence[str]) -> None:
        """Leave nothing of rows that were changed, where it `can_expunge`: rewrite what holds them and expire older snapshots.

        Raises BadRequest where something is left all the same.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot expunge rows of {', '.join(tables)}")
