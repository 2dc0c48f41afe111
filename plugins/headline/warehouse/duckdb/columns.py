"""Which published tables there are, and what their columns are."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlglot

from headline.errors import SpecError
from headline.warehouse.duckdb.instance import WAREHOUSE
from headline.warehouse.duckdb.statements import Statements
from headline.warehouse.identity import OWN_SCHEMA


def tables(statements: Statements) -> set[str]:
    """Every published table, as `schema.table`."""
    found = statements.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        f"where database_name = '{WAREHOUSE}' and schema_name <> '{OWN_SCHEMA}'"
    ).fetchall()
    return {name for (name,) in found}


def known_of(statements: Statements, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The columns of those of these tables that are there.

    A list of all columns makes a new instance bind every view of its own, which takes longer than a table's day.
    """
    try:
        found = _columns_of(statements, names)
    except SpecError:  # one of them is not there
        found = _columns_of(statements, tables(statements).intersection(names))
    known: dict[str, dict[str, str]] = {}
    for table, column, kind, _ in found:
        known.setdefault(table, {})[column] = _normal_type(kind)
    return known


def _columns_of(statements: Statements, names: Iterable[str]) -> list[tuple[Any, ...]]:
    columns = [f"select '{name}', name, type, cid from pragma_table_info('{WAREHOUSE}.{name}')" for name in names]
    return statements.execute(f"{' union all '.join(columns)} order by cid").fetchall() if columns else []


def normal(columns: dict[str, str]) -> dict[str, str]:
    """The columns with their types as DuckDB writes them."""
    return {name: _normal_type(kind) for name, kind in columns.items()}


@cache  # parsing a type takes longer than creating a table
def _normal_type(kind: str) -> str:
    return sqlglot.exp.DataType.build(kind, dialect="duckdb").sql("duckdb")
