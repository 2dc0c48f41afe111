"""Statements on a Spark Connect session, and what Spark's errors mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from threading import Timer
from typing import Any
from uuid import uuid4

from sqlglot import exp

from headline.connections import Connection
from headline.errors import BadData, BadRequest, HeadlineError, SpecError, Transient
from headline.warehouse.base import Result
from headline.warehouse.iceberg.deletes import require_readable
from headline.warehouse.iceberg.engine import Engine, Partition
from headline.warehouse.iceberg.glue import current_snapshot
from headline.warehouse.iceberg.names import STAGING
from headline.warehouse.iceberg.prefix import prefix_of, prefixed
from headline.warehouse.iceberg.statements import described, type_from, types_in

# Moments without a zone, in UTC, and values that do not fit are errors.
SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
}
_WRONG_VALUES = ("ArithmeticException", "NumberFormatException", "DateTimeException", "IllegalArgumentException: Cast")
_WRONG_SQL = ("AnalysisException", "ParseException", "UnsupportedOperationException", "IllegalArgumentException")
# Somebody else has committed to the table meanwhile, or the catalog did not answer.
_FOR_NOW = re.compile(r"conflict|CommitFailed|service error|concurrent", re.IGNORECASE)
_QUERY = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
_NOT_THERE = re.compile(r"TABLE_OR_VIEW_NOT_FOUND|not found", re.IGNORECASE)


class SparkEngine(Engine):
    """One session. Staged rows are read by temporary views, since a Glue catalog keeps none of Spark's."""

    dialect = "spark"

    def __init__(self, spark: Any, connection: Connection) -> None:
        self._spark = spark
        self._extra = connection.extra
        self._prefix = prefix_of(connection)
        self._landed = 0
        try:
            for name, value in SETTINGS.items():
                spark.conf.set(name, value)
            catalog = self._extra.get("catalog") or spark.catalog.currentCatalog()
            # Before the catalog is asked for the first time: it would keep each table for 30 s as it was read first.
            spark.conf.set(f"spark.sql.catalog.{catalog}.cache-enabled", "false")
            spark.catalog.setCurrentCatalog(catalog)
        except Exception as error:
            raise wrong(error, "the settings of the session") from error

    def query(self, sql: str) -> Result:
        return self._run(prefixed(sql, self._prefix, self.dialect))

    def rows(self, sql: str) -> tuple[Sequence[str], Iterator[Sequence[Any]]]:
        text = prefixed(sql, self._prefix, self.dialect)
        try:
            frame = self._spark.sql(text)
            return list(frame.columns), self._one_by_one(frame, text)
        except Exception as error:
            raise wrong(error, text) from error

    def query_within(self, sql: str, seconds: float, most_rows: int) -> Result:
        stopped: list[bool] = []

        def stop() -> None:
            stopped.append(True)
            self._spark.interruptAll()

        clock = Timer(seconds, stop)
        clock.start()
        try:
            found = self.query(f"select * from (\n{sql}\n) as asked limit {most_rows + 1}")
        except HeadlineError as error:
            if stopped:
                told = f"the query was stopped after {seconds:g} s (HEADLINE_QUERY_SECONDS); query fewer days"
                raise BadRequest(told) from error
            raise BadRequest(f"Spark rejected the query: {error}") from error
        finally:
            clock.cancel()
        if len(found.rows) > most_rows:
            raise BadRequest(f"the query gives more than {most_rows:,} rows (HEADLINE_QUERY_ROWS): add a limit or aggregate")
        return found

    def tables(self, namespace: str = "") -> set[str]:
        found: set[str] = set()
        for schema in (schema for schema in self._namespaces() if namespace in ("", schema)):
            rows = self._run(f"show tables in {self._prefix}{schema}")
            place = [rows.columns.index(name) for name in ("tableName", "isTemporary")]
            found |= {f"{schema}.{row[place[0]]}" for row in rows.rows if not row[place[1]]}
        return found

    def columns(self, table: str) -> dict[str, str]:
        try:
            fields = self._spark.table(self._named(table)).schema.fields
        except Exception as error:
            if _NOT_THERE.search(str(error)):
                return {}
            raise wrong(error, table) from error
        return {field.name: type_from(field.dataType.simpleString(), self.dialect) for field in fields}

    def snapshot(self, table: str) -> int | None:
        """Of the table's own list of snapshots; with the extra `snapshots: glue` of what the Glue catalog refers to."""
        if self._extra.get("snapshots") == "glue":
            return current_snapshot(self._aws("glue"), self._aws("s3"), self._named(table))
        newest = self.query(f"select snapshot_id, summary from {table}.snapshots order by committed_at desc limit 1").rows
        for snapshot, summary in newest:
            require_readable(table, summary or {})
            return int(snapshot)
        return None

    def row_hash(self, text: exp.Expr) -> exp.Expr:
        return exp.Anonymous(this="xxhash64", expressions=[text])

    def landing(self, files: Mapping[str, Mapping[str, str]], _: Mapping[str, str]) -> exp.Expr:
        self._landed += 1
        name = f"headline_landed_{self._landed}"
        try:
            self._spark.read.option("mergeSchema", "true").parquet(*files).createOrReplaceTempView(name)
        except Exception as error:
            raise wrong(error, f"{len(files)} landed files, {next(iter(files))} first") from error
        return exp.to_table(name)

    def create_namespace(self, name: str) -> None:
        self._run(f"create database if not exists {self._prefix}{name}{self._location(name)}")

    def create_table(
        self,
        name: str,
        columns: Mapping[str, str],
        partition: Partition | None = None,
        comments: Mapping[str, str] | None = None,
    ) -> None:
        told = comments if comments and self._extra.get("comments", True) else {}
        listed = described(types_in(self.dialect, columns), told)
        cut = f" partitioned by ({partition.unit}s({partition.column}))" if partition else ""
        made = f"using iceberg{cut}{self._location(name)} tblproperties ('format-version' = '2')"
        self.query(f"create table if not exists {name} ({listed}) {made}")

    def create_as(self, name: str, select: str) -> None:
        self.drop_table(name)
        # A place of its own each time: not every engine removes the files of a table that is dropped, or writes where some are.
        self.query(f"create table {name} using iceberg{self._location(f'{name}_{uuid4().hex[:8]}')} as {select}")

    def create_view(self, name: str, select: str) -> None:
        self.query(f"create or replace temporary view {name} as {select}")

    def viewed(self, column: str) -> str:
        """As an expression, which has no field id: Sail 0.7.2 cannot group by a column of two united tables whose ids differ."""
        return f"coalesce({column}, {column}) as {column}"

    def staging_name(self, output: str, suffix: str) -> str:
        return f"{STAGING}__{output.replace('.', '__')}__{suffix}"

    # inside

    def _run(self, sql: str) -> Result:
        """A statement whose namespaces have their prefix."""
        try:
            frame = self._frame(sql)
            rows = frame.collect()
            # Rows know their columns; to ask for those takes Spark as long as to plan the statement once more.
            return Result(list(rows[0].__fields__ if rows else frame.columns), [tuple(row) for row in rows])
        except Exception as error:
            raise wrong(error, sql) from error

    def _frame(self, sql: str) -> Any:
        """A statement and its rows. A query is analysed once so; `sql` of a session has it analysed before anybody wants rows."""
        if not _QUERY.match(sql):
            return self._spark.sql(sql)
        from pyspark.sql.connect.dataframe import DataFrame
        from pyspark.sql.connect.plan import SQL

        return DataFrame(SQL(sql), self._spark)

    def _one_by_one(self, frame: Any, sql: str) -> Iterator[Sequence[Any]]:
        try:
            yield from map(tuple, frame.toLocalIterator())
        except Exception as error:
            raise wrong(error, sql) from error

    def _namespaces(self) -> Iterator[str]:
        for name, *_ in self._run("show databases").rows:
            if name.startswith(self._prefix):
                yield name.removeprefix(self._prefix)

    def _named(self, table: str) -> str:
        return f"{self._prefix}{table}" if "." in table else table

    def _location(self, name: str) -> str:
        """Where a namespace or table lies, for catalogs that do not say so themselves: below the extra `location`."""
        place = str(self._extra.get("location", "")).rstrip("/")
        return f" location '{place}/{self._prefix}{name.replace('.', '/')}'" if place else ""

    def _aws(self, service: str) -> Any:
        import boto3

        return boto3.client(service, region_name=self._extra.get("region_name"), endpoint_url=self._extra.get("aws_endpoint_url"))


def wrong(error: Exception, what: str) -> HeadlineError:
    """What is raised for an error of Spark's, by what can be done about it; `what`: the statement."""
    kind, text = type(error).__name__, str(error).split("\n\nJVM stacktrace")[0]
    if _FOR_NOW.search(text):
        return Transient(f"Spark could not finish for now: {text}")
    if kind in _WRONG_VALUES:
        return BadData(f"a value does not fit the type in the SQL: {text}")
    if kind in _WRONG_SQL:
        return SpecError([f"Spark rejected the SQL: {text}\n{what[:2000]}"])
    return Transient(f"Spark could not finish for now: {kind}: {text}")
