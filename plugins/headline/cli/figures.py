"""`headline figures …`: what was issued to investors, and who has approved it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from headline.errors import BadRequest, HeadlineError
from headline.options import FormatOption
from headline.settings import shell
from headline.show import Format, show

if TYPE_CHECKING:
    from headline.ledger import FigureRequest

app = typer.Typer(invoke_without_command=True, help="Figures that were issued to investors, and who has approved them.")


@app.callback()
def figures(
    context: typer.Context,
    as_of: Annotated[str | None, typer.Option("--as-of", help="As they were at the end of this day, YYYY-MM-DD, UTC.")] = None,
    first: Annotated[bool, typer.Option("--first", help="As first reported.")] = False,
    drafts: Annotated[bool, typer.Option("--drafts", help="Also figures that are not issued yet.")] = False,
    metric: Annotated[str | None, typer.Option(help="Only this metric of metrics.yml.")] = None,
    pipeline: Annotated[str | None, typer.Option(help="Only figures of this pipeline.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Every row of the ledger, with who approved it and why.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List issued figures: the most recent ones, as first reported, or as of a day."""
    if context.invoked_subcommand:
        return
    from headline.ledger import IssuedFigures, Read, only_read, record_reads

    if sum(map(bool, (as_of, first, drafts, history))) > 1:
        raise BadRequest("choose one of --as-of, --first, --drafts and --history")
    only_read()
    of = {name: value for name, value in (("metric", metric), ("pipeline", pipeline)) if value}
    ledger = IssuedFigures()
    if as_of:
        rows = ledger.as_of(_end_of(as_of), **of)
    elif first:
        rows = ledger.as_first_reported(**of)
    elif history:
        rows = ledger.history(**of)
    else:
        rows = ledger.with_drafts(**of) if drafts else ledger.most_recent(**of)
    names = tuple(sorted({row.metric for row in rows}))
    record_reads(Read(shell(), "query", names, "headline figures", len(rows)))
    columns = ["metric", "segment", "start", "end", "value", "coverage", "status", "approver", "request_id", "reason"]
    columns += ["recorded_at"] if form is Format.TABLE else ["requester", "definition_version", "code_version"]
    columns += [] if form is Format.TABLE else ["contract_version", "commit", "inputs", "run_id", "recorded_at", "hash"]
    show(columns, [[getattr(row, column) for column in columns] for row in rows], form)
    typer.echo(f"head of the chain: {ledger.head() or 'no figure yet'}", err=True)


@app.command()
def verify(
    anchors: Annotated[
        list[str] | None,
        typer.Option("--anchor", help="A head of the chain that somebody has kept, or its first 12 characters; may be repeated."),
    ] = None,
) -> None:
    """Compute the chain of hashes again, and look for the anchors in it and for metrics that are issued and not defined any more.

    Ends with 1 where anything is not as it was, or without a definition.
    """
    from headline.figures.definitions import undefined
    from headline.ledger import IssuedFigures, only_read
    from headline.specs import load_understood

    only_read()
    found = IssuedFigures().verify(anchors or ())
    told = [f"row {number}: {problem}" for number, problem in found.broken]
    told += [f"no row has the hash {anchor}: what it was kept of was replaced" for anchor in found.unknown_anchors]
    if told:
        raise HeadlineError("\n".join(["the ledger of figures is not as it was written:", *(f"  - {one}" for one in told)]))
    if lost := undefined(load_understood(), IssuedFigures().metrics()):
        raise HeadlineError("\n".join(["nobody compares the figures of these metrics:", *(f"  - {one}" for one in lost)]))
    typer.echo(
        f"{found.count} row(s) are as they were written, {len(anchors or ())} anchor(s) hold; head of the chain: {found.head}"
    )


@app.command()
def requests(
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that nobody has decided.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List requests to issue or to restate figures, the newest first."""
    from headline.ledger import FigureRequests, only_read

    only_read()
    columns = ["id", "kind", "pipeline", "start", "end", "state", "requester", "decided_by", "reason", "requested_at"]
    rows = FigureRequests().all(waiting=waiting)
    show(columns, [[getattr(row, column) for column in columns] for row in rows], form)


@app.command()
def request(
    number: Annotated[int, typer.Argument(help="Its number, as `headline figures requests` shows it.")],
    form: FormatOption = Format.TABLE,
) -> None:
    """Show every figure of a request: issued and new value, and what the difference comes from."""
    from headline.figures.text import difference, name, parts
    from headline.ledger import FigureRequests, only_read

    only_read()
    known = FigureRequests().get(number)
    rows = [
        (name(one["figure"]), one["figure"]["start"], one["old"], one["figure"]["value"], difference(one), parts(one))
        for one in known.figures
    ]
    show(["figure", "from", "issued", "new", "difference", "comes from"], rows, form)
    typer.echo(_about(known), err=True)


def _about(known: FigureRequest) -> str:
    decided, people = f" by {known.decided_by}" if known.decided_by else "", " and ".join(known.people)
    return (
        f"request {known.id}, {known.kind} of {known.pipeline}, asked for by {people}: {known.state}{decided}\n"
        f"reason: {known.reason}\nSHA-256 of the result: {known.sha256}"
    )


def _end_of(day: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(day), time.max, UTC)
    except ValueError:
        raise BadRequest(f"{day!r} is no day: write it as YYYY-MM-DD") from None
