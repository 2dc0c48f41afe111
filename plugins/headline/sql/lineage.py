"""Which columns the columns of a table are computed from, as its SELECT says."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from typing import NamedTuple

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

from headline.errors import SpecError
from headline.intervals import Interval
from headline.specs import Table, read_contract
from headline.sql.compile import DIALECT, parse, tables_read
from headline.sql.template import render, text_of
from headline.sql.versions import code_version

log = logging.getLogger(__name__)

ALWAYS_THERE = "calendar.days"
# Which columns are read does not depend on the days that are asked for.
_SOME_DAY = Interval(date(2026, 3, 3), date(2026, 3, 4))


class Origin(NamedTuple):
    """A column that another is computed from; `table` is its full name."""

    table: str
    column: str


Origins = Mapping[str, tuple[Origin, ...]]
# By area and table its columns with their types.
Schema = dict[str, dict[str, dict[str, str]]]
# What takes up to a second for a table, by all that goes into it.
_KNOWN: dict[Hashable, Origins] = {}


def column_lineage(table: Table, filled_by: Mapping[str, Table]) -> Origins:
    """By column of a table, the columns of other tables whose values go into it, in order; none for what is constant.

    Columns that only decide which rows there are (joins, conditions, groups) are not among them. `filled_by`: by full name, the
    table that fills each table and quarantine. Kept until the code of the table, or of one that it reads, changes.
    Raises SpecError where its SELECT cannot be read.
    """
    key = (table.full_name, code_version(table), *(_version(name, filled_by) for name in sorted(table.reads)))
    if key not in _KNOWN:
        _KNOWN[key] = _column_lineage(table, filled_by)
    return _KNOWN[key]


def schema_of(query: exp.Query, filled_by: Mapping[str, Table]) -> Schema | None:
    """The columns of what is read; what landed has whatever names are asked of it. None where a contract cannot be read."""
    schema: Schema = {"calendar": {"days": {"ds": "date"}}}
    for read in tables_read(query) - {ALWAYS_THERE}:
        area, name = read.split(".")
        contract = read_contract(filled_by[read])[0] if read in filled_by else None
        if area == "landing":
            columns = dict.fromkeys((column.name for column in query.find_all(exp.Column)), "varchar")
        elif contract:
            columns = {column.name: column.sql_type for column in contract.columns}
            columns |= {"quarantine_reason": "varchar"} if area == "quarantine" else {}
        else:
            return None
        schema.setdefault(area, {})[name] = columns
    return schema


def _version(name: str, filled_by: Mapping[str, Table]) -> str:
    """Of a table that is read: what its columns are called follows from its code."""
    with suppress(SpecError):
        return code_version(filled_by[name]) if name in filled_by else ""
    return ""


def _column_lineage(table: Table, filled_by: Mapping[str, Table]) -> Origins:
    where = f"{table.sql_file.parent.name}/{table.sql_file.name}"
    if (text := text_of(table.sql_file)) is None:
        raise SpecError([f"{where}: cannot be read"])
    query = parse(render(text, _SOME_DAY.widen(table.period), where, **table.template_names), where)
    schema = schema_of(query, filled_by)
    if schema is None:
        raise SpecError([f"{where}: reads a table whose contract cannot be read"])
    return {name: tuple(sorted(found)) for name, found in origins(query, schema, where).items()}


def origins(query: exp.Query, schema: Schema, where: str) -> dict[str, set[Origin]]:
    """By column of a query, the columns of tables at the end of all ways through subqueries and common table expressions.

    Raises SpecError where a column cannot be followed, such as one of a table that the schema does not have.
    """
    try:
        nodes = lineage(None, query, schema, dialect=DIALECT, trim_selects=False, copy=False)
    except (SqlglotError, ValueError, KeyError, RecursionError) as error:
        raise SpecError([f"{where}: it is not known where its columns come from: {error}"]) from error
    return {name: set(_ends(node, schema, where)) for name, node in nodes.items()}


def _ends(node: Node, schema: Schema, where: str) -> Iterator[Origin]:
    for one in node.walk():
        if isinstance(one.expression, exp.Table):
            name = exp.to_column(one.name).name
            if one.expression.db and name not in schema.get(one.expression.db, {}).get(one.expression.name, {}):
                raise SpecError([f"{where}: {one.expression.db}.{one.expression.name} has no column {name} that is known"])
            if one.expression.db:
                yield Origin(f"{one.expression.db}.{one.expression.name}", name)
        elif isinstance(one.expression, exp.Placeholder) or one.expression.find(exp.Star):
            raise SpecError([f"{where}: it is not known where {one.name} comes from"])
