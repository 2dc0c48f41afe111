"""Metadata of tables in Glue and S3, read and changed without a statement: such calls are free and do not queue."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from headline.errors import HeadlineError, Transient
from headline.warehouse.athena.errors import refused

_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}


class Glue:
    """The tables of Athena's catalogue, in databases whose names have a `prefix` that nobody else sees.

    Raises SpecError where a permission is missing, Transient for what may be over.
    """

    def __init__(self, glue: Any, s3: Any, prefix: str = "") -> None:
        self._glue = glue
        self._s3 = s3
        self._prefix = prefix

    def databases(self) -> Iterator[str]:
        """The name of every database."""
        names = (one["Name"] for one in self._pages("get_databases", "DatabaseList"))
        return (name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix))

    def tables(self, database: str) -> Iterator[dict[str, Any]]:
        """Every table of a database, as Glue describes it."""
        return self._pages("get_tables", "TableList", DatabaseName=f"{self._prefix}{database}")

    def table(self, name: str) -> dict[str, Any] | None:
        """A table (`schema.table`) as Glue describes it; None where it is not there."""
        found = self._call(self._glue.get_table, **self._named(name))
        return found["Table"] if found else None

    def parameters(self, database: str) -> dict[str, str]:
        """What is written down beside a database; nothing where it is not there."""
        found = self._call(self._glue.get_database, Name=f"{self._prefix}{database}")
        return found["Database"].get("Parameters", {}) if found else {}

    def create_database(self, name: str, parameters: Mapping[str, str] | None = None) -> None:
        """Make a database where it is not there; `parameters` take the place of those that it has."""
        name = f"{self._prefix}{name}"
        described: dict[str, Any] = {"Name": name} | ({"Parameters": dict(parameters)} if parameters else {})
        if self._call(self._glue.get_database, Name=name) is None:
            self._call(self._glue.create_database, DatabaseInput=described)
        elif parameters:
            self._call(self._glue.update_database, Name=name, DatabaseInput=described)

    def list_files(self, name: str, location: str, files: Sequence[str], columns: Mapping[str, str]) -> None:
        """Make a table of these Parquet files, wherever they are in S3; types as Glue writes them. `location`: of their list."""
        bucket, prefix = _parts(location)
        self._call(self._s3.put_object, Bucket=bucket, Key=f"{prefix}/files", Body="\n".join(files).encode())
        named = self._named(name)
        described = {
            "Name": named["Name"],
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE"},
            "StorageDescriptor": {
                **_PARQUET,
                "Location": f"{location}/",
                "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
            },
        }
        self._call(self._glue.create_table, DatabaseName=named["DatabaseName"], TableInput=described)

    def drop(self, name: str) -> None:
        """Drop a table that nobody reads any more, with its files."""
        if found := self.table(name):
            self._call(self._glue.delete_table, **self._named(name))
            self.delete(found["StorageDescriptor"]["Location"])

    def delete(self, location: str) -> None:
        """Delete every file below a place in S3."""
        bucket, _ = _parts(location)
        for listed in self._listed(location):
            objects = {"Objects": [{"Key": one["Key"]} for one in listed], "Quiet": True}
            answer = self._call(self._s3.delete_objects, Bucket=bucket, Delete=objects) or {}
            for one in answer.get("Errors", ()):
                raise refused(one["Code"], f"DeleteObjects: s3://{bucket}/{one['Key']}: {one['Message']}")

    def files(self, location: str) -> Iterator[str]:
        """The address of every file below a place in S3 that is not empty."""
        bucket, _ = _parts(location)
        return (f"s3://{bucket}/{one['Key']}" for listed in self._listed(location) for one in listed if one["Size"])

    def metadata(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """The metadata of an Iceberg table that Glue points to."""
        bucket, key = _parts(table["Parameters"]["metadata_location"])
        found = self._call(self._s3.get_object, Bucket=bucket, Key=key) or {}
        return dict(json.loads(found["Body"].read()))

    def _named(self, name: str) -> dict[str, str]:
        database, table = name.split(".")
        return {"DatabaseName": f"{self._prefix}{database}", "Name": table}

    def _pages(self, operation: str, field: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        return (one for page in _paginated(self._glue, operation, arguments) for one in page[field])

    def _listed(self, location: str) -> Iterator[list[dict[str, Any]]]:
        """What S3 tells of the files below a place, a thousand at a time."""
        bucket, prefix = _parts(location)
        pages = _paginated(self._s3, "list_objects_v2", {"Bucket": bucket, "Prefix": f"{prefix}/"})
        return (page["Contents"] for page in pages if page.get("Contents"))

    def _call(self, call: Any, **arguments: Any) -> Any:
        """The answer of a call; None where what it is about is not there, and where it was made meanwhile."""
        try:
            return call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("EntityNotFoundException", "AlreadyExistsException"):
                return None
            raise _told(error) from error
        except BotoCoreError as error:
            raise _told(error) from error


def _paginated(client: Any, operation: str, arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    try:
        yield from client.get_paginator(operation).paginate(**arguments)
    except (ClientError, BotoCoreError) as error:
        raise _told(error) from error


def _told(error: ClientError | BotoCoreError) -> HeadlineError:
    if isinstance(error, ClientError):
        return refused(error.response["Error"]["Code"], f"{error.operation_name}: {error.response['Error']['Message']}")
    return Transient(f"Glue or S3 cannot be reached for now: {error}")


def _parts(address: str) -> tuple[str, str]:
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    return bucket, prefix.rstrip("/")
