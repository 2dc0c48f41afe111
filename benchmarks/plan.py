"""What the plan of a backfill takes: all tables, a year of days, from the command's start to its last line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from benchmarks.surroundings import Spent, clock, empty_ledger, environment
from benchmarks.work import ACCEPTED, duckdb_connection, ordered
from headline import settings, specs
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Load
from headline.ledger.engine import engine
from headline.pipeline import PipelineRun, write_audit_publish
from headline.warehouse import open_warehouse

YEAR = 365
# Daily tables and landings have what their first day has, on every day of the year before it too.
_A_YEAR_BEFORE = """
    insert into period_state
    select table_name, cast(day as date), cast(day as date) + 1, version, as_of, fingerprint, row_count, status, coverage, run_id,
        changed_at, computed_at, code_version
    from (select distinct on (table_name) * from period_state order by table_name, start) as first
    cross join lateral generate_series(first.start - :days, first.start - 1, interval '1 day') as days (day)
    where first."end" - first.start = 1
"""


def of_a_year(loads: dict[str, list[Load]], pipelines: Sequence[str], intervals: Sequence[Interval], folder: Path) -> Spent:
    """The days of `intervals` are computed; those of the year before them stand in the ledger as if they had been."""
    spent = Spent()
    with empty_ledger(), environment(AIRFLOW_CONN_HEADLINE_WAREHOUSE=duckdb_connection(folder / "plan.duckdb", "2GB")):
        settings.load.cache_clear()
        catalog, ledger, warehouse = specs.load(), Ledger(), open_warehouse()
        for found in loads.values():
            ledger.record_loads(found, "bench")
        for interval in intervals:
            for pipeline in ordered(pipelines):
                run = PipelineRun(pipeline, f"bench {interval}", interval, catalog, ledger, warehouse, ACCEPTED)
                write_audit_publish(run)
        with engine().begin() as connection:
            connection.execute(text(_A_YEAR_BEFORE), {"days": YEAR})
        last = max(interval.end for interval in intervals) - DAY
        days = ("--from", str(last - timedelta(days=YEAR - 1)), "--to", str(last))
        command = [sys.executable, "-m", "headline.cli", "backfill", "plan", "*", *days]
        with clock(spent):
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    spent.tables = sum(f"| {name} |" in told for name in catalog.tables)
    return spent
