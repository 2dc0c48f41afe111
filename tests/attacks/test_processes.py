"""A process that is killed comes back, or the installation says that it does not; nothing of it stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import httpx
import psutil
import psycopg2
import pytest
from tests.attacks.waiting import wait_for
from tests.conftest import forget

from headline import executor as executor_module
from headline.airflow_api import AirflowApi
from headline.errors import HeadlineError
from headline.executor import WorkQueue
from headline.incidents import heartbeat
from headline.local import lifecycle, patience, supervisor
from headline.local.alive import alive, session_of
from headline.local.health import AIRFLOW, components
from headline.local.home import Home
from headline.local.job import wait_for_dags
from headline.local.patience import Patience, cpu_seconds
from headline.local.postgres import Postgres
from headline.local.postgres_processes import main_process, processes_of
from headline.local.process_file import started_in
from headline.local.processes import Processes
from headline.local.roles import SUPERUSER
from headline.local.screen import Screen
from headline.local.setup import free_port
from headline.local.told import MARK
from headline.settings import PROJECT

# The title of `renamed` covers what the system shows of its command, as Airflow's does; its child has a process group of its own.
PROCFILE = """
sleeper: exec sleep 600
renamed: exec python -c "$RENAMED"
chatter: while :; do echo "the same line again and again, until somebody looks at its size"; done
"""
RENAMED = """
import os, time
from setproctitle import setproctitle
if os.fork():
    setproctitle("airflow worker -- LocalExecutor: <idle>")
else:
    os.setpgid(0, 0)
    setproctitle("airflow task supervisor")
