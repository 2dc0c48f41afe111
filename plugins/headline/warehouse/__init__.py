"""Where SQL runs."""

import sys
from collections.abc import Collection

from headline import settings
from headline.connections import get
from headline.errors import BadRequest, SpecError
from headline.ledger.engine import CONNECTION as LEDGER
from headline.sql import checked, limited, parse
from headline.warehouse.base import EMPTY, Content, Output, Replacement, Result, Session, Staging, Warehouse, is_history

CONNECTION = "headline_warehouse"
# What reads a query is compiled and goes as deep as the text does: a text without end would end the process instead.
LONGEST_QUERY = 20_000


def open_warehouse(conn_id: str = CONNECTION, ledger: str = LEDGER) -> Warehouse:
    """The engine behind an Airflow connection; its type picks the engine. `ledger`: the connection of the ledger that knows it.

    Raises SpecError for a type without an engine.
    """
    connection = get(conn_id)
    if connection.conn_type == "duckdb":
        from headline.warehouse.duckdb.warehouse import DuckDBWarehouse

        return DuckDBWarehouse(connection, ledger=ledger)
    if connection.conn_type in ("athena", "aws"):
        from headline.warehouse.athena.warehouse import AthenaWarehouse

        return AthenaWarehouse(connection, ledger=ledger)
    if connection.conn_type == "spark_connect":
        from headline.warehouse.spark.warehouse import SparkWarehouse

        return SparkWarehouse(connection, ledger=ledger)
    known = "duckdb, athena or aws, spark_connect"
    raise SpecError([f"connection {conn_id}: no engine for the type {connection.conn_type!r}; there are: {known}"])


def staging_of(dialect: str) -> type[Staging]:
    """How an engine of this dialect stages; raises SpecError where there is none."""
    if dialect == "duckdb":
        from headline.warehouse.duckdb.staging import DuckDBStaging

        return DuckDBStaging
    if dialect == "athena":
        import headline.warehouse.athena.dialect
        from headline.warehouse.iceberg.staging import IcebergStaging

        return IcebergStaging
    if dialect == "spark":
        import headline.warehouse.spark.dialect  # noqa: F401 (how it is written)
        from headline.warehouse.iceberg.staging import IcebergStaging

        return IcebergStaging
    raise SpecError([f"no engine has the dialect {dialect!r}; there are: duckdb, athena, spark"])


def cancel_statements() -> None:
    """Cancel what this process waits for on an engine elsewhere; an engine in this process ends with it."""
    if athena := sys.modules.get("headline.warehouse.athena.statements"):
        athena.cancel_running()


def ask(warehouse: Warehouse, sql: str, among: Collection[str] | None = None, first: int | None = None) -> Result:
    """The rows of one SELECT that a person wrote in DuckDB's dialect: what pages and commands read the warehouse by.

    `among`: the published tables that it may read, all of them where left out. `first`: so many of the rows are enough.
    Raises SpecError for what is not one SELECT, BadRequest for what it may not read, or where it is or takes too long.
    """
    if len(sql) > LONGEST_QUERY:
        raise BadRequest(f"the query has {len(sql)} characters; {LONGEST_QUERY} are the most that is read")
    query = parse(sql, "the query")
    if among is not None:  # before the warehouse is opened
        checked(query, among, warehouse.dialect)
    with warehouse.session(read_only=True) as session:
        published = session.tables() if among is None else session.tables().intersection(among)
        query = query if first is None else limited(query, first)
        return session.query_alone(checked(query, published, warehouse.dialect), settings.load().query_seconds)


__all__ = [
    "CONNECTION",
    "EMPTY",
    "Content",
    "Output",
    "Replacement",
    "Result",
    "Session",
    "Staging",
    "Warehouse",
    "ask",
    "cancel_statements",
    "is_history",
    "open_warehouse",
    "staging_of",
]
