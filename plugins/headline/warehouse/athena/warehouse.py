"""The warehouse behind a connection of the type `athena` or `aws`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from headline import settings
from headline.connections import Connection, aws_client
from headline.errors import SpecError
from headline.ledger import Statements
from headline.ledger.engine import CONNECTION
from headline.warehouse.athena.dialect import DIALECT
from headline.warehouse.athena.engine import AthenaEngine
from headline.warehouse.athena.glue import Glue
from headline.warehouse.athena.statements import AthenaStatements
from headline.warehouse.iceberg.calendar import CALENDAR
from headline.warehouse.iceberg.session import IcebergSession
from headline.warehouse.iceberg.warehouse import IcebergWarehouse


class AthenaWarehouse(IcebergWarehouse):
    """Iceberg tables in Glue and S3, computed by Athena.

    Extra, besides the provider's: `location` (the address below which tables are kept), `work_group`, `s3_staging_dir` (where
    results go, unless the workgroup says it), `price_per_tb` (dollars for a TB scanned), `lock_timeout` (seconds),
    `database_prefix` (before the name of each database, and below `location`).
    Raises SpecError without a location.
    """

    dialect = DIALECT

    def __init__(self, connection: Connection, *, ledger: str = CONNECTION) -> None:
        self._at = str(connection.extra.get("location", ""))
        if not self._at.startswith("s3://"):
            raise SpecError([f"connection {connection.conn_id}: extra: location: s3://<bucket>/<prefix>, where tables are kept"])
        super().__init__(connection, self._at, ledger=ledger)
        if self.prefix:
            self._at = f"{self._at.rstrip('/')}/{self.prefix}"

    def keep_up(self) -> list[str]:
        """Nobody publishes while the files of a table are rewritten: that is a commit, and another's is not taken beside it."""
        with self.open_engine("upkeep") as engine:
            published = sorted(IcebergSession(engine).tables() - {CALENDAR})
            for name in published:
                with self.alone(f"upkeep of {name}"):
                    engine.maintain(name)
            if days := settings.load().keep_staging_days:
                with self.alone("upkeep of staging tables"):  # who reads landed files holds it shared
                    engine.drop_old(days)
            return published

    @contextmanager
    def open_engine(self, run_key: str = "") -> Iterator[AthenaEngine]:
        extra, conn_id = self.connection.extra, self.connection.conn_id
        statements = AthenaStatements(
            aws_client(conn_id, "athena"),
            str(extra.get("work_group", "primary")),
            str(extra.get("s3_staging_dir", "")),
            Decimal(str(extra.get("price_per_tb", 5))),
            run_key,
            Statements(self._ledger) if run_key else None,
            self.prefix,
        )
        glue = Glue(aws_client(conn_id, "glue"), aws_client(conn_id, "s3"), self.prefix)
        yield AthenaEngine(statements, glue, self._at)
