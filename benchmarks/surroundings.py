"""What measured work stands in: its clock, its counters, and a ledger and an environment of its own."""

from __future__ import annotations

import json
import os
import resource
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib import import_module

import duckdb
from sqlalchemy import event

from headline import specs
from headline.ledger import migrate
from headline.ledger.engine import engine
from headline.local.home import Home
from headline.local.postgres import Postgres
from headline.local.roles import SUPERUSER
from headline.pipeline import PipelineRun, TableRun
from headline.warehouse.duckdb.session import DuckDBSession

LEDGER = "bench_steps"


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


@contextmanager
def clock(spent: Spent) -> Iterator[None]:
    began, cpu = time.perf_counter(), time.process_time()
    yield
    spent.wall += time.perf_counter() - began
    spent.cpu += time.process_time() - cpu


@contextmanager
def counting(spent: Spent) -> Iterator[None]:
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
def auditing(wanted: bool) -> Iterator[None]:
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
def empty_ledger() -> Iterator[None]:
    """A ledger of its own beside the real one, in its place."""
    server = Postgres(Home.current().postgres)
    with closing(server.connect("postgres")) as connection:
        connection.cursor().execute(f"drop database if exists {LEDGER} with (force)")
        connection.cursor().execute(f"create database {LEDGER}")
    own = {"conn_type": "postgres", "host": str(server.socket), "login": SUPERUSER, "schema": LEDGER}
    own["password"] = server.secrets[SUPERUSER]
    with environment(AIRFLOW_CONN_HEADLINE_LEDGER=json.dumps(own)):
        migrate()
        yield


@contextmanager
def environment(**variables: str) -> Iterator[None]:
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


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
