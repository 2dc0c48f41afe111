"""What is published of every table, what of it is stale, and what a person asks of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from headline.errors import HeadlineError, SpecError
from headline.intervals import DAY, in_words, merge
from headline.ledger import Ledger, PeriodState, Read, made_by_earlier_code, partial_days, record_reads, stale_states
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
    among: Collection[str] | None = None,
    masked: Mapping[str, Sequence[Column]] | None = None,
    first: int | None = None,
) -> Rows:
    """The rows of one SELECT, which the audit log knows before anybody is given them; what is refused is in it without rows.

    `reader`: who asks. `among`: the tables that they may read, all that are published if left out. `masked`: the columns of those
    whose personal data they may not see, which are null. `first`: so many rows are enough. Raises SpecError for what is not one
    SELECT, BadRequest for what it may not read, or where it is or takes too much.
    """
    from headline.warehouse import ask, open_warehouse

    try:
        found = ask(open_warehouse(), without_personal_data(sql, masked or {}), among, first)
    except HeadlineError:
        _record(reader, sql, None)
        raise
    _record(reader, sql, len(found.rows))
    return Rows(found.columns, found.rows)


def _record(reader: str, sql: str, row_count: int | None) -> None:
    from headline.sql import parse, tables_read
    from headline.warehouse import LONGEST_QUERY

    told = sql[:LONGEST_QUERY].replace("\0", " ")  # which PostgreSQL keeps in no text
    try:
        names = tuple(sorted({name.casefold() for name in tables_read(parse(told, "the query"))}))
    except SpecError:
        names = ()
    record_reads(Read(reader, "query", names, told, row_count))


def without_personal_data(sql: str, masked: Mapping[str, Sequence[Column]]) -> str:
    """The same query of tables whose personal data are null; of those that it does not read nothing changes."""
    from headline.sql import parse, resolve, tables_read
    from headline.warehouse import LONGEST_QUERY

    if not masked or len(sql) > LONGEST_QUERY:
        return sql
    tree = parse(sql, "the query")
    read = {name: _rows_without_personal_data(name, masked) for name in tables_read(tree) if name.casefold() in masked}
    return resolve(tree, read).sql(dialect="duckdb", comments=False) if read else sql


def _rows_without_personal_data(name: str, masked: Mapping[str, Sequence[Column]]) -> Any:
    """What stands for a table in a query: its rows with nulls where personal data are."""
    from headline.sql import parse

    columns = (
        f"cast(null as {one.sql_type}) as {one.name}" if one.attributes.personal else one.name for one in masked[name.casefold()]
    )
    return parse(f"select {', '.join(columns)} from {name}", name).subquery()
