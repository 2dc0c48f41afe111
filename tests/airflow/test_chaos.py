"""A week of runs and backfills while tasks, the scheduler and PostgreSQL are killed at random ends as a clean run would.

`make chaos` goes on for minutes; HEADLINE_TEST_CHAOS_SEED repeats what was killed, as far as time allows.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import time as clock
from pathlib import Path
from shutil import copytree
from threading import Event, Thread
from typing import Any, Self

import httpx
import psutil
import pytest
from tests.airflow.alerted import Guarded, prepare
from tests.airflow.world import OPENING, READ_BY_PEOPLE, TODAY, YESTERDAY, Deployment, Table
from tests.conftest import forget
from tests.faults.world import PIPELINES, complete, differences

from headline import specs
from headline.errors import HeadlineError
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, migrate
from headline.local.postgres import Postgres
from headline.local.processes import Processes
from headline.local.roles import SUPERUSER
from headline.operators.backfill import DAG_ID as BACKFILL
from headline.pipeline import PipelineRun
from headline.pipeline.fingerprints import verify_published
from headline.settings import PROJECT
from headline.warehouse import open_warehouse

SEED = int(os.environ.get("HEADLINE_TEST_CHAOS_SEED", "1"))
SECONDS = float(os.environ.get("HEADLINE_TEST_CHAOS_SECONDS", "20"))
IS_LONG = SECONDS > 60
# Where time is short, those that read nothing but two sources; each run is a task process or two, which cost half a second.
CHOSEN = PIPELINES if IS_LONG else ("finance", "core_finance")
WEEK = Interval(OPENING, TODAY)
# A task is what there is most of; what comes back slowly is killed less often, so that work is done between two kills.
VICTIMS = ("task",) * 6 + ("scheduler", "postgres")
PAUSE = (0.5, 3.0)  # seconds between two kills
SECONDS_TO_HEAL = 300
UNREACHABLE = (HeadlineError, httpx.HTTPError)


@dataclass
class Chaos:
    """Kills processes of a deployment, one after the other, from entry to exit."""

    processes: Processes
    random: random.Random
    kills: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> Self:
        self._over = Event()
        self._thread = Thread(target=self._go, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _go(self) -> None:
        next_ones: list[str] = []
        while not self._over.wait(self.random.uniform(*PAUSE)):
            next_ones = next_ones or self.random.sample(VICTIMS, len(VICTIMS))
            with suppress(psutil.Error, IndexError):  # gone meanwhile
                if self._found("task"):  # else nothing is at work that could be disturbed
                    self.random.choice(self._found(next_ones[-1])).kill()
                    self.kills[next_ones.pop()] += 1

    def _found(self, name: str) -> list[psutil.Process]:
        program = self.processes.programs().get("scheduler" if name == "task" else name)
        if program is None or not program.runs:
            return []
        process = psutil.Process(program.pid)
        if name != "task":
            return [process]
        workers = [child for child in process.children() if "worker" in " ".join(child.cmdline())]
        return [task for worker in workers for task in worker.children(recursive=True)]


@pytest.fixture
def airflow(apart: Guarded) -> Iterator[Deployment]:
    """The deployment of the tests of alerts with all DAGs paused, no run, and no deadline near."""
    deployment = apart.deployment
    # A round of the watch waits up to a minute for whom to tell next.
    deployment.wait_for_state((0,), 150, "select count(*) from dag_run where state in ('queued', 'running')")
    for dag in deployment.api.dags():
        deployment.api.pause(dag["dag_id"])
    for run in deployment.api.all_runs("~"):
        deployment.api.delete_run(run["dag_id"], run["dag_run_id"])
    copytree(PROJECT / "include", deployment.include, dirs_exist_ok=True)
    prepare(deployment.include)
    for dag_id in CHOSEN:
        deployment.api.parse_again(dag_id)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in deployment.environment.items():
            patch.setenv(name, value)
        forget()
        yield deployment
    forget()


def patiently(act: Callable[[], Any], seconds: float = 60) -> Any:
    """What `act` gives, once the server and its database answer again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return act()
        except UNREACHABLE:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


