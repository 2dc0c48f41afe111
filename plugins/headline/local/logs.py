"""What the processes of a home print."""

from __future__ import annotations

from contextlib import suppress

from headline.local.home import Home
from headline.local.process_logs import follow
from headline.local.processes import Processes
from headline.local.screen import Screen


def show_logs() -> None:
    """Print what the processes of the current home print, until interrupted."""
    screen, processes = Screen(), Processes(Home.current())
    if not processes.logs.exists():
        screen.say("Nothing was started yet: make run")
        return
    with suppress(KeyboardInterrupt):
        for line in follow(processes.logs):
            screen.say(line)
