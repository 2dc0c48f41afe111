import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headline.airflow_api import AirflowApi
from headline.errors import HeadlineError
from headline.local import patience
from headline.local import processes as module
from headline.local.alive import alive
from headline.local.health import AIRFLOW, components
from headline.local.home import Home
from headline.local.process_logs import follow as printed
from headline.local.process_logs import tail
from headline.local.processes import Processes
from headline.local.told import MARK, process_environment, supervisor_environment

PROCFILE = """
sleeper: exec sleep 60
stubborn: trap '' TERM; sleep 60 & wait; sleep 60
doomed: echo last words; exit 3
talker: while :; do echo $SOME; sleep 0.2; done
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
    while text not in tail(processes.logs) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert text in tail(processes.logs)


def follow(processes: Processes, text: str) -> list[str]:
    """The lines that are followed up to the one with this text."""
    found = []
    for line in printed(processes.logs):
        found.append(line)
        if text in line:
            break
    return found


def test_processes_run_in_the_background_and_stop_together(processes: Processes) -> None:
    processes.start({"A": "1"}, ["sleeper"])
    wait_for(processes, "spawned: 'sleeper'")
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
    monkeypatch.setattr(module, "TIME_TO_STOP", 1)
    processes.start({}, ["stubborn"])
    wait_for(processes, "spawned: 'stubborn'")
    manager = processes.manager()
    assert manager is not None
    time.sleep(0.3)
    family = [manager, *manager.children(recursive=True)]
    processes.stop()
    assert len(family) > 1
    assert not [process for process in family if alive(process)]


def test_a_process_that_keeps_dying_is_named_with_its_last_words(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENDS_TOO_MANY", 1)
    processes.start({}, ["sleeper", "doomed"])
    with pytest.raises(HeadlineError, match=r"(?s)doomed ends each time.*last words.*make run, which keeps every"):
        processes.wait_until_healthy(FakeApi(), lambda up, waited: None)  # type: ignore[arg-type]
    assert "sleeper" in processes.running(), "who is well goes on"


def test_what_does_nothing_is_not_waited_for_any_longer(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SECONDS_IDLE", 0.5)
    processes.start({}, ["sleeper"])
    told = []
    with pytest.raises(HeadlineError, match=r"(?s)nothing was done for 0 s: scheduler, .*The others run, and go on.*make run"):
        processes.wait_until_healthy(FakeApi(), lambda up, waited: told.append(waited))  # type: ignore[arg-type]
    assert told[0] == "0 s, 0 s of CPU"


def test_what_all_programs_print_is_followed(processes: Processes) -> None:
    processes.start({"SOME": "thing"}, ["talker"])
    assert follow(processes, "thing")[-1] == "talker        | thing"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        json.dumps({"pid": 2**22, "created": 0.0, "socket": ""}),
        json.dumps({"pid": 1, "created": 0.0, "socket": ""}),  # the number belongs to another program by now
    ],
)
def test_a_stale_process_file_is_no_manager(processes: Processes, text: str) -> None:
    processes.file.write_text(text)
    assert processes.manager() is None
    assert processes.leftovers() == []


def test_a_heartbeat_from_before_the_start_is_of_a_process_that_is_gone() -> None:
    now = datetime.now(UTC)
    before = now - timedelta(seconds=1)

    def up(api: FakeApi) -> dict[str, bool]:
        return components(api, dict.fromkeys(AIRFLOW, now))  # type: ignore[arg-type]

    assert up(FakeApi(now)) == dict.fromkeys(AIRFLOW, True)
    assert up(FakeApi(before)) == dict.fromkeys(AIRFLOW, False) | {"api-server": True}
    assert up(FakeApi(now, status="unhealthy")) == dict.fromkeys(AIRFLOW, False) | {"api-server": True}
    assert up(FakeApi(None)) == dict.fromkeys(AIRFLOW, False) | {"api-server": True}


def test_nobody_at_the_port_is_not_healthy() -> None:
    with AirflowApi("http://127.0.0.1:1", "admin", "") as api:
        assert components(api, {}) == dict.fromkeys(AIRFLOW, False)


def test_processes_are_told_the_home_and_spared_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.setenv("AIRFLOW_HOME", "of another project")
    told = process_environment({"AIRFLOW_HOME": "ours"}, Home(tmp_path))
    assert told["AIRFLOW_HOME"] == "ours"
    assert told["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert told[MARK] == str(tmp_path)


def test_a_supervisor_and_its_server_are_told_no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_ADMIN_PASSWORD", "a key")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "a key")
    told = supervisor_environment(Home(tmp_path))
    assert {name for name in told if name.startswith(("HEADLINE", "AIRFLOW"))} == {MARK, "HEADLINE_HOME"}


def test_a_home_with_a_long_path_gets_a_socket_with_a_short_one(processes: Processes, tmp_path: Path) -> None:
    home = Home(tmp_path / ("long " * 30))
    home.make()
    deep = Processes(home, processes.procfile)
    try:
        deep.start({}, ["sleeper"])
        assert "sleeper" in deep.running()
        folder = Path(json.loads(deep.file.read_text())["socket"]).parent
        assert (folder.stat().st_mode & 0o777, folder.stat().st_uid) == (0o700, os.geteuid())
    finally:
        deep.stop()
    assert not folder.exists()


@pytest.mark.parametrize("socket", ["", "supervisor.sock", "{0}/supervisor.sock", "{0}/headline-supervisor-1/supervisor.sock"])
def test_what_a_process_file_names_is_not_removed(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, socket: str
) -> None:
    theirs = tmp_path / "theirs"
    (theirs / "headline-supervisor-1").mkdir(parents=True)
    (theirs / "supervisor.sock").write_text("kept")
    (theirs / "headline-supervisor-1" / "supervisor.sock").write_text("kept")
    monkeypatch.chdir(theirs)
    processes.file.write_text(json.dumps({"pid": 2**22, "created": 0.0, "socket": socket.format(theirs)}))
    processes.stop()
    assert [file.read_text() for file in sorted(theirs.rglob("*.sock"))] == ["kept", "kept"]
    assert not processes.file.exists()
