"""`headline report`: the report of a month to investors, as HTML and PDF."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from headline.settings import shell


def report(
    month: Annotated[str, typer.Option(help="Of which month, YYYY-MM.")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="As issued up to the end of this day, YYYY-MM-DD, UTC.")] = None,
    output: Annotated[Path, typer.Option(help="The folder in which both files are written.")] = Path(),
    leave_out_missing: Annotated[
        bool, typer.Option("--leave-out-missing", help="Report what is issued, and name in it what is not.")
    ] = False,
) -> None:
    """Write the investor report of a month as HTML and PDF, from issued figures only; the same as-of day gives the same bytes."""
    from headline.ledger import Read, Reads, reading
    from headline.report.definitions import month_of
    from headline.report.editions import edition_of, file_name, moment_of, report_of, title

    moment = moment_of(as_of, datetime.now(UTC))
    with reading():
        found = report_of(month_of(month), moment, leave_out=leave_out_missing)
    edition = edition_of(found, "headline report")
    Reads().record(Read(shell(), "report", tuple(edition.metrics), file_name(edition, "pdf"), edition.figure_count))
    output.mkdir(parents=True, exist_ok=True)
    for ending, content, sha256 in (("html", edition.html, edition.html_sha256), ("pdf", edition.pdf, edition.pdf_sha256)):
        file = output / file_name(edition, ending)
        file.write_bytes(content)
        typer.echo(f"{file}  SHA-256 {sha256}")
    typer.echo(f"{title(edition)}: {edition.figure_count} figures; head of the chain of figures: {edition.chain_head}", err=True)


COMMANDS = (report,)
