"""Resolves the table names of SQL within one run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import cast

from sqlglot import exp

from headline.drift.agreement import agreed_columns
from headline.intervals import Interval
from headline.ledger import Load, SchemaChanges
from headline.pipeline.run import PipelineRun
from headline.sources.columns import TEXT
from headline.sources.intact import require_intact
from headline.sources.refused import REFUSAL, RESERVED, UNREAD
from headline.specs import Pipeline, Source, Table, load_contract
from headline.sql import Overlay, Resolution, arrived_columns, render
from headline.warehouse import Output, Session, Staging, staging_of


def resolutions(
    run: PipelineRun,
    reads: Iterable[str],
    computed: Mapping[str, list[Interval]],
    session: Staging,
    text: str,
    loads: Mapping[str, Sequence[Load]],
) -> dict[str, Resolution]:
    """For each table that the SQL `text` reads: the run's own staging table over what is published, or the files that landed.

    Every other name is the published table. `computed`: the days of each table that the run has staged. `loads`: by
    landing, what is read of it.
    """
    found: dict[str, Resolution] = {}
    for name in reads:
        table = run.pipeline.outputs.get(name)
        if name.startswith("landing."):
            found[name] = landing_rows(run, name, loads[name], session, text)
        elif table is not None and table.full_name in computed:
            columns = list(Output(name, table).columns)
            found[name] = Overlay(session.staging_name(name), columns, computed[table.full_name], table.period_column)
    return found


def expected(pipeline: Pipeline, table: Table, dialect: str) -> dict[str, Resolution]:
    """What `resolutions` will give for the tables that a table reads, but for files and days: enough to prepare its SQL."""
    found: dict[str, Resolution] = {}
    ordered = pipeline.ordered_tables
    before = {name: one for one in ordered[: ordered.index(table)] for name in one.outputs}
    for name in table.reads:
        if name.startswith("landing."):
            found[name] = exp.Placeholder()
        elif one := before.get(name):
            day = Interval(date(2000, 1, 1), date(2000, 1, 2))
            columns = list(Output(name, one).columns)
            staged = staging_of(dialect).staging_name_of_every_run(name)
            found[name] = Overlay(staged or name, columns, [day], one.period_column)
    return found


def rendered(table: Table, interval: Interval) -> str:
    """A table's SELECT for the interval, widened to the table's whole periods, before names are resolved."""
    return render(table.sql_file.read_text(), interval.widen(table.period), table.sql_file.name, **table.template_names)


def outputs_needed(run: PipelineRun, names: Iterable[str]) -> list[Output]:
    """The published tables that a run fills or reads, also in checks."""
    makers = run.catalog.makers
    tables = {makers[name].outputs[name].full_name: makers[name].outputs[name] for name in names if name in makers}
    tables |= {table.full_name: table for table in run.pipeline.ordered_tables}
    return [Output(name, table) for table in tables.values() for name in table.outputs]


def landing_rows(run: PipelineRun, name: str, landed: Sequence[Load], session: Session, text: str) -> Resolution:
    """The files that landed, as far as the SQL mentions their columns. What of a refused record could not be read is null; where
    the SQL does not ask for `headline_refusal`, refused records are left out."""
    source = cast("Source", run.pipeline)
    loads = [load for load in landed if load.row_count]
    require_intact(loads, source.id)
    is_mentioned = _mentioned(text)
    reserved = sorted(filter(is_mentioned, RESERVED))
    # What other days had is null on these, so that days make the same rows alone and together.
    seen = sorted(filter(is_mentioned, SchemaChanges(run.ledger.conn_id).columns_seen(name)))
    table = source.tables.get(name.removeprefix("landing."))
    contract = load_contract(table).column_names if table else []
    empty = dict.fromkeys([*contract, *seen, *reserved], "varchar") | {"ds": "date"}
    rows = session.landing({load.file: load.columns for load in loads}, empty)
    if not loads:
        return rows
    known = {column.casefold(): column for load in loads for column in load.columns}
    arrived = {one: column for one, column in known.items() if is_mentioned(column)}
    # Where no record could be read, not even on a day before, the SQL asks for columns that nobody has seen.
    agreed = [] if arrived.keys() - {"ds", *RESERVED} else sorted(agreed_columns(source, name.removeprefix("landing.")))
    absent = [column for column in dict.fromkeys([*seen, *agreed, *reserved]) if column.casefold() not in arrived]
    if REFUSAL not in known:
        return arrived_columns(rows, list(arrived.values()), absent)
    unread = {arrived[one] for one in _typed(source, name) & arrived.keys()}
    told_by_row = UNREAD if UNREAD in known else ""
    return arrived_columns(rows, list(arrived.values()), absent, REFUSAL, unread if reserved else None, told_by_row)


def _mentioned(text: str) -> Callable[[str], bool]:
    """Whether SQL mentions a column: any other name out of the data never becomes a part of a query."""
    known = text.casefold()
    words = {"ds", *re.findall(r"\w+", known)}
    takes_all = re.search(r"(\bselect|,|\.)\s*\*", known) is not None

    def is_mentioned(column: str) -> bool:
        name = column.casefold()
        if name in words:
            return True
        return (takes_all and name not in RESERVED) if name.isidentifier() else bool(name.strip()) and name in known

    return is_mentioned


def _typed(source: Source, name: str) -> set[str]:
    """The columns of a landing that are cast to anything but text."""
    agreed = agreed_columns(source, name.removeprefix("landing."))
    return {column.casefold() for column, kinds in agreed.items() if kinds - {TEXT}}
