"""What tests of several rules share."""

from collections.abc import Iterator

import duckdb
import pytest

from headline import specs
from headline.specs import load_contract


@pytest.fixture(scope="session")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """All tables, without rows."""
    with duckdb.connect() as connection:
        for schema in ("raw", "core", "profit", "growth", "engagement", "quarantine"):
            connection.execute(f"create schema {schema}")
        for table in specs.load().tables.values():
            contract = load_contract(table)
            connection.execute(f"create table {table.full_name} ({contract.ddl()})")
            if table.quarantine:
                connection.execute(f"create table {table.quarantine_name} ({contract.ddl(quarantine=True)})")
        yield connection