@pytest.mark.timeout(SECONDS + 2 * SECONDS_TO_HEAL)
def test_whatever_is_killed_a_week_ends_as_a_clean_run(
    airflow: Deployment, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(SEED)
    for dag_id in (*CHOSEN, BACKFILL):
        airflow.api.unpause(dag_id)
    ask_for_everything(airflow, chance, "first")
    with Chaos(Processes(airflow.home), chance) as chaos:
        end = time.monotonic() + SECONDS
        while (left := end - time.monotonic()) > 0:
            until_all_have_ended(airflow, left)
            if time.monotonic() < end:
                ask_for_everything(airflow, chance, f"{end - time.monotonic():.0f}")
    record_property("chaos", f"seed {SEED}, survived in {SECONDS:.0f} s: {kills_in_words(chaos.kills)}")
    assert chaos.kills.total() > 1, "how many there are hangs on how fast the machine is"
    heal(airflow)
    assert not verify_published(specs.load().tables.values(), Ledger(), open_warehouse()).differences
    assert differences(figures(airflow), clean(airflow, tmp_path), at_least=100) == {}


def figures(airflow: Deployment) -> dict[str, Table]:
    """What people read of the pipelines that are chosen."""
    made = {table for name in CHOSEN for table in specs.load().pipelines[name].outputs}
    return {name: rows for name, rows in airflow.published(*READ_BY_PEOPLE).items() if name in made}


def kills_in_words(kills: Counter[str]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in sorted(kills.items()))


def ask_for_everything(airflow: Deployment, chance: random.Random, asked_as: str) -> None:
    """The scheduled runs of the week in any order, a backfill forwards, one backwards, and one over the range."""
    asked = [(dag_id, day) for dag_id in CHOSEN for day in WEEK]
    chance.shuffle(asked)
    for number, (dag_id, day) in enumerate(asked):
        if number == len(asked) // 3:
            for name, backwards in zip(CHOSEN[-2:], (False, True), strict=True):
                with suppress(*UNREACHABLE):
                    choices = {"run_backwards": backwards, "reprocess_behavior": "completed", "max_active_runs": 3}
                    airflow.api.backfill_with(name, OPENING, YESTERDAY, **choices)
            said = {
                "select": CHOSEN[1],
                "from": str(OPENING),
                "to": str(YESTERDAY),
                "reason": "some days may have been computed too early",
            }
            with suppress(*UNREACHABLE):
                airflow.api.trigger(BACKFILL, run_id=f"{asked_as}__range", conf=said)
        midnight = datetime.combine(day, clock.min, UTC)
        with suppress(*UNREACHABLE):
            airflow.api.trigger(dag_id, run_id=f"{asked_as}__{dag_id}__{day}", interval=(midnight, midnight + DAY))


def runs(airflow: Deployment, *states: str) -> list[dict[str, Any]]:
    return [run for state in states for run in patiently(lambda one=state: airflow.api.runs("~", state=one, limit=100))]


def until_all_have_ended(airflow: Deployment, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while runs(airflow, "queued", "running") and time.monotonic() < deadline:
        time.sleep(1)


def heal(airflow: Deployment) -> None:
    """What an engineer does the next morning: wait, and run again what has failed too often."""

    deadline = time.monotonic() + SECONDS_TO_HEAL
    while (failed := runs(airflow, "failed")) or runs(airflow, "queued", "running"):
        for run in failed:
            patiently(lambda one=run: airflow.api.clear(one["dag_id"], one["dag_run_id"]))
        if time.monotonic() > deadline:
            stuck = {run["dag_run_id"]: states(airflow, run) for run in runs(airflow, "queued", "running", "failed")}
            pytest.fail(f"seed {SEED}: {len(stuck)} runs do not end: {stuck}", pytrace=False)
        time.sleep(2)


def states(airflow: Deployment, run: dict[str, Any]) -> list[str]:
    tasks = patiently(lambda: airflow.api.tasks(run["dag_id"], run["dag_run_id"]))
    return [run["state"], *(f"{name} {task['state']}, try {task['try_number']}" for name, task in tasks.items())]


def clean(airflow: Deployment, folder: Path) -> dict[str, Any]:
    """What the same sources give in one range that nothing disturbs, in a warehouse and a ledger of its own."""
    server = Postgres(airflow.home.postgres)
    with closing(server.connect("postgres")) as connection:
        connection.cursor().execute("create database ledger_of_a_clean_run")
    ledger = {"conn_type": "postgres", "host": str(server.socket), "login": SUPERUSER, "schema": "ledger_of_a_clean_run"}
    ledger["password"] = server.secrets[SUPERUSER]
    warehouse = {"conn_type": "duckdb", "host": str(folder / "warehouse.duckdb")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_HEADLINE_LEDGER", json.dumps(ledger))
        patch.setenv("AIRFLOW_CONN_HEADLINE_WAREHOUSE", json.dumps(warehouse))
        patch.setenv("HEADLINE_LANDING", f"file://{folder}/landing")
        forget()
        migrate()
        catalog = specs.load()
        for name in CHOSEN:
            complete(PipelineRun(catalog.pipelines[name], "clean", WEEK, catalog, Ledger(), open_warehouse()))
        found = figures(airflow)
    forget()
    return found
