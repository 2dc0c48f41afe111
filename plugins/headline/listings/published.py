"""What is published of every table, what of it is stale, and what a person asks of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from headline.intervals import DAY, in_words, merge
from headline.ledger import Ledger, PeriodState, Read, made_by_earlier_code, partial_days, stale_states
from headline.show import Rows
from headline.specs import Column, Pipeline

COLUMNS = ("table", "pipeline", "period", "from", "before", "status", "partial_days", "days_by_earlier_code", "published_at")


def tables(pipelines: Collection[Pipeline], ledger: Ledger) -> Rows:
    """A row for each table of some pipelines."""
    makers = {table.full_name: (table, one) for one in pipelines for table in one.tables.values()}
    states = ledger.states(makers)
    partial = {name: days for pipeline in pipelines for name, days in partial_days(pipeline, states).items()}
    published = ledger.newest_publications()
    earlier = made_by_earlier_code([table for table, _ in makers.values()], ledger)
    rows = []
    for name, (table, pipeline) in makers.items():
        mine = [state for state in states if state.table == name]
        newest = published.get(name)
        rows.append(
            (
                name,
                pipeline.id,
                table.period,
                min((one.interval.start for one in mine), default=None),
                max((one.interval.end for one in mine), default=None),
                _status(mine[-1:], name in partial) if newest else "never published",
                in_words(partial.get(name, ())),
                in_words(day for one in earlier.get(name, ()) for day in one),
                newest.published_at.replace(microsecond=0) if newest else None,
            )
        )
    return Rows(COLUMNS, rows)


def _status(newest: Sequence[PeriodState], is_partial: bool) -> str:
    """How a table stands: open while its newest week or month has not ended, whatever days before it are partial."""
    if newest and newest[0].is_open:
        return "open"
    return "partial" if is_partial else "complete"


def stale_tables(pipelines: Collection[Pipeline], ledger: Ledger) -> Rows:
    """A row for each table with days that are stale, or that an earlier version of SQL or contract made."""
    earlier = made_by_earlier_code([table for one in pipelines for table in one.ordered_tables], ledger)
    rows = []
    for pipeline in pipelines:
        for table in pipeline.ordered_tables:
            stale = merge(state.interval for state in stale_states(table, pipeline.reads_by_table(table), ledger))
            outdated = earlier.get(table.full_name, [])
            if intervals := merge([*stale, *outdated]):
                command = f"headline trigger {pipeline.id} --from {intervals[0].start} --to {intervals[-1].end - DAY}"
                told = [in_words(day for one in days for day in one) for days in (stale, outdated)]
                rows.append((table.full_name, *told, command))
    notes = ['all of them: headline backfill run --stale --reason "…"'] if rows else []
    return Rows(["table", "stale_days", "days_by_earlier_code", "command"], rows, notes=notes)


def query(
    sql: str,
    reader: str,
    record: Callable[[Read], None],
    among: Collection[str] | None = None,
    masked: Mapping[str, Sequence[Column]] | None = None,
    first: int | None = None,
) -> Rows:
    """The rows of one SELECT; who has read what is recorded before they are given, and that they were refused too.

    `among`: the tables that it may read, all that are published if left out. `masked`: the columns of those whose personal data
    the reader may not see: they are null. `first`: so many rows are enough.

    Raises SpecError for what is not one SELECT, BadRequest for what it may not read, or where it is or takes too much.
    """
    from headline.sql import parse, resolve, tables_read
    from headline.warehouse import LONGEST_QUERY, ask, open_warehouse

    names: tuple[str, ...] = ()
    row_count = None
    try:
        asked = sql
        if len(sql) <= LONGEST_QUERY:
            tree = parse(sql, "the query")
            names = tuple(sorted(tables_read(tree)))
            without = {name: _without_personal_data(name, masked) for name in names if masked and name.casefold() in masked}
            if without:
                asked = resolve(tree, without).sql(dialect="duckdb", comments=False)
        found = ask(open_warehouse(), asked, among, first)
        row_count = len(found.rows)
    finally:
        record(Read(reader, "query", tuple(name.casefold() for name in names), sql[:LONGEST_QUERY].replace("\0", ""), row_count))
    return Rows(found.columns, found.rows)


def _without_personal_data(name: str, masked: Mapping[str, Sequence[Column]]) -> Any:
    """What stands for a table in a query: its rows with nulls where personal data are."""
    from headline.sql import parse

    columns = (
        f"cast(null as {one.sql_type}) as {one.name}" if one.attributes.personal else one.name for one in masked[name.casefold()]
    )
    return parse(f"select {', '.join(columns)} from {name}", name).subquery()  # type: ignore[attr-defined]
