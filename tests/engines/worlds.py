"""The demo company's landed days, and what an engine makes of them."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.faults.world import COMPANY, PIPELINES, Table, World

from headline import specs
from headline.demo import finance_api
from headline.intervals import DAY
from headline.pipeline import TableRun, ingest, write_audit_publish
from headline.pipeline.audit import tables_of_checks
from headline.specs import Source
from headline.warehouse import Output, open_warehouse

# As many as golden.json has, if nothing else is asked for: `make engines days=60`.
GOLDEN_DAYS = 2
COUNT = int(os.environ.get("HEADLINE_TEST_DAYS") or GOLDEN_DAYS)
FIRST = COMPANY.first_day
LAST = FIRST + DAY * (COUNT - 1)


@contextmanager
def landed(postgres: str, folder: Path, name: str) -> Iterator[World]:
    """A world in which the days have landed and nothing was computed."""
    with finance_api.server(COMPANY, today=lambda: LAST) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        world = World(folder, postgres, service.server_port, name).create()
        world.days_pass(FIRST, LAST)
        with world.entered():
            for pipeline in PIPELINES:
                run = world.run(pipeline, FIRST, LAST)
                if isinstance(run.pipeline, Source):
                    for landing in run.pipeline.ingest:
                        ingest(run, landing)
        yield world
        service.shutdown()


def compute(world: World, run_id: str = "engine", at_once: int = 1) -> dict[str, TableRun]:
    """Run all pipelines for the landed days, each after those that it reads of, so many at once; by table, what its run did."""
    catalog = specs.load()

    def run(name: str, before: Sequence[Future[list[TableRun]]]) -> list[TableRun]:
        for one in before:
            one.result()
        return write_audit_publish(world.run(name, FIRST, LAST, run_id))

    runs: dict[str, Future[list[TableRun]]] = {}
    with ThreadPoolExecutor(at_once) as pool:
        for name in PIPELINES:
            pipeline = catalog.pipelines[name]
            read = {*pipeline.inputs, *tables_of_checks(pipeline)}
            makers = {catalog.makers[table].id for table in read if table in catalog.makers}
            runs[name] = pool.submit(run, name, [runs[maker] for maker in runs if maker in makers])
    return {one.table: one for done in runs.values() for one in done.result()}


@contextmanager
def clocked(engine: str, told: list[str]) -> Iterator[None]:
    """Tell how long all pipelines take on an engine, and how much of the processor, however much others take of it."""
    begun, used = time.monotonic(), _cpu_seconds()
    yield
    took = f"{time.monotonic() - begun:.0f} s, {_cpu_seconds() - used:.0f} s of CPU"
    told.append(f"{engine}, {COUNT} days, all pipelines: {took}")


def _cpu_seconds() -> float:
    """Of this process and those that it has started."""
    own = psutil.Process()
    return sum(sum(one.cpu_times()[:2]) for one in (own, *own.children(recursive=True)))


def published(pipelines: Sequence[str] = PIPELINES) -> dict[str, Table]:
    """Every published row of these pipelines by table, its columns in the order of the contract."""
    catalog = specs.load()
    with open_warehouse().session(read_only=True) as session:
        return {
            name: Counter(session.query(f"select {', '.join(Output(name, table).columns)} from {name}").rows)
            for pipeline in pipelines
            for table in catalog.pipelines[pipeline].ordered_tables
            for name in table.outputs
        }


def unlike(found: dict[str, Table], expected: dict[str, Table], at_least: int = 1000) -> dict[str, Any]:
    """What an engine has of its tables that another has not, by table; that there is something to compare is part of it."""
    assert sum(table.total() for table in found.values()) > at_least
    return {
        name: f"+{(one - other).total()} -{(other - one).total()} rows, such as {[*(one - other), *(other - one)][:2]}"
        for name, one in found.items()
        if one != (other := expected[name])
    }


def connected(monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any]) -> None:
    """From now on the warehouse is another."""
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_WAREHOUSE", json.dumps(connection))
