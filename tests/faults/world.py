"""A small world in which things break: the demo company's real sources, a ledger, a warehouse, and steps that can be killed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from shutil import copyfile, copytree
from typing import Any
from uuid import uuid4

import duckdb
import psycopg2
import pytest

from headline import settings, specs
from headline.demo import datashare, shop
from headline.demo.company import Company
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, migrate
from headline.ledger.engine import forget_connections
from headline.pipeline import PipelineRun, ingest, write_audit_publish
from headline.pipeline.fingerprints import verify_published
from headline.sql import template
from headline.warehouse import open_warehouse

D1 = date(2026, 3, 2)
D2, D3, D4, D5 = (D1 + DAY * n for n in range(1, 5))
# Those before CORE_SHOP are what it waits for, and whatever else does not wait for it.
PIPELINES = (
    "shop",
    "finance",
    "app",
    "core_finance",
    "core_app",
    "core_shop",
    "unit_profit",
    "investor_profit",
    "daily_growth",
    "investor_growth",
    "investor_engagement",
)
CORE_SHOP = PIPELINES.index("core_shop")
COMPANY = Company(first_day=D1, lines_on_first_day=60, late_share=0.2, blemish_share=0.03)

# Steps run in children that are forked from a process that has loaded the engines, as those of Airflow's scheduler are.
FORK = get_context("fork")

Table = Counter[tuple[Any, ...]]


@dataclass(frozen=True)
class World:
    """The company's sources as they are, and what was made of them: databases, warehouse and landing zone of one name."""

    folder: Path
    postgres: str
    finance_port: int
    name: str
    lock_timeout: float = 20
    company: Company = COMPANY

    # its life

    def copy(self, folder: Path) -> World:
        """The same world again: what happens to the copy leaves the original alone."""
        copied = replace(self, folder=folder, name=uuid4().hex[:8])
        for database in ("ledger", "shop"):
            self._administer(f"create database {database}_{copied.name} template {database}_{self.name}")
        if (warehouse := self.folder / "warehouse.duckdb").exists():
            copyfile(warehouse, folder / "warehouse.duckdb")
        copytree(self.folder / "datashare", folder / "datashare")
        return copied

    def create(self) -> World:
        for database in ("ledger", "shop"):
            self._administer(f"create database {database}_{self.name}")
        with self.entered():
            migrate()
        return self

    @contextmanager
    def entered(self, **variables: str) -> Iterator[World]:
        """This process and its children see this world, through the same variables as any deployment."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (self.environment() | variables).items():
                patch.setenv(name, value)
            _forget()
            try:
                yield self
            finally:
                forget_connections()
                _forget()

    def environment(self) -> dict[str, str]:
        database = {"conn_type": "postgres", "host": self.postgres, "login": "postgres"}
        connections: dict[str, dict[str, Any]] = {
            "LEDGER": database | {"schema": f"ledger_{self.name}"},
            "SHOP": database | {"schema": f"shop_{self.name}"},
            "FINANCE": {"conn_type": "http", "host": "http://127.0.0.1", "port": self.finance_port},
            "DATASHARE": {"conn_type": "fs", "extra": {"path": f"file://{self.folder}/datashare"}},
            "WAREHOUSE": {
                "conn_type": "duckdb",
                "host": str(self.folder / "warehouse.duckdb"),
                "extra": {"memory_limit": "500MB", "lock_timeout": self.lock_timeout, "threads": 1},
            },
        }
        variables = {f"AIRFLOW_CONN_HEADLINE_{name}": json.dumps(connection) for name, connection in connections.items()}
        start_date = {"HEADLINE_START_DATE": str(self.company.first_day)}
        return variables | start_date | {"HEADLINE_HOME": str(self.folder)}

    def _administer(self, statement: str) -> None:
        with closing(psycopg2.connect(host=self.postgres, user="postgres")) as server:
            server.autocommit = True
            server.cursor().execute(statement)

    # its sources

    def days_pass(self, first: date, last: date) -> None:
        """The shop's database and the data share learn of these days."""
        with closing(psycopg2.connect(host=self.postgres, user="postgres", dbname=f"shop_{self.name}")) as connection:
            shop.fill(connection, first, last, self.company)
        datashare.drop(self.folder / "datashare", first, last, self.company)

    def in_shop(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement in the shop's database."""
        with closing(psycopg2.connect(host=self.postgres, user="postgres", dbname=f"shop_{self.name}")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    @property
    def rates_file(self) -> Path:
        """The exchange rates of the fourth day."""
        return self.folder / "datashare" / datashare.rates_file(D4)

    # its runs

    def run(self, pipeline: str, first: date = D4, last: date | None = None, run_id: str = "ordinary") -> PipelineRun:
        """A run of days, both included; the fourth day if none is named."""
        catalog = specs.load()
        interval = Interval(first, (last or first) + DAY)
        run_id = f"{run_id} {interval}"
        return PipelineRun(catalog.pipelines[pipeline], run_id, interval, catalog, Ledger(), open_warehouse())

    def complete(self, pipelines: tuple[str, ...], first: date = D4, last: date | None = None) -> None:
        """Run pipelines from their first step to their last."""
        for pipeline in pipelines:
            complete(self.run(pipeline, first, last))

    # what it shows

    def published(self) -> dict[str, Table]:
        """Every row that a reader can see, by table."""
        with open_warehouse().session(read_only=True) as session:
            found = session.query(
                "select table_schema || '.' || table_name from information_schema.tables "
                "where table_catalog = 'warehouse' and table_schema not in ('calendar', 'headline') order by 1"
            )
            return {name: Counter(session.query(f"select * from {name}").rows) for (name,) in found.rows}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with open_warehouse().session(read_only=True) as session:
            return session.query(sql).rows

    def kept(self) -> list[str]:
        """The files of what runs have computed and not published."""
        return sorted(file.name for file in (self.folder / "warehouse.duckdb.kept").glob("*"))

    def is_sound(self) -> bool:
        """Whether the warehouse is what the ledger says, nobody holds or awaits a lock, and the file is free."""
        assert not verify_published(specs.load().tables.values(), Ledger(), open_warehouse()).differences
        deadline = time.monotonic() + 5  # PostgreSQL needs a moment to notice that a process has died
        while (locks := self.locks()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not locks
        duckdb.connect(self.folder / "warehouse.duckdb").close()
        return True

    def locks(self) -> list[tuple[bool, str]]:
        """The advisory locks in the ledger's database: whether each is granted (or waited for), and to whom."""
        with closing(psycopg2.connect(host=self.postgres, user="postgres", dbname=f"ledger_{self.name}")) as connection:
            cursor = connection.cursor()
            cursor.execute(
                "select locks.granted, activity.application_name from pg_locks as locks "
                "inner join pg_stat_activity as activity using (pid) where locks.locktype = 'advisory' "
                "and locks.database = (select oid from pg_database where datname = current_database()) order by 1, 2"
            )
            return cursor.fetchall()

    @contextmanager
    def ledger_down(self) -> Iterator[None]:
        """The ledger's database ends all connections and takes no others."""
        forget_connections()
        database = f"ledger_{self.name}"
        self._administer(f"alter database {database} allow_connections false")
        self._administer(f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{database}'")
        try:
            yield
        finally:
            self._administer(f"alter database {database} allow_connections true")

    def until_somebody_waits(self) -> None:
        """Return as soon as a process waits for a lock."""
        deadline = time.monotonic() + 30
        while all(granted for granted, _ in self.locks()):
            assert time.monotonic() < deadline, "nobody waits for a lock"
            time.sleep(0.02)

    def loads(self) -> set[tuple[Any, ...]]:
        """What has arrived, whole files by their content."""
        names = [name for pipeline in specs.load().pipelines.values() for name in getattr(pipeline, "landed", {})]
        return {(load.landing, load.ds, load.row_count, load.checksum) for name in names for load in Ledger().current_loads(name)}


def _forget() -> None:
    for cached in (settings.load, specs.load, template._environment):
        cached.cache_clear()


def steps(run: PipelineRun) -> dict[str, Callable[[], Any]]:
    """The steps of a run in their order, under the names of Airflow's tasks."""
    ingests = {f"ingest.{name}": partial(ingest, run, name) for name in getattr(run.pipeline, "ingest", ())}
    return ingests | {"write_audit_publish": partial(write_audit_publish, run)}


def complete(run: PipelineRun) -> None:
    """All steps of a run."""
    for step in steps(run).values():
        step()


def differences(found: dict[str, Table], expected: dict[str, Table], at_least: int = 1000) -> dict[str, str]:
    """What two states of the warehouse disagree on, by table; that both hold something to compare is part of it."""
    assert sum(table.total() for table in expected.values()) > at_least
    return {
        name: f"+{(one - other).total()} -{(other - one).total()} rows, such as {[*(one - other), *(other - one)][:2]}"
        for name in found.keys() | expected.keys()
        if (one := found.get(name, Counter())) != (other := expected.get(name, Counter()))
    }


def differing(one: World, other: World) -> dict[str, str]:
    """As `differences`, for worlds of many rows: the warehouse's engine compares two files."""
    with attached(one=one, other=other) as connection:
        tables = {side: published_tables(connection, side) for side in ("one", "other")}
        assert tables["one"] == tables["other"]
        contents = {name: [content(connection, f"{side}.{name}") for side in ("one", "other")] for name in tables["one"]}
        assert sum(count for (count, _), _ in contents.values()) > 1000
        unlike = [name for name, (mine, yours) in contents.items() if mine != yours]
        found = {name: [surplus(connection, f"{a}.{name}", f"{b}.{name}") for a, b in SIDES] for name in unlike}
    return {
        name: f"+{len(more)} -{len(less)} rows, such as {[*more, *less][:2]}"
        for name, (more, less) in found.items()
        if more or less
    }


def content(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, Any]:
    """The number of rows and a sum over all of them in any order; to compare row by row takes ten times as long."""
    [(count, checksum)] = connection.execute(f"select count(*), sum(hash(line)) from {table} as line").fetchall()
    return count, checksum


SIDES = (("one", "other"), ("other", "one"))


@contextmanager
def attached(**worlds: World) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouses of worlds in which nothing goes on, each as a catalog of its own."""
    with duckdb.connect() as connection:
        for name, world in worlds.items():
            connection.execute(f"attach '{world.folder / 'warehouse.duckdb'}' as {name} (read_only)")
        yield connection


def published_tables(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, bool]:
    """The tables of a catalog, and whether their rows say that they are partial."""
    found = connection.execute(
        "select table_schema || '.' || table_name, bool_or(column_name = 'is_partial') from information_schema.columns "
        f"where table_catalog = '{catalog}' and table_schema not in ('calendar', 'headline') group by all order by all"
    ).fetchall()
    return dict(found)


def surplus(connection: duckdb.DuckDBPyConnection, table: str, *others: str, where: str = "") -> list[tuple[Any, ...]]:
    """The rows of a table that none of the others has, or has less often."""
    selects = [f"select * from {one} {where}" for one in (table, *others)]
    return connection.execute(" except all ".join(selects)).fetchall()


def with_core(before: dict[str, Table], expected: dict[str, Table]) -> dict[str, Table]:
    """What is published when core_shop, and nothing after it, has come to the state that is expected."""
    return before | {name: table for name, table in expected.items() if name.startswith(("core.", "quarantine."))}


@dataclass(frozen=True)
class Point:
    """A moment inside a step: before or after the call of a method whose arguments are so."""

    owner: Any
    method: str
    when: Callable[..., bool] = lambda *_arguments: True
    after: bool = False


class Child:
    """A process of its own that does something and, where a point is given, stops there until it is told to go on, or killed."""

    def __init__(self, action: Callable[[], Any], point: Point | None = None) -> None:
        self._there, self._go_on = FORK.Event(), FORK.Event()
        self._outcome, sender = FORK.Pipe(duplex=False)
        self._process = FORK.Process(target=self._work, args=(action, point, sender), daemon=True)
        self._process.start()
        sender.close()

    def wait_until_there(self) -> None:
        assert self._there.wait(30), f"the process never came to its point: {self._outcome.poll() and self._outcome.recv()!r}"

    @property
    def is_there(self) -> bool:
        return self._there.is_set()

    def go_on(self) -> None:
        self._go_on.set()

    def kill(self) -> None:
        os.kill(self._process.pid or 0, signal.SIGKILL)
        self._process.join()
        assert self._process.exitcode == -signal.SIGKILL

    def finish(self) -> None:
        """Wait for the end; raises what the action raised."""
        outcome = self._outcome.recv() if self._outcome.poll(60) else TimeoutError("the process did not end")
        self._process.join(10)
        if outcome is not None:
            raise outcome

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def stop_here(self) -> None:
        self._there.set()
        self._go_on.wait(120)

    def _work(self, action: Callable[[], Any], point: Point | None, sender: Any) -> None:
        if point:
            self._patch(point)
        try:
            action()
            sender.send(None)
        except BaseException as error:
            sender.send(error)

    def _patch(self, point: Point) -> None:
        original = getattr(point.owner, point.method)

        def stopping(*arguments: Any, **named: Any) -> Any:
            met = point.when(*arguments)
            if met and not point.after:
                self.stop_here()
            result = original(*arguments, **named)
            if met and point.after:
                self.stop_here()
            return result

        setattr(point.owner, point.method, stopping)
