"""Compares the rows of one table in two states in the engine: every difference once, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from headline.specs import Table, load_contract
from headline.warehouse import Result

EXAMPLES = 20
PERSONAL = "(personal)"
ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_NUMERIC = {"decimal", "bigint", "integer", "smallint", "double"}
# Rows that one side has more often than the other: by how much it is more often there after (`surplus`), how many such rows of
# its key were `gained` and `lost`, and the `place` of the key among those of its kind.
_DIFFERING = """
with sides as (
    select 1 as side, {columns} from ({after}) as after_rows
    union all
    select -1 as side, {columns} from ({before}) as before_rows
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
        case when lost = 0 then 'added' when gained = 0 then 'removed' else 'changed' end as kind
    from counted
),
differing as (
    select {columns}, surplus, gained, lost, kind, dense_rank() over (partition by kind order by {key}) as place
    from kinds
)
"""


@dataclass(frozen=True)
class Side:
    """One state of a table: the expression of a FROM clause that gives its rows, and the type of each column, in order.

    `condition`: which of its rows are compared. `columns` is None where there is no such table.
    """

    rows: str
    columns: Mapping[str, str] | None
    condition: str = ""


@dataclass(frozen=True)
class Difference:
    """One line of a comparison.

    `what`: rows, rows added, rows removed, rows changed, and the total of a column or, of a quarantine, the rows of a reason;
    then the keys whose rows differ in a column, and up to 20 examples each of added, removed and changed rows, told by `key`, of
    a changed one each column that changed.
    """

    table: str
    what: str
    key: str
    column: str
    before: Any
    after: Any

    @property
    def difference(self) -> Any:
        """After less before, where both are numbers."""
        are_numbers = all(type(value) in (int, Decimal) for value in (self.before, self.after))
        return self.after - self.before if are_numbers else None


class Comparison:
    """One output of a table in two states. Equal rows are equal in all columns; the others are matched by the table's key."""

    def __init__(self, output: str, table: Table, before: Side, after: Side, query: Callable[[str], Result]) -> None:
        self._output, self._query = output, query
        self._contract = load_contract(table)
        self._is_quarantine = output != table.full_name
        self._personal = self._contract.personal_columns
        old, new = before.columns, after.columns or {}
        self._columns = [column for column in new if old is None or column in old]
        self._added = [column for column in new if old is not None and column not in old]
        self._removed = [column for column in old or () if column not in new]
        self._retyped = [(one, old[one], new[one]) for one in self._columns if old and old[one] != new[one]]
        self._key = table.key if table.key and set(table.key) <= set(self._columns) else self._columns
        select = ", ".join(self._columns)
        self._after = f"select {select} from {after.rows}{after.condition}"
        self._before = (
            f"select {select} from {before.rows}{before.condition}" if old is not None else f"{self._after} where false"
        )
        self._differing = _DIFFERING.format(columns=select, key=", ".join(self._key), before=self._before, after=self._after)

    def lines(self) -> Iterator[Difference]:
        """Every line, in the order of `Difference.what`."""
        yield self._line("rows", "", "", *self._both("count(*)"))
        counts = list(self._counts())
        yield from counts
        yield from (self._line("column added", column=column) for column in self._added)
        yield from (self._line("column removed", column=column) for column in self._removed)
        yield from (self._line("column retyped", "", *told) for told in self._retyped)
        yield from self._reasons() if self._is_quarantine else self._totals()
        if any(one.after for one in counts):
            yield from self._differing_columns()
            yield from self._examples()

    def _counts(self) -> Iterator[Difference]:
        """Of a key's rows that differ, those with a counterpart are changed; the rest were added or removed."""
        [sums] = self._rows(
            f"{self._differing} select sum(greatest(gained - lost, 0)), sum(greatest(lost - gained, 0)), "
            "sum(least(gained, lost)) from (select distinct kind, place, gained, lost from differing) as keys"
        )
        for what, count in zip(("rows added", "rows removed", "rows changed"), sums, strict=True):
            yield self._line(what, after=int(count or 0))

    def _totals(self) -> Iterator[Difference]:
        for column in self._contract.columns:
            if column.data_type in _NUMERIC and column.name not in self._key and column.name in self._columns:
                yield self._line("total", "", column.name, *self._both(f"sum({column.name})"))

    def _differing_columns(self) -> Iterator[Difference]:
        """How many of the changed keys have rows that differ in a column; null is a value of its own there."""
        columns = [column for column in self._columns if column not in self._key]
        if not columns:
            return
        differs = "sum(case when count_{0} > 1 or (count_{0} = 1 and has_null_{0} = 1) then 1 else 0 end)"
        by_key = ", ".join(
            f"count(distinct {one}) as count_{one}, max(case when {one} is null then 1 else 0 end) as has_null_{one}"
            for one in columns
        )
        [counts] = self._rows(
            f"{self._differing} select {', '.join(map(differs.format, columns))} "
            f"from (select place, {by_key} from differing where kind = 'changed' group by place) as keys"
        )
        yield from (
            self._line("keys that differ", column=column, after=count)
            for column, count in zip(columns, counts, strict=True)
            if count
        )

    def _reasons(self) -> Iterator[Difference]:
        by_reason = "select quarantine_reason, count(*) from ({}) as side group by quarantine_reason"
        before, after = (dict(self._rows(by_reason.format(side))) for side in (self._before, self._after))
        for reason in sorted(before.keys() | after.keys()):
            yield self._line("reason", reason, "", before.get(reason, 0), after.get(reason, 0))

    def _examples(self) -> Iterator[Difference]:
        rows = self._rows(
            f"{self._differing} select kind, {', '.join(self._columns)}, surplus, place from differing "
            f"where place <= {EXAMPLES} order by kind, place, surplus"
        )
        for (kind, _), group in groupby(rows, key=lambda row: (row[0], row[-1])):
            found = [(dict(zip(self._columns, row[1:-2], strict=True)), row[-2]) for row in group]
            if kind != CHANGED:
                yield self._line(kind, self._shown_key(found[0][0]))
                continue
            before = next(row for row, surplus in found if surplus < 0)
            after = next(row for row, surplus in found if surplus > 0)
            for column in self._columns:
                if before[column] != after[column]:
                    values = [PERSONAL if column in self._personal else row[column] for row in (before, after)]
                    yield self._line(CHANGED, self._shown_key(before), column, *values)

    def _line(self, what: str, key: str = "", column: str = "", before: Any = None, after: Any = None) -> Difference:
        return Difference(self._output, what, key, column, before, after)

    def _shown_key(self, row: dict[str, Any]) -> str:
        return ", ".join(f"{column} {row[column]}" for column in self._key if column not in self._personal)

    def _both(self, expression: str) -> list[Any]:
        """An aggregate of the rows before and after."""
        return [self._rows(f"select {expression} from ({side}) as side")[0][0] for side in (self._before, self._after)]

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._query(sql).rows
