"""A DuckDB instance, and what every warehouse has from the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from headline.warehouse.duckdb.statements import Statements

WAREHOUSE, STAGING = "warehouse", "staging"


def instance(config: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """A DuckDB instance in memory: moments are in UTC, and no optimizer is on that is known to give wrong rows."""
    # DuckDB 2.0.0 took `sale_count > 0` for false where the count was 2, in experiment_profit, because of its statistics.
    connection = duckdb.connect(":memory:", config={**config, "disabled_optimizers": "statistics_propagation"})
    connection.execute("load icu")
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")  # standard output is for rows
    return connection


def ensure_calendar(statements: Statements) -> None:
    """`calendar.days`: a row a day for a century, since portable SQL has no generate_series."""
    statements.execute("create schema if not exists calendar")
    statements.execute(
        "create table if not exists calendar.days as select cast(day as date) as ds "
        "from generate_series(date '2000-01-01', date '2099-12-31', interval 1 day) as days(day)"
    )