time.sleep(600)
"""
TITLES = ("airflow worker", "airflow task s")


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    home = Home(tmp_path / "home of 100 % ours")
    home.make()
    (tmp_path / "Procfile").write_text(PROCFILE)
    found = Processes(home, tmp_path / "Procfile")
    yield found
    found.stop()


def pid_of(processes: Processes, name: str) -> int:
    found = processes.programs().get(name)
    return found.pid if found and found.runs else 0


# what supervises


def test_a_program_that_is_killed_is_started_again_with_its_environment(processes: Processes) -> None:
    processes.start({"A_SETTING": "kept"}, ["sleeper"])
    first = pid_of(processes, "sleeper")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: pid_of(processes, "sleeper") not in (0, first), 10)
    again = psutil.Process(pid_of(processes, "sleeper"))
    wait_for(lambda: again.name() == "sleep", 5)
    assert again.environ()["A_SETTING"] == "kept"
    assert processes.troubles() == [f"postgres was stopped: make run starts it; why stands in {processes.logs / 'postgres.log'}"]


def test_processes_do_not_get_the_secrets_of_set_up(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_LEDGER_MIGRATOR", "of the shell")
    processes.start({"AIRFLOW_CONN_HEADLINE_SHOP_OWNER": "of the home", "AIRFLOW_CONN_HEADLINE_SHOP": "kept"}, ["sleeper"])
    told = json.loads(processes.file.read_text())["environment"]
    wait_for(lambda: pid_of(processes, "sleeper"), 10)
    sleeper = psutil.Process(pid_of(processes, "sleeper"))
    wait_for(lambda: sleeper.name() == "sleep", 5)
    for known in (told, sleeper.environ()):
        assert known["AIRFLOW_CONN_HEADLINE_SHOP"] == "kept"
        assert not [name for name in known if "MIGRATOR" in name or "OWNER" in name]
    assert processes.file.stat().st_mode & 0o777 == 0o600


def test_a_killed_supervisor_is_reported_and_leaves_no_process(processes: Processes) -> None:
    processes.start({"RENAMED": RENAMED}, ["sleeper", "renamed"])
    manager = processes.manager()
    assert manager

    def titles() -> set[str]:
        return {" ".join(one.cmdline())[:14] for one in manager.children(recursive=True)}

    wait_for(lambda: {*TITLES} <= titles(), 10)
    family = manager.children(recursive=True)
    manager.kill()
    wait_for(lambda: not alive(manager), 5)
    assert all(alive(one) for one in family)
    [trouble] = processes.troubles()
    assert f"supervisord (process {manager.pid}) was killed. What still runs works on" in trouble
    assert "make run starts all of it again and keeps all data" in trouble
    with pytest.raises(HeadlineError, match=r"supervisord .* was killed"):
        heartbeat.check(timedelta(days=1), found=processes.troubles())
    assert {one.pid for one in processes.leftovers()} >= {one.pid for one in family}
    assert processes.stop()
    assert not [one for one in family if alive(one)]
    assert processes.troubles() == []


@pytest.mark.parametrize("by", ["mark", "session"])
def test_processes_found_only_by_mark_or_session_are_ended(processes: Processes, by: str) -> None:
    overwriting = RENAMED if by == "mark" else "import os; del os.environ['SPT_NOENV']" + RENAMED
    processes.start({"RENAMED": overwriting}, ["renamed"])
    manager = processes.manager()
    assert manager
    wait_for(lambda: [one.cmdline()[0][:7] for one in manager.children(recursive=True)] == ["airflow", "airflow"], 10)
    family = manager.children(recursive=True)
    manager.kill()
    wait_for(lambda: not alive(manager), 5)
    told = processes.file.read_text()
    if by == "mark":
        processes.file.unlink()
    else:
        assert MARK not in family[0].environ()
    processes.stop()
    assert not [one for one in family if alive(one)]
    processes.file.write_text(told)  # it names the socket, which goes too


@pytest.fixture
def stranger() -> Iterator[psutil.Process]:
    """The first process of another session, whose title covers its environment."""
    covered = f"import os; del os.environ['SPT_NOENV']\n{RENAMED}" if "SPT_NOENV" in os.environ else RENAMED
    found = psutil.Popen([sys.executable, "-c", covered], start_new_session=True)
    wait_for(lambda: [" ".join(one.cmdline())[:14] for one in (found, *found.children())] == list(TITLES), 10)
    family = [found, *found.children()]
    yield found
    for one in family:
        one.kill()
    found.wait()


@pytest.mark.parametrize("of", ["a session that is younger", "the time before the machine started", "another program", "nobody"])
def test_a_process_id_that_was_reused_is_not_ended(processes: Processes, stranger: psutil.Process, of: str) -> None:
    """Where it did, tests of other processes ended too: never is the session of the tests themselves named here."""
    pid, created = {
        "a session that is younger": (stranger.pid, stranger.create_time() - 5),
        "the time before the machine started": (stranger.pid, 1.0),
        "another program": (1, psutil.Process(1).create_time() + 100),
        "nobody": (0, stranger.create_time() - 5),
    }[of]
    processes.file.write_text(json.dumps({"pid": pid, "created": created, "socket": ""}))
    assert session_of(started_in(processes.file)) is None
    assert processes.leftovers() == []
    assert not processes.stop()
    assert all(alive(one) for one in (stranger, *stranger.children()))


def test_logs_rotate_while_programs_run(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(supervisor.PROGRAM, "stdout_logfile_maxbytes", "20KB")
    processes.start({}, ["chatter"])
    wait_for((processes.logs / "chatter.log.2").exists, 20)
    sizes = [file.stat().st_size for file in processes.logs.glob("chatter.log*")]
    assert len(sizes) <= 1 + int(supervisor.LOG_BACKUPS)
    assert max(sizes) < 300_000  # what was read at once is written whole


# patience instead of deadlines


def test_a_busy_start_is_waited_for_and_an_idle_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, cpu = SimpleNamespace(now=0.0), SimpleNamespace(spent=5.0)
    monkeypatch.setattr(patience.time, "monotonic", lambda: clock.now)
    waiting = Patience(lambda: cpu.spent)
    for _ in range(100):  # so loaded that it gets a second of CPU in 50
        clock.now, cpu.spent = clock.now + 50, cpu.spent + 1
        assert waiting.end() is None
    assert waiting.waited == "5000 s, 100 s of CPU"
    clock.now += patience.SECONDS_IDLE + 1
    assert waiting.end() == "nothing was done for 60 s"
    clock.now, cpu.spent = clock.now + 1, 0.5  # it was started again
    assert waiting.end() is None
    clock.now, cpu.spent = clock.now + 1, cpu.spent + patience.SECONDS_OF_CPU + 1
    assert waiting.end() == "not yet after 200 s of CPU time"
    waiting.renew()
    assert waiting.end() is None


def test_the_cpu_time_of_children_counts_as_work() -> None:
    before = cpu_seconds([psutil.Process()])
    ended = time.process_time() + 0.1
    while time.process_time() < ended:
        pass
    assert cpu_seconds([psutil.Process()]) - before >= 0.08


# PostgreSQL


@pytest.fixture
def server(server_folder: Path) -> Iterator[Postgres]:
    made = Postgres(server_folder / "killed")
    made.start()
    yield made
    made.stop()
    made.remove_outside()


def test_a_killed_server_comes_back_with_its_data_when_its_processes_have_ended(server: Postgres) -> None:
    with closing(server.connect("shop")) as connection, connection.cursor() as cursor:
        cursor.execute("create table kept as select 1 as a")
    password = server.secrets[SUPERUSER]
    busy = psycopg2.connect(host=str(server.socket), user=SUPERUSER, password=password, dbname="shop", async_=True)
    wait_for(lambda: busy.poll() == psycopg2.extensions.POLL_OK, 5)
    busy.cursor().execute("select count(*) from generate_series(1, 1000000000000) as n where n % 7 = 3")
    backend = psutil.Process(busy.get_backend_pid())
    main = main_process(server.data)
    assert main
    main.kill()
    wait_for(lambda: not alive(main), 5)
    assert alive(backend), "in the midst of a query it does not notice"
    with pytest.raises(HeadlineError, match="processes of a dead PostgreSQL"), patch.object(psutil, "wait_procs", _nobody_ends):
        server.start()
    server.start()
    assert not alive(backend)
    with closing(server.connect("shop")) as connection, connection.cursor() as cursor:
        cursor.execute("select a from kept")
        assert cursor.fetchall() == [(1,)]
    assert server.is_ready()
    server.stop()
    assert not server.is_ready()


def _nobody_ends(processes: list[psutil.Process], timeout: float) -> tuple[list[psutil.Process], list[psutil.Process]]:
    return [], processes


# workers


@pytest.fixture(scope="module")
def scenes() -> dict[str, str | None]:
    """What went wrong in each scene of forked workers."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.attacks.workers"], capture_output=True, text=True, check=False, cwd=PROJECT, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_worker_that_is_killed_while_idle_loses_no_task(scenes: dict[str, str | None]) -> None:
    assert scenes["a_worker_that_is_killed_while_it_waits"] is None


