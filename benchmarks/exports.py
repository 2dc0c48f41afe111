"""How much memory and time a dump of many rows takes: `python -m benchmarks.exports [rows]`, with a PostgreSQL of its own."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import duckdb

from benchmarks.surroundings import environment, peak
from headline import settings, specs
from headline.connections import lent
from headline.exports.result import Work
from headline.exports.run import run_export
from headline.intervals import Interval
from headline.ledger import MIGRATOR, Ledger, migrate
from headline.ledger.engine import engine
from headline.local.postgres import Postgres
from headline.settings import PROJECT
from headline.specs.exports import load_export
from headline.warehouse import open_warehouse

ROWS = 10_000_000
DAY = date(2026, 3, 2)
NAME = "every_line"
SPEC = """
description: Every line of a day, for a benchmark.
area: profit
receiver: partners
period: day
schedule: "0 7 * * *"
reads: {profit.unit_profit: }
key: [order_id, line_number]
columns:
  order_id: {type: varchar, description: The order.}
  line_number: {type: bigint, description: The order line.}
  category: {type: varchar, description: Category of the product.}
  sales_channel: {type: varchar, description: Where it was sold.}
  country_code: {type: varchar, description: Country of delivery.}
  quantity: {type: bigint, description: Units sold.}
  net_revenue: {type: "decimal(18, 4)", description: In reporting currency.}
  gross_profit: {type: "decimal(18, 4)", description: In reporting currency.}
to: {kind: files, connection: headline_partners, keep_days: 30}
"""
_SQL = """
select order_id, line_number, category, sales_channel, country_code, quantity, net_revenue, gross_profit
from profit.unit_profit
where ds >= date '{{ start }}' and ds < date '{{ end }}'
"""
_FILL = """
insert into profit.unit_profit by name
select
    date '{day}' as ds, 'O' || i // 2 as order_id, 1 + i % 2 as line_number, 'category ' || i % 8 as category,
    ['web', 'app', 'marketplace'][1 + i % 3] as sales_channel, ['DE', 'FR', 'GB'][1 + i % 3] as country_code,
    1 + i % 3 as quantity, cast(hash(i) % 100000 / 100.0 as decimal(18, 4)) as net_revenue,
    cast(hash(i) % 30000 / 100.0 as decimal(18, 4)) as gross_profit
from range({rows}) as lines(i)
"""
_STATE = """
insert into period_state (
    table_name, start, "end", version, as_of, fingerprint, row_count, status, coverage, run_id, changed_at, computed_at
) values ('profit.unit_profit', '{day}', '{after}', 1, 1, 'f', {rows}, 'complete', 1, 'bench', now(), now())
"""


class Took(NamedTuple):
    """Seconds, the most memory that the process held, in MB, and the bytes of the files."""

    seconds: float
    peak: float
    size: int


def of_rows(rows: int = ROWS) -> Took:
    """A dump of so many rows, in a process that does nothing else."""
    with tempfile.TemporaryDirectory(prefix="headline-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        server = Postgres(folder / "postgres")
        server.start()
        try:
            databases = server.secrets.databases(str(server.socket))
            told = {"HEADLINE_HOME": str(folder / "home"), "AIRFLOW_CONN_HEADLINE_LEDGER": databases["LEDGER"], **_own(folder)}
            with environment(**told), lent({MIGRATOR: databases["LEDGER_MIGRATOR"]}):
                migrate(MIGRATOR)
                for function in (_fill, _export):
                    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                        took = pool.submit(function, folder, rows).result()
        finally:
            server.stop()
    return took


def _own(folder: Path) -> dict[str, str]:
    """An include folder with an export of all lines, a warehouse and a place for the files."""
    shutil.copytree(PROJECT / "include", folder / "include")
    own = folder / "include" / "sql" / "exports" / NAME
    own.mkdir()
    (own / "export.yml").write_text(SPEC)
    (own / f"{NAME}.sql").write_text(_SQL)
    connections = {
        "WAREHOUSE": {"conn_type": "duckdb", "host": f"{folder}/warehouse.duckdb", "extra": {"memory_limit": "2GB"}},
        "PARTNERS": {"conn_type": "fs", "extra": {"path": f"file://{folder}/partners"}},
    }
    told = {f"AIRFLOW_CONN_HEADLINE_{name}": json.dumps(connection) for name, connection in connections.items()}
    return told | {"HEADLINE_INCLUDE": str(folder / "include"), "HEADLINE_SOURCES": str(folder / "include/sql/sources")}


def _fill(folder: Path, rows: int) -> Took:
    settings.load.cache_clear()
    table = specs.load().tables["profit.unit_profit"]
    with duckdb.connect(folder / "warehouse.duckdb") as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute("create schema profit")
        connection.execute(f"create table {table.full_name} ({specs.load_contract(table).ddl()})")
        connection.execute(_FILL.format(day=DAY, rows=rows))
    with engine().begin() as ledger:
        ledger.exec_driver_sql(_STATE.format(day=DAY, after=DAY + timedelta(days=1), rows=rows))
    return Took(0, 0, 0)


def _export(folder: Path, rows: int) -> Took:
    settings.load.cache_clear()
    work = Work(load_export(NAME), "bench", specs.load(), Ledger(), open_warehouse())
    begun = time.perf_counter()
    done = run_export(work, Interval(DAY, DAY + timedelta(days=1)))
    if done.row_count != rows:
        raise ValueError(f"{done.row_count} rows of {rows}")
    size = sum(file.stat().st_size for file in (folder / "partners").rglob("*.parquet"))
    return Took(time.perf_counter() - begun, peak(), size)


if __name__ == "__main__":
    took = of_rows(count := int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
    print(f"{count:,} rows: {took.seconds:.0f} s, most memory {took.peak:.0f} MB, {took.size / 1e6:.0f} MB of files")
