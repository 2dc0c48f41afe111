"""A prefix of all namespaces (`dev_anna_core`), so that several warehouses are in one catalog. No SQL knows of it."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from headline.connections import Connection
from headline.errors import SpecError

# What sqlglot reads no tables of: it names one after these words.
_UPKEEP = re.compile(r"\s*(optimize|vacuum)\s+", re.IGNORECASE)


def prefix_of(connection: Connection) -> str:
    """The extra `database_prefix`. Raises SpecError where databases cannot be called so."""
    prefix = str(connection.extra.get("database_prefix", ""))
    if prefix and not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", prefix):
        told = f"{prefix!r} must be lower-case letters, digits and _, with a letter first"
        raise SpecError([f"connection {connection.conn_id}: extra: database_prefix: {told}"])
    return prefix


def prefixed(sql: str, prefix: str, dialect: str) -> str:
    """A statement with the prefix before every namespace that it names; nothing else of its text is changed.

    Raises SpecError for a statement whose tables cannot be told.
    """
    if not prefix:
        return sql
    upkeep = _UPKEEP.match(sql)
    for place in sorted({upkeep.end()} if upkeep else _namespaces(sql, dialect), reverse=True):
        start = place + (sql[place] in '`"')
        sql = f"{sql[:start]}{prefix}{sql[start:]}"
    return sql


def _namespaces(sql: str, dialect: str) -> set[int]:
    """Where each name of a namespace begins: before a table, or before the table of a column."""
    try:
        tree = sqlglot.parse_one(sql, read=dialect)
    except SqlglotError as error:
        raise SpecError([f"the tables of this statement cannot be told: {error}\n{sql[:2000]}"]) from error
    if isinstance(tree, exp.Command):
        raise SpecError([f"the tables of this statement cannot be told:\n{sql[:2000]}"])
    tables = [table.parts for table in tree.find_all(exp.Table)]
    columns = [column.parts[:-1] for column in tree.find_all(exp.Column)]
    return {parts[0].meta["start"] for parts in (*tables, *columns) if len(parts) > 1}