def test_a_task_that_a_killed_worker_was_about_to_take_is_queued_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor_module, "SECONDS_TO_TELL", 0.0)
    queue = WorkQueue()
    queue.put(SimpleNamespace(key="lost"))
    before = time.monotonic()
    queue._get.recv(10_000)  # the worker is killed before it tells
    queue.put_again(0.0)
    assert queue.empty(), "no worker has ended since it was put"
    queue.put_again(before)
    assert queue.get().key == "lost"
    assert [key for _, key in queue.taken()] == ["lost"]
    queue.put_again(time.monotonic())
    assert queue.empty(), "somebody has it"
    queue.close()


def test_a_task_ends_with_the_worker_that_looks_after_it(scenes: dict[str, str | None]) -> None:
    assert scenes["a_task_whose_worker_is_killed"] is None


def test_the_task_of_a_killed_worker_fails_at_once_and_new_workers_start(scenes: dict[str, str | None]) -> None:
    assert scenes["what_a_killed_worker_was_at"] is None


def test_a_scheduler_that_ends_waits_for_no_task(scenes: dict[str, str | None]) -> None:
    assert scenes["a_scheduler_that_ends"] is None


# what is told


def test_heartbeat_tells_which_component_shows_no_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    healthy = {"status": "healthy"}
    health: dict[str, Any] = dict.fromkeys(("metadatabase", "scheduler", "triggerer", "dag_processor"), healthy)
    silent = {"status": "unhealthy", "latest_scheduler_heartbeat": "2026-11-20T11:41:02+00:00"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_AIRFLOW", '{"conn_type": "http", "host": "http://127.0.0.1", "port": 9}')
    monkeypatch.setattr(AirflowApi, "health", lambda _self: health | {"scheduler": silent})
    assert heartbeat.airflow_troubles() == ["scheduler: no sign of life since 2026-11-20 11:41 UTC: make status says what runs"]
    monkeypatch.setattr(AirflowApi, "health", lambda _self: health)
    assert heartbeat.airflow_troubles() == []

    def refuse(_self: AirflowApi) -> None:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(AirflowApi, "health", refuse)
    [trouble] = heartbeat.airflow_troubles(patience=0)
    assert trouble == "api-server: does not answer (refused): make status says what runs, make run starts it"


# all of it, for real

DAGS = """
import time
from datetime import timedelta
from airflow.sdk import DAG, task

with DAG("resting", schedule=None, max_active_runs=8):
    @task(retries=2, retry_delay=timedelta(seconds=1))
    def rest(dag_run=None):
        time.sleep(dag_run.conf["seconds"])
    rest()
"""
BACK_WITHIN, TOLD_WITHIN, HEARTBEAT_WITHIN = 30.0, 60.0, 120.0
ALL = (*AIRFLOW, "demo-finance")


class Installation:
    """An Airflow with a DAG whose task rests as long as a run asks for."""

    def __init__(self, home: Home, api: AirflowApi) -> None:
        self.home, self.api, self.processes = home, api, Processes(home)

    def rest(self, run_id: str, seconds: float) -> None:
        self.api.trigger("resting", run_id=run_id, conf={"seconds": seconds})

    def state(self, run_id: str) -> str | None:
        with suppress(httpx.TransportError, HeadlineError):
            instance = self.api.task_instance("resting", run_id, "rest")
            return instance["state"] if instance else None
        return None

    def workers(self) -> list[psutil.Process]:
        manager, found = self.processes.manager(), []
        for one in manager.children(recursive=True) if manager else []:
            with suppress(psutil.Error):
                if "LocalExecutor" in " ".join(one.cmdline()):
                    found.append(one)
        return found

    def busy(self) -> list[psutil.Process]:
        return [one for one in self.workers() if one.children()]

    def is_up(self, name: str) -> bool:
        """Whether a program works again, by what it does and not by what its supervisor says."""
        if name == "postgres":
            with suppress(psycopg2.Error), closing(Postgres(self.home.postgres).connect("airflow")) as connection:
                connection.cursor().execute("select 1")
                return True
            return False
        if name == "demo-finance":
            port = self.home.environment()["HEADLINE_FINANCE_PORT"]
            with suppress(httpx.TransportError):
                return bool(httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code)
            return False
        return components(self.api, self.processes.running())[name]

    def troubles(self) -> list[str]:
        with patch.dict(os.environ, self.home.environment()):
            forget()
            return self.processes.troubles() + heartbeat.airflow_troubles(patience=0)


@pytest.fixture(scope="module")
def installation(server_folder: Path) -> Iterator[Installation]:
    home = Home(server_folder / "supervised" / "home")
    dags = home.path.parent / "dags"
    dags.mkdir(parents=True)
    (dags / "resting.py").write_text(DAGS)
    names = ("HEADLINE_PORT", "HEADLINE_FINANCE_PORT", "HEADLINE_MAIL_PORT")
    ports = {name: str(free_port(first)) for name, first in zip(names, (18200, 18300, 18400), strict=True)}
    try:
        home.make()
        with home.env_file.open("a") as file:
            file.write(f"AIRFLOW__CORE__DAGS_FOLDER={dags}\n")
        with patch.dict(os.environ):
            environment = lifecycle.up(home, choices=ports, screen=Screen())
        forget()
        with AirflowApi.of(environment) as api:
            wait_for_dags(api, ["resting"])
            api.unpause("resting")
            time.sleep(2)  # in Airflow's database a crash may take back the last second
            yield Installation(home, api)
    finally:
        lifecycle.clean(home)


Measure = Callable[[str, float], None]


@pytest.fixture
def measure(capsys: pytest.CaptureFixture[str]) -> Measure:
    def tell(what: str, seconds: float) -> None:
        with capsys.disabled():
            print(f"\n  {what}: {seconds:.1f} s", end="")

    return tell


@pytest.mark.attack_long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["postgres", *ALL])
def test_every_killed_process_restarts_or_is_reported(installation: Installation, name: str, measure: Measure) -> None:
    programs = installation.processes.programs()
    workers, began = installation.workers(), time.monotonic()
    os.kill(programs[name].pid, signal.SIGKILL)
    told = None
    while not (pid_of(installation.processes, name) not in (0, programs[name].pid) and installation.is_up(name)):
        if told is None and installation.troubles():
            told = time.monotonic() - began
        assert time.monotonic() - began < 240
        time.sleep(0.2)
    back = time.monotonic() - began
    measure(f"{name} is back after", back)
    assert back <= BACK_WITHIN or (told or back) <= TOLD_WITHIN
    wait_for(lambda: all(components(installation.api, installation.processes.running()).values()), 240)
    measure("all are healthy after", time.monotonic() - began)
    if name == "scheduler":
        wait_for(lambda: not any(alive(one) for one in workers), 10)
    installation.rest(f"after_{name}", 0)
    measure("a run ends after", wait_for(lambda: installation.state(f"after_{name}") == "success", 120))
    assert installation.troubles() == []


