"""What the DAGs of an example make, without Airflow."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headline.errors import BadData
from headline.intervals import Interval
from headline.ledger import Ledger
from headline.pipeline import PipelineRun, Waiver, ingest, write_audit_publish
from headline.specs import Catalog, Source
from headline.warehouse import Warehouse


@dataclass(frozen=True)
class House:
    """A warehouse of its own, in `file`, with a ledger of its own; `pipelines` in the order in which they run."""

    file: Path
    catalog: Catalog
    ledger: Ledger
    warehouse: Warehouse
    pipelines: tuple[str, ...]
    waiver: Waiver

    def compute(self, interval: Interval, run_id: str) -> None:
        """What the example's DAGs do for an interval, one after the other."""
        with pytest.MonkeyPatch.context() as environment:  # the locks of runs and warehouses lie in the ledger of the deployment
            environment.setenv("AIRFLOW_CONN_HEADLINE_LEDGER", os.environ[f"AIRFLOW_CONN_{self.ledger.conn_id.upper()}"])
            for name in self.pipelines:
                pipeline = self.catalog.pipelines[name]
                run = PipelineRun(pipeline, run_id, interval, self.catalog, self.ledger, self.warehouse)
                if isinstance(pipeline, Source):
                    ingest(run)
                try:
                    write_audit_publish(run)
                except BadData:  # a second run waives what the first one has found, and nothing else
                    write_audit_publish(replace(run, run_id=f"{run_id}__waiving", waiver=self.waiver))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(duckdb.connect(self.file, read_only=True)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(sql).fetchall()

    def contents(self) -> dict[str, tuple[Any, ...]]:
        """Every published table: its number of rows, and a checksum over all of them in any order."""
        tables = [table for name in self.pipelines for table in self.catalog.pipelines[name].tables.values()]
        names = [name for table in tables for name in table.outputs]
        return {name: self.query(f"select count(*), sum(hash(line)) from {name} as line")[0] for name in names}
