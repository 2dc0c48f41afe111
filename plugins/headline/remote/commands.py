"""Commands that work wherever Airflow's address can be reached; they import what they need when they are called."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from headline.options import FormatOption
from headline.show import Format, show


def login(
    url: Annotated[str, typer.Option(help="The address of Airflow; the last one, or that of this home, if left out.")] = "",
    user: Annotated[str, typer.Option(help="Your name there; asked for if left out.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="A file with the password, which is asked for otherwise.")] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow http to a host that is not this one.")] = False,
) -> None:
    """Log in to an Airflow as yourself: every command that asks Airflow then does so, from any folder, with your rights."""
    import httpx

    from headline.errors import BadRequest
    from headline.remote import client
    from headline.remote import login as logins

    where = logins.checked(url or client.usual_url(), insecure=insecure)
    name = user or typer.prompt("User")
    password = ""
    if password_file:
        try:
            password = password_file.read_text().strip("\r\n")
        except OSError as error:
            raise BadRequest(f"{password_file} cannot be read: {error.strerror}") from error
    password = password or typer.prompt(f"Password of {name}", hide_input=True)
    try:
        logins.keep(logins.log_in(where, name, password))
    except httpx.HTTPError as error:
        raise BadRequest(client.unreachable(error, where)) from error
    print(f"logged in at {where} as {name}; headline logout ends that")
    if os.environ.get(logins.TOKEN):
        print(f"{logins.TOKEN} is set, and is used instead")


def logout() -> None:
    """End the login: the token is forgotten here, and Airflow takes it no more."""
    import httpx

    from headline.errors import HeadlineError
    from headline.remote import login as logins

    try:
        known = logins.kept()
    except HeadlineError:  # what cannot be read is to go all the same
        known = None
    logins.forget()
    if known is None:
        print("nobody was logged in")
        return
    try:
        logins.log_out(known)
        print(f"logged out from {known.url}")
    except httpx.HTTPError:
        print(f"the login is forgotten here; {known.url} could not be told, where the token ends by itself")


def status() -> None:
    """Show whether Airflow is healthy, how the last run of each DAG went, and where the UI is."""
    from headline.remote.status import show_status

    show_status()


def incidents(
    days: Annotated[int, typer.Option(min=0, help="Show those of the last days too that are over.")] = 0,
    times: Annotated[bool, typer.Option("--times", help="Show how long they took instead.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the open incidents of the pipelines that you may see, or how long they took."""
    from headline.remote.client import airflow

    with airflow() as api:
        rows = api.times(days) if times else [_shown(one) for one in api.incidents(days)]
    columns = ["id", "kind", "pipeline", "day", "state", "caused by", "since", "acknowledged by"]
    if times:
        columns = ["kind", "incidents", "to detect", "to acknowledge", "to resolve"]
    show(columns, [[row[column] for column in columns] for row in rows], form)


def _shown(incident: dict[str, Any]) -> dict[str, Any]:
    names = {"ds": "day", "cause_id": "caused by", "acknowledged_by": "acknowledged by"}
    minute = f"{datetime.fromisoformat(incident['since']):%Y-%m-%d %H:%M}"
    return {names.get(name, name): value for name, value in incident.items()} | {"since": minute}


def acknowledge(
    incident: Annotated[int, typer.Argument(help="Its number, as `headline incidents` shows it.")],
) -> None:
    """Take an incident in the name of your login, so that nobody else is told."""
    from headline.remote.client import airflow

    with airflow("an acknowledgement", is_named=True, is_meant=True) as api:
        taken = api.acknowledge(incident)
    by = f", acknowledged by {taken['acknowledged_by']}" if taken["acknowledged_by"] else ""
    print(f"{taken['pipeline']} {taken['kind']} of {taken['ds']} is {taken['state']}{by}")


def trigger(
    pipelines: Annotated[list[str], typer.Argument(help="DAGs, in any order: each runs after those it reads.")],
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Yesterday if left out.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Included; the first if left out.")] = None,
    accept: Annotated[
        str, typer.Option(help="Waive unusual figures of these days that runs have found: why they are right.")
    ] = "",
    figures: Annotated[list[str] | None, typer.Option(help="Only this one of them; may be repeated.")] = None,
) -> None:
    """Run DAGs for some days, each when those it reads have succeeded; show what they wait for and how they end."""
    from headline.remote import runs

    runs.trigger(pipelines, first.date() if first else None, last.date() if last else None, accept, figures or ())


def retry(pipeline: Annotated[str, typer.Argument(help="A DAG.")]) -> None:
    """Run a DAG's newest failed run again, all of it, and show how it ends."""
    from headline.remote import runs

    runs.retry(pipeline)


def unpause(pipeline: Annotated[str, typer.Argument(help="A DAG.")]) -> None:
    """Let a paused DAG run again."""
    from headline.remote import runs

    runs.unpause(pipeline)


def issue_figures(
    month: Annotated[str, typer.Argument(help="The month, YYYY-MM.")],
    pipeline: Annotated[str, typer.Option(help="Whose figures: a pipeline with a metrics.yml.")],
    reason: Annotated[str, typer.Option(help="Kept with the figures.")] = "",
    leave_out_partial: Annotated[
        bool, typer.Option("--leave-out-partial", help="Issue the complete periods of the month alone.")
    ] = False,
) -> None:
    """Ask for a closed month to be issued; somebody else approves it in Airflow, in the DAG approve_figures."""
    from headline.remote import approval

    approval.ask(month, pipeline, reason, leave_out=leave_out_partial)


demo = typer.Typer(no_args_is_help=True, help="What happens to the demo company.")


@demo.command()
def restate() -> None:
    """A refund of 5,000 of an issued day comes late: what follows is run, and waits for the approval of a second person."""
    from headline.remote import approval

    approval.restate()


@demo.callback()
def _demo() -> None:
    """What happens to the demo company."""


COMMANDS = (login, logout, status, incidents, acknowledge, trigger, retry, unpause)
