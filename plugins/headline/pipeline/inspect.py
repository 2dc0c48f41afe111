"""What a run computed and has not published, beside what is published: rows added, lost and changed, and totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from headline.errors import BadRequest, SpecError
from headline.ledger import Ledger, StagingTable
from headline.pipeline.run import kept_for
from headline.specs import Table, load_contract
from headline.sql import within, write
from headline.warehouse import Output, Staging, Warehouse

EXAMPLES = 20
PERSONAL = "(personal)"
_NUMERIC = {"decimal", "bigint", "integer", "smallint", "double"}
# Rows that one side has more often than the other: by how much the staging table has it more often (`surplus`), how many such
# rows of its key were `gained` and `lost`, and the `place` of the key among those of its kind.
_DIFFERING = """
with sides as (
    select 1 as side, {columns} from ({staging_table}) as staging_table
    union all
    select -1 as side, {columns} from ({published}) as published
),
surpluses as (
    select {columns}, sum(side) as surplus
    from sides
    group by {columns}
    having sum(side) <> 0
),
counted as (
    select
        {columns},
        surplus,
        sum(greatest(surplus, 0)) over (partition by {key}) as gained,
        sum(greatest(-surplus, 0)) over (partition by {key}) as lost
    from surpluses
),
kinds as (
    select
        {columns},
        surplus,
        gained,
        lost,
        case when lost = 0 then 'added' when gained = 0 then 'lost' else 'changed' end as kind
    from counted
),
differing as (
    select {columns}, surplus, gained, lost, kind, dense_rank() over (partition by kind order by {key}) as place
    from kinds
)
"""


@dataclass(frozen=True)
class Difference:
    """One line of a comparison.

    `what`: rows, rows added, rows lost, rows changed, and the total of a column or, of a quarantine, the rows of a reason; then
    up to 20 examples each of added, lost and changed rows, told by `key`, of a changed one each column that changed.
    """

    table: str
    what: str
    key: str
    column: str
    published: Any
    staging_table: Any

    @property
    def difference(self) -> Any:
        """Staging table less published, where both are numbers."""
        are_numbers = all(type(value) in (int, Decimal) for value in (self.published, self.staging_table))
        return self.staging_table - self.published if are_numbers else None


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
        gone = f"what the run {run} computed was kept {kept_for()} and is gone; clear it"
        raise BadRequest(f"{table.full_name}: {gone} to compute it again; {there_are}")
    raise BadRequest(f"{table.full_name}: no run begins with {run!r}; {there_are}")


def inspect(table: Table, staging_table: StagingTable, warehouse: Warehouse) -> list[Difference]:
    """The staging table beside what is published for its days, for the table and its quarantine; nothing is changed by it.

    Raises BadRequest where the warehouse has the staging table no more.
    """
    with warehouse.kept(staging_table.run_key) as session, session.reading():
        found = [_Comparison(output, table, staging_table, session, warehouse.dialect) for output in table.outputs]
        return [line for comparison in found for line in comparison.lines()]


class _Comparison:
    """One output of a table in both states. Equal rows are equal in all columns; the others are told apart by the table's key."""

    def __init__(self, output: str, table: Table, staging_table: StagingTable, session: Staging, dialect: str) -> None:
        self.output = output
        self.session = session
        self.contract = load_contract(table)
        staged = session.staging_name(output)
        there = _columns(staged, session)
        if there is None:
            raise BadRequest(f"{staging_table.table}: the run {staging_table.run_id} has left no rows to look at; clear it")
        before = _columns(output, session)
        columns = list(Output(output, table).columns)
        self.columns = [column for column in columns if column in there and (before is None or column in before)]
        self.new_columns = [column for column in columns if column in there and before is not None and column not in before]
        self.key = table.key if table.key and set(table.key) <= set(self.columns) else self.columns
        self.is_quarantine = output != table.full_name
        self.personal = self.contract.personal_columns
        select = ", ".join(self.columns)
        self.staging_table = f"select {select} from {staged}"
        self.published = f"select {select} from {output}"
        if before is None:
            self.published = f"{self.staging_table} where false"
        elif table.period_column:
            self.published += f" where {write(within(table.period_column, staging_table.intervals), dialect)}"
        self.differing = _DIFFERING.format(
            columns=select, key=", ".join(self.key), published=self.published, staging_table=self.staging_table
        )

    def lines(self) -> Iterator[Difference]:
        yield self._line("rows", "", "", *self._both("count(*)"))
        yield from self._counts()
        yield from (self._line("column added", column=column) for column in self.new_columns)
        yield from self._reasons() if self.is_quarantine else self._totals()
        yield from self._examples()

    def _counts(self) -> Iterator[Difference]:
        """Of a key's rows that differ, those that stand against another are changed; what is left over was added or lost."""
        [sums] = self._rows(
            f"{self.differing} select sum(greatest(gained - lost, 0)), sum(greatest(lost - gained, 0)), sum(least(gained, lost)) "
            "from (select distinct kind, place, gained, lost from differing) as keys"
        )
        for what, count in zip(("rows added", "rows lost", "rows changed"), sums, strict=True):
            yield self._line(what, staging_table=int(count or 0))

    def _totals(self) -> Iterator[Difference]:
        columns = [
            column.name for column in self.contract.columns if column.data_type in _NUMERIC and column.name not in self.key
        ]
        for name in columns:
            if name in self.columns:
                yield self._line("total", "", name, *self._both(f"sum({name})"))

    def _reasons(self) -> Iterator[Difference]:
        by_reason = "select quarantine_reason, count(*) from ({}) as side group by quarantine_reason"
        published, staging_table = (dict(self._rows(by_reason.format(side))) for side in (self.published, self.staging_table))
        for reason in sorted(published.keys() | staging_table.keys()):
            yield self._line("reason", reason, "", published.get(reason, 0), staging_table.get(reason, 0))

    def _examples(self) -> Iterator[Difference]:
        rows = self._rows(
            f"{self.differing} select kind, {', '.join(self.columns)}, surplus, place from differing "
            f"where place <= {EXAMPLES} order by kind, place, surplus"
        )
        for (kind, _), group in groupby(rows, key=lambda row: (row[0], row[-1])):
            found = [(dict(zip(self.columns, row[1:-2], strict=True)), row[-2]) for row in group]
            if kind != "changed":
                yield self._line(kind, self._shown_key(found[0][0]))
                continue
            before = next(row for row, surplus in found if surplus < 0)
            after = next(row for row, surplus in found if surplus > 0)
            for column in self.columns:
                if before[column] != after[column]:
                    values = [PERSONAL if column in self.personal else row[column] for row in (before, after)]
                    yield self._line("changed", self._shown_key(before), column, *values)

    def _line(self, what: str, key: str = "", column: str = "", published: Any = None, staging_table: Any = None) -> Difference:
        return Difference(self.output, what, key, column, published, staging_table)

    def _shown_key(self, row: dict[str, Any]) -> str:
        return ", ".join(f"{column} {row[column]}" for column in self.key if column not in self.personal)

    def _both(self, expression: str) -> list[Any]:
        """An aggregate of what is published and of the staging table."""
        return [self._rows(f"select {expression} from ({side}) as side")[0][0] for side in (self.published, self.staging_table)]

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.session.query(sql).rows


def _columns(table: str, session: Staging) -> Sequence[str] | None:
    """The columns of a table; None where there is no such table."""
    try:
        return session.query(f"select * from {table} limit 0").columns
    except SpecError:
        return None
