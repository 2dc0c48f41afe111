"""What Iceberg keeps of a table of DuckDB in S3 and Glue: snapshots, and a data file of whose rows only the number is true."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import duckdb
from tests.engines.athena_double import client

_GLUE_TYPES = {"VARCHAR": "string", "INTEGER": "int"}


@dataclass
class Iceberg:
    """`idle`: which of `optimize`, `expire` and `delete` (of files) succeeds without doing anything."""

    duck: duckdb.DuckDBPyConnection
    idle: set[str] = field(default_factory=set)
    stored: dict[str, int] = field(default_factory=dict)  # by table, rows of its file, those too that are only marked as deleted
    forgetful: set[str] = field(default_factory=set)  # tables of which VACUUM keeps no older snapshot

    def commit(self, name: str, location: str = "") -> None:
        """A new snapshot: a metadata file in S3, and the table in Glue that points to it."""
        found = in_glue(name)
        location = location.rstrip("/") or _location(name)
        number = uuid4().int >> 65
        made = {"snapshot-id": number, "manifest-list": f"{location}/metadata/snap-{number}.avro"}
        self._point(name, location, [*(_snapshots(found) if found else ()), made])

    def change(self, name: str, added: int = 0) -> None:
        """A commit that marks rows as deleted and adds so many."""
        self.stored[name] = self.stored.get(name, 0) + added
        self.commit(name)
        bucket, key = _parts(_data_file(name))
        client("s3").put_object(Bucket=bucket, Key=key, Body=b"rows")

    def rewrite(self, name: str) -> None:
        """A commit whose file has the rows of the table and no others."""
        [(self.stored[name],)] = self.duck.execute(f"select count(*) from {name}").fetchall()
        self.change(name)

    def optimize(self, name: str) -> None:
        if "optimize" not in self.idle:
            self.rewrite(name)

    def vacuum(self, name: str) -> None:
        if name not in self.forgetful or "expire" in self.idle:
            return
        location, own = _location(name), _data_file(name)
        self._point(name, location, _snapshots(in_glue(name) or {})[-1:])
        bucket, prefix = _parts(f"{location}/data/")
        for one in client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"] if "delete" not in self.idle else ():
            if f"s3://{bucket}/{one['Key']}" != own:
                client("s3").delete_object(Bucket=bucket, Key=one["Key"])

    def tell(self, name: str, what: str) -> None:
        """Make the table of the files or manifests that a table has."""
        told = name.replace(".", '."') + f'${what}"'
        if what == "manifests":
            self.duck.execute(f"create or replace table {told} (path varchar)")
            return
        select = f"select '{_data_file(name)}' as file_path, 0 as content, {self.stored.get(name, 0)} as record_count"
        self.duck.execute(f"create or replace table {told} as {select}")

    def _point(self, name: str, location: str, snapshots: list[dict[str, Any]]) -> None:
        database, table = name.split(".")
        metadata = f"{location}/metadata/{len(snapshots):05}-{uuid4()}.metadata.json"
        content = {"format-version": 2, "current-snapshot-id": snapshots[-1]["snapshot-id"], "snapshots": snapshots}
        bucket, key = _parts(metadata)
        client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(content))
        columns = self.duck.execute(f"select column_name, column_type from (describe {name})").fetchall()
        asked = {
            "Name": table,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"table_type": "ICEBERG", "metadata_location": metadata},
            "StorageDescriptor": {
                "Location": location,
                "Columns": [{"Name": column, "Type": _GLUE_TYPES.get(kind, kind.lower())} for column, kind in columns],
            },
        }
        put = client("glue").update_table if in_glue(name) else client("glue").create_table
        put(DatabaseName=database, TableInput=asked)


def in_glue(name: str) -> dict[str, Any] | None:
    database, table = name.split(".")
    try:
        return dict(client("glue").get_table(DatabaseName=database, Name=table)["Table"])
    except client("glue").exceptions.EntityNotFoundException:
        return None


def _location(name: str) -> str:
    return str((in_glue(name) or {})["StorageDescriptor"]["Location"])


def _snapshots(table: dict[str, Any]) -> list[dict[str, Any]]:
    bucket, key = _parts(table["Parameters"]["metadata_location"])
    return list(json.loads(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())["snapshots"])


def _data_file(name: str) -> str:
    """The file with the rows of a table's current snapshot."""
    return f"{_location(name)}/data/{_snapshots(in_glue(name) or {})[-1]['snapshot-id']}.parquet"


def _parts(address: str) -> tuple[str, str]:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key
