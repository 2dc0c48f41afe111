"""Data diff of the rows that a run, or the current SQL, computed and did not publish, against the published rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headline.errors import BadRequest, SpecError
from headline.intervals import Interval
from headline.ledger import Ledger, StagingTable
from headline.pipeline.compared import Comparison, Difference, Side
from headline.pipeline.landed import landed
from headline.pipeline.names import rendered, resolutions
from headline.pipeline.run import PipelineRun, kept_for
from headline.specs import Source, Table
from headline.sql import compile_table, within, write
from headline.warehouse import Output, Staging, Warehouse


def held_staging_table(table: Table, run: str, ledger: Ledger) -> StagingTable:
    """What a run has computed for a table and not published; `run` is its run id or its key, or the beginning of either, or
    empty for the newest that has something.

    Raises BadRequest where there is none, or more than one, with the runs that have one.
    """
    known = ledger.staging_tables_of(table.full_name)
    named = [one for one in known if run in (one.run_id, one.run_key)]
    found = named or [one for one in known if one.run_id.startswith(run) or one.run_key.startswith(run)]
    held = [one for one in found if one.state != "published"]
    if len(held) == 1 or (held and not run):
        return held[0]
    others = "; ".join(f"{one.run_id} ({one.run_key}, {one.state})" for one in known if one.state != "published")
    there_are = f"these runs have one: {others}" if others else "no run has one"
    if held:
        raise BadRequest(f"{table.full_name}: several runs begin with {run!r}; {there_are}")
    if found:
        raise BadRequest(
            f"{table.full_name}: the run {found[0].run_id} has published it, so there is nothing to compare; {there_are}"
        )
    if ledger.was_audited(table.full_name, run):
        gone = f"what the run {run} computed was kept {kept_for()} and has expired; clear it"
        raise BadRequest(f"{table.full_name}: {gone} to compute it again; {there_are}")
    raise BadRequest(f"{table.full_name}: no run begins with {run!r}; {there_are}")


def inspect(table: Table, staging_table: StagingTable, warehouse: Warehouse) -> list[Difference]:
    """The staging table beside what is published for its days, for the table and its quarantine; nothing is changed by it.

    Raises BadRequest where the warehouse has the staging table no more.
    """
    with warehouse.kept(staging_table.run_key) as session, session.reading():
        for output in table.outputs:
            if not _columns(session.staging_name(output), session):
                raise BadRequest(f"{staging_table.table}: the run {staging_table.run_id} has left no rows to look at; clear it")
        return list(_beside_published(table, staging_table.intervals, session, warehouse.dialect))


def compute_and_compare(run: PipelineRun, table: Table) -> list[Difference]:
    """Data diff of the current SQL on the published inputs for the days of a run against the published rows of the table.

    Neither the ledger nor a published table is changed. Raises SpecError for faulty SQL or an input that was never published.
    """
    days = run.requested.widen(table.period)
    with run.warehouse.staging(run.key) as session, session.reading():
        text = rendered(table, days) if isinstance(run.pipeline, Source) else ""
        names = resolutions(run, table.reads, {}, session, text, landed(run, table.reads, [days]))
        session.stage(table, [compile_table(table, days, names, run.warehouse.dialect)])
        return list(_beside_published(table, [days], session, run.warehouse.dialect))


def _beside_published(table: Table, intervals: Sequence[Interval], session: Staging, dialect: str) -> Iterator[Difference]:
    days = f" where {write(within(table.period_column, intervals), dialect)}" if table.period_column else ""
    for output in table.outputs:
        staged, published = _columns(session.staging_name(output), session) or (), _columns(output, session)
        types = {name: kind for name, kind in Output(output, table).columns.items() if name in staged}
        old = None if published is None else {name: types.get(name, "") for name in published}
        yield from Comparison(
            output, table, Side(output, old, days), Side(session.staging_name(output), types), session.query
        ).lines()


def _columns(table: str, session: Staging) -> Sequence[str] | None:
    """The columns of a table; None where there is no such table."""
    try:
        return session.query(f"select * from {table} limit 0").columns
    except SpecError:
        return None
