"""A stand-in for Athena: moto answers the calls, DuckDB executes the statements, tables look as Athena leaves them in Glue.

It proves the flow, not the dialect: what sqlglot reads differently from Athena it reads differently here too.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import boto3
import duckdb
import sqlglot
from moto import mock_aws
from moto.athena.models import AthenaBackend, Execution, QueryResults, athena_backends
from moto.athena.responses import AthenaResponse
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import JsonRESTError
from sqlglot import exp

REGION = "us-east-1"
LONGEST_QUERY, MOST_PARTITIONS = 262_144, 100
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


@dataclass
class Failure:
    """How a statement is to fail: the reason, and AthenaError's category and whether it can be retried."""

    reason: str
    category: int = 2
    retryable: bool = False


@dataclass
class AthenaDouble:
    """What was asked of it, and how it is to behave.

    `executed`: every statement that ran, in order. `failures`: by a part of the statement's text, how the next such one fails.
    `throttled`: so many calls that start a statement are refused. `held`: a part of the text of statements that stay running.
    """

    duck: duckdb.DuckDBPyConnection
    files: Path
    executed: list[str] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    throttled: int = 0
    held: str = ""
    scanned: int = 0
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    partitions: dict[str, str] = field(default_factory=dict)  # of each table: the expression that it is partitioned by
    seen: set[str] = field(default_factory=set)  # tables and views that DuckDB has

    @property
    def executions(self) -> dict[str, Execution]:
        return athena_backends[DEFAULT_ACCOUNT_ID][REGION].executions

    def release(self) -> None:
        """Let the statements end that were held."""
        self.held = ""
        for execution in self.executions.values():
            if execution.__dict__.pop("is_held", False) and execution._status != "CANCELLED":
                self.finish(execution)

    def statements(self, kind: str) -> list[str]:
        """The statements that ran which begin with these words."""
        return [sql for sql in self.executed if " ".join(sql.split()).lower().startswith(kind)]

    # what moto is given

    def start(self, response: AthenaResponse) -> str:
        sql, token = response._get_param("QueryString"), response._get_param("ClientRequestToken")
        if self.throttled > 0:
            self.throttled -= 1
            raise JsonRESTError("TooManyRequestsException", "Rate exceeded")
        if len(sql.encode()) > LONGEST_QUERY:
            raise JsonRESTError("InvalidRequestException", f"queryString has {len(sql.encode())} bytes")
        if token in self.tokens:
            known, query_id = self.tokens[token]
            if known != sql:
                raise JsonRESTError("InvalidRequestException", "Idempotent parameters do not match")
            return json.dumps({"QueryExecutionId": query_id})
        workgroup = response.athena_backend.work_groups.get(response._get_param("WorkGroup"))
        config = response._get_param("ResultConfiguration") or {}
        execution = Execution(sql, response._get_param("QueryExecutionContext"), config, workgroup, None)
        execution._transitions, execution._status = [], "RUNNING"
        self.executions[execution.id] = execution
        self.tokens[token] = (sql, execution.id)
        if self.held and self.held in sql:
            execution.__dict__["is_held"] = True
        else:
            self.finish(execution)
        return json.dumps({"QueryExecutionId": execution.id})

    def finish(self, execution: Execution) -> None:
        """Execute a statement and say how it ended."""
        self.executed.append(execution.query)
        failure = next((self.failures.pop(part) for part in list(self.failures) if part in execution.query), None)
        try:
            if failure is None:
                self._store(execution.id, *self._execute(execution.query))
        except duckdb.Error as error:
            failure = Failure(_reason(error))
        except sqlglot.errors.SqlglotError as error:
            failure = Failure(f"SYNTAX_ERROR: {error}")
        except TooManyPartitions as error:
            failure = Failure(f"ICEBERG_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers for partitions: {error}")
        execution._status = "FAILED" if failure else "SUCCEEDED"
        execution.__dict__["failure"] = failure

    def described(self, response: AthenaResponse, original: Callable[[AthenaResponse], str]) -> str:
        told = json.loads(original(response))
        execution = self.executions[response._get_param("QueryExecutionId")]
        found = told["QueryExecution"]
        is_select = re.match(r"\s*(\(*\s*(select|with|insert|merge)|create table \S+ with)", execution.query, re.IGNORECASE)
        found["StatementType"] = "DML" if is_select else "DDL"
        found["Statistics"]["DataScannedInBytes"] = self.scanned
        if failure := execution.__dict__.get("failure"):
            found["Status"]["StateChangeReason"] = failure.reason
            found["Status"]["AthenaError"] = {
                "ErrorCategory": failure.category,
                "ErrorType": 1,
                "Retryable": failure.retryable,
                "ErrorMessage": failure.reason,
            }
        return json.dumps(told)

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

    def _store(self, query_id: str, described: list[tuple[str, str]], rows: list[tuple[Any, ...]]) -> None:
        info = [
            {"Name": name, "Type": _TYPES.get(kind, "decimal" if kind.startswith("DECIMAL") else kind.lower())}
            for name, kind in described
        ]
        head = [{"Data": [{"VarCharValue": name} for name, _ in described]}] if described else []
        body = [{"Data": [{} if value is None else {"VarCharValue": _text(value)} for value in row]} for row in rows]
        athena_backends[DEFAULT_ACCOUNT_ID][REGION].query_results[query_id] = QueryResults(head + body, info)


class TooManyPartitions(Exception):
    """A statement writes more partitions than Athena does at once."""


@cache
def client(service: str) -> Any:
    """A client of a service that moto answers; making one takes longer than all that is asked of it."""
    return boto3.client(service, REGION, aws_access_key_id="testing", aws_secret_access_key="testing")


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


@contextmanager
def athena_double() -> Iterator[AthenaDouble]:
    """While it is entered every AWS call of this process is answered by moto, and Athena's by the double."""
    original = AthenaResponse.get_query_execution
    with tempfile.TemporaryDirectory(prefix="headline-athena-") as folder, mock_aws():
        client("s3").create_bucket(Bucket="tables")
        duck = duckdb.connect(":memory:", config={"disabled_optimizers": "statistics_propagation"})
        duck.execute("load icu; set TimeZone = 'UTC'")
        for macro in MACROS:
            duck.execute(macro)
        double = AthenaDouble(duck, Path(folder))

        def stop(backend: AthenaBackend, exec_id: str) -> None:
            if backend.executions[exec_id]._status == "RUNNING":
                backend.executions[exec_id]._status = "CANCELLED"

        with (
            patch.object(AthenaResponse, "start_query_execution", lambda response: double.start(response)),
            patch.object(AthenaResponse, "get_query_execution", lambda response: double.described(response, original)),
            patch.object(AthenaBackend, "stop_query_execution", stop),
        ):
            yield double
        duck.close()
