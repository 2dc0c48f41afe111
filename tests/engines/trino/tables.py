"""Statements of Athena on a real Trino, which keeps its tables in the S3 and Glue of this process."""

from __future__ import annotations

import base64
import json
import re
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import sqlglot
from sqlglot import exp
from tests.engines.athena_double import Failure, Rows, StatementFailed

_HEADERS = {
    "X-Trino-User": "headline",
    "X-Trino-Catalog": "awsdatacatalog",
    "X-Trino-Schema": "core",
    "X-Trino-Time-Zone": "UTC",
    # Each writer opens 100 partitions at most. Athena opens so many in all, which is what one writer does.
    "X-Trino-Session": "task_min_writer_count=1,task_max_writer_count=1,task_scale_writers_enabled=false",
    "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",  # moments in full, not in milliseconds
}
_CATEGORIES = {"INTERNAL_ERROR": 1, "USER_ERROR": 2}
_UPKEEP = re.compile(r"\s*(optimize|vacuum)\s+([\w.]+)", re.IGNORECASE)
_DDL = re.compile(r"(create table if not exists|alter table|drop table if exists) `")
_ATHENA_ONLY = re.compile(r"(table_type|is_external)\s*=\s*[^,]+,\s*", re.IGNORECASE)
_AGE = "vacuum_max_snapshot_age_seconds"


@dataclass
class TrinoTables:
    """What executes statements. `address`: of Trino. `ages`: by table, after how many seconds VACUUM forgets a snapshot."""

    address: str
    ages: dict[str, str] = field(default_factory=dict)

    def execute(self, sql: str) -> Rows:
        found: Rows = ([], [])
        for one in self._statements(sql):
            found = self.run(one)
        return found

    def run(self, sql: str) -> Rows:
        """Run a statement of Trino's; values as the texts that Athena gives."""
        columns: list[tuple[str, str]] = []
        rows: list[list[Any]] = []
        answer = _asked(f"{self.address}/v1/statement", sql.encode())
        while True:
            columns = [(one["name"], re.sub(r"\(.*?\)", "", one["type"])) for one in answer.get("columns", ())] or columns
            rows += answer.get("data", ())
            if error := answer.get("error"):
                reason = f"{error['errorName']}: {error['message']}"
                raise StatementFailed(Failure(reason, _CATEGORIES.get(error["errorType"], 3)))
            if "nextUri" not in answer:
                return columns, [tuple(map(_text, row, (kind for _, kind in columns))) for row in rows]
            answer = _asked(answer["nextUri"])

    def _statements(self, sql: str) -> list[str]:
        """What Athena's DDL and upkeep, which have a grammar of their own, are on Trino; everything else is given as it is."""
        if upkeep := _UPKEEP.match(sql):
            name = upkeep[2]
            if upkeep[1].lower() == "optimize":
                return [f"alter table {name} execute optimize"]
            age = f"retention_threshold => '{self.ages.get(name, '432000')}s'"
            # Files that the newest snapshot has dropped, such as those that OPTIMIZE has merged, go as orphans.
            return [f"alter table {name} execute {what}({age})" for what in ("expire_snapshots", "remove_orphan_files")]
        if not _DDL.match(sql):
            return [_ATHENA_ONLY.sub("", sql, count=2) if sql.startswith("create table") else sql]
        tree = sqlglot.parse_one(sql, read="athena")
        table = tree.find(exp.Table)
        assert table is not None
        name, columns = f"{table.db}.{table.name}", [_column(one) for one in tree.find_all(exp.ColumnDef)]
        if isinstance(tree, exp.Create):
            properties = ["format_version = 2", "format = 'PARQUET'"]
            if partitioned := tree.find(exp.PartitionedByProperty):
                [by] = partitioned.this.expressions
                unit = "month" if isinstance(by, exp.Month) else "day"
                properties.append(f"partitioning = array['{unit}({by.find(exp.Column).name})']")
            if location := tree.find(exp.LocationProperty):
                properties.append(f"location = {location.this.sql()}")
            return [f"create table if not exists {name} ({', '.join(columns)}) with ({', '.join(properties)})"]
        if isinstance(tree, exp.Drop):
            return [f"drop table if exists {name}"]
        if age := re.search(rf"'{_AGE}'='(\d+)'", sql):
            self.ages[name] = age[1]
        return [f"alter table {name} add column {column}" for column in columns]


def _column(defined: exp.ColumnDef) -> str:
    kind = defined.args["kind"].sql("trino").lower()
    comment = defined.find(exp.CommentColumnConstraint)
    told = f" comment {comment.this.sql('trino')}" if comment else ""
    return f'"{defined.name}" {"timestamp(6)" if kind == "timestamp" else kind}{told}'


def _asked(address: str, body: bytes | None = None) -> dict[str, Any]:
    request = urllib.request.Request(address, body, _HEADERS)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return dict(json.loads(answer.read()))


def _text(value: Any, kind: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return base64.b64decode(value).hex(" ") if kind == "varbinary" else str(value)
