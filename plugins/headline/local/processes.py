"""The processes of one home under supervisord: started in the background, watched, found again, stopped together."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import psutil

from headline.airflow_api import AirflowApi
from headline.errors import HeadlineError
from headline.local.alive import alive, started_for, still_alive
from headline.local.environment import VARIABLES_OF_SET_UP
from headline.local.health import components
from headline.local.home import Home
from headline.local.patience import Patience, cpu_seconds
from headline.local.postgres import Postgres
from headline.local.process_file import Started, forget, started_in, write
from headline.local.process_logs import log_of, tail
from headline.local.program import FILE
from headline.local.supervisor import POSTGRES, Program, Supervisor, configuration, socket_for
from headline.local.told import fingerprint, process_environment, supervisor_environment
from headline.settings import PROJECT

TIME_TO_STOP = 8  # what a killed program was at is taken up; on a busy machine Airflow's take long to free their memory
TIME_TO_STOP_POSTGRES = 90.0  # it may take a minute to write everything to disk, after which supervisord insists
ENDS_TOO_MANY = 3  # a program that has ended so often while it was waited for will not come up by itself
FIX = "Fix the cause, then: make run, which keeps everything that is there"


class Processes:
    """PostgreSQL and the programs of the Procfile for one home, under supervisord."""

    def __init__(self, home: Home, procfile: Path = PROJECT / "Procfile") -> None:
        self.home = home
        self.procfile = procfile
        self.file = home.path / FILE
        self.logs = home.logs / "processes"

    def manager(self) -> psutil.Process | None:
        """The supervisord that runs, or None."""
        if started := started_in(self.file):
            with suppress(psutil.Error):
                process = psutil.Process(started.pid)
                if abs(process.create_time() - started.created) < 1 and alive(process):
                    return process
        return None

    def runs(self, environment: Mapping[str, str]) -> bool:
        """Whether what runs has this environment and the code as it is."""
        started = started_in(self.file)
        is_as_told = started is not None and started.fingerprint == fingerprint(self.procfile, environment)
        return is_as_told and self.manager() is not None

    def programs(self) -> dict[str, Program]:
        """What supervisord says of each program; empty where it does not answer."""
        started = started_in(self.file)
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
        forget(self.file)
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
        write(self.file, Started(process.pid, psutil.Process(process.pid).create_time(), str(socket)))
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
        mark = fingerprint(self.procfile, environment)
        write(self.file, replace(started, fingerprint=mark, names=tuple(names), environment=told))
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
        started = started_in(self.file)
        if started is None:
            return []
        if self.manager() is None:
            rest = " What still runs works on, and is not started again when it ends." if self.leftovers() else ""
            return [f"supervisord (process {started.pid}) was killed.{rest} make run starts all of it again and keeps all data"]
        programs = self.programs()
        if not programs:
            return [f"supervisord does not answer at {started.socket}: see {self.logs / 'supervisord.log'}"]
        return [
            f"{name} {programs[name].in_words}; why stands in {log_of(self.logs, name)}"
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
        forget(self.file)
        return bool(found)

    def end_of_supervisor(self) -> str:
        """What to say when supervisord is gone in the midst of something."""
        return f"supervisord was killed, which starts everything else. {tail(self.logs)}\n{FIX}"

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
                    raise HeadlineError(f"{name} ends each time that it is started. {tail(self.logs, name)}\n{FIX}")
            up = look()
            if missing != (missing := [name for name, is_up in up.items() if not is_up]):
                patience = self.patience(*missing)
            report(up, patience.waited)
            if not missing:
                return
            if why := patience.end():
                rest = "" if len(missing) == len(up) else " The others run, and go on."
                raise HeadlineError(f"not healthy, {why}: {', '.join(missing)}.{rest} {tail(self.logs, *missing)}\n{FIX}")
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
        if (started := started_in(self.file)) is None:
            raise HeadlineError(f"nothing runs in {self.home.path}: make run")
        return started

    def _of_home(self) -> list[psutil.Process]:
        return started_for(self.home.path, started_in(self.file))

    def _roots(self, names: Iterable[str]) -> list[psutil.Process]:
        found = []
        programs = self.programs()
        for name in names:
            with suppress(psutil.Error, KeyError):
                found.append(psutil.Process(programs[name].pid))
        return found
