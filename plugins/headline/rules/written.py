"""One table as its folder describes it: spec, SELECT, contract and checks, as far as each can be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from sqlglot import exp

from headline import settings
from headline.errors import SpecError
from headline.intervals import Interval
from headline.specs import Catalog, Contract, Pipeline, Table, read_contract
from headline.sql import check_query, parse, render, rows_found

Found = TypeVar("Found")
MARCH = Interval(date(2026, 3, 1), date(2026, 4, 1))


@dataclass(frozen=True)
class Written:
    """A table with what stands in its files; of its checks the rows that each finds, by the check's path.

    `found_contract` and `found_query` may hold the fault of a file instead, which is raised where its content is asked for.
    """

    catalog: Catalog
    pipeline: Pipeline
    table: Table
    found_contract: Contract | SpecError
    found_query: exp.Query | SpecError
    checks: dict[str, exp.Query]
    check_faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        folder = self.pipeline.folder
        return f"{folder.relative_to(settings.PROJECT) if folder.is_relative_to(settings.PROJECT) else folder}/{self.table.name}"

    @property
    def contract(self) -> Contract:
        return _there(self.found_contract)

    @property
    def query(self) -> exp.Query:
        return _there(self.found_query)


def read_table(catalog: Catalog, pipeline: Pipeline, table: Table) -> Written:
    """A table's files; what cannot be read stands as a fault in its place."""
    contract, faults = read_contract(table)
    checks: dict[str, exp.Query] = {}
    check_faults: list[str] = list(faults)
    for check in contract.listed_checks if contract else ():
        try:
            query = check_query(table, check, [MARCH]) or rows_found(table, check, table.full_name)
        except SpecError as error:
            check_faults += error.faults
            continue
        if query:
            checks[check.path] = query
    found = contract or SpecError(faults)
    return Written(catalog, pipeline, table, found, _query(table), checks, check_faults)


def listed(names: Iterable[str]) -> str:
    """Names as a sentence has them: sorted where they have no order."""
    return ", ".join(sorted(names) if isinstance(names, set | frozenset) else names)


def _query(table: Table) -> exp.Query | SpecError:
    where = f"{table.sql_file.parent.name}/{table.sql_file.name}"
    try:
        return parse(render(table.sql_file.read_text(), MARCH, where, **table.template_names), where)
    except OSError:
        return SpecError([])  # that the file is not there is told with the spec
    except SpecError as error:
        return error


def _there(found: Found | SpecError) -> Found:
    if isinstance(found, SpecError):
        raise found
    return found
