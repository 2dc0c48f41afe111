"""supervisord, which starts the processes of a home and starts them again when they end: its configuration, and what it says."""

from __future__ import annotations

import http.client
import os
import shlex
import sys
import tempfile
from collections.abc import Mapping
from configparser import ConfigParser
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xmlrpc.client import Error, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from headline.local.program import commands

POSTGRES = "postgres"
SOCKET = "supervisor.sock"
PREFIX = "headline-supervisor-"  # of the folder of a socket that does not fit into its home
LONGEST_SOCKET_PATH = 90  # the system's limit is 103, and supervisord binds a name with its number behind it first
LOG_BYTES = "5MB"
LOG_BACKUPS = "2"
# supervisord waits a second longer before every further try, so that this is two weeks: whatever is fixed, it comes back.
TRIES = "1500"
RUNS = ("STARTING", "RUNNING")
PROGRAM = {
    "autostart": "false",  # in what order they start is the set-up's business
    "autorestart": "true",
    "startretries": TRIES,
    "redirect_stderr": "true",
    "stdout_logfile_maxbytes": LOG_BYTES,
    "stdout_logfile_backups": LOG_BACKUPS,
}
AIRFLOWS = {"startsecs": "10", "stopasgroup": "true", "killasgroup": "true"}
# INT ends connections and writes all to disk; each connection is a group of its own, which PostgreSQL ends.
POSTGRESQLS = {"startsecs": "2", "stopsignal": "INT", "stopwaitsecs": "60", "priority": "1"}


@dataclass(frozen=True)
class Program:
    """How supervisord says that one program is: its own word for the state, since when, and how it ended last."""

    name: str
    state: str
    pid: int
    since: datetime
    ended: int  # when it did so last, in seconds since 1970; 0 = never
    exit_status: int
    error: str

    @property
    def runs(self) -> bool:
        return self.state in RUNS

    @property
    def in_words(self) -> str:
        """How a program is that does not run, in words."""
        when = f"{self.since:%Y-%m-%d %H:%M:%S} UTC"
        return {
            "STOPPED": "was stopped: make run starts it",
            "STOPPING": "is being stopped",
            "FATAL": f"ended too often, {self.error or 'for no reason that is known'}: make run starts it",
            "BACKOFF": f"ends as soon as it starts, last at {when} ({self.error}), and is tried again and again",
            "EXITED": f"ended at {when} with {self.exit_status} and is being started again",
        }.get(self.state, f"is {self.state}: make run starts it")


def configuration(home: Path, logs: Path, socket: Path, procfile: Path, seconds_to_stop: int) -> ConfigParser:
    """What supervisord is told: PostgreSQL and the programs of the Procfile, each with a log that it rotates by size."""
    made = ConfigParser(interpolation=None)
    made.read_dict(
        {
            "supervisord": {
                "nodaemon": "true",
                "silent": "true",
                "user": str(os.geteuid()),
                "logfile": escaped(logs / "supervisord.log"),
                "logfile_maxbytes": LOG_BYTES,
                "logfile_backups": LOG_BACKUPS,
                "pidfile": escaped(home / "supervisord.pid"),
                "nocleanup": "true",  # there is nothing of ours in the system's temporary folder
            },
            "unix_http_server": {"file": escaped(socket), "chmod": "0700"},
            "rpcinterface:supervisor": {
                "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface",
            },
        }
    )
    python = [sys.executable, "-m"]
    made[f"program:{POSTGRES}"] = program([*python, "headline.local.postgres"], logs / f"{POSTGRES}.log", POSTGRESQLS)
    for name in commands(procfile):
        command = [*python, "headline.local.program", str(procfile), name]
        made[f"program:{name}"] = program(command, logs / f"{name}.log", AIRFLOWS | {"stopwaitsecs": str(seconds_to_stop)})
    return made


def program(command: list[str], log: Path, settings: Mapping[str, str]) -> dict[str, str]:
    logged = escaped(escaped(log))  # supervisord expands the name of a program's log twice
    return {"command": escaped(shlex.join(command)), "stdout_logfile": logged, **PROGRAM, **settings}


def escaped(value: str | Path) -> str:
    """A value as supervisord reads it: it expands what begins with a per cent sign."""
    return str(value).replace("%", "%%")


def socket_for(home: Path) -> Path:
    """Where supervisord listens: in the home, or where that path is too long for the system in a new private folder."""
    inside = home / SOCKET
    return inside if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH else Path(tempfile.mkdtemp(prefix=PREFIX)) / SOCKET


def is_socket_outside(path: Path) -> bool:
    """Whether this is a socket as `socket_for` makes it outside of a home."""
    return path.name == SOCKET and path.parent.name.startswith(PREFIX) and path.parent.parent == Path(tempfile.gettempdir())


class Supervisor:
    """The supervisord that listens at a socket."""

    def __init__(self, socket: Path) -> None:
        self._calls: Any = ServerProxy("http://localhost", SupervisorTransport(serverurl=f"unix://{socket}")).supervisor

    def programs(self) -> dict[str, Program]:
        """All programs by name; empty while it does not answer."""
        with suppress(OSError, Error, http.client.HTTPException):
            return {
                one["name"]: Program(
                    one["name"],
                    one["statename"],
                    one["pid"],
                    datetime.fromtimestamp(one["start"] if one["statename"] in RUNS else one["stop"], UTC),
                    one["stop"],
                    one["exitstatus"],
                    one["spawnerr"],
                )
                for one in self._calls.getAllProcessInfo()
            }
        return {}

    def start(self, name: str) -> None:
        """Start a program, which need not be up when this returns; that it runs or is tried again already is fine."""
        with suppress(Error):
            self._calls.startProcess(name, False)

    def stop(self, name: str) -> None:
        """Ask a program to end, which it has not when this returns; that it does not run is fine."""
        with suppress(Error):
            self._calls.stopProcess(name, False)
