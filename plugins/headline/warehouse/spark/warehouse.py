"""Spark behind a connection of the type `spark_connect`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import headline.warehouse.spark.dialect  # noqa: F401 (how it is written)
from headline.connections import Connection
from headline.errors import SpecError, Transient
from headline.ledger.engine import CONNECTION
from headline.warehouse.iceberg.engine import Engine
from headline.warehouse.iceberg.warehouse import IcebergWarehouse
from headline.warehouse.spark.engine import SparkEngine
from headline.warehouse.spark.sessions import provider_of


class SparkWarehouse(IcebergWarehouse):
    """Extras: catalog, location (where namespaces and tables lie, if the catalog does not say), snapshots, session_provider,
    database_prefix.
    """

    dialect = "spark"

    def __init__(self, connection: Connection, *, ledger: str = CONNECTION) -> None:
        place = f"{connection.extra.get('catalog', 'spark_catalog')} of {connection.extra.get('location') or connection.host}"
        super().__init__(connection, place, ledger=ledger)
        self._provider = provider_of(connection)

    @contextmanager
    def open_engine(self, run_key: str = "") -> Iterator[Engine]:
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise SpecError(
                [f"connection {self.connection.conn_id}: its type needs pyspark-client: pip install 'headline[spark]' ({error})"]
            ) from error
        with self._provider.address(f"headline {run_key}".strip()) as address:
            try:
                spark = SparkSession.builder.remote(address).create()
            except Exception as error:
                told = f"no session of Spark at {self.connection.host}:{self.connection.port}"
                raise Transient(f"{told}: {type(error).__name__}") from None  # its text may hold the token
            try:
                yield SparkEngine(spark, self.connection)
            finally:
                with suppress(Exception):  # a server that is gone has ended it
                    spark.stop()
