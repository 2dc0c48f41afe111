"""What the table names in SQL stand for inside one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from headline.intervals import Interval
from headline.ledger import SchemaChanges
from headline.specs import Catalog, Contract, Table, Window, load_contract
from headline.sql import Overlay, Resolution, parse, render, resolve, with_nulls, write
from headline.steps.run import PipelineRun
from headline.warehouse import Session, candidate_name


def output_columns(name: str, table: Table, contract: Contract) -> list[str]:
    """The columns of an output in order: a quarantine has the reason of the refusal besides."""
    return contract.column_names + (["quarantine_reason"] if name != table.full_name else [])


def resolutions(
    run: PipelineRun, reads: Mapping[str, Window], intervals: Sequence[Interval], session: Session
) -> dict[str, Resolution]:
    """For each table that is read: the run's own candidate over what is published, or the files that landed.

    Every other name stands for the published table, which is made, empty, where nothing was published yet.
    """
    ensure_outputs(_makers(run.catalog, reads), session)
    candidates = run.open_candidates()
    found: dict[str, Resolution] = {}
    for name, window in reads.items():
        table = run.pipeline.outputs.get(name)
        if name.startswith("landing."):
            found[name] = _landing(run, name, window, intervals, session)
        elif table is not None and table.full_name in candidates:
            columns = output_columns(name, table, load_contract(table))
            candidate = candidate_name(name, run.key)
            found[name] = Overlay(candidate, columns, candidates[table.full_name].intervals, table.period_column)
    return found


def compile_table(table: Table, interval: Interval, names: Mapping[str, Resolution], dialect: str) -> str:
    """A table's SELECT as the engine runs it for the interval, widened to the table's whole periods."""
    where = f"{table.sql_file.parent.name}/{table.sql_file.name}"
    query = parse(render(table.sql_file.read_text(), interval.widen(table.period), where, **table.template_names), where)
    return write(resolve(query, names), dialect)


def ensure_outputs(tables: Iterable[Table], session: Session) -> None:
    """The published tables, empty where nothing was published yet, so that every name can be read."""
    for table in tables:
        for name in table.outputs:
            session.ensure_table(name, load_contract(table), quarantine=name != table.full_name)


def _makers(catalog: Catalog, names: Iterable[str]) -> list[Table]:
    makers = catalog.makers
    tables = [makers[name].outputs[name] for name in names if name in makers]
    return list({table.full_name: table for table in tables}.values())


def _landing(run: PipelineRun, name: str, window: Window, intervals: Sequence[Interval], session: Session) -> Resolution:
    loads = run.ledger.current_loads(name, [reach(interval, window) for interval in intervals])
    table = run.pipeline.tables.get(name.removeprefix("landing."))
    files = [load.file for load in loads if load.row_count]
    seen = SchemaChanges(run.ledger.conn_id).columns_seen(name)
    contract = load_contract(table).column_names if table else []
    landed = session.landing(files, dict.fromkeys([*contract, *sorted(seen)], "varchar") | {"ds": "date"})
    # What other days had is null on these, so that days make the same rows alone and together.
    arrived = {column.casefold() for load in loads if load.row_count for column in load.columns}
    absent = [column for column in sorted(seen) if column.casefold() not in arrived]
    return with_nulls(landed, absent) if files and absent else landed


def reach(interval: Interval, window: Window) -> Interval:
    """The days of an input that the days of an interval depend on."""
    start = date.min if window.days_before == "all" else interval.start - timedelta(days=window.days_before)
    end = date.max if window.days_after == "all" else interval.end + timedelta(days=window.days_after)
    return Interval(start, end)
