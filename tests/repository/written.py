"""What stands in the repository's folders, read once: every table of include/sql, and of each example the sources it brings."""

from __future__ import annotations

import os
from collections.abc import Iterator
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
from headline.sql import parse, render, template

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "include/sql/sources", *sorted((ROOT / "examples").glob("*/sources"))]
MARCH = Interval(date(2026, 3, 1), date(2026, 4, 1))
QUERIES = ("query", "keys_query", "rows_tested_query")


@dataclass(frozen=True)
class Written:
    """One table as its folder describes it."""

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
    content = read_yaml(table.contract_file)
    where = f"{pipeline.id}/{table.name}"
    return Written(
        catalog,
        pipeline,
        table,
        load_contract(table),
        content,
        query=parse(render(table.sql_file.read_text(), MARCH, where), where),
        checks={name: parse(render(sql, MARCH, where), where) for name, sql in queries_of(content)},
    )


def queries_of(node: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The SQL of every check of a contract, with the check's name."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from [(node.get("name", name), value)] if key in QUERIES else queries_of(value, key)
    elif isinstance(node, list):
        for item in node:
            yield from queries_of(item, name)


def folders() -> list[Path]:
    """Every folder that is to become a DAG."""
    specs_ = [file for name in ("pipeline.yml", "source.yml") for file in (ROOT / "include/sql").glob(f"*/*/{name}")]
    return sorted(file.parent for file in specs_)


def forget() -> None:
    for cached in (settings.load, specs.load, template._environment):
        cached.cache_clear()
