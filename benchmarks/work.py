"""The same work twice, from the same landed files: by the steps without Airflow, and as bare SELECTs in one DuckDB process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import duckdb

from benchmarks.surroundings import Spent, auditing, clock, counting, empty_ledger, environment, peak
from headline import settings, specs
from headline.figures.gate import FiguresGate
from headline.intervals import Interval
from headline.ledger import Ledger, Load
from headline.pipeline import PipelineRun, Waiver, compile_table, prepare, write_audit_publish
from headline.sources.refused import RESERVED
from headline.sql import Resolution, arrived_columns
from headline.warehouse import Output, open_warehouse
from headline.warehouse.duckdb.instance import ensure_calendar, instance
from headline.warehouse.duckdb.session import DuckDBSession

# Made-up figures are unusual now and then.
ACCEPTED = Waiver("figures of a benchmark", "the benchmark")


def landed(conn_id: str = "headline_ledger") -> dict[str, list[Load]]:
    """What the sources' ingests have brought, by landing table."""
    names = [
        name for pipeline in specs.load().pipelines.values() if isinstance(pipeline, specs.Source) for name in pipeline.landed
    ]
    return {name: Ledger(conn_id).current_loads(name) for name in names}


def steps(
    loads: dict[str, list[Load]],
    pipelines: Sequence[str],
    intervals: Sequence[Interval],
    folder: Path,
    *,
    measured: int = 0,
    audited: bool = True,
    memory_limit: str = "2GB",
) -> Spent:
    """Write, audit and publish the pipelines for each interval in an empty warehouse; the time of those from `measured` on."""
    spent = Spent()
    warehouse_file = duckdb_connection(folder / "steps.duckdb", memory_limit)
    others = [table for name, one in specs.load().pipelines.items() if name not in pipelines for table in one.outputs]
    told = {"AIRFLOW_CONN_HEADLINE_WAREHOUSE": warehouse_file, "HEADLINE_WITHOUT": " ".join(others)}
    with empty_ledger(), environment(**told), auditing(audited):
        settings.load.cache_clear()
        catalog, ledger, warehouse = specs.load(), Ledger(), open_warehouse()
        for pipeline in catalog.pipelines.values():  # as the scheduler does before it forks a task
            prepare(pipeline)
        for found in loads.values():
            ledger.record_loads(found, "bench")
        for number, interval in enumerate(intervals):
            with clock(spent if number >= measured else Spent()), counting(spent if number >= measured else Spent()):
                for pipeline in ordered(pipelines):
                    run = PipelineRun(pipeline, f"bench {interval}", interval, catalog, ledger, warehouse, ACCEPTED)
                    done = write_audit_publish(run, gate=FiguresGate())
                    if number >= measured:
                        spent.add(run, done)
    spent.peak = peak()
    return spent


def raw(
    loads: dict[str, list[Load]], pipelines: Sequence[str], intervals: Sequence[Interval], folder: Path, *, measured: int = 0
) -> Spent:
    """The same SELECTs, compiled beforehand, as CREATE TABLE AS for the first interval and INSERT for the others; no audits.

    All columns of all tables are written, into a file, which is whole when the clock stops. A row that a rule refuses stays in
    its table, out of sight of the readers.
    """
    spent = Spent()
    catalog = specs.load()
    tables = [table for pipeline in ordered(pipelines) for table in pipeline.ordered_tables]
    # With the settings of our own instances: without them DuckDB 2.0.0 gives some wrong rows.
    with instance({"memory_limit": "2GB"}) as connection:
        connection.execute(f"attach '{folder / 'bare.duckdb'}' as bare; use bare")
        session = DuckDBSession(connection)
        ensure_calendar(session)
        names: dict[str, Resolution] = {name: _arrived(session, found) for name, found in loads.items()}
        for name, pipeline in catalog.pipelines.items():  # what may be read of others, or was refused, is there, and empty
            for table in pipeline.ordered_tables:
                for output in (Output(one, table) for one in table.outputs):
                    if name not in pipelines or output.is_quarantine:
                        connection.execute(f"create schema if not exists {output.name.split('.')[0]}")
                        connection.execute(f"create table {output.name} ({output.ddl})")
        for number, interval in enumerate(intervals):
            selects = {table.full_name: compile_table(table, interval, names, "duckdb") for table in tables}
            with clock(spent if number >= measured else Spent()):
                for table in tables:
                    _write_raw(table, selects[table.full_name], interval, connection, is_first=number == 0)
        with clock(spent):  # until all of it is in the file
            connection.execute("use memory; detach bare")
    spent.peak = peak()
    return spent


def _arrived(session: DuckDBSession, loads: Sequence[Load]) -> Resolution:
    """The files with rows; what an ingest says of a refused record is null where it has refused none."""
    filled = [load for load in loads if load.row_count]
    rows = session.landing([load.file for load in filled], {"ds": "date"})
    there = {column.casefold(): column for load in filled for column in load.columns}
    absent = sorted(RESERVED - there.keys())
    return arrived_columns(rows, list(there.values()), absent) if filled and absent else rows


def _write_raw(
    table: specs.Table, select: str, interval: Interval, connection: duckdb.DuckDBPyConnection, *, is_first: bool
) -> None:
    target = f"{table.full_name}_with_refused" if table.quarantine else table.full_name
    if is_first or not table.period_column:
        connection.execute(f"create schema if not exists {table.full_name.split('.')[0]}")
        connection.execute(f"create or replace table {target} as {select}")
    else:
        wide = interval.widen(table.period)
        column = table.period_column
        connection.execute(f"delete from {target} where {column} >= date '{wide.start}' and {column} < date '{wide.end}'")
        connection.execute(f"insert into {target} {select}")
    if table.quarantine and is_first:
        valid = f"select * from {target} where quarantine_reason is null"
        connection.execute(f"create or replace view {table.full_name} as {valid}")


def load_engines() -> None:
    """Import what the scheduler has imported before it forks a task; measured is the work."""
    import soda_core.contracts.contract_verification  # noqa: F401
    import soda_duckdb.common.data_sources.duckdb_data_source  # noqa: F401


def ordered(pipelines: Sequence[str]) -> list[specs.Pipeline]:
    """The pipelines, each after those that it reads from."""
    return specs.load().in_order(pipelines)


def duckdb_connection(file: Path, memory_limit: str) -> str:
    return json.dumps({"conn_type": "duckdb", "host": str(file), "extra": {"memory_limit": memory_limit}})
