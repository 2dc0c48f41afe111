"""Athena as an engine on Iceberg: data and SELECTs by its statements, everything else by Glue and S3."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlglot import exp

from headline.errors import BadData, BadRequest, SpecError
from headline.ledger import Identity, Statement
from headline.warehouse.athena.dialect import DIALECT
from headline.warehouse.athena.glue import Glue
from headline.warehouse.athena.landed import landed_rows
from headline.warehouse.athena.statements import About, AthenaStatements
from headline.warehouse.athena.together import apart, grouped, together
from headline.warehouse.athena.upkeep import expunge, maintain
from headline.warehouse.base import Result
from headline.warehouse.iceberg.engine import Engine, Partition
from headline.warehouse.iceberg.names import STAGING, part_of
from headline.warehouse.iceberg.statements import described, type_from, types_in
from headline.warehouse.identity import OWN_SCHEMA

log = logging.getLogger(__name__)

# A statement has 262,144 bytes at most.
_LONGEST = 250_000
_STAGED = re.compile(rf'"?{STAGING}"?\."?(\w+?)__(\w+?)(?:__and_quarantine)?(?:__part\d+)?__[0-9a-f]{{16}}\b')
_MERGED = re.compile(r"\s*merge\s+into\s+(\w+\.\w+)", re.IGNORECASE)


class AthenaEngine(Engine):
    """Statements in a workgroup, tables in Glue. `location`: the address in S3 below which tables are kept."""

    dialect = DIALECT
    can_expunge = True

    def __init__(self, statements: AthenaStatements, glue: Glue, location: str) -> None:
        self._statements = statements
        self._glue = glue
        self._location = location.rstrip("/")
        self._views: dict[str, str] = {}
        self._made: dict[str, str] = {}  # by staging table, what its rows follow from
        self._answers: dict[str, Result] = {}

    def query(self, sql: str) -> Result:
        if (known := self._answers.pop(sql, None)) is not None:
            return known
        return self._statements.execute(self._with_views(sql), _about(sql))

    def rows(self, sql: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        return self._statements.rows(self._with_views(sql), _about(sql))

    def foresee(self, statements: Callable[[], Sequence[str]]) -> None:
        """Answered in one statement; where that fails, each when it is asked, so that it is known which was wrong."""
        asked = list(dict.fromkeys(statements()))
        sql, widths = together([self._with_views(one) for one in asked])
        if len(sql.encode()) > _LONGEST:
            return
        try:
            found = self._statements.execute(sql, _about(sql))
        except (SpecError, BadData) as error:
            log.warning("%d statements cannot be answered together: %s", len(asked), error)
            return
        self._answers |= zip(asked, apart(found, widths), strict=True)

    def query_within(self, sql: str, seconds: float, most_rows: int) -> Result:
        found = self._statements.execute(f"select * from (\n{sql}\n) as asked limit {most_rows + 1}", seconds=seconds)
        if len(found.rows) > most_rows:
            raise BadRequest(f"the query gives more than {most_rows:,} rows (HEADLINE_QUERY_ROWS): add a limit or aggregate")
        return found

    def spent(self) -> list[Statement]:
        return self._statements.take()

    def tables(self, namespace: str = "") -> set[str]:
        databases = (database for database in self._glue.databases() if namespace in ("", database))
        return {f"{database}.{one['Name']}" for database in databases for one in self._glue.tables(database)}

    def columns(self, table: str) -> dict[str, str]:
        if view := self._views.get(table):
            [staged] = (match[0] for match in _STAGED.finditer(view))
            names = view.removeprefix("select ").split(" from ")[0].split(", ")
            known = self.columns(staged)
            return {name: known[name] for name in names if name in known}
        found = self._glue.table(table)
        listed = found["StorageDescriptor"]["Columns"] if found else []
        return {column["Name"]: type_from(column["Type"], "hive") for column in listed if _is_current(column)}

    def snapshot(self, table: str) -> int | None:
        found = self._glue.table(table)
        current = self._glue.metadata(found).get("current-snapshot-id") if found else None
        return None if current in (None, -1) else int(current)

    def row_hash(self, text: exp.Expr) -> exp.Expr:
        hashed: exp.Expr = text
        for name in ("to_utf8", "xxhash64", "from_big_endian_64"):
            hashed = exp.Anonymous(this=name, expressions=[hashed])
        return hashed

    def landing(self, files: Mapping[str, Mapping[str, str]], columns: Mapping[str, str]) -> exp.Expr:  # noqa: ARG002
        self._glue.create_database(STAGING)
        return landed_rows(self._glue, self._location, files)

    def create_namespace(self, name: str) -> None:
        self._glue.create_database(name)

    def create_table(
        self,
        name: str,
        columns: Mapping[str, str],
        partition: Partition | None = None,
        comments: Mapping[str, str] | None = None,
    ) -> None:
        cut = f" partitioned by ({partition.unit}(`{partition.column}`))" if partition else ""
        database, table = name.split(".")
        self.query(
            f"create table if not exists `{database}`.`{table}` ({described(types_in('hive', columns), comments or {})}){cut} "
            f"location '{self._location}/{database}/{table}' tblproperties ('table_type'='ICEBERG','format'='parquet')"
        )

    def add_columns(self, name: str, columns: Mapping[str, str]) -> None:
        database, table = name.split(".")
        self.query(f"alter table `{database}`.`{table}` add columns ({described(types_in('hive', columns), {})})")

    def create_as(self, name: str, select: str) -> None:
        """A retry of the task takes what the try before it has made, or waits for it, as long as nothing was published since."""
        inputs = [self._made.get(match[0], "") for match in _STAGED.finditer(select)]
        identity = self.identity()
        digest = hashlib.sha256(repr((name, select, inputs, identity and identity.mark)).encode()).hexdigest()[:32]
        self._answers = {sql: answer for sql, answer in self._answers.items() if name not in sql}
        place = f"{self._location}/staging/{name.split('.')[1]}/{digest}"
        query = self._with_views(select)
        found = self._glue.table(name)
        if found is None or not found["StorageDescriptor"]["Location"].startswith(place):
            self._glue.drop(name)

            def create(attempt: int) -> str:
                properties = f"table_type='ICEBERG', format='PARQUET', is_external=false, location='{place}-{attempt}/'"
                return f"create table {name} with ({properties}) as\n{query}"

            def is_there(attempt: int) -> bool:
                made = self._glue.table(name)
                return made is not None and made["StorageDescriptor"]["Location"].startswith(f"{place}-{attempt}")

            self._statements.execute_once(create, _about(f"{STAGING} {name}", "stage"), is_there)
        self._made[name] = digest

    def create_union(self, name: str, selects: Sequence[str]) -> None:
        """In one statement, or, where its text would be too long, by a table for each part of the rows."""
        groups = grouped(selects, _LONGEST)
        if len(groups) == 1:
            super().create_union(name, selects)
            return
        parts = [part_of(name, number) for number in range(len(groups))]
        for part, group in zip(parts, groups, strict=True):
            super().create_union(part, group)
        super().create_union(name, [f"select * from {part}" for part in parts])
        for part in parts:
            self.drop_table(part)

    def create_view(self, name: str, select: str) -> None:
        """Within the session only, as a subquery: each view would be a statement more, which waits for its turn."""
        self._views[name] = select

    def keep_views(self) -> None:
        """Make the views of the session ones of the catalogue."""
        for name, select in self._views.items():
            self._statements.execute(f"create or replace view {name} as {select}", _about(name, "stage"))

    def drop_table(self, name: str) -> None:
        if name.startswith(f"{STAGING}."):
            self._glue.drop(name)
        else:
            database, table = name.split(".")
            self.query(f"drop table if exists `{database}`.`{table}`")

    def drop_view(self, name: str) -> None:
        self._views.pop(name, None)
        self._glue.drop(name)

    def identity(self) -> Identity | None:
        """It is stored with a database of Glue, so that it can be read without a statement."""
        known = self._glue.parameters(OWN_SCHEMA)
        return Identity(known["id"], int(known["publication"]), known["mark"]) if known.get("id") else None

    def identify(self, identity: Identity) -> None:
        values = {"id": identity.id, "publication": str(identity.publication), "mark": identity.mark}
        self._glue.create_database(OWN_SCHEMA, values)

    def begin_publishing(self) -> None:
        """What killed runs have left at work must not come after what is about to be published."""
        self._statements.cancel_others("publish")

    def expunge(self, tables: Sequence[str]) -> None:
        expunge(self._statements, self._glue, tables)

    def maintain(self, name: str) -> None:
        """Merge small files and those that deletes have left, and expire snapshots that nobody reads any more."""
        maintain(self._statements, name)

    def drop_old(self, days: int) -> list[str]:
        """Drop what runs that were killed have left in staging, and lists of landed files, when they are so many days old."""
        before = datetime.now(UTC) - timedelta(days=days)
        old = [f"{STAGING}.{one['Name']}" for one in self._glue.tables(STAGING) if one["CreateTime"] < before]
        for name in old:
            self._glue.drop(name)
        return old

    # inside

    def _with_views(self, sql: str) -> str:
        for name, select in self._views.items():
            database, view = name.split(".")
            sql = re.sub(rf'"?\b{database}"?\."?{view}\b"?', lambda _, text=select: f"({text})", sql)  # type: ignore[misc]
        return sql


def _about(sql: str, step: str = "") -> About:
    """What a statement is for, by the tables that it names."""
    if merged := _MERGED.match(sql):
        return About(merged[1], "publish")
    if staged := _STAGED.search(sql):
        return About(f"{staged[1]}.{staged[2]}", step or "audit")
    return About(step=step or "query")


def _is_current(column: Mapping[str, object]) -> bool:
    """Glue also lists columns that an Iceberg table had once."""
    parameters = column.get("Parameters") or {}
    return not isinstance(parameters, Mapping) or parameters.get("iceberg.field.current", "true") == "true"
