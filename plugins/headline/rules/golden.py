"""Golden cases: rows that a table's SELECT is given, and the rows that it must make of them, on DuckDB in memory.

A case is a folder tests/sql/<area>/<pipeline>/<table>/<case>/ with
    expect.yml                  the interval, the rows, and the quarantine where rows are refused
    given/<schema.table>.yml    the rows to read; a column that is left out is NULL

A given table has the columns of its contract; one that landed states them: {types: {column: type}, rows: […]}.
A given `ds: 2026-01-01..2026-01-31` stands for the same row on each of these days.
Expected rows are compared in the columns that the first of them names. All rows must be there, and no others.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from headline import settings
from headline.errors import HeadlineError, SpecError
from headline.intervals import DAY, Interval
from headline.pipeline import compile_table
from headline.sources.refused import RESERVED
from headline.specs import Catalog, Contract, Pipeline, Table, load_contract, read_yaml
from headline.warehouse import Output, Session
from headline.warehouse.duckdb.instance import ensure_calendar, instance
from headline.warehouse.duckdb.session import DuckDBSession

Row = dict[str, Any]
RESULT = "computed.result"


class Days(BaseModel):
    """From `start` to before `end`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: date
    end: date

    @model_validator(mode="after")
    def _in_order(self) -> Days:
        if self.end <= self.start:
            raise ValueError("end is the day after the last one, so that it lies behind start")
        return self


class Expected(BaseModel):
    """An expect.yml: what is computed, in which zone days begin, and the rows that come of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    interval: Days
    rows: list[Row]
    quarantine: list[Row] = []
    reporting_zone: str = "UTC"


def cases_folder() -> Path:
    """Where golden cases are: beside `include`, in tests/sql."""
    return settings.load().include.parent / "tests" / "sql"


def cases_of(pipeline: Pipeline) -> dict[str, list[Path]]:
    """The cases of each table of a pipeline, and of whatever else has a folder there."""
    found: dict[str, list[Path]] = {name: [] for name in pipeline.tables}
    for file in sorted((cases_folder() / pipeline.area / pipeline.id).glob("*/*/expect.yml")):
        found.setdefault(file.parents[1].name, []).append(file.parent)
    return found


def case_faults(catalog: Catalog, table: Table, case: Path) -> list[str]:
    """What a case finds wrong with a table's SELECT, or with the case itself."""
    try:
        return _differences(catalog, table, case)
    except HeadlineError as error:
        return error.faults if isinstance(error, SpecError) else [str(error)]
    except duckdb.Error as error:
        return [f"a given row does not fit: {error}"]


def binding_faults(catalog: Catalog, table: Table) -> list[str]:
    """What DuckDB finds wrong with a table's SELECT over inputs without rows; needs a contract of each of them."""
    makers = {output: one for one in catalog.tables.values() for output in one.outputs}
    if any(name not in makers and name != "calendar.days" for name in table.reads):
        return []  # columns of what landed are known to golden cases alone
    try:
        with open_in_memory() as session:
            for name in table.reads:
                if name in makers:
                    make_output(Output(name, makers[name]), session)
            run_select(table, Interval(date(2026, 3, 1), date(2026, 3, 2)), session)
            return type_faults(table, session)
    except HeadlineError as error:
        return error.faults if isinstance(error, SpecError) else [str(error)]


def _differences(catalog: Catalog, table: Table, case: Path) -> list[str]:
    expected = read_expected(case / "expect.yml")
    interval = Interval(expected.interval.start, expected.interval.end)
    with reporting_zone(expected.reporting_zone), open_in_memory() as session:
        if unread := sorted(file.name for file in case.glob("given/*") if file.stem not in table.reads):
            return [f"given/{name}: {table.full_name} does not read it" for name in unread]
        for name in table.reads:
            make_given(catalog, name, case / "given" / f"{name}.yml", session)
        result = run_select(table, interval, session)
        if faults := type_faults(table, session):
            return faults
        types = column_types(load_contract(table), quarantine=table.quarantine)
        valid = [row for row in result if row.get("quarantine_reason") is None]
        refused = [row for row in result if row.get("quarantine_reason") is not None]
        faults = compare("rows", expected.rows, valid, types, session)
        return faults + compare("quarantine", expected.quarantine, refused, types, session)


def read_expected(file: Path) -> Expected:
    """The content of an expect.yml; raises SpecError with all faults at once."""
    try:
        return Expected.model_validate(read_yaml(file))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}" for fault in error.errors()]
        raise SpecError([f"{file.name}: {fault}" for fault in faults]) from None


