"""The commands that `make` and probes call; they import what they need when they are called, so that the others stay quick."""

from __future__ import annotations

from datetime import datetime, timedelta
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


def secrets() -> None:
    """Write the files with keys and passwords that docker-compose.yaml gives to the containers; existing files are kept."""
    from headline.local.containers import make_secrets
    from headline.local.home import Home
    from headline.local.screen import Screen

    Screen().say(f"The secrets of the containers are in {make_secrets(Home.current())}")


def status() -> None:
    """Show whether Airflow is healthy, how the last run of each DAG went, and where the UI is."""
    from headline.local.status import show_status

    show_status()


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
    from headline.local.status import show_logs

    show_logs()


def trigger(
    pipelines: Annotated[list[str], typer.Argument(help="DAGs, in any order: each runs after those it reads.")],
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Yesterday if left out.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Included; the first if left out.")] = None,
    accept: Annotated[
        str, typer.Option(help="Waive unusual figures of these days that runs have found: why they are right.")
    ] = "",
    figures: Annotated[list[str] | None, typer.Option(help="Only this figure; may be repeated.")] = None,
) -> None:
    """Run DAGs for some days, each when those it reads have succeeded; show what they wait for and how they end."""
    from headline.local import runs

    runs.trigger(pipelines, first.date() if first else None, last.date() if last else None, accept, figures or ())


def retry(pipeline: Annotated[str, typer.Argument(help="A DAG.")]) -> None:
    """Run a DAG's newest failed run again, all of it, and show how it ends."""
    from headline.local import runs

    runs.retry(pipeline)


def unpause(pipeline: Annotated[str, typer.Argument(help="A DAG.")]) -> None:
    """Let a paused DAG run again."""
    from headline.local import runs

    runs.unpause(pipeline)


COMMANDS = (run, example, up, status, heartbeat, logs, down, clean, secrets, trigger, retry, unpause)
