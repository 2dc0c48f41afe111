"""What stands in the repository's folders, read once: every table of include/sql, and of each example the sources it brings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlglot import exp

from headline import settings, specs
from headline.intervals import Interval
from headline.specs import Catalog, Contract, Pipeline, Table, load_contract, read_yaml
from headline.sql import check_queries, parse, render, rows_found, template

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "include/sql/sources", *sorted((ROOT / "examples").glob("*/sources"))]
MARCH = Interval(date(2026, 3, 1), date(2026, 4, 1))


@dataclass(frozen=True)
class Written:
    """One table as its folder describes it; of its checks the rows that each finds, by the check's path."""

    catalog: Catalog
    pipeline: Pipeline
    table: Table
    contract: Contract
    content: dict[str, Any]
    query: exp.Query
    checks: dict[str, exp.Query]

    def __str__(self) -> str:
        return f"{self.pipeline.folder.relative_to(ROOT)}/{self.table.name}"


@cache
def tables() -> list[Written]:
    found: list[Written] = []
    for sources in SOURCES:
        with patch.dict(os.environ, {"HEADLINE_SOURCES": str(sources)}):
            forget()
            catalog = specs.load()
            for pipeline in catalog.pipelines.values():
                if sources == SOURCES[0] or pipeline.folder.is_relative_to(sources):
                    found += [read(catalog, pipeline, table) for table in pipeline.tables.values()]
    forget()
    return found


def read(catalog: Catalog, pipeline: Pipeline, table: Table) -> Written:
    contract = load_contract(table)
    where = f"{pipeline.id}/{table.name}"
    queries = check_queries(table, [MARCH])
    found = {check.path: queries.get(check.path) or rows_found(table, check, table.full_name) for check in contract.listed_checks}
    return Written(
        catalog,
        pipeline,
        table,
        contract,
        content=read_yaml(table.contract_file),
        query=parse(render(table.sql_file.read_text(), MARCH, where, **table.template_names), where),
        checks={path: query for path, query in found.items() if query},
    )


def folders() -> list[Path]:
    """Every folder that is to become a DAG."""
    specs_ = [file for name in ("pipeline.yml", "source.yml") for file in (ROOT / "include/sql").glob(f"*/*/{name}")]
    return sorted(file.parent for file in specs_)


def forget() -> None:
    for cached in (settings.load, specs.load, template._environment):
        cached.cache_clear()
