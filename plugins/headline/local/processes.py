"""The processes of one home under supervisord: started in the background, watched, found again, stopped together."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path

import httpx
import psutil

from headline.airflow_api import AirflowApi
from headline.errors import HeadlineError
from headline.local.environment import VARIABLES_OF_SET_UP
from headline.local.home import Home
from headline.local.patience import Patience, cpu_seconds
from headline.local.postgres import Postgres
from headline.local.private import write_private
from headline.local.program import FILE
from headline.local.supervisor import POSTGRES, Program, Supervisor, configuration, is_socket_outside, socket_for
from headline.settings import PROJECT

AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer")
MARK = "HEADLINE_STARTED_BY"  # set for every process started here, so that one that outlived its parent can be found again
TIME_TO_STOP = 8  # what a killed program was at is taken up; on a busy machine Airflow's take long to free their memory
TIME_TO_STOP_POSTGRES = 90.0  # it may take a minute to write everything to disk, after which supervisord insists
ENDS_TOO_MANY = 3  # a program that has ended so often while it was waited for will not come up by itself
MEND = "Mend the cause, then: make run, which keeps everything that is there"


@dataclass(frozen=True)
class Started:
    """What the process file says of what was started last, and tells the programs (`environment`)."""

    pid: int
    created: float
    socket: str
    fingerprint: str = ""
    names: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class Processes:
    """PostgreSQL and the programs of the Procfile for one home, under supervisord."""

    def __init__(self, home: Home, procfile: Path = PROJECT / "Procfile") -> None:
        self.home = home
        self.procfile = procfile
        self.file = home.path / FILE
        self.logs = home.logs / "processes"

    def manager(self) -> psutil.Process | None:
        """The supervisord that runs, or None."""
        started = self._started()
        if started:
            with suppress(psutil.Error):
                process = psutil.Process(started.pid)
                if abs(process.create_time() - started.created) < 1 and alive(process):
                    return process
        return None

    def runs(self, environment: Mapping[str, str]) -> bool:
        """Whether what runs has this environment and the code as it is."""
        started = self._started()
        return self.manager() is not None and started is not None and started.fingerprint == self._fingerprint(environment)

    def programs(self) -> dict[str, Program]:
        """What supervisord says of each program; empty where it does not answer."""
        started = self._started()
        return Supervisor(Path(started.socket)).programs() if started and self.manager() else {}

    def running(self) -> dict[str, datetime]:
        """The programs of the Procfile that run, and since when."""
        return {name: one.since for name, one in self.programs().items() if one.runs and name != POSTGRES}

    def leftovers(self) -> list[psutil.Process]:
        """Processes of this home that run without a manager."""
        return [] if self.manager() else self._of_home()

    def supervise(self) -> None:
        """Start supervisord in a session of its own, where none runs; it outlives this program, and starts nothing by itself."""
        if self.manager():
            return
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._forget()
        socket = socket_for(self.home.path)
        socket.unlink(missing_ok=True)
        settings = self.home.path / "supervisord.conf"
        with settings.open("w") as file:
            configuration(self.home.path, self.logs, socket, self.procfile, TIME_TO_STOP).write(file)
        with (self.logs / "supervisord.out").open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(settings)],
                cwd=PROJECT,
                env=supervisor_environment(self.home),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._write(Started(process.pid, psutil.Process(process.pid).create_time(), str(socket)))
        patience = Patience(lambda: cpu_seconds(filter(None, [self.manager()])))
        while not self.programs():
            if not self.manager() or patience.end():
                raise HeadlineError(f"supervisord does not start:\n{(self.logs / 'supervisord.out').read_text().strip()}")
            time.sleep(0.05)

    def start_postgres(self, postgres: Postgres) -> None:
        """Have PostgreSQL supervised and wait until it takes connections; raises HeadlineError with the end of its log."""
        self.supervise()
        if postgres.is_running() and not self.programs()[POSTGRES].runs:  # one that nobody would start again
            postgres.stop()
        self._supervisor().start(POSTGRES)
        self._wait([POSTGRES], lambda: {POSTGRES: postgres.is_ready()}, lambda _up, _waited: None)

    def start(self, environment: Mapping[str, str], names: Sequence[str]) -> None:
        """Start those of the named programs that do not run, with this environment but for what only set-up needs."""
        self.supervise()
        started = self._supervised()
        known = process_environment(environment, self.home)
        told = {name: value for name, value in known.items() if name not in VARIABLES_OF_SET_UP}
        self._write(replace(started, fingerprint=self._fingerprint(environment), names=tuple(names), environment=told))
        for name in names:
            self._supervisor().start(name)

    def wait_until_healthy(self, api: AirflowApi, report: Callable[[dict[str, bool], str], None]) -> None:
        """Wait for all components, telling `report` which are up and for how long what is missing was waited for.

        Raises HeadlineError with the end of a log as soon as a program keeps ending, or does nothing any more.
        """
        self._wait(self._supervised().names, lambda: components(api, self.running()), report)

    def patience(self, *names: str) -> Patience:
        """Patience with these programs, for as long as they work."""
        return Patience(lambda: cpu_seconds(self._roots(names)))

    def troubles(self) -> list[str]:
        """What of this home should run and does not, each with what to do; nothing where nothing was started."""
        started = self._started()
        if started is None:
            return []
        if self.manager() is None:
            rest = " What still runs works on, and is not started again when it ends." if self.leftovers() else ""
            return [f"supervisord (process {started.pid}) was killed.{rest} make run starts all of it again and keeps all data"]
        programs = self.programs()
        if not programs:
            return [f"supervisord does not answer at {started.socket}: see {self.logs / 'supervisord.log'}"]
        return [
            f"{name} {told(programs[name])}; why stands in {self._log(name)}"
            for name in (POSTGRES, *started.names)
            if not programs[name].runs
        ]

    def stop_programs(self) -> None:
        """Stop all programs but PostgreSQL, at once; what does not listen is killed."""
        self._stop(self.running())

    def stop(self) -> bool:
        """Ask all processes to end, PostgreSQL last, insist after a while; returns whether any ran."""
        manager = self.manager()
        found = {*self._of_home(), *([manager, *manager.children(recursive=True)] if manager else [])}
        if manager:
            self._stop(self.running())
            self._stop([POSTGRES])
        for process in [manager] if manager else found:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        for process in {*still_alive(found, TIME_TO_STOP), *self._of_home()}:  # the latter were begun while the others ended
            with suppress(psutil.NoSuchProcess):
                process.kill()
        still_alive(found, 5)
        self._forget()
        return bool(found)

    def tail(self, *names: str, lines: int = 25) -> str:
        """The last lines that these programs printed, or else supervisord itself."""
        found = []
        for file in [self._log(name) for name in names or ["supervisord"]]:
            if file.exists():
                with file.open(errors="replace") as log:
                    found += [f"The end of {file}:", *(line.rstrip() for line in deque(log, maxlen=lines))]
        return "\n".join(found)

    def follow(self) -> Iterator[str]:
        """What all programs print from now on, each line after its program's name, until the reader stops."""
        seen = {file: file.stat().st_size for file in self.logs.glob("*.log")}
        while True:
            quiet = True
            for file in sorted(self.logs.glob("*.log")):
                with suppress(FileNotFoundError), file.open(errors="replace") as log:
                    size = file.stat().st_size
                    log.seek(seen.get(file, 0) if seen.get(file, 0) <= size else 0)  # a log that was rotated begins anew
                    for line in log:
                        yield f"{file.stem:<13} | {line.rstrip()}"
                        quiet = False
                    seen[file] = log.tell()
            if quiet:
                time.sleep(0.3)

    def end_of_supervisor(self) -> str:
        """What to say when supervisord is gone in the midst of something."""
        return f"supervisord was killed, which starts everything else. {self.tail()}\n{MEND}"

    def _wait(
        self, names: Sequence[str], look: Callable[[], dict[str, bool]], report: Callable[[dict[str, bool], str], None]
    ) -> None:
        """Wait until all that `look` finds is up, as long as what is missing works; raises HeadlineError with what it printed."""
        ends: dict[str, set[int]] = defaultdict(set)
        missing: list[str] = []
        patience = self.patience()
        while True:
            if self.manager() is None:
                raise HeadlineError(self.end_of_supervisor())
            for name, one in self.programs().items():
                ends[name].add(one.ended)
                if name in names and len(ends[name]) > ENDS_TOO_MANY:
                    raise HeadlineError(f"{name} ends each time that it is started. {self.tail(name)}\n{MEND}")
            up = look()
            if missing != (missing := [name for name, is_up in up.items() if not is_up]):
                patience = self.patience(*missing)
            report(up, patience.waited)
            if not missing:
                return
            if why := patience.end():
                rest = "" if len(missing) == len(up) else " The others run, and go on."
                raise HeadlineError(f"not healthy, {why}: {', '.join(missing)}.{rest} {self.tail(*missing)}\n{MEND}")
            time.sleep(0.3)

    def _stop(self, names: Iterable[str]) -> None:
        for name in names:
            self._supervisor().stop(name)
        deadline = time.monotonic() + TIME_TO_STOP_POSTGRES
        while any(one.state == "STOPPING" for one in self.programs().values()) and time.monotonic() < deadline:
            time.sleep(0.1)

    def _supervisor(self) -> Supervisor:
        return Supervisor(Path(self._supervised().socket))

    def _supervised(self) -> Started:
        if (started := self._started()) is None:
            raise HeadlineError(f"nothing runs in {self.home.path}: make run")
        return started

    def _started(self) -> Started | None:
        with suppress(OSError, ValueError, TypeError):
            return Started(**json.loads(self.file.read_text()))
        return None

    def _write(self, started: Started) -> None:
        write_private(self.file, json.dumps(asdict(started)))

    def _forget(self) -> None:
        """Remove the process file, and the socket and folder of one that did not fit into the home.

        Only what is empty and looks like ours: what a file says is no reason to remove more.
        """
        if (started := self._started()) and is_socket_outside(socket := Path(started.socket)):
            socket.unlink(missing_ok=True)
            with suppress(OSError):
                socket.parent.rmdir()
        self.file.unlink(missing_ok=True)

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _roots(self, names: Iterable[str]) -> list[psutil.Process]:
        found = []
        programs = self.programs()
        for name in names:
            with suppress(psutil.Error, KeyError):
                found.append(psutil.Process(programs[name].pid))
        return found

    def _of_home(self) -> list[psutil.Process]:
        """Every process that was started here, whatever its title and its parent are by now; PostgreSQL looks after its own."""
        session, found = self._session(), []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if alive(process) and process.pid != os.getpid() and not process.name().startswith("postgres"):
                    environment = process.environ()
                    # A title may have overwritten the environment, and the mark in it; the session stays.
                    is_overwritten = "PATH" not in environment
                    if environment.get(MARK) == str(self.home.path) or (is_overwritten and os.getsid(process.pid) == session):
                        found.append(process)
        return found

    def _session(self) -> int | None:
        """The session of all processes that were started here; None where its number may be somebody else's by now."""
        started = self._started()
        # 0 is the session of everybody whose first process lies outside of this container.
        if started is None or started.pid < 1 or started.created < psutil.boot_time():
            return None
        with suppress(psutil.NoSuchProcess):
            return started.pid if abs(psutil.Process(started.pid).create_time() - started.created) < 1 else None
        return started.pid

    def _fingerprint(self, environment: Mapping[str, str]) -> str:
        """Changes with the environment and with the machinery's code, which running processes have already imported."""
        digest = hashlib.sha256(json.dumps(environment, sort_keys=True).encode())
        for file in [self.procfile, *sorted((PROJECT / "plugins").rglob("*.py"))]:
            digest.update(f"{file} {file.stat().st_mtime_ns}".encode())
        return digest.hexdigest()


