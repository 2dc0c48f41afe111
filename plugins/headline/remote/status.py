"""What runs, how the last runs went, and what has failed, waits or is behind its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from headline.airflow_api import AirflowApi, Refused
from headline.local.health import components
from headline.local.home import Home
from headline.local.job import COLORS
from headline.local.lifecycle import components_line
from headline.local.process_logs import tail
from headline.local.processes import Processes
from headline.local.screen import Screen
from headline.remote.client import Airflow, airflow, home_of, in_words


def show_status() -> None:
    """Print the health of Airflow's components, the last run of each DAG, what has failed or waits and why, what is behind its
    inputs, files that do not load, and the UI's address; of a home of this machine first which processes do not run."""
    screen = Screen()
    with airflow() as api:
        home = home_of(api)
        if not home or _is_up(home, api, screen):
            _show(api, screen, home)


def _is_up(home: Home, api: Airflow, screen: Screen) -> bool:
    """Tell what does not run of a home; whether its API can be asked."""
    processes = Processes(home)
    troubles = processes.troubles()
    for trouble in troubles:
        screen.say(Text.assemble(("not running", "red"), f" {trouble}"))
    if not processes.manager() and not processes.leftovers():
        screen.say("Airflow does not run: make run starts it.")
        return False
    up = components(api, processes.running())
    if not up["api-server"]:
        screen.say(components_line(up))
        if not troubles:
            screen.say(f"The API server does not answer yet. {tail(processes.logs, 'api-server', lines=5)}")
    return up["api-server"]


def _show(api: Airflow, screen: Screen, home: Home | None) -> None:
    runs = last_runs(api)  # first, since it needs the login: without one nothing else is worth saying
    since: Mapping[str, datetime] = Processes(home).running() if home else {}
    screen.say(components_line(components(api, since)))
    screen.console.print(runs)
    for line in failed_and_behind(api):
        screen.say(line)
    for line in not_loaded(api):
        screen.say(line)
    screen.say(
        home.login if home and not api.login else Text.assemble(("Airflow", "bold"), f": {api.url} as {api.user or 'you'}")
    )


def last_runs(api: AirflowApi) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("DAG", "last run", "state", "ended (UTC)"):
        table.add_column(heading)
    for dag in api.dags():
        name = Text.assemble(dag["dag_id"], (" (paused)" if dag["is_paused"] else "", "yellow"))
        runs = api.runs(dag["dag_id"], limit=1)
        if runs:
            run, color = runs[0], COLORS.get(runs[0]["state"], "dim")
            ended = (run["end_date"] or "")[:19].replace("T", " ")
            table.add_row(name, Text(run["dag_run_id"]), Text(run["state"], color), ended)
        else:
            table.add_row(name, Text("none yet", "dim"))
    return table


def failed_and_behind(api: Airflow) -> Iterator[Text]:
    """A line for each kind of run that the board lists as failed or waiting, and for each table that is behind its inputs."""
    try:
        found: dict[str, Any] = api.status()
    except Refused as error:
        found = {"runs": [], "behind": [], "problem": in_words(error, api)}
    if found["problem"]:
        yield Text(f"What has failed, waits or is behind its inputs is not known: {found['problem']}", "yellow")
    for one in found["runs"]:
        what = f" {one['dag_id']}, {one['name']} for {one['days']}: {one['reason']}"
        yield Text.assemble((one["state"], "red" if one["state"] == "failed" else "yellow"), what)
    for one in found["behind"]:
        days = f"{one['count']} day{'s' if one['count'] > 1 else ''}: {one['days']}"
        yield Text.assemble(("behind its inputs", "yellow"), f" {one['table']}, {days}")


def not_loaded(api: Airflow) -> Iterator[Text]:
    """A line for each DAG file that does not load, for those who may see that."""
    try:
        errors = api.import_errors()
    except Refused as error:
        if error.status != 403:
            raise
        return
    for one in errors:
        cause = one["stack_trace"].strip().splitlines()[-1]
        yield Text.assemble(("not loaded", "red"), f" {one['filename']}: {cause}")
