"""One Airflow for most tests of this folder, what it computed first (a range of days, then an ordinary day), and one apart."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from shutil import copyfile, copytree
from typing import Any
from unittest.mock import patch

import pytest
from tests.airflow.alerted import ENGINEERS, Guarded, Recipients, prepare
from tests.airflow.world import BEGINNINGS, COMPANY, DAGS, FIRST, LAST, OPENING, YESTERDAY, Airflow, Deployment
from tests.conftest import forget
from tests.unit.paging import servers

from headline import cli
from headline.demo import datashare, shop
from headline.demo.company import Company
from headline.intervals import DAY
from headline.local import lifecycle
from headline.local.home import Home
from headline.local.job import wait_for_dags
from headline.local.postgres import Postgres
from headline.local.screen import Screen
from headline.local.setup import set_up
from headline.settings import PROJECT

AN_ORDER = f"select min(order_id) from orders where cast(ordered_at as date) = date '{FIRST}'"
# Tries come quickly; what waits leaves the cores to other tests.
SETTINGS = {
    "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "1",
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_FETCH_INTERVAL": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
    # DAG files stay as they are; a test that changes what they read has them parsed again.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test here waits for everything that is computed once."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(600))


@dataclass(frozen=True)
class Queue:
    """A queue of moto's SQS, as its bucket would tell of new files."""

    url: str
    connection: str
    client: Any


@pytest.fixture(scope="package")
def queue() -> Iterator[Queue]:
    """The queue that Airflow is told to wait for."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "us-east-1"}
    client = boto3.client("sqs", endpoint_url=address, **keys)
    extra = {"region_name": "us-east-1", "endpoint_url": address}
    connection = json.dumps({"conn_type": "aws", "login": "x", "password": "y", "extra": extra})
    yield Queue(client.create_queue(QueueName="arrivals")["QueueUrl"], connection, client)
    server.stop()


@pytest.fixture(scope="session")
def prepared(server_folder: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Databases, users and secrets of a home that is set up, made once for all processes that run tests: it takes as long as a
    start of Airflow."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    found = shared / "prepared"
    with (shared / "prepared.lock").open("w") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        if not found.exists():
            home = Home(server_folder / "prepared" / "home")
            home.path.parent.mkdir()
            with patch.dict(os.environ):
                home.make()
                set_up(home, Screen(), (), {})
                lifecycle.down(home)
            forget()
            (making := shared / "being-prepared").mkdir()
            copy([home.postgres, home.secrets.folder], making)
            making.rename(found)
            lifecycle.clean(home)
    return found


def copy(paths: Iterable[Path], to: Path) -> None:
    """Copies of folders, which belong to whom the folders belong; what they have links to is copied too."""
    subprocess.run(["cp", "-aL", *paths, to], check=True)


@pytest.fixture(scope="package")
def running(server_folder: Path, queue: Queue, prepared: Path) -> Iterator[Deployment]:
    """Airflow with all DAGs unpaused; its include folder is a copy that a test may break."""
    told = {"HEADLINE_ARRIVALS": queue.url, "AIRFLOW_CONN_HEADLINE_ARRIVALS": queue.connection}
    with deployed(server_folder / "airflow" / "home", COMPANY, prepared, **told) as deployment:
        # Whether chance spoils a line on one of these days hangs on the date.
        assert deployment.in_shop(f"update order_items set quantity = 0 where order_id = ({AN_ORDER}) returning order_id")
        for dag_id in DAGS:
            deployment.api.unpause(dag_id)
        yield deployment


@pytest.fixture(scope="package")
def apart(server_folder: Path, prepared: Path) -> Iterator[Guarded]:
    """Airflow for what would disturb other tests.

    The schedule's run for yesterday is ahead of it, all DAGs are paused, and people have phones, Slack and e-mail.
    """
    (events := server_folder / "lineage").mkdir()
    lineage = json.dumps({"type": "file", "log_file_path": f"{events}/event"})  # a file for each
    with servers.smtp() as mailbox, servers.webhook() as slack, servers.sns(*ENGINEERS) as phones:
        people = Recipients(phones, slack, mailbox)
        choices = {"HEADLINE_START_DATE": str(YESTERDAY), "AIRFLOW__OPENLINEAGE__TRANSPORT": lineage, **people.connections()}
        with deployed(server_folder / "apart" / "home", COMPANY, prepared, prepare, **choices) as deployment:
            yield Guarded(deployment, people)


@contextmanager
def deployed(
    path: Path,
    company: Company,
    prepared: Path,
    prepare: Callable[[Path], None] = lambda _include: None,
    **choices: str,
) -> Iterator[Deployment]:
    """Airflow in a home of its own, its sources filled; `prepare` may change its copy of include before anything reads it.

    `prepared`: what the home has from the start.
    """
    home = Home(path)
    include = Path(copytree(PROJECT / "include", home.path.parent / "include"))
    prepare(include)
    choices |= {
        "HEADLINE_PORT": str(free_port()),
        "HEADLINE_FINANCE_PORT": str(free_port()),
        "HEADLINE_MAIL_PORT": str(free_port()),
        "HEADLINE_SOURCES": str(include / "sql" / "sources"),
    }
    try:
        with patch.dict(os.environ):  # set-up changes it, and other tests of this process are to see nothing of that
            home.make()
            copy(prepared.iterdir(), home.path)
            with home.env_file.open("a") as file:
                file.writelines(f"{name}={value}\n" for name, value in {**SETTINGS, "HEADLINE_INCLUDE": str(include)}.items())
            environment = set_up(home, Screen(), lifecycle.WITH_DEMO, choices)
            with closing(Postgres(home.postgres).connect("shop", "shop_owner")) as connection:
                connection.autocommit = False
                shop.fill(connection, OPENING, YESTERDAY, company)
            datashare.drop(home.path / "datashare", OPENING - DAY, YESTERDAY, company)
            lifecycle.start(home, environment, lifecycle.WITH_DEMO, Screen())
        forget()
        with Airflow.of(environment) as api:
            wait_for_dags(api, DAGS)
            yield Deployment(home, include, environment, api)
    finally:
        lifecycle.clean(home)


@pytest.fixture(scope="package")
def runs_of_range(running: Deployment) -> dict[str, str]:
    """The ids of the runs, one per DAG, that computed several days at once; they were started together."""
    runs = {dag_id: running.start(dag_id, first, LAST) for dag_id, first in BEGINNINGS.items()}
    for dag_id, run_id in runs.items():
        running.finish(dag_id, run_id)
    return runs


@pytest.fixture(scope="package")
def runs_of_day(running: Deployment, runs_of_range: dict[str, str]) -> dict[str, str]:
    """The ids of the runs, one per DAG, that the schedule makes for yesterday; readers are triggered before what they read."""
    midnight = datetime.combine(YESTERDAY, time.min, UTC)
    for dag_id in reversed(DAGS):
        running.api.trigger(dag_id, run_id=f"ordinary__{dag_id}", interval=(midnight, midnight + DAY))
    runs = {dag_id: f"ordinary__{dag_id}" for dag_id in DAGS}
    for dag_id, run_id in runs.items():
        running.finish(dag_id, run_id)
    copyfile(running.home.path / "warehouse.duckdb", running.first_figures)
    return runs


@pytest.fixture
def airflow(
    running: Deployment, runs_of_day: dict[str, str], forget_settings: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> Deployment:
    """The deployment after its first range and its first day; the test's process sees the same warehouse and ledger."""
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    forget_settings()
    return running