@contextmanager
def open_in_memory() -> Iterator[DuckDBSession]:
    """A warehouse in memory for SELECTs that are run on their own: it has the calendar, and nobody publishes."""
    with instance({"threads": 1}) as connection:
        session = DuckDBSession(connection)
        ensure_calendar(session)
        yield session


def make_output(output: Output, session: Session) -> None:
    """The published table, empty, as its contract says."""
    session.query(f"create schema if not exists {output.name.split('.')[0]}")
    session.query(f"create table if not exists {output.name} ({output.ddl})")


@contextmanager
def reporting_zone(zone: str) -> Iterator[None]:
    """Let business days be those of the zone."""
    before = os.environ.get("HEADLINE_REPORTING_ZONE")
    os.environ["HEADLINE_REPORTING_ZONE"] = zone
    settings.load.cache_clear()
    try:
        yield
    finally:
        del os.environ["HEADLINE_REPORTING_ZONE"]
        if before is not None:
            os.environ["HEADLINE_REPORTING_ZONE"] = before
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
        types, rows = column_types(contract, quarantine=quarantine), content or []
    else:
        if not isinstance(content, dict) or set(content) != {"types", "rows"}:
            raise SpecError([f"given/{name}.yml: no contract says its columns: state {{types: {{column: type}}, rows: […]}}"])
        reserved = dict.fromkeys(sorted(RESERVED), "varchar") if name.startswith("landing.") else {}
        types, rows = reserved | content["types"], content["rows"]
        session.query(f"create schema {name.split('.')[0]}")
        session.query(f"create table {name} ({', '.join(f'{column} {kind}' for column, kind in types.items())})")
    if rows:
        session.query(f"insert into {name} {select_rows(list(day_by_day(rows)), list(types), types, f'given/{name}.yml')}")


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


def type_faults(table: Table, session: Session) -> list[str]:
    """Where the columns of RESULT are not those of the contract, in its order, with its types."""
    wanted = column_types(load_contract(table), quarantine=table.quarantine)
    found = {row[0]: row[1].lower() for row in session.query(f"describe {RESULT}").rows}
    if list(found) != list(wanted):
        return [f"the SELECT gives the columns {', '.join(found)}; the contract says {', '.join(wanted)}"]
    return [
        f"the SELECT gives {name} as {found[name]}, the contract says {kind}: cast it"
        for name, kind in wanted.items()
        if found[name] != kind.replace(" ", "")
    ]


def compare(what: str, expected: Sequence[Row], found: Sequence[Row], types: Mapping[str, str], session: Session) -> list[str]:
    """What is missing and what was not expected, in the columns that the expected rows name."""
    columns = list(expected[0]) if expected else list(types)
    wanted = session.query(select_rows(expected, columns, types, what)).rows if expected else []
    missing = Counter(wanted)
    unexpected = Counter(tuple(row[column] for column in columns) for row in found)
    missing, unexpected = missing - unexpected, unexpected - missing
    if not missing and not unexpected:
        return []
    rows = [("missing   ", row) for row in missing.elements()] + [("unexpected", row) for row in unexpected.elements()]
    return ["\n".join([f"{what}: {', '.join(columns)}", *(f"  {sign} {', '.join(map(str, row))}" for sign, row in rows)])]


def select_rows(rows: Sequence[Row], columns: Sequence[str], types: Mapping[str, str], where: str) -> str:
    """The rows as SQL, typed; raises SpecError for a name that is no column, or that the first expected row does not have."""
    unknown = {name for row in rows for name in row} - set(columns) | set(columns) - set(types)
    if unknown:
        there = ", ".join(column for column in columns if column in types)
        raise SpecError([f"{where}: no such column: {', '.join(sorted(unknown))}; there are: {there}"])
    return " union all ".join(
        "select " + ", ".join(f"{literal(row.get(column), where)}::{types[column]} as {column}" for column in columns)
        for row in rows
    )


def literal(value: Any, where: str) -> str:
    """A value as SQL; raises SpecError for a float, which is not exact."""
    if isinstance(value, float):
        raise SpecError([f"{where}: {value}: write decimals in quotes, a float is not exact"])
    return "null" if value is None else "'" + str(value).replace("'", "''") + "'"


def column_types(contract: Contract, *, quarantine: bool) -> dict[str, str]:
    """The type of each column; a quarantine has the reason besides."""
    types = {column.name: column.sql_type for column in contract.columns}
    return types | {"quarantine_reason": "varchar"} if quarantine else types