@pytest.mark.attack_long
@pytest.mark.timeout(600)
def test_a_hanging_scheduler_is_reported_within_two_minutes(installation: Installation, measure: Measure) -> None:
    scheduler = psutil.Process(pid_of(installation.processes, "scheduler"))
    scheduler.suspend()
    try:
        told = wait_for(lambda: "scheduler: no sign of life" in " ".join(installation.troubles()), HEARTBEAT_WITHIN)
        measure("a scheduler without a sign of life is told after", told)
    finally:
        scheduler.resume()
    wait_for(lambda: installation.troubles() == [], 60)


@pytest.mark.attack_long
@pytest.mark.timeout(600)
def test_a_lost_worker_holds_up_no_other(installation: Installation, measure: Measure) -> None:
    installation.rest("long", 20)
    wait_for(lambda: installation.state("long") == "running" and installation.busy(), 60)
    [worker] = installation.busy()
    task = worker.children()
    for one in installation.workers():  # those that wait as well: no lock goes with them
        one.kill()
    installation.rest("other", 0)
    measure("another run ends after", wait_for(lambda: installation.state("other") == "success", 60))
    assert not [one for one in task if alive(one)]
    measure("its task succeeds after", wait_for(lambda: installation.state("long") == "success", 120))
    tries = installation.api.task_instance("resting", "long", "rest")
    assert tries
    assert tries["try_number"] == 2


