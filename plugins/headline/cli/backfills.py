"""`headline backfill …`: history computed again from the shell, by the same DAG as from Airflow's form."""

from __future__ import annotations

import sys
from getpass import getuser
from typing import Annotated, Any

import typer

from headline.options import FormatOption, LastOption
from headline.show import Format, show

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
    from headline import specs
    from headline.backfill import make_plan, markdown, read_request
    from headline.ledger import Ledger, only_read
    from headline.warehouse import open_warehouse

    only_read()
    catalog, ledger = specs.load_sound(), Ledger()
    said = _fields(selection, first, last, downstream=downstream, stale=stale) | {"reason": "a plan to look at, nothing recorded"}
    print(markdown(make_plan(catalog, ledger, open_warehouse(), read_request(catalog, ledger, said, getuser()))))


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
    from headline.backfill.control import is_at_work
    from headline.backfill.render import effect, span
    from headline.ledger import Backfills, only_read

    only_read()
    if number is None:
        rows = [
            (
                one.id,
                one.standing,
                one.request.selection,
                span(one.request.days),
                one.progress,
                one.request.requested_by,
                one.request.reason,
            )
            for one in Backfills().newest()
        ]
        show(["backfill", "state", "selection", "days", "chunks", "requested_by", "reason"], rows, form)
        return
    found = Backfills().get(number)
    chunks = [
        (
            one.number,
            one.pipeline,
            span(one.interval),
            one.state,
            ", ".join(map(span, one.days)),
            one.changed_count,
            one.row_count,
            one.run_id,
            one.error,
        )
        for one in found.chunks
    ]
    columns = ["chunk", "pipeline", "days", "state", "computed", "published", "rows", "run_id", "error"]
    show(columns, chunks, form, title=f"{found.name}: {found.standing}. {found.request.requested_by}: {found.request.reason}")
    for line in effect(found.totals_before, found.totals_after) if found.totals_after else ():
        print(line, file=sys.stderr)
    if found.state == "running" and not is_at_work(number):
        print(
            f"nobody works on it now: if Airflow does not try again by itself, headline backfill resume {number}", file=sys.stderr
        )


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
