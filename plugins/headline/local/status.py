"""What runs, how the last runs went, and what the processes print."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from headline.airflow_api import AirflowApi
from headline.errors import HeadlineError
from headline.intervals import in_words
from headline.ledger import only_read
from headline.local.health import components
from headline.local.home import Home
from headline.local.job import COLORS
from headline.local.lifecycle import components_line
from headline.local.process_logs import follow, tail
from headline.local.processes import Processes
from headline.local.screen import Screen


def show_status() -> None:
    """Print the health of Airflow's components, the last run of each DAG, what has failed or waits and why, what is behind its
    inputs, files that do not load, and the UI's address."""
    only_read()
    screen, home = Screen(), Home.current()
    processes = Processes(home)
    troubles = processes.troubles()
    for trouble in troubles:
        screen.say(Text.assemble(("not running", "red"), f" {trouble}"))
    if not processes.manager() and not processes.leftovers():
        screen.say("Airflow does not run: make run starts it.")
        return
    with AirflowApi.of(home.environment()) as api:
        up = components(api, processes.running())
        screen.say(components_line(up))
        if up["api-server"]:
            screen.console.print(last_runs(api))
            for line in (*failed_and_waiting_lines(api), *behind_lines()):
                screen.say(line)
            for error in api.import_errors():
                cause = error["stack_trace"].strip().splitlines()[-1]
                screen.say(Text.assemble(("not loaded", "red"), f" {error['filename']}: {cause}"))
            screen.say(home.login)
        elif not troubles:
            screen.say(f"The API server does not answer yet. {tail(processes.logs, 'api-server', lines=5)}")


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


def failed_and_waiting_lines(api: AirflowApi) -> Iterator[Text]:
    """A line for each kind of run that the board lists as failed or waiting, with the reason."""
    from headline.ledger import Ledger
    from headline.pages.runs import failed_and_waiting
    from headline.specs import load_sound

    try:
        groups = failed_and_waiting(api, load_sound(), Ledger(), datetime.now(UTC))
    except HeadlineError as error:
        yield Text(f"Which runs have failed or wait is not known: {error}", "yellow")
        return
    for group in groups:
        what = f" {group.dag_id}, {group.name} for {group.days}: {group.reason}"
        yield Text.assemble((group.state, "red" if group.state == "failed" else "yellow"), what)


def behind_lines() -> Iterator[Text]:
    """A line for each table with published days that are behind their inputs, as on the board."""
    from headline.pages.now import days_behind
    from headline.specs import load_sound

    try:
        behind = days_behind(load_sound().pipelines.values())
    except HeadlineError as error:
        yield Text(f"What is behind its inputs is not known: {error}", "yellow")
        return
    for table, days in behind.items():
        yield Text.assemble(
            ("behind its inputs", "yellow"), f" {table}, {len(days)} day{'s' if len(days) > 1 else ''}: {in_words(days)}"
        )


def show_logs() -> None:
    """Print what the processes of the current home print, until interrupted."""
    screen, processes = Screen(), Processes(Home.current())
    if not processes.logs.exists():
        screen.say("Nothing was started yet: make run")
        return
    with suppress(KeyboardInterrupt):
        for line in follow(processes.logs):
            screen.say(line)
