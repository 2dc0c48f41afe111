"""The commands that tell what was checked, brought and compared with its source."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from headline import settings
from headline.cli.options import sound_catalog
from headline.errors import HeadlineError
from headline.intervals import DAY, Interval, business_day, requested_interval
from headline.options import FormatOption
from headline.show import Format, Rows, show


def reconcile(
    source: Annotated[str, typer.Argument(help="A source, such as shop.")],
    first: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")],
    last: Annotated[str | None, typer.Option("--to", help="Last day, included; the first if left out.")] = None,
    landings: Annotated[
        list[str] | None, typer.Option("--landing", help="Only this one of its landings; may be repeated.")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compare loaded days with what their source says today, by rows, keys and money. Ends with 1 where any differs."""
    from headline.ledger import Ledger
    from headline.pipeline import reconcile as steps

    today = business_day(datetime.now(UTC), settings.load().reporting_zone)
    interval = requested_interval(first, last, Interval(today - DAY, today), today)
    found = list(steps.reconcile(sound_catalog().source(source), interval, Ledger(), landings or ()))
    rows = [(one.landing, one.ds, one.rows_loaded, one.rows_at_source, one.found) for one in found]
    show(["landing", "day", "rows_loaded", "rows_at_source", "found"], rows, form)
    if found:
        raise HeadlineError(
            f"{len(found)} difference(s) between {source} and what is loaded of it.\n{steps.next_step(source, found)}"
        )
    print(f"{source} is as loaded", file=sys.stderr)


def audits(
    table: Annotated[str | None, typer.Argument(help="schema.table; all if left out.")] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only checks that failed, warned or were not evaluated, with rows that they found.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List every check's outcome in the newest audit of each table; as JSON or CSV with the keys of rows that it found."""
    from headline.listings.audits import audits
    from headline.pipeline.samples import shown
    from headline.remote.client import listed

    asked = {"failed": failed} | ({"table": table} if table else {})
    found = listed(lambda: audits([table] if table else None, failed=failed), "audits", Rows.of, params=asked)
    rows, columns = [dict(zip(found.columns, row, strict=True)) for row in found.rows], list(found.columns)
    if form is Format.TABLE:  # a screen is too narrow for all of it
        columns = ["table", "check", "outcome", "measured", "sample"] if failed else columns[:-1]
        rows = [row | {"sample": shown(row["sample"] or [])} for row in rows]
    show(columns, [[row[column] for column in columns] for row in rows], form)


def repairs(
    landing: Annotated[str | None, typer.Argument(help="landing.<name> or a pipeline; all if left out.")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the attempts to ingest missing days again, with what was there before and after."""
    from headline.ledger import Repairs

    rows = [
        (
            attempt.landing,
            attempt.ds,
            attempt.attempt,
            attempt.outcome,
            attempt.reason,
            _content(attempt.before),
            _content(attempt.after),
            attempt.run_id,
            attempt.started_at.replace(microsecond=0),
            attempt.finished_at.replace(microsecond=0) if attempt.finished_at else None,
        )
        for attempt in Repairs().all()
        if landing in (None, attempt.landing)
    ]
    columns = ["landing", "day", "attempt", "outcome", "reason", "before", "after", "run_id", "started_at", "finished_at"]
    show(columns, rows, form)


def _content(found: dict[str, Any] | None) -> str | None:
    """What was there of a day, in a few words."""
    if found is None:
        return None
    if "tables" in found:
        return ", ".join(found["tables"]) or "nothing"
    return f"{found['rows']} rows, {found['checksum'][:8]}" if found["files"] else "nothing"


COMMANDS = (reconcile, audits, repairs)