@pytest.mark.attack_long
@pytest.mark.timeout(600)
def test_tasks_of_a_killed_scheduler_end_or_are_tried_again(installation: Installation, measure: Measure) -> None:
    for run_id, seconds in (("short", 8.0), ("longer", 90.0)):
        installation.rest(run_id, seconds)
    wait_for(lambda: len(installation.busy()) == 2, 60)
    workers = installation.workers()
    os.kill(pid_of(installation.processes, "scheduler"), signal.SIGKILL)
    measure("a task of a killed scheduler ends after", wait_for(lambda: installation.state("short") == "success", 150))
    measure("a longer one is tried again after", wait_for(lambda: len(installation.busy()) == 1, 150))
    wait_for(lambda: installation.state("longer") == "success", 300)
    wait_for(lambda: not any(alive(one) for one in workers), 120)


@pytest.mark.attack_long
@pytest.mark.timeout(600)
def test_an_installation_without_its_supervisor_says_so_and_starts_again(installation: Installation, measure: Measure) -> None:
    manager = installation.processes.manager()
    assert manager
    family = manager.children(recursive=True)
    manager.kill()
    told = wait_for(lambda: any("supervisord" in one for one in installation.troubles()), TOLD_WITHIN)
    measure("a killed supervisor is told after", told)
    with patch.dict(os.environ):
        began = time.monotonic()
        lifecycle.up(installation.home, choices={}, screen=Screen())
        measure("all is started again after", time.monotonic() - began)
    forget()
    assert not [one for one in family if alive(one)]
    assert installation.troubles() == []
    assert installation.state("after_postgres") == "success", "what was there is there"


@pytest.mark.attack_long
@pytest.mark.timeout(600)
def test_down_after_the_supervisor_was_killed_leaves_nothing(installation: Installation, measure: Measure) -> None:
    manager = installation.processes.manager()
    assert manager
    family = [manager, *manager.children(recursive=True)]
    assert len(family) > 10
    manager.kill()
    began = time.monotonic()
    lifecycle.down(installation.home, screen=Screen())
    measure("down takes", time.monotonic() - began)
    assert not [one for one in family if alive(one)]
    assert not installation.processes.leftovers()
    assert not list(processes_of(installation.home.postgres.resolve()))
