"""Airflow's processes of one home: started together in the background, watched until healthy, stopped together."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil

from headline.airflow_api import AirflowApi
from headline.errors import HeadlineError
from headline.local.home import Home
from headline.local.private import write_private
from headline.settings import PROJECT

AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer")
MARK = "HEADLINE_STARTED_BY"  # set for every process started here, so that one that outlived its parent can be found again
TIME_TO_START = 120.0
TIME_TO_STOP = 20.0


@dataclass(frozen=True)
class Started:
    """What the process file says of the processes that were started last."""

    pid: int
    created: float
    fingerprint: str


class Processes:
    """The processes of the Procfile for one home, under honcho."""

    def __init__(self, home: Home, procfile: Path = PROJECT / "Procfile") -> None:
        self.home = home
        self.procfile = procfile
        self.file = home.path / "processes.json"
        self.log = home.logs / "honcho.log"

    def manager(self) -> psutil.Process | None:
        """The honcho that runs, or None."""
        started = self._started()
        if started:
            with suppress(psutil.Error):
                process = psutil.Process(started.pid)
                if abs(process.create_time() - started.created) < 1 and alive(process):
                    return process
        return None

    def runs(self, environment: Mapping[str, str]) -> bool:
        """Whether everything runs, with this environment and the code as it is."""
        started = self._started()
        return self.manager() is not None and started is not None and started.fingerprint == fingerprint(environment)

    def leftovers(self) -> list[psutil.Process]:
        """Processes of this home that run without a manager."""
        return [] if self.manager() else self._marked()

    def start(self, environment: Mapping[str, str], names: Sequence[str]) -> None:
        """Start the named processes in a session of their own; they outlive this program."""
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".previous.log"))
        with self.log.open("w") as log:
            honcho = [sys.executable, "-m", "honcho", "--env", os.devnull, "--procfile", str(self.procfile)]
            process = subprocess.Popen(
                [*honcho, "--no-colour", "start", *names],
                cwd=PROJECT,
                env=process_environment(environment, self.home),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = Started(process.pid, psutil.Process(process.pid).create_time(), fingerprint(environment))
        write_private(self.file, json.dumps(vars(started)))

    def wait_until_healthy(self, api: AirflowApi, report: Callable[[dict[str, bool]], None]) -> None:
        """Wait for all components, telling `report` which are up; raises HeadlineError as soon as one process dies."""
        began = time.monotonic()
        while True:
            manager = self.manager()
            if manager is None:
                raise HeadlineError(self.obituary())
            up = components(api, manager)
            report(up)
            if all(up.values()):
                return
            if time.monotonic() - began > TIME_TO_START:
                missing = ", ".join(name for name, is_up in up.items() if not is_up)
                raise HeadlineError(
                    f"not healthy after {TIME_TO_START:.0f} s: {missing}\n{self.tail()}\nTo start afresh: make down, make run"
                )
            time.sleep(0.3)

    def stop(self) -> bool:
        """Ask all processes to end, insist after a while; returns whether any ran."""
        manager = self.manager()
        found = {*self._marked(), *([manager, *manager.children(recursive=True)] if manager else [])}
        for process in [manager] if manager else found:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        for process in {*still_alive(found, TIME_TO_STOP), *self._marked()}:  # the latter were begun while the others ended
            with suppress(psutil.NoSuchProcess):
                process.kill()
        still_alive(found, 5)
        self.file.unlink(missing_ok=True)
        return bool(found)

    def tail(self, lines: int = 25) -> str:
        """The last lines that the processes printed."""
        if not self.log.exists():
            return ""
        with self.log.open(errors="replace") as log:
            return "".join(deque(log, maxlen=lines)).rstrip()

    def follow(self) -> Iterator[str]:
        """What the processes printed lately, then every new line, until the reader stops."""
        yield from self.tail().splitlines()
        with self.log.open(errors="replace") as log:
            log.seek(0, os.SEEK_END)
            while True:
                line = log.readline()
                if line:
                    yield line.rstrip("\n")
                else:
                    time.sleep(0.3)

    def _started(self) -> Started | None:
        with suppress(OSError, ValueError, TypeError):
            return Started(**json.loads(self.file.read_text()))
        return None

    def _marked(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if alive(process) and process.environ().get(MARK) == str(self.home.path):
                    found += [process, *process.children(recursive=True)]
        return found

    def obituary(self) -> str:
        with self.log.open(errors="replace") as log:
            ends = [line.split("|", 1)[-1].strip() for line in log if "stopped (rc=" in line]
        first = ends[0] if ends else "honcho was killed"
        return f"{first}; the others were stopped with it. The end of {self.log}:\n{self.tail()}\nMend the cause, then: make run"


def alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def still_alive(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait at most so long for the processes to end; returns those that did not."""
    deadline = time.monotonic() + seconds
    while (left := [process for process in processes if alive(process)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def components(api: AirflowApi, manager: psutil.Process) -> dict[str, bool]:
    """Which of Airflow's components are healthy; a heartbeat from before their manager's start is of a process that is gone."""
    since = datetime.fromtimestamp(manager.create_time(), UTC)
    try:
        health = api.health()
    except httpx.HTTPError:
        return dict.fromkeys(AIRFLOW, False)
    up = {"api-server": health["metadatabase"]["status"] == "healthy"}
    for name in AIRFLOW[1:]:
        key = name.replace("-", "_")
        heartbeat = health[key].get(f"latest_{key}_heartbeat")
        up[name] = health[key]["status"] == "healthy" and heartbeat is not None and datetime.fromisoformat(heartbeat) >= since
    return up


def process_environment(environment: Mapping[str, str], home: Home) -> dict[str, str]:
    """The environment of this program with the home's variables over it, and the virtual environment's programs first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    no_proxy = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"]))
    own = {
        MARK: str(home.path),
        "PATH": path,
        "NO_PROXY": no_proxy,
        "PYTHONUNBUFFERED": "1",
        # Without compiled modules each of Airflow's processes compiles Airflow anew, which takes longer than to start it.
        "PYTHONDONTWRITEBYTECODE": "",
    }
    return {**os.environ, **environment, **own}


def fingerprint(environment: Mapping[str, str]) -> str:
    """Changes with the environment and with the machinery's code, which running processes have already imported."""
    digest = hashlib.sha256(json.dumps(environment, sort_keys=True).encode())
    for file in sorted((PROJECT / "plugins").rglob("*.py")):
        digest.update(f"{file} {file.stat().st_mtime_ns}".encode())
    return digest.hexdigest()
