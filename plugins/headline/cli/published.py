"""The commands that tell what is published, and whether it is as recorded."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from headline import recovery
from headline.cli.options import sound_catalog
from headline.errors import HeadlineError
from headline.options import FormatOption
from headline.show import Format, show

if TYPE_CHECKING:
    from headline.ledger import PeriodState
    from headline.specs import Table


def query(sql: str, form: FormatOption = Format.TABLE) -> None:
    """Read the published tables with one SELECT, on any engine; it can reach and change nothing else."""
    from headline.ledger import only_read
    from headline.warehouse import ask, open_warehouse

    only_read()
    result = ask(open_warehouse(), sql)
    show(result.columns, result.rows, form)


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
    from headline.intervals import in_words
    from headline.ledger import Ledger, made_by_earlier_code, only_read, partial_days

    only_read()
    if stale:
        _stale_tables(form)
        return
    catalog = sound_catalog()
    makers = catalog.makers
    ledger = Ledger()
    states = ledger.states(catalog.tables)
    partial = {name: days for pipeline in catalog.pipelines.values() for name, days in partial_days(pipeline, states).items()}
    published = ledger.newest_publications()
    earlier = made_by_earlier_code(catalog.tables.values(), ledger)
    rows = []
    for name, table in catalog.tables.items():
        mine = [state for state in states if state.table == name]
        newest = published.get(name)
        rows.append(
            (
                name,
                makers[name].id,
                table.period,
                min((one.interval.start for one in mine), default=None),
                max((one.interval.end for one in mine), default=None),
                _status(mine[-1:], name in partial) if newest else "never published",
                in_words(partial.get(name, ())),
                in_words(day for one in earlier.get(name, ()) for day in one),
                newest.published_at.replace(microsecond=0) if newest else None,
            )
        )
    columns = ["table", "pipeline", "period", "from", "before", "status", "partial_days", "days_by_earlier_code", "published_at"]
    show(columns, rows, form)


def _status(newest: Sequence[PeriodState], is_partial: bool) -> str:
    """How a table stands: open while its newest week or month has not ended, whatever days before it are partial."""
    if newest and newest[0].is_open:
        return "open"
    return "partial" if is_partial else "complete"


def _stale_tables(form: Format) -> None:
    from headline.intervals import DAY, in_words, merge
    from headline.ledger import Ledger, made_by_earlier_code, stale_states

    catalog, ledger = sound_catalog(), Ledger()
    earlier = made_by_earlier_code(catalog.tables.values(), ledger)
    rows = []
    for pipeline in catalog.pipelines.values():
        for table in pipeline.ordered_tables:
            stale = merge(state.interval for state in stale_states(table, pipeline.reads_by_table(table), ledger))
            outdated = earlier.get(table.full_name, [])
            if intervals := merge([*stale, *outdated]):
                command = f"headline trigger {pipeline.id} --from {intervals[0].start} --to {intervals[-1].end - DAY}"
                told = [in_words(day for one in days for day in one) for days in (stale, outdated)]
                rows.append((table.full_name, *told, command))
    show(["table", "stale_days", "days_by_earlier_code", "command"], rows, form)
    if rows:
        print('all of them: headline backfill run --stale --reason "…"', file=sys.stderr)


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
    from headline.intervals import DAY
    from headline.ledger import Ledger
    from headline.ledger.identity import MENDING
    from headline.pipeline import fingerprints
    from headline.warehouse import open_warehouse

    catalog = sound_catalog()
    asked = _with_contract([catalog.table(table)] if table else catalog.tables.values())
    verified = fingerprints.verify_published(asked, Ledger(), open_warehouse())
    if verified.mismatch:
        raise HeadlineError(f"the warehouse is not the one that the ledger knows: {verified.mismatch}. {MENDING}")
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
        raise HeadlineError(f"{len(missing)} published table(s) are missing, such as {missing[0]}. {MENDING}")
    if found:
        runs = recovery.mending_runs(catalog, found)
        raise HeadlineError("\n".join([f"{len(found)} published period(s) are not as recorded; these runs mend them:", *runs]))
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


COMMANDS = (query, tables, verify, inspect_)
