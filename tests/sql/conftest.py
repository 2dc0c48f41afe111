"""Golden cases: every folder with an expect.yml tests one table's SELECT, so a new case needs no Python.

    <area>/<pipeline>/<table>/<case>/given/<schema.table>.yml   the rows to read; a column that is left out is NULL
    <area>/<pipeline>/<table>/<case>/expect.yml                 the interval, the rows, and the quarantine where rows are refused

A given table has the columns of its contract; one that landed states them: {types: {column: type}, rows: […]}.
An expect.yml may state a `reporting_zone` other than UTC.
A given `ds: 2026-01-01..2026-01-31` stands for the same row on each of these days.
Expected rows are compared in the columns that the first of them names. All rows must be there, and no others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.properties.memory import make_output, open_in_memory

from headline import settings
from headline.intervals import DAY, Interval
from headline.specs import Catalog, Contract, Table, load, load_contract, read_yaml
from headline.steps import compile_table
from headline.warehouse import Output, Session

Row = dict[str, Any]
RESULT = "computed.result"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    return ExpectFile.from_parent(parent, path=file_path) if file_path.name == "expect.yml" else None


class ExpectFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        yield GoldenCase.from_parent(self, name=self.path.parent.name)


class GoldenCase(pytest.Item):
    """The table and its pipeline are told by the folders above the case."""

    def runtest(self) -> None:
        catalog, case = load(), self.path.parent
        table = catalog.pipelines[case.parents[1].name].tables[case.parent.name]
        expected = read_yaml(self.path)
        with reporting_zone(expected.get("reporting_zone", "UTC")), open_in_memory() as session:
            for name in table.reads:
                make_given(catalog, name, case / "given" / f"{name}.yml", session)
            result = run_select(table, Interval(**expected["interval"]), session)
            types = check_types(table, session)
            valid = [row for row in result if row.get("quarantine_reason") is None]
            refused = [row for row in result if row.get("quarantine_reason") is not None]
            faults = compare("rows", expected["rows"], valid, types, session)
            faults += compare("quarantine", expected.get("quarantine", []), refused, types, session)
        if faults:
            raise MismatchError("\n".join(faults))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, MismatchError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, str(self.path.parent)


class MismatchError(AssertionError):
    """The SELECT gave other rows than the case expects."""


@contextmanager
def reporting_zone(zone: str) -> Iterator[None]:
    """Let business days be those of the zone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADLINE_REPORTING_ZONE", zone)
        settings.load.cache_clear()
        yield
    settings.load.cache_clear()


def make_given(catalog: Catalog, name: str, file: Path, session: Session) -> None:
    """The table `name` with the rows of the file, empty where the case gives none."""
    if name == "calendar.days":
        return
    content: Any = read_yaml(file) if file.exists() else []
    makers = {output: table for table in catalog.tables.values() for output in table.outputs}
    if name in makers:
        contract, quarantine = load_contract(makers[name]), name != makers[name].full_name
        make_output(Output(name, makers[name]), session)
        types, rows = column_types(contract, quarantine=quarantine), content
    else:
        types, rows = content["types"], content["rows"]
        session.query(f"create schema {name.split('.')[0]}")
        session.query(f"create table {name} ({', '.join(f'{column} {kind}' for column, kind in types.items())})")
    if rows:
        session.query(f"insert into {name} {select_rows(list(day_by_day(rows)), list(types), types)}")


def day_by_day(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows, those of a range of days once for each day."""
    for row in rows:
        first, dots, last = str(row.get("ds")).partition("..")
        if dots:
            yield from (row | {"ds": day} for day in Interval(date.fromisoformat(first), date.fromisoformat(last) + DAY))
        else:
            yield row


def run_select(table: Table, interval: Interval, session: Session) -> list[Row]:
    """The rows that the table's SELECT gives for the interval; they stay in the table RESULT."""
    session.query("create schema if not exists computed")
    session.query(f"create or replace table {RESULT} as {compile_table(table, interval, {}, 'duckdb')}")
    result = session.query(f"select * from {RESULT}")
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


def check_types(table: Table, session: Session) -> dict[str, str]:
    """The columns of RESULT with their types, which must be those of the contract, in its order."""
    wanted = column_types(load_contract(table), quarantine=table.quarantine)
    found = {row[0]: row[1].lower() for row in session.query(f"describe {RESULT}").rows}
    assert list(found.items()) == [(name, kind.replace(" ", "")) for name, kind in wanted.items()]
    return wanted


def compare(what: str, expected: Sequence[Row], found: Sequence[Row], types: Mapping[str, str], session: Session) -> list[str]:
    """What is missing and what was not expected, in the columns that the expected rows name."""
    columns = list(expected[0]) if expected else list(types)
    wanted = session.query(select_rows(expected, columns, types)).rows if expected else []
    missing = Counter(wanted)
    unexpected = Counter(tuple(row[column] for column in columns) for row in found)
    missing, unexpected = missing - unexpected, unexpected - missing
    if not missing and not unexpected:
        return []
    rows = [("missing   ", row) for row in missing.elements()] + [("unexpected", row) for row in unexpected.elements()]
    return [f"{what}: {', '.join(columns)}"] + [f"  {sign} {', '.join(map(str, row))}" for sign, row in rows]


def select_rows(rows: Sequence[Row], columns: Sequence[str], types: Mapping[str, str]) -> str:
    """The rows as SQL, typed; a name that is no column is an error, as is one that only some rows have left out by mistake."""
    unknown = {name for row in rows for name in row} - set(columns)
    assert not unknown, f"no such column: {sorted(unknown)}; there are: {sorted(columns)}"
    return " union all ".join(
        "select " + ", ".join(f"{literal(row.get(column))}::{types[column]} as {column}" for column in columns) for row in rows
    )


def literal(value: Any) -> str:
    assert not isinstance(value, float), f"{value}: write decimals in quotes, a float is not exact"
    return "null" if value is None else "'" + str(value).replace("'", "''") + "'"


def column_types(contract: Contract, *, quarantine: bool) -> dict[str, str]:
    types = {column.name: column.sql_type for column in contract.columns}
    return types | {"quarantine_reason": "varchar"} if quarantine else types
