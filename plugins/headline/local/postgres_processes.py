"""The processes of an embedded server, whatever their titles and parents are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from headline.errors import HeadlineError


def main_process(data: Path) -> psutil.Process | None:
    """The main process of the server with these data, if the process of that number is one at all: numbers are used again."""
    with suppress(OSError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
        if _is_alive_in(process, data.resolve()):
            return process
    return None


def end_orphans(data: Path) -> None:
    """End the processes of a server whose main process was killed: one that is in the midst of a query goes on without it."""
    orphans = list(processes_of(data.resolve()))
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in orphans:
            with suppress(psutil.NoSuchProcess):
                end(process)
        _, orphans = psutil.wait_procs(orphans, timeout=5)
    if orphans:
        raise HeadlineError(f"processes of a dead PostgreSQL do not end: {', '.join(str(one.pid) for one in orphans)}")


def processes_of(place: Path) -> Iterator[psutil.Process]:
    """All processes of the server, with or without the main one."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if _is_alive_in(process, place):
                yield process


def _is_alive_in(process: psutil.Process, folder: Path) -> bool:
    """Whether the process is one of a PostgreSQL server with its data there, whatever its title and parent are."""
    return process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(folder)
