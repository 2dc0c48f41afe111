"""Everything of one installation on one machine: set-up, PostgreSQL and Airflow's processes."""

from __future__ import annotations

import os
from collections.abc import Mapping

from headline.local.airflow_api import AirflowApi
from headline.local.home import Home
from headline.local.postgres import Postgres
from headline.local.processes import AIRFLOW, Processes
from headline.local.screen import Screen
from headline.local.setup import set_up

DEMO = (*AIRFLOW, "demo-finance")


def up(home: Home | None = None, *, names: tuple[str, ...] = DEMO, choices: Mapping[str, str] = os.environ, screen: Screen | None = None) -> dict[str, str]:
    """Set up and start what does not run yet, wait until it is healthy; returns the environment."""
    home, screen = home or Home.current(), screen or Screen()
    processes = Processes(home)
    if processes.leftovers():
        screen.console.print("Processes of an earlier start still hang: they are stopped first")
        processes.stop()
    environment = set_up(home, screen, choices)
    if processes.manager() and not processes.runs(environment):
        screen.console.print("Settings or code changed since the last start: Airflow is started again")
        processes.stop()
    with screen.step("Airflow") as status, AirflowApi.of(environment) as api:
        if not processes.manager():
            processes.start(environment, names)
        processes.wait_until_healthy(api, lambda up: status.update(" · ".join(f"{name} {'✓' if is_up else '…'}" for name, is_up in up.items())))
    return environment


def down(home: Home | None = None, *, screen: Screen | None = None) -> None:
    """Stop Airflow's processes and PostgreSQL of this home; nothing running is fine."""
    home, screen = home or Home.current(), screen or Screen()
    with screen.step("Airflow stopped"):
        Processes(home).stop()
    with screen.step("PostgreSQL stopped"):
        Postgres(home.path / "postgres").stop()
