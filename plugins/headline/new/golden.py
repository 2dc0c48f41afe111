"""A first golden case of a table: rows made up, and what its SELECT makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headline.errors import HeadlineError
from headline.intervals import DAY, Interval
from headline.new.draft import Draft, in_flow
from headline.new.figures import FIRST
from headline.rules import golden
from headline.rules.fault import shown
from headline.specs import Catalog, Table

CASE = "first_case"
_INTERVAL = Interval(FIRST, FIRST + DAY)


def case_folder(area: str, pipeline: str, table: str) -> Path:
    return golden.cases_folder() / area / pipeline / table / CASE


def add_given(
    draft: Draft, case: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]], types: Mapping[str, str] | None = None
) -> None:
    """The rows that a case gives, by the table they are of. `types`: of the columns of what landed."""
    for name, given in rows.items():
        file = case / "given" / f"{name}.yml"
        if types:
            draft.add(file, "given_landing.yml", types=in_flow(types), rows=[in_flow(row) for row in given])
        else:
            draft.add(file, "given.yml", rows=[in_flow(row) for row in given])


def add_expected(draft: Draft, case: Path, catalog: Catalog, table: Table) -> None:
    """What the SELECT makes of the given rows by now, without what is NULL in all of them; the given ones must be written.

    Raises HeadlineError, with where to look, where the SELECT does not run.
    """
    try:
        with golden.reporting_zone("UTC"), golden.open_in_memory() as session:
            for name in table.reads:
                golden.make_given(catalog, name, case / "given" / f"{name}.yml", session)
            rows = golden.run_select(table, _INTERVAL, session)
    except HeadlineError as error:
        raise HeadlineError(f"{shown(table.sql_file)} was written and does not run over {shown(case)}: {error}") from error
    filled = [name for name in rows[0] if any(row[name] is not None for row in rows)] if rows else []
    lines = sorted(in_flow({name: row[name] for name in filled}) for row in rows)
    draft.add(case / "expect.yml", "expect.yml", first=_INTERVAL.start, end=_INTERVAL.end, rows=lines)
