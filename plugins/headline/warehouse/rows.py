"""What warehouses are asked about and answer with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from headline.intervals import Interval
from headline.specs import Contract, Table, load_contract

# What a staging table will be asked: statements in the engine's dialect.
Asked = Callable[[], Sequence[str]]


def nothing() -> Sequence[str]:
    """What nobody asks."""
    return ()


def is_history(table: Table) -> bool:
    """Whether its rows hold from `valid_from` to `valid_to` (SCD type 2)."""
    return table.period_column is None and {"valid_from", "valid_to"} <= set(load_contract(table).column_names)


@dataclass(frozen=True)
class Result:
    """Rows of a query with their column names, in order."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Output:
    """One published table that a spec's table fills: the table itself, or its quarantine."""

    name: str
    table: Table

    @property
    def is_quarantine(self) -> bool:
        return self.name != self.table.full_name

    @property
    def contract(self) -> Contract:
        return load_contract(self.table)

    @property
    def ddl(self) -> str:
        """The columns as `create table` wants them."""
        return self.contract.ddl(quarantine=self.is_quarantine)

    @property
    def columns(self) -> dict[str, str]:
        """Name and type of each column in order; a quarantine has the reason besides."""
        columns = {column.name: column.sql_type for column in self.contract.columns}
        return columns | ({"quarantine_reason": "varchar"} if self.is_quarantine else {})

    @property
    def comments(self) -> dict[str, str]:
        """What the contract says of each column."""
        return {column.name: column.description for column in self.contract.columns}


@dataclass(frozen=True)
class Content:
    """What one period of a table holds; `start` is the DATE of its rows' period column, None for a table that is replaced whole.

    `fingerprint`: equal for equal rows, in whatever order. `refused_count`: those of the rows that a rule has refused.
    `lacks_days`: whether the rows of a week or month say that days of it are missing.
    """

    start: date | None
    row_count: int
    fingerprint: str
    refused_count: int = 0
    coverage: Decimal = Decimal(1)
    is_partial: bool = False
    lacks_days: bool = False


EMPTY = Content(None, 0, "0:0")


@dataclass(frozen=True)
class Replacement:
    """Replace the rows of a table and its quarantine in `intervals` by the staged ones; None = all rows."""

    table: Table
    intervals: list[Interval] | None
