"""The commands that tell what is published, and whether it is as recorded."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from headline import recovery, settings
from headline.cli.options import sound_catalog
from headline.errors import HeadlineError
from headline.intervals import DAY
from headline.options import FormatOption
from headline.show import Format, Rows, show

if TYPE_CHECKING:
    from headline.specs import Table


def query(sql: str, form: FormatOption = Format.TABLE) -> None:
    """Read the published tables with one SELECT, on any engine; it can reach and change nothing else, and is recorded."""
    from headline.listings import published
    from headline.remote.client import listed

    listed(lambda: published.query(sql, settings.shell()), "query", Rows.of, json={"sql": sql}).show(form)


def reads(
    reader: Annotated[str | None, typer.Option("--reader", help="Of one reader: a user of Airflow, or an account.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Of one table (schema.table) or metric.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="The most that are listed.")] = 100,
    form: FormatOption = Format.TABLE,
) -> None:
    """List who has read which numbers on pages, over the API, by query, export and report, the newest first."""
    from headline.ledger import Reads
    from headline.listings.reads import rows_of
    from headline.remote.client import listed

    options = {key: value for key, value in {"reader": reader, "name": name, "limit": limit}.items() if value is not None}
    found = listed(lambda: rows_of(Reads().newest(limit, reader, [name] if name else [])), "reads", Rows.of, params=options)
    found.show(form)


def tables(
    stale: Annotated[
        bool,
        typer.Option(
            "--stale",
            help="Only days whose inputs changed after they were computed, or that an earlier version of SQL or contract made, "
            "and the run that computes them.",
        ),
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List every table with what is published of it."""
    from headline.ledger import Ledger
    from headline.listings import published
    from headline.remote.client import listed

    def here() -> Rows:
        pipelines = sound_catalog().pipelines.values()
        return published.stale_tables(pipelines, Ledger()) if stale else published.tables(pipelines, Ledger())

    listed(here, "tables", Rows.of, params={"stale": stale}).show(form)


def why(
    table: Annotated[str, typer.Argument(help="schema.table")],
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="A day of it; of weeks and months any of their days.")],
) -> None:
    """Say in at most five lines why a day is late, partial, stale, failed, held back, waived, open or restated, and what to do.

    It reads the ledger, and the quarantine where the warehouse can be read.
    """
    from headline import specs
    from headline.ledger import Ledger
    from headline.remote.client import listed
    from headline.warehouse import open_warehouse
    from headline.why.inquiry import explain

    def here() -> list[str]:
        catalog = specs.load_sound()
        return explain(catalog, Ledger(), catalog.table(table), day.date(), datetime.now(UTC), open_warehouse()).lines

    print("\n".join(listed(here, f"why/{quote(table, safe='')}/{day.date()}", list)))


def verify(
    table: Annotated[str | None, typer.Argument(help="schema.table; all if left out.")] = None,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Record the fingerprint of what is published where the ledger has none.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compare what is published with the ledger; name every day that differs and the run that corrects it.

    Ends with 1 if any day differs.

    It first says whether the warehouse belongs to the ledger and has every published table, and if not, how to fix that.
    The days that differ count as changed from then on, so that the next run for them replaces them. Periods that were published
    before fingerprints were kept are not known; --adopt gives them the fingerprint of what is published, and no new version.
    """
    from headline.ledger import Ledger
    from headline.ledger.identity import HOW_TO_RESTORE
    from headline.pipeline import fingerprints
    from headline.warehouse import open_warehouse

    catalog = sound_catalog()
    asked = _with_contract([catalog.table(table)] if table else catalog.tables.values())
    verified = fingerprints.verify_published(asked, Ledger(), open_warehouse())
    if verified.mismatch:
        raise HeadlineError(f"the warehouse is not the one that the ledger knows: {verified.mismatch}. {HOW_TO_RESTORE}")
    found = verified.differences
    rows = [
        (one.table, one.interval.start, one.interval.end - DAY, one.what, one.rows_published, one.rows_recorded) for one in found
    ]
    show(["table", "first_day", "last_day", "what", "rows_published", "rows_recorded"], rows, form)
    if adopt:
        fingerprints.adopt(verified.unknown, Ledger())
    for name, count in Counter(one.table for one in verified.unknown).items():
        told = (
            "adopted as published"
            if adopt
            else f"not known, published before fingerprints were kept: headline verify {name} --adopt"
        )
        print(f"{name}: {count} period(s) {told}", file=sys.stderr)
    if missing := sorted({one.table for one in found if one.what == fingerprints.MISSING}):
        raise HeadlineError(f"{len(missing)} published table(s) are missing, such as {missing[0]}. {HOW_TO_RESTORE}")
    if found:
        runs = recovery.correcting_runs(catalog, found)
        raise HeadlineError("\n".join([f"{len(found)} published period(s) are not as recorded; these runs fix them:", *runs]))
    without = {one.table for one in verified.unknown} if not adopt else set()
    print(f"{len(asked) - len(without)} table(s) are as recorded", file=sys.stderr)


def inspect_(
    table: Annotated[str, typer.Argument(help="schema.table")],
    run: Annotated[str, typer.Argument(help="Run id or run key, or the beginning of either; the newest if left out.")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what a run computed and did not publish, beside what is published: rows added, removed and changed, and totals."""
    from headline.ledger import Ledger
    from headline.pipeline import held_staging_table, inspect
    from headline.warehouse import open_warehouse

    found = sound_catalog().table(table)
    staging_table = held_staging_table(found, run, Ledger())
    lines = inspect(found, staging_table, open_warehouse())
    days = ", ".join(map(str, staging_table.intervals))
    rows = [(line.table, line.what, line.key, line.column, line.before, line.after, line.difference) for line in lines]
    columns = ["table", "what", "key", "column", "published", "staging_table", "difference"]
    show(columns, rows, form, title=f"{table} for {days}, as the run {staging_table.run_id} computed it ({staging_table.state})")


def _with_contract(tables: Iterable[Table]) -> list[Table]:
    """The tables whose contract can be read; what is wrong with the others goes to stderr."""
    from headline import specs

    asked = []
    for table in tables:
        if faults := specs.read_contract(table)[1]:
            print("\n".join([f"headline: {table.full_name} is left out:", *(f"  - {one}" for one in faults)]), file=sys.stderr)
        else:
            asked.append(table)
    return asked


COMMANDS = (query, reads, tables, why, verify, inspect_)
