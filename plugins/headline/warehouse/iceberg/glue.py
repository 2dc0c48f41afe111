"""Metadata of an Iceberg table in the Glue catalog, for engines that do not return it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlparse

from headline.warehouse.iceberg.deletes import require_readable


def metadata(glue: Any, s3: Any, table: str) -> dict[str, Any] | None:
    """The current metadata of a table (`schema.table`) as Iceberg writes it; None where there is no such table.

    `glue`, `s3`: clients of boto3.
    """
    database, name = table.split(".")
    try:
        found = glue.get_table(DatabaseName=database, Name=name)["Table"]
    except glue.exceptions.EntityNotFoundException:
        return None
    place = urlparse(found["Parameters"]["metadata_location"])
    body = s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
    return json.loads(body)


def current_snapshot(glue: Any, s3: Any, table: str) -> int | None:
    """The id of a table's current snapshot; None where it has none yet. Raises SpecError where it has delete files that not every
    reader understands."""
    found = metadata(glue, s3, table) or {}
    for snapshot in found.get("snapshots", ()):
        if snapshot["snapshot-id"] == found.get("current-snapshot-id"):
            require_readable(table, snapshot.get("summary", {}))
            return int(snapshot["snapshot-id"])
    return None
