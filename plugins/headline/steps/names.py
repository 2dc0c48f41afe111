"""What the table names in SQL stand for inside one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from headline.intervals import Interval
from headline.ledger import SchemaChanges
from headline.specs import Table, Window, load_contract
from headline.sql import Overlay, Resolution, parse, render, resolve, with_nulls, write
from headline.steps.run import PipelineRun
from headline.warehouse import Output, Staging

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


def compile_table(table: Table, interval: Interval, names: Mapping[str, Resolution], dialect: str) -> str:
    """A table's SELECT as the engine runs it for the interval, widened to the table's whole periods."""
    where = f"{table.sql_file.parent.name}/{table.sql_file.name}"
    query = parse(render(table.sql_file.read_text(), interval.widen(table.period), where, **table.template_names), where)
    return write(resolve(query, names, copy=False), dialect)


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
