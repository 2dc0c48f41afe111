"""A first table of figures: sums and counts of another table's rows, by day and whatever else, with all that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from headline.errors import BadRequest
from headline.new.names import require_name
from headline.rules.tables import NUMBERS, WITHOUT_FIGURES
from headline.specs import Catalog, Column, Contract, Table, load_contract
from headline.specs.written import load_conventions

# What stands for NULL where rows are grouped: a key has none.
UNKNOWN = "unknown"
LONGEST_DESCRIPTION = 90


@dataclass(frozen=True)
class Group:
    """A column by which rows are grouped: its SQL, and what the contract says of it."""

    name: str
    sql: str
    contract: Any
    column: Column


@dataclass(frozen=True)
class Sum:
    """A column that is summed: its type, and what the contract says of it."""

    name: str
    type: str
    contract: Any
    column: Column


@dataclass(frozen=True)
class Figure:
    """A table `area.name` of what another one holds, and which tables tell how much of a day that is made of."""

    area: str
    name: str
    source: str
    groups: tuple[Group, ...]
    sums: tuple[Sum, ...]
    count: str
    coverage: tuple[str, ...]

    @property
    def key(self) -> list[str]:
        return ["ds", *(one.name for one in self.groups)]

    @property
    def reads(self) -> list[str]:
        return [self.source, *self.coverage, *(["calendar.days"] if self.coverage else [])]

    @property
    def values(self) -> dict[str, Any]:
        """What the templates know of it."""
        renamed = {self.count: "1"}
        return {
            "table": self.name,
            "full_name": f"{self.area}.{self.name}",
            "source": self.source,
            "alias": self.source.partition(".")[2],
            "groups": self.groups,
            "sums": self.sums,
            "count": self.count,
            "coverage": self.coverage,
            "measures": [*(one.name for one in self.sums), self.count],
            "side": [self.source, renamed],
            "key": self.key,
            "reads": self.reads,
        }


def figure(catalog: Catalog, place: tuple[str, str], source: str, by: Sequence[str], sums: Sequence[str], count: str) -> Figure:
    """The table `place` (area and name) that sums columns of `source` by day and by other columns, and counts its rows.

    Raises BadRequest where a name is taken or bad, or the source has no such columns or no days.
    """
    area, name = require_name(place[0], "area"), require_name(place[1], "table")
    if f"{area}.{name}" in catalog.tables:
        raise BadRequest(f"{area}.{name} is there already, made by {catalog.makers[f'{area}.{name}'].id}")
    read = readable(catalog, source)
    contract = load_contract(read)
    groups = tuple(_group(read, _column(contract, source, one)) for one in by)
    summed = tuple(_sum(source, _column(contract, source, one)) for one in sums)
    names = ["ds", *by, *sums, require_name(count, "column")]
    if twice := sorted({one for one in names if names.count(one) > 1}):
        raise BadRequest(f"{', '.join(twice)}: a column has one name of its own: name it once, and the count otherwise (--count)")
    kind = load_conventions().kind_of(count)
    if kind is None or load_conventions().types[kind].type != "bigint":
        raise BadRequest(f"{count} counts rows, and its name should say so: {name.removesuffix('s')}_count")
    coverage = () if area in WITHOUT_FIGURES else coverage_tables(catalog, read)
    return Figure(area, name, source, groups, summed, count, coverage)


def readable(catalog: Catalog, source: str) -> Table:
    """The table called so, which must have days; raises BadRequest otherwise."""
    read = catalog.tables.get(source)
    if read is None or source.startswith("raw."):
        there = sorted(name for name, one in catalog.tables.items() if one.period == "day" and not name.startswith("raw."))
        raise BadRequest(f"no table {source} can be read; there are: {', '.join(there)}")
    if read.period != "day":
        raise BadRequest(
            f"{source} has no rows of a day (its period is {read.period}): write the SELECT by hand, or read another"
        )
    return read


def coverage_tables(catalog: Catalog, read: Table) -> tuple[str, ...]:
    """The tables that tell how much of a day was valid, of all that a table is made of.

    Raises BadRequest where there is none: a figure must say how much of it is there.
    """
    makers = catalog.makers
    pipelines = {makers[name].id: makers[name] for name in [read.full_name, *catalog.computed_from(read.full_name)]}
    found = [
        one.full_name
        for pipeline in pipelines.values()
        for one in pipeline.tables.values()
        if any(name.startswith("quarantine.") for name in one.reads) and load_contract(one).tells_coverage
    ]
    if not found:
        raise BadRequest(f"no table tells how much of a day of {read.full_name} was valid: write the SELECT by hand")
    return tuple(sorted(found))


def made_up_rows(figure: Figure) -> dict[str, list[dict[str, Any]]]:
    """Rows for a first golden case, by table that is read: two of one group, one of another, and one of the next day."""
    rows = [
        {"ds": day}
        | {one.name: value for one in figure.groups if (value := _made_up(one.column, group, one.sql)) is not None}
        | {one.name: _made_up(one.column, number) for one in figure.sums}
        for number, (day, group) in enumerate([(FIRST, 0), (FIRST, 0), (FIRST, 1), (NEXT, 0)])
    ]
    complete = {"ds": FIRST, "coverage": "1", "is_partial": False}
    return {figure.source: rows} | {name: [complete] for name in figure.coverage}


FIRST, NEXT = date(2026, 1, 5), date(2026, 1, 6)
_NUMBERS = ("10.50", "2.00", "3.25", "9.99")


def _made_up(column: Column, number: int, sql: str = "") -> Any:
    """A value of a column; None where the second group shall stand for NULL."""
    if number and UNKNOWN in sql:
        return None
    listed = valid_values(column) or ["a", "b", "c", "d"]
    match column.data_type:
        case "varchar":
            return listed[number % len(listed)]
        case "decimal" | "double":
            return _NUMBERS[number]
        case "boolean":
            return not number
        case "date":
            return date(2026, 1, number + 1)
        case "timestamp":
            return f"2026-01-05 1{number}:00:00"
    return number + 2


def valid_values(column: Column) -> list[Any] | None:
    """The values that a contract allows; None where it lists none."""
    bodies = (check["invalid"] for check in column.checks if "invalid" in check)
    return next((body["valid_values"] for body in bodies if body and "valid_values" in body), None)


def _column(contract: Contract, source: str, name: str) -> Column:
    found = next((one for one in contract.columns if one.name == name), None)
    if found is None:
        raise BadRequest(f"{source} has no column {name}; there are: {', '.join(contract.column_names)}")
    if found.attributes.personal:
        raise BadRequest(f"{source}.{name} is personal data, which stays where it is")
    return found


def _group(read: Table, column: Column) -> Group:
    alias = f"{read.name}.{column.name}"
    is_nullable = not any("missing" in check for check in column.checks)
    values = valid_values(column)
    if not is_nullable:
        return Group(
            column.name, alias, {"values": values, "description": column.description} if values else column.description, column
        )
    if column.data_type != "varchar":
        raise BadRequest(
            f"{read.full_name}.{column.name} may be NULL and is no text, so that it cannot be part of a key as it is"
        )
    description = f"{column.description.rstrip('.')}; `{UNKNOWN}` where that is not known."
    said = {"values": [*values, UNKNOWN], "description": description} if values else description
    return Group(column.name, f"coalesce({alias}, '{UNKNOWN}')", said, column)


def _sum(source: str, column: Column) -> Sum:
    conventions = load_conventions()
    kind = conventions.kind_of(column.name)
    if column.data_type not in NUMBERS or kind == "ratio" or column.attributes.additive_over not in (None, "all"):
        raise BadRequest(f"{source}.{column.name} ({column.sql_type}) cannot be summed")
    by_name = conventions.types[kind].type if kind else None
    type_ = by_name or (column.sql_type if column.data_type == "decimal" else "bigint")
    description = f"TODO: what this sum says, with its unit; of a row: {column.description}"
    if len(description) > LONGEST_DESCRIPTION:
        description = "TODO: what this sum says, with its unit."
    return Sum(column.name, type_, description if by_name else {"type": type_, "description": description}, column)
