"""The published rows of a table on two engines, compared row by row, a period at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headline.intervals import DAY, Interval
from headline.pipeline.transform import periods
from headline.specs import Table, load_contract
from headline.sql import within, write
from headline.warehouse import Output, Warehouse

_PERSONAL = "(personal)"
_ALL = "all rows"
# Doubles that two engines have computed agree to so many digits.
_DIGITS = 12

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Compared:
    """One period of a table or quarantine on two engines.

    `only_one`, `only_other`: how many rows only that engine has, duplicates counted; `examples`: some of them, each with its side
    (1 or 2) and its values by column, personal ones hidden.
    """

    output: str
    period: str
    rows_one: int
    rows_other: int
    only_one: int
    only_other: int
    examples: list[tuple[int, dict[str, str]]]

    @property
    def is_equal(self) -> bool:
        return not (self.only_one or self.only_other)


def compare_engines(table: Table, days: Interval, one: Warehouse, other: Warehouse, most: int = 3) -> Iterator[Compared]:
    """Each period of the days, for the table and its quarantine; a table that is replaced whole is one period.

    So many examples of differing rows are given of each side. Raises Transient where an engine is out of reach, SpecError
    where it has no such table.
    """
    personal = load_contract(table).personal_columns
    with one.session(read_only=True) as mine, other.session(read_only=True) as others:
        for output in (Output(name, table) for name in table.outputs):
            columns = list(output.columns)
            for period in periods(days.widen(table.period), table) if table.period_column else [None]:
                rows = [
                    Counter(map(_plain, session.query(_select(output, period, warehouse.dialect)).rows))
                    for session, warehouse in ((mine, one), (others, other))
                ]
                less, more = rows[0] - rows[1], rows[1] - rows[0]
                examples = [
                    (side, _shown(columns, row, personal))
                    for side, found in ((1, less), (2, more))
                    for row in sorted(found, key=repr)[:most]
                ]
                name = _ALL if period is None else str(period.start) if len(period) == 1 else f"{period.start}/{period.end - DAY}"
                yield Compared(output.name, name, rows[0].total(), rows[1].total(), less.total(), more.total(), examples)


def _select(output: Output, period: Interval | None, dialect: str) -> str:
    condition = f" where {write(within(str(output.table.period_column), [period]), dialect)}" if period else ""
    return f"select {', '.join(output.columns)} from {output.name}{condition}"


def _plain(row: Row) -> Row:
    return tuple(float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value for value in row)


def _shown(columns: list[str], row: Row, personal: set[str]) -> dict[str, str]:
    values = zip(columns, row, strict=True)
    return {name: _PERSONAL if name in personal else "NULL" if value is None else str(value) for name, value in values}