def told(program: Program) -> str:
    """How a program is that does not run, in words."""
    when = f"{program.since:%Y-%m-%d %H:%M:%S} UTC"
    return {
        "STOPPED": "was stopped: make run starts it",
        "STOPPING": "is being stopped",
        "FATAL": f"ended too often, {program.error or 'for no reason that is known'}: make run starts it",
        "BACKOFF": f"ends as soon as it starts, last at {when} ({program.error}), and is tried again and again",
        "EXITED": f"ended at {when} with {program.exit_status} and is being started again",
    }.get(program.state, f"is {program.state}: make run starts it")


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


def components(api: AirflowApi, since: Mapping[str, datetime]) -> dict[str, bool]:
    """Which of Airflow's components are healthy; a heartbeat from before a program's start is of a process that is gone."""
    try:
        health = api.health()
    except httpx.HTTPError:
        return dict.fromkeys(AIRFLOW, False)
    up = {"api-server": health["metadatabase"]["status"] == "healthy"}
    for name in AIRFLOW[1:]:
        key = name.replace("-", "_")
        heartbeat = health[key].get(f"latest_{key}_heartbeat")
        is_new = heartbeat is not None and (name not in since or datetime.fromisoformat(heartbeat) >= since[name])
        up[name] = health[key]["status"] == "healthy" and is_new
    return up


def process_environment(environment: Mapping[str, str], home: Home) -> dict[str, str]:
    """The environment of this program with the home's variables over it, and the virtual environment's programs first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    no_proxy = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"]))
    own = {
        MARK: str(home.path),
        "HEADLINE_HOME": str(home.path),
        "PATH": path,
        "NO_PROXY": no_proxy,
        "PYTHONUNBUFFERED": "1",
        # Without compiled modules each of Airflow's processes compiles Airflow anew, which takes longer than to start it.
        "PYTHONDONTWRITEBYTECODE": "",
        # Airflow's processes change their titles, which overwrites where the system reads their environment, our mark included.
        "SPT_NOENV": "1",
    }
    return {**os.environ, **environment, **own}


def supervisor_environment(home: Home) -> dict[str, str]:
    """What supervisord and PostgreSQL are told: none of the home's keys."""
    ours = ("AIRFLOW_", "HEADLINE_")
    return {name: value for name, value in process_environment({}, home).items() if not name.startswith(ours)} | {
        MARK: str(home.path),
        "HEADLINE_HOME": str(home.path),
    }
