"""Which processes are alive, and which of them a home has started."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from headline.local.process_file import Started
from headline.local.told import MARK


def alive(process: psutil.Process) -> bool:
    """Whether it runs; one that has ended and whose parent has not asked for it does not."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def still_alive(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait at most so long for the processes to end; returns those that did not."""
    deadline = time.monotonic() + seconds
    while (left := [process for process in processes if alive(process)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def started_for(home: Path, started: Started | None) -> list[psutil.Process]:
    """Every process that was started here, whatever its title and its parent are by now; PostgreSQL looks after its own."""
    session, found = session_of(started), []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if alive(process) and process.pid != os.getpid() and not process.name().startswith("postgres"):
                environment = process.environ()
                # A title may have overwritten the environment, and the mark in it; the session stays.
                is_overwritten = "PATH" not in environment
                if environment.get(MARK) == str(home) or (is_overwritten and os.getsid(process.pid) == session):
                    found.append(process)
    return found


def session_of(started: Started | None) -> int | None:
    """The session of all processes that were started here; None where its number may be somebody else's by now."""
    # 0 is the session of everybody whose first process lies outside of this container.
    if started is None or started.pid < 1 or started.created < psutil.boot_time():
        return None
    with suppress(psutil.NoSuchProcess):
        return started.pid if abs(psutil.Process(started.pid).create_time() - started.created) < 1 else None
    return started.pid
