"""Start and stop one installation: set-up, PostgreSQL and Airflow's processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from rich.status import Status
from rich.text import Text

from headline import settings
from headline.airflow_api import AirflowApi
from headline.local.health import AIRFLOW
from headline.local.home import Home, chosen_in_shell
from headline.local.postgres import Postgres
from headline.local.processes import Processes
from headline.local.screen import Screen
from headline.local.setup import set_up

WITH_DEMO = (*AIRFLOW, "demo-finance", "demo-mail")
SECONDS_BETWEEN_LINES = 20.0


def up(
    home: Home | None = None,
    *,
    names: Sequence[str] | None = None,
    choices: Mapping[str, str] | None = None,
    screen: Screen | None = None,
) -> dict[str, str]:
    """Set up, start what does not run yet and wait until it is healthy; returns the environment. Safe to run again.

    `choices` are settings by their variable's name; None = what the shell says. `names`: of the processes; None = Airflow's, and
    but in production the demo company's.
    """
    home, screen = home or Home.current(), screen or Screen()
    names = names or (AIRFLOW if settings.load().environment == "prod" else WITH_DEMO)
    with home.starting():
        environment = set_up(home, screen, names, chosen_in_shell() if choices is None else choices)
        start(home, environment, names, screen)
    return environment


def start(home: Home, environment: Mapping[str, str], names: Sequence[str], screen: Screen) -> None:
    """Start the processes of a home that is set up, or keep those that run with the same settings and code."""
    processes = Processes(home)
    if processes.running() and not processes.runs(environment):
        screen.say("Settings or code changed since the last start: Airflow is started again")
        processes.stop_programs()
    with screen.step("Airflow") as status, AirflowApi.of(environment) as api:
        processes.start(environment, names)
        report = progress_of_start(screen, status)
        processes.wait_until_healthy(api, report)


def progress_of_start(screen: Screen, status: Status) -> Callable[[dict[str, bool], str], None]:
    """Shows which components are up: live on a terminal, elsewhere a line from time to time while some are missing."""
    said = time.monotonic()

    def report(up: dict[str, bool], waited: str) -> None:
        nonlocal said
        line = Text.assemble(components_line(up), (f"  {waited}", "dim"))
        status.update(line)
        if not screen.console.is_terminal and time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            screen.say(line)

    return report


def components_line(up: Mapping[str, bool]) -> Text:
    return Text(" · ").join(
        Text.assemble(("✓", "green"), f" {name}") if is_up else Text(f"… {name}", "dim") for name, is_up in up.items()
    )


def down(home: Home | None = None, *, screen: Screen | None = None) -> None:
    """Stop Airflow's processes and PostgreSQL of this home; that nothing runs is fine."""
    home, screen = home or Home.current(), screen or Screen()
    processes = Processes(home)
    with screen.step("Airflow stopped"):
        processes.stop_programs()
    with screen.step("PostgreSQL stopped"):
        processes.stop()
        Postgres(home.postgres).stop()


def clean(home: Home | None = None, *, screen: Screen | None = None) -> None:
    """Stop everything and remove the home with all data; raises BadRequest for a folder that set-up did not make."""
    home, screen = home or Home.current(), screen or Screen()
    if home.path.exists():
        home.check_ours()
        down(home, screen=screen)
        with screen.step(f"{home.path} removed"):
            Postgres(home.postgres).remove_outside()
            home.remove()
