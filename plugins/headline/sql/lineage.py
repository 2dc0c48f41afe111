"""From which columns of which tables a column of a result comes, through CTEs, subqueries and joins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from headline.errors import SpecError
from headline.sql.compile import DIALECT

# A column of a table, both as they are called in the warehouse.
Origin = tuple[str, str]
Schema = Mapping[str, Mapping[str, str]]


def origins(query: exp.Query, schema: Schema, where: str) -> dict[str, set[Origin]]:
    """By column of the result, in order, the columns of tables whose values it is computed from; filters do not count.

    `schema`: by table (`schema.table`) its columns with their types. Raises SpecError where a column cannot be followed, such as
    one of a table that the schema does not have, or of a query that reads itself.
    """
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    nested: dict[str, Any] = {}
    for table, columns in schema.items():
        area, _, name = table.partition(".")
        nested.setdefault(area, {})[name] = columns
    try:
        qualified = qualify(
            query.copy(), schema=nested, dialect=DIALECT, quote_identifiers=False, identify=False, validate_qualify_columns=True
        )
        scope = build_scope(qualified)
        if scope is None:
            raise SpecError([f"{where}: it is not known where its columns come from"])
        return _Scopes(schema, where).columns(scope)
    except (SqlglotError, RecursionError, KeyError) as error:
        raise SpecError([f"{where}: it is not known where its columns come from: {error}"]) from None


class _Scopes:
    """The scopes of one query, each followed once."""

    def __init__(self, schema: Schema, where: str) -> None:
        self._schema, self._where = schema, where
        self._known: dict[int, dict[str, set[Origin]]] = {}

    def columns(self, scope: object) -> dict[str, set[Origin]]:
        """By column of a scope's result, where it comes from."""
        if id(scope) not in self._known:
            self._known[id(scope)] = self._followed(scope)
        return self._known[id(scope)]

    def _followed(self, scope: object) -> dict[str, set[Origin]]:
        query = scope.expression  # type: ignore[attr-defined]
        if isinstance(query, exp.SetOperation):
            parts = [self.columns(part) for part in scope.set_operation_scopes]  # type: ignore[attr-defined]
            found: dict[str, set[Origin]] = {name: set() for name in parts[0]}
            for part in parts:
                for name, of_part in zip(found, part.values(), strict=True):
                    found[name] |= of_part
            return found
        if not isinstance(query, exp.Select):
            raise SpecError([f"{self._where}: it is not known where the columns of {query.key.upper()} come from"])
        found = {}
        for item in query.selects:
            found[item.alias_or_name] = self._of_expression(item, scope)
        return found

    def _of_expression(self, item: exp.Expr, scope: object) -> set[Origin]:
        if (
            item.find(exp.Star)
            and not isinstance(item.unalias(), exp.Count)
            and any(not isinstance(star.parent, exp.Count) for star in item.find_all(exp.Star))
        ):
            raise SpecError([f"{self._where}: `*` hides which columns it gives; name them"])
        found: set[Origin] = set()
        inner = {id(node) for select in item.find_all(exp.Select) for node in select.find_all(exp.Column)}
        for column in item.find_all(exp.Column):
            if id(column) not in inner:
                found |= self._of_column(column, scope)
        # A subquery within an expression: whatever it shows, and whatever it compares with, counts.
        for sub in scope.subquery_scopes:  # type: ignore[attr-defined]
            if any(node is sub.expression for node in item.walk()):
                found |= set().union(*self.columns(sub).values())
        return found

    def _of_column(self, column: exp.Column, scope: object) -> set[Origin]:
        source = None
        around = scope
        while around is not None and source is None:
            source = around.sources.get(column.table)  # type: ignore[attr-defined]
            around = around.parent  # type: ignore[attr-defined]
        if isinstance(source, exp.Table):
            name = f"{source.db}.{source.name}" if source.db else source.name
            if column.name not in self._schema.get(name, {}):
                raise SpecError([f"{self._where}: {name or column.table} has no column {column.name} that is known"])
            return {(name, column.name)}
        if source is None:
            raise SpecError([f"{self._where}: it is not known where {column.sql()} comes from"])
        known = self.columns(source)
        if column.name not in known:
            raise SpecError([f"{self._where}: it is not known where {column.sql()} comes from"])
        return known[column.name]
