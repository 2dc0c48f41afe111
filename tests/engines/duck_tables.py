"""Statements of Athena in DuckDB; their tables look in Glue as Athena leaves them.

What sqlglot reads differently from Athena it reads differently here too.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import sqlglot
from sqlglot import exp
from tests.engines.athena_double import Failure, Rows, StatementFailed, client

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
_GLUE_TYPES = {"VARCHAR": "string", "INTEGER": "int"}
_MAINTENANCE = re.compile(r"\s*(optimize|vacuum)\s+([\w.]+)", re.IGNORECASE)


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
        if _MAINTENANCE.match(sql):
            return [], []
        tree = sqlglot.parse_one(sql, read="athena")
        for table in tree.find_all(exp.Table):
            self._show_external(table)
        if isinstance(tree, exp.Create):
            self._create(tree)
            return [], []
        if isinstance(tree, exp.Alter):
            for column in tree.find_all(exp.ColumnDef):  # none where properties are set
                self.duck.execute(f"alter table {_name(tree.this)} add column {column.sql('duckdb')}")
            self._commit(_name(tree.this))
            return [], []
        if isinstance(tree, exp.Drop):
            for table in tree.args["tables"]:
                self.duck.execute(f"drop table if exists {_name(table)}")
                _glue_delete(_name(table))
            return [], []
        if isinstance(tree, exp.Insert | exp.Merge):
            self._require_few_partitions(tree)
        cursor = self.duck.execute(tree.sql("duckdb"))
        if isinstance(tree, exp.Insert | exp.Merge | exp.Delete | exp.Update):
            self._commit(_name(tree.this))
            return [], []
        return [(name, str(kind)) for name, kind, *_ in cursor.description or []], cursor.fetchall()

    def _create(self, tree: exp.Create) -> None:
        name = _name(tree.find(exp.Table))
        partitioned = tree.find(exp.PartitionedByProperty)
        location = tree.find(exp.LocationProperty)
        tree.set("properties", None)
        self.duck.execute(f"create schema if not exists {name.split('.')[0]}")
        if _in_glue(name) is None:  # it may have been dropped there
            self.duck.execute(f"drop table if exists {name}")
        self.duck.execute(tree.sql("duckdb"))
        self.seen.add(name)
        if partitioned:
            [by] = partitioned.this.expressions
            column = by.find(exp.Column)
            self.partitions[name] = f"date_trunc('{'month' if isinstance(by, exp.Month) else 'day'}', {column.name})"
        self._commit(name, location.this.name if location else f"s3://tables/{name}")

    def _require_few_partitions(self, tree: exp.Insert | exp.Merge) -> None:
        name = _name(tree.find(exp.Table))
        if name not in self.partitions:
            return
        rows = tree.args["using"].this.sql("duckdb") if isinstance(tree, exp.Merge) else tree.expression.sql("duckdb")
        counted = self.duck.execute(f"select count(distinct {self.partitions[name]}) from ({rows}) as rows").fetchone()
        if counted and counted[0] > MOST_PARTITIONS:
            raise TooManyPartitions(name)

    def _commit(self, name: str, location: str = "") -> None:
        """A new snapshot: a metadata file in S3, and the table in Glue that points to it."""
        database, table = name.split(".")
        glue, s3, known = client("glue"), client("s3"), _in_glue(name) or {}
        location = location or known["StorageDescriptor"]["Location"]
        parameters = known.get("Parameters", {})
        snapshots: list[dict[str, Any]] = []
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        if parameters:
            key = parameters["metadata_location"].removeprefix(f"s3://{bucket}/")
            snapshots = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["snapshots"]
        snapshots.append({"snapshot-id": uuid4().int >> 65, "timestamp-ms": len(snapshots)})
        content = {"format-version": 2, "current-snapshot-id": snapshots[-1]["snapshot-id"], "snapshots": snapshots}
        key = f"{prefix.rstrip('/')}/metadata/{len(snapshots):05}-{uuid4()}.metadata.json"
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(content))
        columns = self.duck.execute(f"select column_name, column_type from (describe {name})").fetchall()
        asked = {
            "Name": table,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"table_type": "ICEBERG", "metadata_location": f"s3://{bucket}/{key}"},
            "StorageDescriptor": {
                "Location": location,
                "Columns": [{"Name": column, "Type": _GLUE_TYPES.get(kind, kind.lower())} for column, kind in columns],
            },
        }
        if known:
            glue.update_table(DatabaseName=database, TableInput=asked)
        else:
            glue.create_table(DatabaseName=database, TableInput=asked)

    def _show_external(self, table: exp.Table) -> None:
        """Let DuckDB see a table of Glue that lists Parquet files, as Athena does."""
        if not table.db or f"{table.db}.{table.name}" in self.seen:
            return
        s3, found = client("s3"), _in_glue(f"{table.db}.{table.name}")
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


def _in_glue(name: str) -> dict[str, Any] | None:
    database, table = name.split(".")
    try:
        return dict(client("glue").get_table(DatabaseName=database, Name=table)["Table"])
    except client("glue").exceptions.EntityNotFoundException:
        return None


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
