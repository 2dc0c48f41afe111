"""The commands that `make` and probes call; they import what they need when they are called, so that the others stay quick."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from headline.environments import MeantOption, refuse_in_production, refuse_in_sandbox


def run() -> None:
    """Start everything, compute the demo company's last 60 days and yesterday, and show the figures."""
    from headline.local.run import demo

    refuse_in_production("run", is_meant=None)
    refuse_in_sandbox("run")
    demo()


def example(
    name: Annotated[str, typer.Argument(help="A folder of examples/; empty: the one of data that are called so.")],
    data: Annotated[Path, typer.Argument(help="The file, or the folder of files, with its data.")],
) -> None:
    """Compute an example on its data with the same DAGs, in a home of its own."""
    from headline.local.example import run_example

    refuse_in_production("example", is_meant=None)
    refuse_in_sandbox("example")
    run_example(name, data)


def up() -> None:
    """Start PostgreSQL and Airflow and wait until they are healthy."""
    from headline.local import lifecycle

    refuse_in_sandbox("up")
    lifecycle.up()


def down() -> None:
    """Stop Airflow's processes and PostgreSQL; data stay."""
    from headline.local import lifecycle

    lifecycle.down()


def clean(meant: MeantOption = False) -> None:
    """Stop everything and remove HEADLINE_HOME with all its data."""
    from headline.local import lifecycle

    refuse_in_production("clean", is_meant=meant)
    lifecycle.clean()


def heartbeat(
    older_than: Annotated[int, typer.Option(help="Minutes after which the last sign of life of the watch is too old.")] = 25,
) -> None:
    """Fail when a process of Airflow or PostgreSQL is gone, or the freshness watch has not looked for too long.

    For cron, systemd or a probe outside of Airflow; says what is gone, and what to do.
    """
    from headline.incidents.heartbeat import check
    from headline.local.home import Home
    from headline.local.processes import Processes

    seen = check(timedelta(minutes=older_than), found=Processes(Home.current()).troubles())
    print(f"all processes run; the freshness watch looked at {seen:%Y-%m-%d %H:%M:%S} UTC")


def logs() -> None:
    """Follow what Airflow's processes print, until Ctrl-C."""
    from headline.local.logs import show_logs

    show_logs()


COMMANDS = (run, example, up, heartbeat, logs, down, clean)
