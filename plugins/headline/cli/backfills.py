"""`headline backfill …`: history computed again from the shell, by the same DAG as from Airflow's form."""

from __future__ import annotations

from getpass import getuser
from typing import Annotated, Any

import typer

from headline.options import FormatOption, LastOption
from headline.show import Format, Rows

app = typer.Typer(no_args_is_help=True, help="History computed again over a range: planned first, then chunk by chunk.")
SelectionArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Pipelines or tables: unit_profit+, +profit.daily_profit_summary, 'core.*'. All with --stale, if left out."
    ),
]
FirstOption = Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD; may be left out with --stale.")]
DownstreamOption = Annotated[bool, typer.Option("--downstream", help="Also everything that is computed from them.")]
StaleOption = Annotated[
    bool, typer.Option("--stale", help="Only days that are stale: an input, SQL or contract changed after they were computed.")
]
NumberArgument = Annotated[int, typer.Argument(help="The number of a backfill.")]


def _fields(selection: list[str] | None, first: str | None, last: str | None, *, downstream: bool, stale: bool) -> dict[str, Any]:
    """What the form of the DAG would say."""
    said = " ".join(selection or (["*"] if stale else []))
    return {"select": said, "from": first, "to": last, "downstream": downstream, "days": "stale" if stale else "everything"}


@app.command()
def plan(
    selection: SelectionArgument = None,
    first: FirstOption = None,
    last: LastOption = None,
    downstream: DownstreamOption = False,
    stale: StaleOption = False,
) -> None:
    """Print which tables and days a backfill would compute, in which order, for how long, and to what; nothing is changed."""
    from headline.listings import backfills
    from headline.remote.client import listed

    said = _fields(selection, first, last, downstream=downstream, stale=stale)
    print(listed(lambda: backfills.plan(said, getuser()), "backfills/plan", str, json=said))


@app.command()
def run(
    reason: Annotated[str, typer.Option(help="Why history is computed again; it is kept.")],
    selection: SelectionArgument = None,
    first: FirstOption = None,
    last: LastOption = None,
    downstream: DownstreamOption = False,
    stale: StaleOption = False,
) -> None:
    """Plan and carry out a backfill by the DAG `backfill`, and show how it ends. Refused while another has one of its days."""
    from headline.backfill.request import checked_reason
    from headline.remote import backfills

    checked_reason(reason)
    backfills.run(_fields(selection, first, last, downstream=downstream, stale=stale) | {"reason": reason})


@app.command()
def status(
    number: Annotated[int | None, typer.Argument(help="The number of a backfill; all if left out.")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List backfills, or the chunks of one with the days that each has computed and the run that did."""
    from headline.listings import backfills
    from headline.remote.client import listed

    if number is None:
        listed(backfills.backfills, "backfills/all", Rows.of).show(form)
    else:
        listed(lambda: backfills.chunks(number), f"backfills/{number}/chunks", Rows.of).show(form)


@app.command()
def resume(number: NumberArgument) -> None:
    """Go on with what is missing of a backfill that has failed or was interrupted; what is done is not done again."""
    from headline.remote import backfills

    backfills.resume(number)


@app.command()
def cancel(number: NumberArgument) -> None:
    """End a backfill: a chunk that is at work is published whole or not at all, and nothing begins after it."""
    from headline.remote import backfills

    print(backfills.cancel(number))


@app.command()
def free(pipeline: Annotated[str, typer.Argument(help="A DAG.")]) -> None:
    """End the queued runs of Airflow's own backfills of a DAG that can never start; say what computes their days."""
    from headline.remote import backfills

    backfills.free(pipeline)
