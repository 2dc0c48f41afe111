"""`headline …`: look at what is there, from the shell."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headline import recovery, settings
from headline.errors import HeadlineError
from headline.local import commands as local
from headline.maintenance import commands as upkeep
from headline.new import commands as new
from headline.oncall import commands as oncall
from headline.paging import commands as alerts
from headline.profile import commands as profiles
from headline.show import Format, show
from headline.space import is_full, no_space
from headline.why import commands as why

if TYPE_CHECKING:
    from headline.intervals import Interval
    from headline.ledger import PeriodState
    from headline.specs import Catalog, Table

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
contract_app = typer.Typer(no_args_is_help=True, help="Contracts, and what the sources send.")
app.add_typer(contract_app, name="contract")
app.add_typer(new.app, name="new")

FormatOption = Annotated[Format, typer.Option("--format", help="How rows are written.")]


class Engine(StrEnum):
    """The engines that the portable subset of SQL is meant for."""

    DUCKDB = "duckdb"
    ATHENA = "athena"
    SPARK = "spark"


FirstOption = Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD; yesterday if left out.")]
LastOption = Annotated[str | None, typer.Option("--to", help="Last day, included; the first if left out.")]
EngineOption = Annotated[Engine, typer.Option(help="Whose SQL is printed.")]


def _shown_days(first: str | None, last: str | None) -> Interval:
    """The days that something is shown for: those asked for, or yesterday."""
    from headline.intervals import DAY, Interval, requested_interval

    today = date.today()  # noqa: DTZ011 (only a default for the eye)
    return requested_interval(first, last, Interval(today - DAY, today), date.max)


@app.command()
def query(sql: str, form: FormatOption = Format.TABLE) -> None:
    """Read the published tables with one SELECT, on any engine; it can reach and change nothing else."""
    from headline.ledger import only_read
    from headline.warehouse import ask, open_warehouse

    only_read()
    result = ask(open_warehouse(), sql)
    show(result.columns, result.rows, form)


@app.command("compile")
def compile_(
    table: Annotated[str, typer.Argument(help="schema.table")],
    first: FirstOption = None,
    last: LastOption = None,
    engine: EngineOption = Engine.DUCKDB,
) -> None:
    """Print the SELECT of a table as an engine runs it for some days."""
    from headline import specs
    from headline.pipeline import compile_table

    print(compile_table(specs.load().table(table), _shown_days(first, last), {}, engine))


@app.command()
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
    catalog = _sound_catalog()
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

    catalog, ledger = _sound_catalog(), Ledger()
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


@app.command()
def verify(
    table: Annotated[str | None, typer.Argument(help="schema.table; all if left out.")] = None,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Take what is published as right where the ledger has no fingerprint of it.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compare what is published with the ledger; name every day that differs, and the run that mends it. Ends with 1 if any does.

    First it says whether the warehouse is the one that the ledger knows, and what mends it where it is not, or where tables are
    missing.
    The days that differ count as changed from then on, so that the next run for them replaces them. Periods that were published
    before fingerprints were kept are not known; --adopt gives them the fingerprint of what is published, and no new version.
    """
    from headline.intervals import DAY
    from headline.ledger import Ledger
    from headline.ledger.identity import MENDING
    from headline.pipeline import fingerprints
    from headline.warehouse import open_warehouse

    catalog = _sound_catalog()
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


@app.command()
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
    from headline.intervals import DAY, Interval, business_day, requested_interval
    from headline.ledger import Ledger
    from headline.pipeline import reconcile as steps

    today = business_day(datetime.now(UTC), settings.load().reporting_zone)
    interval = requested_interval(first, last, Interval(today - DAY, today), today)
    found = list(steps.reconcile(_sound_catalog().source(source), interval, Ledger(), landings or ()))
    rows = [(one.landing, one.ds, one.rows_loaded, one.rows_at_source, one.found) for one in found]
    show(["landing", "day", "rows_loaded", "rows_at_source", "found"], rows, form)
    if found:
        raise HeadlineError(
            f"{len(found)} difference(s) between {source} and what is loaded of it.\n{steps.next_step(source, found)}"
        )
    print(f"{source} is as loaded", file=sys.stderr)


@app.command()
def checks(form: FormatOption = Format.TABLE) -> None:
    """List how many checks of each dimension every table has, from which it is exempt, and which columns cannot be summed."""
    from typing import get_args

    from headline import specs

    dimensions = get_args(specs.Dimension)
    rows = []
    for name, table in _sound_catalog().tables.items():
        contract, faults = specs.read_contract(table)
        for fault in faults:
            print(f"headline: {fault}", file=sys.stderr)
        has = contract.dimensions if contract else dict.fromkeys(dimensions)
        not_additive = ", ".join(contract.not_additive) if contract else ""
        counts = (has[one] or ("exempt" if one in table.exempt else None) for one in dimensions)
        rows.append((name, *counts, not_additive or None))
    show(["table", *dimensions, "not_additive"], rows, form)


@app.command()
def check(
    folders: Annotated[
        list[str] | None, typer.Argument(help="<area>/<pipeline> below include/sql, or files of it; all if left out.")
    ] = None,
) -> None:
    """Tell all that is wrong with pipelines' folders, golden cases included; needs neither a database nor Airflow.

    Ends with 1 where anything is wrong.
    """
    from headline.rules import report, style

    found = report.check(report.find_folders(*folders or ()))
    for one, faults in found.items():
        print("\n".join(report.written(one, faults)))
    if not style.is_installed():
        print(
            "headline: sqlfluff and yamllint are not installed (make setup brings them): style was not checked", file=sys.stderr
        )
    if wrong := sum(len(faults) for faults in found.values()):
        raise HeadlineError(f"{wrong} fault(s) in {sum(map(bool, found.values()))} of {len(found)} folder(s)")


