"""How a source sends what it has, as `headline new source` asks."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """How a source sends what it has."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    DATABASE = "database"
    HTTP = "http"
    STREAM = "stream"
