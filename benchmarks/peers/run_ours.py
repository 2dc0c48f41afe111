"""Our side: Headline's own steps, and the bare SELECTs that every tool has to run. Each is called in a process of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import duckdb
import psutil
import psycopg2

from benchmarks.peers.models import Model, Names, landed_files, models, text
from benchmarks.peers.runners.process import Cost, clock, export, outcome, prepare
from benchmarks.work import ACCEPTED, load_engines, ordered
from headline import settings, specs
from headline.connections import get
from headline.diff.company import Loads
from headline.intervals import Interval
from headline.ledger import Ledger, migrate
from headline.pipeline import PipelineRun, write_audit_publish
from headline.pipeline import prepare as prepare_pipeline
from headline.warehouse import open_warehouse

LEDGER = "peers_ledger"


@dataclass(frozen=True)
class Work:
    """What a process of ours is to do: the pipelines for each interval, on the warehouse of `task`.

    `ledger_process`: the number of PostgreSQL's main process.
    """

    task: dict[str, Any]
    pipelines: Sequence[str]
    loads: Loads
    intervals: Sequence[Interval]
    landing: str
    ledger_process: int


def headline(work: Work) -> dict[str, Any]:
    """All steps of Headline after the ingest. Its CPU is that of this process and of PostgreSQL's, which keeps the ledger."""
    warehouse = {"conn_type": "duckdb", "host": work.task["database"], "extra": {"memory_limit": "2GB"}}
    others = [table for name, one in specs.load().pipelines.items() if name not in work.pipelines for table in one.outputs]
    if work.task["fresh"]:
        _make_ledger()
    variables = {
        "AIRFLOW_CONN_HEADLINE_WAREHOUSE": json.dumps(warehouse),
        "AIRFLOW_CONN_HEADLINE_LEDGER": _own_ledger(),
        "HEADLINE_WITHOUT": " ".join(others),
    }
    costs: list[Cost] = []
    with patch.dict(os.environ, variables):
        settings.load.cache_clear()
        if work.task["fresh"]:
            migrate()
            for found in work.loads.values():
                Ledger().record_loads(found, "peers")
        load_engines()
        for name in work.pipelines:
            prepare_pipeline(specs.load().pipelines[name])
        checks = 0
        for interval in work.intervals:
            before = _cpu_of_ledger(work.ledger_process)
            with clock(costs):
                checks = compute(work.pipelines, interval)
            costs[-1]["cpu"] += _cpu_of_ledger(work.ledger_process) - before
    export(work.task)
    return outcome(costs, checks=checks)


def compute(pipelines: Sequence[str], interval: Interval) -> int:
    """Write, audit and publish the pipelines for an interval; returns how many outcomes of checks there were."""
    catalog, ledger, warehouse = specs.load(), Ledger(), open_warehouse()
    checks = 0
    for pipeline in ordered(pipelines):
        run = PipelineRun(pipeline, f"peers {interval}", interval, catalog, ledger, warehouse, ACCEPTED)
        checks += sum(len(table.checks) for table in write_audit_publish(run))
    return checks


def raw(work: Work) -> dict[str, Any]:
    """The same SELECTs, written out beforehand, as CREATE TABLE AS, then as DELETE and INSERT; no checks, one connection."""
    prepare(work.task)
    costs: list[Cost] = []
    known = {model.name: model for model in models(work.pipelines)}
    landed = {name: landed_files(name, work.landing) for name in work.loads}
    first = work.task["first"]
    settings: dict[str, Any] = {"memory_limit": "2GB", "temp_directory": f"{work.task['database']}.spill"}
    for number, interval in enumerate(work.intervals):
        is_new = bool(work.task["fresh"]) and number == 0
        statements = [one for model in known.values() for one in _statements(model, landed, interval, first, is_new)]
        with clock(costs), closing(duckdb.connect(work.task["database"], config=settings)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set enable_progress_bar = false")
            for statement in statements:
                connection.execute(statement)
    export(work.task)
    return outcome(costs, checks=0)


def _statements(model: Model, landed: Names, interval: Interval, first: str, is_new: bool) -> list[str]:
    asked = reach(model, interval, first)
    start, end = f"date '{asked.start}'", f"date '{asked.end}'"
    select = text(model.query, landed, start, end)
    if is_new:
        views = [f"create view {name} as {text(view, {}, start, end)}" for name, view in model.views.items()]
        return [f"create table {model.target} as {select}", *views]
    if model.is_whole:
        return [f"delete from {model.target}", f"insert into {model.target} {select}"]
    column = model.table.period_column
    return [
        f"delete from {model.target} where {column} >= {start} and {column} < {end}",
        f"insert into {model.target} {select}",
    ]


def reach(model: Model, interval: Interval, first: str) -> Interval:
    """The whole periods that a new interval can change, none before the first day."""
    start = max(date.fromisoformat(first), interval.start - timedelta(days=model.lookback))
    return Interval(start, interval.end).widen(model.table.period)


def _cpu_of_ledger(number: int) -> float:
    """CPU seconds of PostgreSQL so far, of connections that have ended too."""
    main = psutil.Process(number)
    times = [main.cpu_times(), *(child.cpu_times() for child in main.children())]
    return sum(one.user + one.system for one in times) + times[0].children_user + times[0].children_system


def _own_ledger() -> str:
    real = get("headline_ledger")
    login = {"login": real.login, "password": real.password}
    return json.dumps({"conn_type": "postgres", "host": real.host, **login, "schema": LEDGER})


def _make_ledger() -> None:
    real = get("headline_ledger")
    with closing(psycopg2.connect(host=real.host, user=real.login, password=real.password, dbname=real.schema)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"drop database if exists {LEDGER} with (force)")
        connection.cursor().execute(f"create database {LEDGER}")
