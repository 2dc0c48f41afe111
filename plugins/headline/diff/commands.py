"""The command that shows what a change of SQL, contracts or specs does to the rows of tables."""

from __future__ import annotations

import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headline import settings
from headline.options import FormatOption, LastOption
from headline.show import Format

if TYPE_CHECKING:
    from headline.intervals import Interval

# Days over the end of a month and of a week.
FIRST, LAST = date(2026, 2, 26), date(2026, 3, 2)


def diff(
    table: Annotated[str | None, typer.Argument(help="schema.table; every table that has changed if left out.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD; for a table yesterday if left out.")] = None,
    last: LastOption = None,
    base: Annotated[str | None, typer.Option(help="Compare with where the branch left this revision; main if left out.")] = None,
    head: Annotated[str | None, typer.Option(help="The revision that has changed; the files as they are if left out.")] = None,
    seed: Annotated[int, typer.Option(help="Which demo company: another seed makes other rows.")] = 1,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what a change of SQL, contracts or specs does to rows: how many are added, removed and changed, totals, and examples.

    Without a table: the tables that a branch computes in another way than main, and those that depend on them. Both versions
    compute a few days of the demo company, in a folder of their own. Nothing is shown where no SQL, contract or spec differs.

    With a table: what its SQL, as it is in the files, computes from published inputs, compared with what is published.
    """
    if table:
        _with_published(table, first, last, form)
    else:
        _with_base(_days(first, last, FIRST, LAST), base, head, seed, form)


def _with_published(name: str, first: str | None, last: str | None, form: Format) -> None:
    from headline import specs
    from headline.diff.report import show_differences
    from headline.intervals import DAY
    from headline.ledger import Ledger
    from headline.pipeline import PipelineRun
    from headline.pipeline.inspect import compute_and_compare
    from headline.warehouse import open_warehouse

    yesterday = date.today() - timedelta(days=1)  # noqa: DTZ011 (only a default for the eye)
    days, catalog = _days(first, last, yesterday, yesterday), specs.load_sound()
    table = catalog.table(name)
    run = PipelineRun(catalog.makers[name], f"diff {days}", days, catalog, Ledger(), open_warehouse())
    lines = compute_and_compare(run, table)
    title = f"Data diff of {name} with what is published from {days.start} to {days.end - DAY}"
    show_differences({one: [line for line in lines if line.table == one] for one in table.outputs}, title, form)


def _with_base(days: Interval, base: str | None, head: str | None, seed: int, form: Format) -> None:
    from headline.diff.revisions import Repository

    repository = Repository(settings.load().include)
    commit = repository.base(base, head or "HEAD")
    nothing = f"Nothing to compare: no SQL, contract or spec has changed since {commit[:9]}"
    if not repository.has_changed(commit, head):
        print(nothing, file=sys.stderr)
        return
    from headline.diff.branch import compare_versions
    from headline.diff.report import show_differences
    from headline.intervals import DAY

    with tempfile.TemporaryDirectory(prefix="headline-diff-") as name:
        before = repository.export(commit, Path(name) / "before")
        after = repository.export(head, Path(name) / "after") if head else repository.include
        found = compare_versions(before, after, days, seed)
    if not found:
        print(nothing, file=sys.stderr)
        return
    title = f"Data diff with {commit[:9]}: the demo company from {days.start} to {days.end - DAY}"
    show_differences(found, title, form)


def _days(first: str | None, last: str | None, default_first: date, default_last: date) -> Interval:
    from headline.intervals import DAY, Interval, requested_interval

    return requested_interval(first, last, Interval(default_first, default_last + DAY), date.max)


COMMANDS = (diff,)
