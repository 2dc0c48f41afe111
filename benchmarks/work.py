"""The same work twice, from the same landed files: by the steps without Airflow, and as bare SELECTs in one DuckDB process."""

from __future__ import annotations

import json
import os
import resource
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import duckdb
from sqlalchemy import event

from headline import settings, specs
from headline.intervals import Interval
from headline.ledger import Ledger, Load, migrate
from headline.ledger.engine import _engine, engine
from headline.local.home import Home
from headline.local.postgres import Postgres
from headline.local.roles import SUPERUSER
from headline.pipeline import PipelineRun, TableRun, Waiver, compile_table, prepare, write_audit_publish
from headline.sources.refused import RESERVED
from headline.sql import Resolution, arrived_columns
from headline.warehouse import Output, open_warehouse
from headline.warehouse.duckdb.instance import ensure_calendar, instance
from headline.warehouse.duckdb.session import DuckDBSession

LEDGER = "bench_steps"
# Made-up figures are unusual now and then.
ACCEPTED = Waiver("figures of a benchmark", "the benchmark")


@dataclass
class Spent:
    """What some work took: seconds, CPU seconds, seconds by step, periods published, and the most memory that was held, in MB.

    `moved`: of the periods published, earlier days that are provisional until their refunds are in, and that a refund moved.
    """

    wall: float = 0
    cpu: float = 0
    steps: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    published: int = 0
    moved: int = 0
    tables: int = 0
    runs: int = 0
    statements: int = 0
    round_trips: int = 0
    peak: float = 0

    def add(self, run: PipelineRun, tables: Sequence[TableRun]) -> None:
        self.tables += len(tables)
        self.runs += 1
        for table in tables:
            for step, seconds in table.seconds.items():
                self.steps[step] += seconds
            self.published += table.changed_count
            made = run.pipeline.tables[table.table.split(".")[1]]
            columns = [column.name for column in specs.load_contract(made).columns]
            if made.period == "day" and "is_provisional" in columns:
                self.moved += max(table.changed_count - len(run.requested), 0)


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
    warehouse_file = _duckdb(folder / "steps.duckdb", memory_limit)
    others = [table for name, one in specs.load().pipelines.items() if name not in pipelines for table in one.outputs]
    told = {"AIRFLOW_CONN_HEADLINE_WAREHOUSE": warehouse_file, "HEADLINE_WITHOUT": " ".join(others)}
    with _empty_ledger(), _environment(**told), _auditing(audited):
        settings.load.cache_clear()
        catalog, ledger, warehouse = specs.load(), Ledger(), open_warehouse()
        for pipeline in catalog.pipelines.values():  # as the scheduler does before it forks a task
            prepare(pipeline)
        for found in loads.values():
            ledger.record_loads(found, "bench")
        for number, interval in enumerate(intervals):
            with _clock(spent if number >= measured else Spent()), _counting(spent if number >= measured else Spent()):
                for pipeline in ordered(pipelines):
                    run = PipelineRun(pipeline, f"bench {interval}", interval, catalog, ledger, warehouse, ACCEPTED)
                    done = write_audit_publish(run)
                    if number >= measured:
                        spent.add(run, done)
    spent.peak = _peak()
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
    with closing(instance({"memory_limit": "2GB"})) as connection:
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
            with _clock(spent if number >= measured else Spent()):
                for table in tables:
                    _write_raw(table, selects[table.full_name], interval, connection, is_first=number == 0)
        with _clock(spent):  # until all of it is in the file
            connection.execute("use memory; detach bare")
    spent.peak = _peak()
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
    catalog = specs.load()
    maker = {output: name for name in pipelines for table in catalog.pipelines[name].tables.values() for output in table.outputs}
    graph = {name: {maker[read] for read in catalog.pipelines[name].inputs if read in maker} for name in pipelines}
    return [catalog.pipelines[name] for name in TopologicalSorter(graph).static_order()]


@contextmanager
def _clock(spent: Spent) -> Iterator[None]:
    began, cpu = time.perf_counter(), time.process_time()
    yield
    spent.wall += time.perf_counter() - began
    spent.cpu += time.process_time() - cpu


@contextmanager
def _counting(spent: Spent) -> Iterator[None]:
    """Count the statements that the warehouse's engine and the ledger run."""
    original = DuckDBSession.execute

    def counted(session: DuckDBSession, sql: str) -> duckdb.DuckDBPyConnection:
        spent.statements += 1
        return original(session, sql)

    def ledger_statement(*_: object) -> None:
        spent.round_trips += 1

    DuckDBSession.execute = counted  # type: ignore[method-assign]
    event.listen(engine(), "before_cursor_execute", ledger_statement)
    try:
        yield
    finally:
        DuckDBSession.execute = original  # type: ignore[method-assign]
        event.remove(engine(), "before_cursor_execute", ledger_statement)


@contextmanager
def _auditing(wanted: bool) -> Iterator[None]:
    """Without audits the work of transforms and publication alone is left."""
    module = import_module("headline.pipeline.write_audit_publish")
    original = module.audit
    if not wanted:
        module.audit = lambda *_: {}  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.audit = original  # type: ignore[attr-defined]


@contextmanager
def _empty_ledger() -> Iterator[None]:
    """A ledger of its own beside the real one, in its place."""
    server = Postgres(Home.current().postgres)
    with closing(server.connect("postgres")) as connection:
        connection.cursor().execute(f"drop database if exists {LEDGER} with (force)")
        connection.cursor().execute(f"create database {LEDGER}")
    own = {"conn_type": "postgres", "host": str(server.socket), "login": SUPERUSER, "schema": LEDGER}
    own["password"] = server.secrets[SUPERUSER]
    with _environment(AIRFLOW_CONN_HEADLINE_LEDGER=json.dumps(own)):
        _engine.cache_clear()
        migrate()
        yield
    _engine.cache_clear()


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


def _duckdb(file: Path, memory_limit: str) -> str:
    return json.dumps({"conn_type": "duckdb", "host": str(file), "extra": {"memory_limit": memory_limit}})


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
