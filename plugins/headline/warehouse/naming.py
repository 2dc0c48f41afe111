"""What tables are called outside of the warehouse: namespace and name, as OpenLineage has them for each engine."""

from __future__ import annotations

import os
from pathlib import Path

from headline.connections import get
from headline.errors import SpecError
from headline.warehouse.iceberg.prefix import prefix_of


def dataset_of(table: str, conn_id: str) -> tuple[str, str]:
    """Namespace and name of a table (`schema.table`) of the warehouse behind a connection.

    Raises SpecError for a type without an engine.
    """
    connection = get(conn_id)
    match connection.conn_type:
        case "duckdb":
            return f"duckdb://{connection.host}", f"{Path(connection.host).stem}.{table}"
        case "athena" | "aws":
            region = connection.extra.get("region_name") or os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
            return f"awsathena://athena.{region}.amazonaws.com", f"AwsDataCatalog.{prefix_of(connection)}{table}"
        case "spark_connect":
            catalog = connection.extra.get("catalog", "spark_catalog")
            return f"spark://{connection.host}:{connection.port or 15002}", f"{catalog}.{prefix_of(connection)}{table}"
    raise SpecError([f"connection {conn_id}: no engine for the type {connection.conn_type!r}"])
