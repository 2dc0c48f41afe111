"""What the table names in SQL stand for inside one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from sqlglot import exp

from headline.intervals import Interval
from headline.ledger import SchemaChanges
from headline.specs import Pipeline, Table, Window, load_contract
from headline.sql import Overlay, Resolution, with_nulls
from headline.steps.run import PipelineRun
from headline.warehouse import Output, Staging, staging_of

if TYPE_CHECKING:
    from headline.steps.transform import Staged


def resolutions(
    run: PipelineRun,
    reads: Mapping[str, Window],
    intervals: Sequence[Interval],
    staged: Mapping[str, Staged],
    session: Staging,
) -> dict[str, Resolution]:
    """For each table that is read: the run's own staging table over what is published, or the files that landed.

    Every other name stands for the published table.
    """
    found: dict[str, Resolution] = {}
    for name, window in reads.items():
        table = run.pipeline.outputs.get(name)
        if name.startswith("landing."):
            found[name] = _landing(run, name, window, intervals, session)
        elif table is not None and table.full_name in staged:
            columns = list(Output(name, table).columns)
            found[name] = Overlay(session.staging_name(name), columns, staged[table.full_name].intervals, table.period_column)
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
            found[name] = Overlay(staging_of(dialect).staging_name(name), columns, [day], one.period_column)
    return found


def outputs_needed(run: PipelineRun, names: Iterable[str]) -> list[Output]:
    """The published tables that a run fills or reads, also in checks."""
    makers = run.catalog.makers
    tables = {makers[name].outputs[name].full_name: makers[name].outputs[name] for name in names if name in makers}
    tables |= {table.full_name: table for table in run.pipeline.ordered_tables}
    return [Output(name, table) for table in tables.values() for name in table.outputs]


def _landing(run: PipelineRun, name: str, window: Window, intervals: Sequence[Interval], session: Staging) -> Resolution:
    loads = run.ledger.current_loads(name, [window.reach(interval) for interval in intervals])
    table = run.pipeline.tables.get(name.removeprefix("landing."))
    files = [load.file for load in loads if load.row_count]
    seen = SchemaChanges(run.ledger.conn_id).columns_seen(name)
    contract = load_contract(table).column_names if table else []
    landed = session.landing(files, dict.fromkeys([*contract, *sorted(seen)], "varchar") | {"ds": "date"})
    # What other days had is null on these, so that days make the same rows alone and together.
    arrived = {column.casefold() for load in loads if load.row_count for column in load.columns}
    absent = [column for column in sorted(seen) if column.casefold() not in arrived]
    return with_nulls(landed, absent) if files and absent else landed