@app.command()
def audits(
    table: Annotated[str | None, typer.Argument(help="schema.table; all if left out.")] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only what failed, warned or was not checked, with rows that it found.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List every check's outcome in the newest audit of each table; as JSON or CSV with the keys of rows that it found."""
    from headline.ledger import Ledger
    from headline.pipeline.samples import shown

    rows = [
        {
            "table": row.table_name,
            "check": row.check_name,
            "kind": row.kind,
            "outcome": row.outcome,
            "measured": row.measured,
            "threshold": row.threshold,
            "audited_at": row.audited_at.replace(microsecond=0),
            "sample": shown(row.sample or []) if form is Format.TABLE else row.sample,
        }
        for row in Ledger().latest_audits([table] if table else None)
        if not failed or row.outcome in ("failed", "not_evaluated", "warned")
    ]
    columns = ["table", "check", "kind", "outcome", "measured", "threshold", "audited_at", "sample"]
    if form is Format.TABLE:  # a screen is too narrow for all of it
        columns = ["table", "check", "outcome", "measured", "sample"] if failed else columns[:-1]
    show(columns, [[row[column] for column in columns] for row in rows], form)


@app.command()
def runbooks(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; end with 1 where something is missing or stale.")
    ] = False,
) -> None:
    """Write the generated parts of every RUNBOOK.md and of docs/alerts, and CODEOWNERS; say what somebody has to write."""
    from headline import runbooks, specs

    known, catalog = settings.load(), specs.load()
    pipelines = [one for one in catalog.pipelines.values() if one.folder.is_relative_to(known.sql)]  # no stand-ins for sources
    if not check:
        for pipeline in pipelines:
            pipeline.runbook_file.write_text(runbooks.regenerated(pipeline, catalog))
        for page in runbooks.ALERT_PAGES.glob("*.md"):
            page.write_text(runbooks.regenerated_alert(page))
        runbooks.CODEOWNERS.write_text(runbooks.codeowners())
    found = [f"{one.area}/{one.id}/RUNBOOK.md: {fault}" for one in pipelines for fault in runbooks.faults(one, catalog)]
    found += [f"docs/alerts/{fault}" for fault in runbooks.alert_faults()]
    if found:
        raise HeadlineError("\n".join(["the runbooks are not as they should be:", *(f"  - {fault}" for fault in found)]))


@contract_app.command("show")
def contract_show(
    table: Annotated[str, typer.Argument(help="schema.table")],
    first: FirstOption = None,
    last: LastOption = None,
    engine: EngineOption = Engine.DUCKDB,
) -> None:
    """Print a contract with all that conventions say, in Soda's own format: `soda contract verify` takes it as it is.

    It checks the published rows of these days.
    """
    import yaml

    from headline import specs
    from headline.sql import soda_contract

    written = soda_contract(specs.load().table(table), _shown_days(first, last), engine)

    class Dumper(yaml.SafeDumper):
        """Lines of SQL stay lines."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    print(yaml.dump(written, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=130), end="")


@contract_app.command("diff")
def contract_diff(table: Annotated[str, typer.Argument(help="schema.table, filled by a source")]) -> None:
    """Print the edit of a contract that would agree to what its source sends by now, and what else that touches."""
    from headline import specs
    from headline.drift.proposal import propose

    proposal = propose(specs.load(), table)
    if not proposal.changes:
        print(f"Nothing to change: {table} agrees with what arrived last")
    for line in (*map(str, proposal.changes), *proposal.notes):
        print(f"# {line}")
    print(proposal.diff, end="")


@app.command()
def repairs(
    landing: Annotated[str | None, typer.Argument(help="landing.<name> or a pipeline; all if left out.")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the attempts to bring missing days, with what was there before and after."""
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


@app.command("inspect")
def inspect_(
    table: Annotated[str, typer.Argument(help="schema.table")],
    run: Annotated[str, typer.Argument(help="Run id or run key, or the beginning of either; the newest if left out.")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what a run computed and did not publish, beside what is published: rows added, lost and changed, and totals."""
    from headline.ledger import Ledger
    from headline.pipeline import held_staging_table, inspect
    from headline.warehouse import open_warehouse

    found = _sound_catalog().table(table)
    staging_table = held_staging_table(found, run, Ledger())
    lines = inspect(found, staging_table, open_warehouse())
    days = ", ".join(map(str, staging_table.intervals))
    rows = [(line.table, line.what, line.key, line.column, line.published, line.staging_table, line.difference) for line in lines]
    columns = ["table", "what", "key", "column", "published", "staging_table", "difference"]
    show(columns, rows, form, title=f"{table} for {days}, as the run {staging_table.run_id} computed it ({staging_table.state})")


def _sound_catalog() -> Catalog:
    """Every folder without faults; what is wrong with the others goes to stderr, so that one hides no other."""
    from headline import specs

    catalog, faults = specs.load_sound_and_faults()
    if faults:
        print("headline: some folders are faulty, `headline check` tells all of it:", file=sys.stderr)
    for fault in faults:
        print(f"  - {fault}", file=sys.stderr)
    return catalog


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


for command in (
    *why.COMMANDS,
    *profiles.COMMANDS,
    *upkeep.COMMANDS,
    *recovery.COMMANDS,
    *alerts.COMMANDS,
    *oncall.COMMANDS,
    *local.COMMANDS,
):
    app.command()(command)


def main() -> None:
    """The entry of the console script; our own errors are shown as they are, without a traceback."""
    settings.load_environment_file()
    try:
        app()
    except HeadlineError as error:
        print(f"headline: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if not is_full(error):
            raise
        print(f"headline: {no_space('this command', Path(error.filename or settings.load().home), 0, error)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
