"""Statements of Athena in DuckDB; their tables look in Glue as Athena leaves them.

What sqlglot reads differently from Athena it reads differently here too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from tests.engines.athena_double import Failure, Rows, StatementFailed, client
from tests.engines.duck_iceberg import Iceberg, in_glue

MOST_PARTITIONS = 100
# Functions of Trino that DuckDB calls otherwise, or lacks.
MACROS = (
    "create macro with_timezone(moment, zone) as timezone(zone, moment)",
    "create macro at_timezone(moment, zone) as timezone(zone, moment)",
    "create macro to_utf8(t) as encode(t)",
    "create macro xxhash64(b) as hash(b)",
    "create macro from_big_endian_64(h) as cast(cast(h as hugeint) - 9223372036854775808 as bigint)",
)
_TYPES = {
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "HUGEINT": "bigint",
    "BLOB": "varbinary",
    "FLOAT": "float",
    "UBIGINT": "bigint",
}
_UPKEEP = re.compile(r"\s*(optimize|vacuum)\s+([\w.]+)", re.IGNORECASE)
_AGE = re.compile(r"'vacuum_max_snapshot_age_seconds'='(\d+)'")


class TooManyPartitions(Exception):
    """A statement writes more partitions than Athena does at once."""


@dataclass
class DuckTables:
    """What executes statements. `files`: a folder for copies of landed files."""

    files: Path
    partitions: dict[str, str] = field(default_factory=dict)  # of each table: the expression that it is partitioned by
    seen: set[str] = field(default_factory=set)  # tables and views that DuckDB has

    def __post_init__(self) -> None:
        self.duck = duckdb.connect(":memory:", config={"disabled_optimizers": "statistics_propagation"})
        self.duck.execute("load icu; set TimeZone = 'UTC'")
        for macro in MACROS:
            self.duck.execute(macro)
        self.iceberg = Iceberg(self.duck)

    def execute(self, sql: str) -> Rows:
        """The rows of a statement, if it has any, as texts. Raises StatementFailed."""
        try:
            described, rows = self._execute(sql)
        except duckdb.Error as error:
            raise StatementFailed(Failure(_reason(error))) from error
        except sqlglot.errors.SqlglotError as error:
            raise StatementFailed(Failure(f"SYNTAX_ERROR: {error}")) from error
        except TooManyPartitions as error:
            told = f"ICEBERG_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers for partitions: {error}"
            raise StatementFailed(Failure(told)) from error
        typed = [(name, _TYPES.get(kind, "decimal" if kind.startswith("DECIMAL") else kind.lower())) for name, kind in described]
        return typed, [tuple(None if value is None else _text(value) for value in row) for row in rows]

    # inside

    def _execute(self, sql: str) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
        if upkeep := _UPKEEP.match(sql):
            (self.iceberg.vacuum if upkeep[1].lower() == "vacuum" else self.iceberg.optimize)(upkeep[2])
            return [], []
        tree = sqlglot.parse_one(sql, read="athena")
        for table in tree.find_all(exp.Table):
            self._show_external(table)
        if isinstance(tree, exp.Create):
            self._create(tree)
            return [], []
        if isinstance(tree, exp.Alter):
            name = _name(tree.this)
            if age := _AGE.search(sql):
                (self.iceberg.forgetful.add if age[1] == "1" else self.iceberg.forgetful.discard)(name)
                return [], []
            for column in tree.find_all(exp.ColumnDef):
                self.duck.execute(f"alter table {name} add column {column.sql('duckdb')}")
            self.iceberg.commit(name)
            return [], []
        if isinstance(tree, exp.Drop):
            for table in tree.args["tables"]:
                self.duck.execute(f"drop table if exists {_name(table)}")
                _glue_delete(_name(table))
            return [], []
        if isinstance(tree, exp.Insert | exp.Merge):
            self._require_few_partitions(tree)
        cursor = self.duck.execute(tree.sql("duckdb"))
        if isinstance(tree, exp.Insert | exp.Merge):
            self.iceberg.rewrite(_name(tree.this))
            return [], []
        if isinstance(tree, exp.Delete | exp.Update):
            [(count,)] = cursor.fetchall()
            self.iceberg.change(_name(tree.this), count if isinstance(tree, exp.Update) else 0)
            return [], []
        return [(name, str(kind)) for name, kind, *_ in cursor.description or []], cursor.fetchall()

    def _create(self, tree: exp.Create) -> None:
        name = _name(tree.find(exp.Table))
        partitioned = tree.find(exp.PartitionedByProperty)
        location = tree.find(exp.LocationProperty)
        tree.set("properties", None)
        self.duck.execute(f"create schema if not exists {name.split('.')[0]}")
        if in_glue(name) is None:  # it may have been dropped there
            self.duck.execute(f"drop table if exists {name}")
        self.duck.execute(tree.sql("duckdb"))
        self.seen.add(name)
        if partitioned:
            [by] = partitioned.this.expressions
            column = by.find(exp.Column)
            self.partitions[name] = f"date_trunc('{'month' if isinstance(by, exp.Month) else 'day'}', {column.name})"
        self.iceberg.commit(name, location.this.name if location else f"s3://tables/{name}")

    def _require_few_partitions(self, tree: exp.Insert | exp.Merge) -> None:
        name = _name(tree.find(exp.Table))
        if name not in self.partitions:
            return
        rows = tree.args["using"].this.sql("duckdb") if isinstance(tree, exp.Merge) else tree.expression.sql("duckdb")
        counted = self.duck.execute(f"select count(distinct {self.partitions[name]}) from ({rows}) as rows").fetchone()
        if counted and counted[0] > MOST_PARTITIONS:
            raise TooManyPartitions(name)

    def _show_external(self, table: exp.Table) -> None:
        """Let DuckDB see a table of Glue that lists Parquet files, as Athena does, and what Iceberg tells of a table."""
        if "$" in table.name:
            name, _, what = table.name.partition("$")
            self.iceberg.tell(f"{table.db}.{name}", what)
            return
        if not table.db or f"{table.db}.{table.name}" in self.seen:
            return
        s3, found = client("s3"), in_glue(f"{table.db}.{table.name}")
        storage = found["StorageDescriptor"] if found else {}
        if not storage.get("InputFormat", "").endswith("SymlinkTextInputFormat"):
            return
        bucket, _, prefix = storage["Location"].removeprefix("s3://").partition("/")
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
        manifests = [s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().decode() for one in listed]
        copies = [str(self._copy(s3, file)) for manifest in manifests for file in manifest.split()]
        columns = ", ".join(
            f'cast("{column["Name"]}" as {sqlglot.exp.DataType.build(column["Type"], dialect="hive").sql("duckdb")}) '
            f'as "{column["Name"]}"'
            for column in storage["Columns"]
        )
        self.seen.add(f"{table.db}.{table.name}")
        self.duck.execute(f"create schema if not exists {table.db}")
        self.duck.execute(
            f"create view {table.db}.{table.name} as select {columns} "
            f"from read_parquet({copies}, union_by_name = true, hive_partitioning = false)"
        )

    def _copy(self, s3: Any, file: str) -> Path:
        bucket, _, key = file.removeprefix("s3://").partition("/")
        copy = self.files / bucket / key
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, key, str(copy))
        return copy


def _name(table: Any) -> str:
    found = table if isinstance(table, exp.Table) else table.find(exp.Table)
    return f"{found.db}.{found.name}"


def _glue_delete(name: str) -> None:
    glue = client("glue")
    database, table = name.split(".")
    try:
        glue.delete_table(DatabaseName=database, Name=table)
    except glue.exceptions.EntityNotFoundException:
        return


def _reason(error: duckdb.Error) -> str:
    """DuckDB's error as Athena would say it."""
    codes: tuple[tuple[Any, str], ...] = (
        ((duckdb.ConversionException,), "INVALID_CAST_ARGUMENT"),
        ((duckdb.OutOfRangeException,), "NUMERIC_VALUE_OUT_OF_RANGE"),
        ((duckdb.CatalogException,), "TABLE_NOT_FOUND"),
        ((duckdb.BinderException,), "COLUMN_NOT_FOUND"),
    )
    return f"{next((code for kinds, code in codes if isinstance(error, kinds)), 'SYNTAX_ERROR')}: {error}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.hex(" ") if isinstance(value, bytes) else str(value)