@pytest.fixture
def headline(airflow: Deployment, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str, str]]:
    """Run `headline …` beside the deployment, as from a shell; gives exit code, output and errors."""

    def run(*arguments: str) -> tuple[object, str, str]:
        capsys.readouterr()
        # A command that only reads changes the environment of its process.
        with patch.dict(os.environ), patch.object(sys, "argv", ["headline", *arguments]), pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, *capsys.readouterr()

    return run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how long after its moment each alert reached somebody."""
    for seconds in (
        value for one in terminalreporter.getreports("passed") for name, value in one.user_properties if name == "arrival"
    ):
        terminalreporter.line(f"a file of a stream landed {seconds:.1f} s after its message was sent")
    starts = [value for one in terminalreporter.getreports("passed") for name, value in one.user_properties if name == "start"]
    for seconds in starts:
        terminalreporter.line(f"a waiting run started {seconds:.1f} s after its last input was published")
    passed = [report for report in terminalreporter.getreports("passed") if report.when == "call"]
    for seconds in (value for one in passed for name, value in one.user_properties if name == "backfill"):
        terminalreporter.line(f"four days of all DAGs took {seconds:.0f} s as a backfill")
    for kills in (value for one in passed for name, value in one.user_properties if name == "chaos"):
        terminalreporter.line(f"kills at random: {kills}")
    if told := [value for report in passed for name, value in report.user_properties if name == "alert"]:
        terminalreporter.section("alerts")
        for what, person, channel, seconds in told:
            terminalreporter.line(f"{what:<45} {person:<6} {channel:<6} {seconds:5.1f} s after its moment")
