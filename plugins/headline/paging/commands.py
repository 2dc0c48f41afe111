"""What the command line offers about alerts; imported when it is called, so that the other commands stay quick."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from headline.show import Format, show

FormatOption = Annotated[Format, typer.Option("--format", help="How rows are written.")]


def incidents(
    days: Annotated[int, typer.Option(help="Also show those resolved in the last so many days.")] = 0,
    times: Annotated[bool, typer.Option("--times", help="Show how long they took instead.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the open incidents, or how long they took."""
    from headline.ledger.incidents import Incidents

    since = datetime.now(UTC) - timedelta(days=days)
    if times:
        measured = Incidents().times(since if days else since - timedelta(days=90))
        columns = ["kind", "incidents", "to detect", "to acknowledge", "to resolve"]
        show(columns, [(row.kind, row.count, *(_seconds(span) for span in row[2:])) for row in measured], form)
        return
    rows = [
        (one.id, one.kind, one.pipeline, one.ds, one.state, one.cause_id, _minute(one.since), one.acknowledged_by)
        for one in (Incidents().recent(since) if days else Incidents().open())
    ]
    show(["id", "kind", "pipeline", "day", "state", "caused by", "since", "acknowledged by"], rows, form)


def acknowledge(
    incident: Annotated[int, typer.Argument(help="Its number, as `headline incidents` shows it.")],
    by: Annotated[str, typer.Option(help="Who acknowledges it: an engineer of team.yml.")] = "",
) -> None:
    """Acknowledge an incident, so that nobody else is notified."""
    from headline.ledger.incidents import Incidents

    taken = Incidents().acknowledge(incident, by or getpass.getuser())
    print(f"{taken.pipeline} {taken.kind} of {taken.ds} is {taken.state}, acknowledged by {taken.acknowledged_by}")


def drill() -> None:
    """Send whoever is on call a synthetic alert over every channel, and show which channels delivered it."""
    from headline.paging.drill import drill

    # Outside of its own processes Airflow reads connections from its database only for who says that he serves.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")
    show(["channel", "outcome"], list(drill(datetime.now(UTC)).items()))


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else round(span.total_seconds())


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


COMMANDS = (incidents, acknowledge, drill)
