import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from headline.airflow_api import AirflowApi
from headline.errors import HeadlineError
from headline.local import processes as module
from headline.local.home import Home
from headline.local.processes import AIRFLOW, Processes, alive, components, process_environment

PROCFILE = """
sleeper: exec sleep 60
stubborn: trap '' TERM; sleep 60 & wait; sleep 60
doomed: echo last words; exit 3
"""


class FakeApi:
    """Airflow's health as this process would see it."""

    def __init__(self, heartbeat: datetime | None = None, status: str = "healthy") -> None:
        self.heartbeat = heartbeat
        self.status = status

    def health(self) -> dict[str, dict[str, str | None]]:
        names = ("scheduler", "dag_processor", "triggerer")
        beat = self.heartbeat.isoformat() if self.heartbeat else None
        return {"metadatabase": {"status": "healthy"}} | {
            name: {"status": self.status, f"latest_{name}_heartbeat": beat} for name in names
        }


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    home = Home(tmp_path / "home")
    home.make()
    procfile = tmp_path / "Procfile"
    procfile.write_text(PROCFILE)
    found = Processes(home, procfile)
    yield found
    found.stop()


def wait_for(processes: Processes, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in processes.tail() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert text in processes.tail()


def test_processes_run_in_the_background_and_stop_together(processes: Processes) -> None:
    processes.start({"A": "1"}, ["sleeper"])
    wait_for(processes, "sleeper.1 started")
    manager = processes.manager()
    assert manager is not None
    family = [manager, *manager.children(recursive=True)]
    assert os.getpgid(manager.pid) != os.getpgid(0)
    assert processes.stop()
    assert not [process for process in family if alive(process)]
    assert processes.manager() is None
    assert not processes.stop()


def test_what_runs_is_kept_only_for_the_same_settings(processes: Processes) -> None:
    processes.start({"A": "1"}, ["sleeper"])
    assert processes.runs({"A": "1"})
    assert not processes.runs({"A": "2"})


def test_what_does_not_listen_is_killed(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIME_TO_STOP", 0.5)
    processes.start({}, ["stubborn"])
    wait_for(processes, "stubborn.1 started")
    manager = processes.manager()
    assert manager is not None
    time.sleep(0.3)
    family = [manager, *manager.children(recursive=True)]
    processes.stop()
    assert len(family) > 1
    assert not [process for process in family if alive(process)]


def test_a_process_that_dies_is_named_with_its_last_words(processes: Processes) -> None:
    processes.start({}, ["sleeper", "doomed"])
    with pytest.raises(HeadlineError, match=r"(?s)doomed\.1 stopped \(rc=3\).*last words.*make run"):
        processes.wait_until_healthy(FakeApi(), lambda up: None)  # type: ignore[arg-type]


def test_what_outlived_its_manager_is_found_and_ended(processes: Processes) -> None:
    processes.start({}, ["sleeper"])
    wait_for(processes, "sleeper.1 started")
    manager = processes.manager()
    assert manager is not None
    sleeper = next(process for process in manager.children(recursive=True) if process.name() == "sleep")
    manager.kill()
    while alive(manager):
        time.sleep(0.05)
    assert processes.manager() is None
    assert sleeper in processes.leftovers()
    processes.stop()
    assert not alive(sleeper)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        json.dumps({"pid": 2**22, "created": 0.0, "fingerprint": ""}),
        json.dumps({"pid": 1, "created": 0.0, "fingerprint": ""}),  # the number belongs to another program by now
    ],
)
def test_a_stale_process_file_is_no_manager(processes: Processes, text: str) -> None:
    processes.file.write_text(text)
    assert processes.manager() is None
    assert processes.leftovers() == []


def test_a_heartbeat_from_before_the_start_is_of_a_process_that_is_gone() -> None:
    me = psutil.Process()
    now = datetime.now(UTC)
    before = datetime.fromtimestamp(me.create_time(), UTC) - timedelta(seconds=1)

    def up(api: FakeApi) -> dict[str, bool]:
        return components(api, me)  # type: ignore[arg-type]

    assert up(FakeApi(now)) == dict.fromkeys(AIRFLOW, True)
    assert up(FakeApi(before)) == dict.fromkeys(AIRFLOW, False) | {"api-server": True}
    assert up(FakeApi(now, status="unhealthy")) == dict.fromkeys(AIRFLOW, False) | {"api-server": True}
    assert up(FakeApi(None)) == dict.fromkeys(AIRFLOW, False) | {"api-server": True}


def test_nobody_at_the_port_is_not_healthy() -> None:
    with AirflowApi("http://127.0.0.1:1", "admin", "") as api:
        assert components(api, psutil.Process()) == dict.fromkeys(AIRFLOW, False)


def test_processes_are_told_the_home_and_spared_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.setenv("AIRFLOW_HOME", "of another project")
    told = process_environment({"AIRFLOW_HOME": "ours"}, Home(tmp_path))
    assert told["AIRFLOW_HOME"] == "ours"
    assert told["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert told[module.MARK] == str(tmp_path)
