"""The same work twice, from the same landed files: by the steps without Airflow, and as bare SELECTs in one DuckDB process."""

from __future__ import annotations

import json
import os
import resource
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from graphlib import TopologicalSorter
from pathlib import Path

import psycopg2

from headline import specs
from headline.connections import Connection, get
from headline.intervals import Interval
from headline.ledger import Ledger, Load, migrate
from headline.sql import Resolution
from headline.steps import PipelineRun, audit, compile_table, publish, transform
from headline.warehouse import open_warehouse
from headline.warehouse.duckdb import DuckDBWarehouse

LEDGER = "bench_steps"
Seconds = dict[str, float]


def landed(conn_id: str = "headline_ledger") -> dict[str, list[Load]]:
    """What the sources' ingests have brought, by landing table."""
    names = [
        name for pipeline in specs.load().pipelines.values() if isinstance(pipeline, specs.Source) for name in pipeline.landed
    ]
    return {name: Ledger(conn_id).current_loads(name) for name in names}


def steps(loads: dict[str, list[Load]], pipelines: Sequence[str], intervals: Sequence[Interval], folder: Path) -> Seconds:
    """Transform, audit and publish the pipelines for each interval in an empty warehouse; the seconds of each kind of step.

    `peak` is the most memory that the process ever held, in MB.
    """
    spent: Seconds = defaultdict(float)
    with _empty_ledger(), _environment(AIRFLOW_CONN_HEADLINE_WAREHOUSE=_duckdb(folder / "steps.duckdb")):
        catalog, ledger, warehouse = specs.load(), Ledger(f"headline_{LEDGER}"), open_warehouse()
        for found in loads.values():
            ledger.record_loads(found, "bench")
        for interval in intervals:
            for pipeline in _ordered(pipelines):
                run = PipelineRun(pipeline, f"bench {interval}", interval, catalog, ledger, warehouse)
                for table in pipeline.ordered_tables:
                    with _clock(spent, "transform"):
                        transform(run, table)
                for table in pipeline.ordered_tables:
                    with _clock(spent, "audit"):
                        audit(run, table)
                with _clock(spent, "publish"):
                    publish(run)
    return {**spent, "peak": _peak()}


def raw(loads: dict[str, list[Load]], pipelines: Sequence[str], intervals: Sequence[Interval], folder: Path) -> Seconds:
    """The same SELECTs, compiled beforehand, as CREATE TABLE AS for the first interval and INSERT for the others; no audits.

    A row that a rule refuses stays in its table, out of sight of the readers.
    """
    spent: Seconds = defaultdict(float)
    catalog = specs.load()
    with DuckDBWarehouse(
        Connection("raw", "duckdb", host=str(folder / "bare.duckdb"), extra={"memory_limit": "2GB"})
    ).session() as session:
        names: dict[str, Resolution] = {
            name: session.landing([load.file for load in found if load.row_count], {"ds": "date"})
            for name, found in loads.items()
        }
        for name, pipeline in catalog.pipelines.items():  # what may be read of others, or was refused, is there, and empty
            for table in pipeline.ordered_tables:
                for output in table.outputs:
                    if name not in pipelines or output != table.full_name:
                        session.ensure_table(output, specs.load_contract(table), quarantine=output != table.full_name)
        for interval in intervals:
            for table in [table for pipeline in _ordered(pipelines) for table in pipeline.ordered_tables]:
                schema, everything = table.full_name.split(".")[0], f"{table.full_name}_with_refused"
                target = everything if table.quarantine else table.full_name
                select = compile_table(table, interval, names, "duckdb")
                with _clock(spent, "select"):
                    session.query(f"create schema if not exists {schema}")
                    if interval == intervals[0] or not table.period_column:
                        session.query(f"create or replace table {target} as {select}")
                    else:
                        wide = interval.widen(table.period)
                        column = table.period_column
                        session.query(
                            f"delete from {target} where {column} >= date '{wide.start}' and {column} < date '{wide.end}'"
                        )
                        session.query(f"insert into {target} {select}")
                    if table.quarantine:
                        session.query(
                            f"create or replace view {table.full_name} as select * from {target} where quarantine_reason is null"
                        )
    return {**spent, "peak": _peak()}


def one_select(table: str, interval: Interval) -> float:
    """Seconds of one table's SELECT as CREATE TABLE AS in the deployment's own warehouse."""
    with open_warehouse().session() as session:
        select = compile_table(specs.load().table(table), interval, {}, "duckdb")
        began = time.perf_counter()
        session.query(f"create or replace temp table bench as {select}")
        return time.perf_counter() - began


def load_engines() -> None:
    """Import what the scheduler has imported before it forks a task; measured is the work."""
    import soda_core.contracts.contract_verification  # noqa: F401
    import soda_duckdb.common.data_sources.duckdb_data_source  # noqa: F401


def _ordered(pipelines: Sequence[str]) -> list[specs.Pipeline]:
    """The pipelines, each after those that it reads from."""
    catalog = specs.load()
    maker = {output: name for name in pipelines for table in catalog.pipelines[name].tables.values() for output in table.outputs}
    graph = {name: {maker[read] for read in catalog.pipelines[name].inputs if read in maker} for name in pipelines}
    return [catalog.pipelines[name] for name in TopologicalSorter(graph).static_order()]


@contextmanager
def _clock(spent: Seconds, what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    spent[what] += time.perf_counter() - began


@contextmanager
def _empty_ledger() -> Iterator[None]:
    """A ledger of its own beside the real one, behind the connection headline_bench_steps."""
    real = get("headline_ledger")
    with closing(psycopg2.connect(host=real.host, user=real.login, dbname=real.schema)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"drop database if exists {LEDGER} with (force)")
        connection.cursor().execute(f"create database {LEDGER}")
    own = {"conn_type": "postgres", "host": real.host, "login": real.login, "schema": LEDGER}
    with _environment(**{f"AIRFLOW_CONN_HEADLINE_{LEDGER.upper()}": json.dumps(own)}):
        migrate(f"headline_{LEDGER}")
        yield


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _duckdb(file: Path) -> str:
    return json.dumps({"conn_type": "duckdb", "host": str(file), "extra": {"memory_limit": "2GB"}})


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
