"""`headline exports …`: what is delivered to others, and what they refuse."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

import typer

from headline.options import FormatOption
from headline.show import Format, Rows

app = typer.Typer(invoke_without_command=True, help="What is delivered to others, and the rows that they refuse.")
Name = Annotated[str, typer.Argument(help="An export: its folder in include/sql/exports.")]


@app.callback()
def exports(context: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """List every export with its newest run and its dead letters."""
    if not context.invoked_subcommand:
        list_(form)


@app.command("list")
def list_(form: FormatOption = Format.TABLE) -> None:
    """List every export with its newest run and its dead letters."""
    from headline.listings import exports as listings
    from headline.remote.client import listed

    listed(listings.exports, "exports", Rows.of).show(form)


@app.command()
def status(name: Name, form: FormatOption = Format.TABLE) -> None:
    """Show the newest runs of an export, and every row that its receiver refuses."""
    from headline.listings import exports as listings
    from headline.remote.client import listed
    from headline.specs.exports import load_export

    def here() -> list[Rows]:
        load_export(name)  # raises where there is none of this name
        return [listings.runs(name), listings.dead_letters(name)]

    for rows in listed(here, f"exports/{quote(name, safe='')}", lambda found: [Rows.of(one) for one in found]):
        rows.show(form)


@app.command()
def run(
    name: Name,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The newest period that has ended if left out.")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Included; the first if left out.")] = None,
) -> None:
    """Deliver an export now, and show how it ends; what was delivered before is not delivered twice."""
    from headline.remote import exports as remote

    remote.deliver(name, first.date() if first else None, last.date() if last else None)


@app.command()
def replay(name: Name) -> None:
    """Send the rows of an export once more that its receiver has refused, as they are now, and show how it ends."""
    from headline.remote import exports as remote

    remote.deliver(name, replay=True)
