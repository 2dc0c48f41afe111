"""The example examples/tpcds on one engine: days ingested and published without Airflow, and what came of it."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb

from headline import settings, specs
from headline.diff.company import environment, ingest_all, server
from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.ledger.engine import forget_connections
from headline.pipeline import PipelineRun, write_audit_publish
from headline.warehouse import Warehouse

INCLUDE = settings.PROJECT / "examples" / "tpcds" / "include"
LINES = "core.line_profit"
QUARANTINE = "quarantine.line_profit"
FIRST_ITEM = date(1997, 10, 27)  # the day on which the first versions of items begin
DAYS_AT_ONCE = 92  # as those of a backfill


@dataclass
class Run:
    """Seconds by step, and the most memory of this process in MB; of a server that computes for it nothing is known."""

    engine: str
    seconds: dict[str, float] = field(default_factory=dict)
    peak: float = 0

    @contextmanager
    def clock(self, step: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[step] = self.seconds.get(step, 0) + time.perf_counter() - began
        self.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def variables(folder: Path, data: Path, memory_limit: str = "4GB") -> dict[str, str]:
    """What the environment says: a DuckDB file in a folder, the generated files as data share, and the example's SQL."""
    warehouse = {"conn_type": "duckdb", "host": str(folder / "warehouse.duckdb"), "extra": {"memory_limit": memory_limit}}
    return {
        "HEADLINE_INCLUDE": str(INCLUDE),
        "HEADLINE_FIRST_DAY": str(FIRST_ITEM),
        "AIRFLOW_CONN_HEADLINE_WAREHOUSE": json.dumps(warehouse),
        "AIRFLOW_CONN_HEADLINE_DATASHARE": json.dumps({"conn_type": "generic", "extra": {"path": f"file://{data}"}}),
    }


@contextmanager
def installation(folder: Path, data: Path, memory_limit: str) -> Iterator[None]:
    """A ledger, landing zone and warehouse of its own in a folder, which is made; all empty."""
    folder.mkdir(mode=0o711)
    with server(folder), environment(variables(folder, data, memory_limit)):
        try:
            yield
        finally:
            forget_connections()  # the next one has another ledger


def days_of(data: Path) -> Interval:
    """The days that there are files of."""
    found = sorted(file.name.removeprefix("ds=") for file in (data / "store_sales").iterdir())
    return Interval(date.fromisoformat(found[0]), date.fromisoformat(found[-1]) + DAY)


def compute(days: Interval, warehouse: Warehouse, ledger: Ledger, run: Run, at_once: int = DAYS_AT_ONCE) -> None:
    """Publish the versions of all items until the last day, then the days in ranges of so many."""
    catalog = specs.load()
    # Versions that began before the first sale are valid on it.
    work = [("items", Interval(min(FIRST_ITEM, days.start), days.end))]
    start = days.start
    while start < days.end:
        end = min(start + timedelta(days=at_once), days.end)
        work += [("store", Interval(start, end)), ("store_profit", Interval(start, end))]
        start = end
    for name, interval in work:
        one = PipelineRun(catalog.pipelines[name], f"tpcds {run.engine} {interval}", interval, catalog, ledger, warehouse)
        with run.clock("ingest"):
            ingest_all(one)
        with run.clock("write, audit, publish"):
            write_audit_publish(one)


@dataclass(frozen=True)
class Figure:
    """What the warehouse says, and what TPC-DS states in its own files, where it does."""

    what: str
    ours: int | Decimal
    stated: int | Decimal | None = None

    @property
    def is_right(self) -> bool:
        return self.stated is None or self.ours == self.stated


def figures(warehouse: Warehouse, data: Path, days: Interval) -> Iterator[Figure]:
    """Rows and money of all days; quarantined rows have no profit of ours, and count with what TPC-DS states."""
    for entry, plural, table, column, sign in (
        ("sale", "lines", "store_sales", "ss_net_profit", 1),
        ("return", "returns", "store_returns", "sr_net_loss", -1),
    ):
        with warehouse.session(read_only=True) as session:
            [(valid, ours, same)] = session.query(
                "select count(*), coalesce(sum(case when stated_net_profit is not null then net_profit end), 0),"
                f" coalesce(sum(stated_net_profit), 0) from {LINES} where entry = '{entry}'"
            ).rows
            [(refused, held)] = session.query(
                f"select count(*), coalesce(sum(stated_net_profit), 0) from {QUARANTINE} where entry = '{entry}'"
            ).rows
        count, money = of_files(data, table, column, days)
        yield Figure(f"{plural}, valid and quarantined", valid + refused, count)
        yield Figure(f"{plural}, quarantined", refused)
        yield Figure(f"net profit of valid {plural}", ours, same)
        yield Figure(f"net profit of {plural}, with what is stated of quarantined ones", ours + held, sign * money)


def of_files(data: Path, table: str, column: str, days: Interval) -> tuple[int, Decimal]:
    """The number of rows in the generated files of some days, and the sum of a column."""
    files = f"read_parquet('{data}/{table}/*/*.parquet', hive_partitioning = true)"
    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        query = f"select count(*), coalesce(sum({column}), 0) from {files} where ds >= '{days.start}' and ds < '{days.end}'"
        [(count, money)] = connection.sql(query).fetchall()
    return count, money
