"""What was agreed with a source: the columns of an arrival that the mapping SQL reads, and what it takes each of them for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from typing import cast
from zoneinfo import ZoneInfo

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from headline import settings
from headline.intervals import DAY, Interval
from headline.sources.agreed import Agreed
from headline.sources.names import name_key
from headline.sources.refused import RESERVED
from headline.specs import FilesIngest, HttpIngest, Source, StreamIngest, Table, load_contract
from headline.sql import parse, render

_KINDS = (
    (exp.DataType.TEXT_TYPES, "text"),
    ({exp.DataType.Type.BIGINT}, "bigint"),
    (exp.DataType.INTEGER_TYPES, "integer"),
    (exp.DataType.FLOAT_TYPES, "double"),
    ({exp.DataType.Type.BOOLEAN}, "boolean"),
    ({exp.DataType.Type.DATE}, "date"),
    ({exp.DataType.Type.TIMESTAMPTZ}, "timestamp with time zone"),
    ({exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ, exp.DataType.Type.DATETIME}, "timestamp"),
)
# What may stand between a column and the cast that says what it is: blanks and empty texts, and the letters of ISO 8601.
_ISO = {"T": " ", "Z": ""}


def agreed_columns(source: Source, name: str) -> dict[str, set[str]]:
    """The columns of `landing.<name>` that the source's tables read, and the one with the day of a row.

    Each with the kinds that it is cast to, as kinds of `headline.sources.columns`; with none where it is taken as it comes.
    """
    landing = f"landing.{name}"
    agreed: defaultdict[str, set[str]] = defaultdict(set)
    for table in readers(source, name):
        for scope in _scopes(table):
            for column in scope.columns:
                if column.name not in {"ds", *RESERVED} and _comes_from(column, scope, landing, source):
                    agreed[column.name] |= _cast_to(column)
    ingest = source.ingest[name]
    match ingest:
        case HttpIngest(day=str(day)) | FilesIngest(day=str(day)) | StreamIngest(moment=str(day)):
            agreed[day] |= set()
    return {column: kinds | {ingest.types[column]} if column in ingest.types else kinds for column, kinds in agreed.items()}


def agreed_with(source: Source, name: str) -> Agreed:
    """How a landing's records are judged as they arrive."""
    spec = source.ingest[name]
    kinds = agreed_columns(source, name)
    # What is cast to a number is judged as one, and what `types` names is taken as it is said there.
    ids = {column for column in _ids(source, name) - spec.types.keys() if kinds.get(column, set()) <= {"text"}}
    return Agreed(kinds, ZoneInfo(spec.zone), spec.decimal_separator, spec.null_markers, ids, spec.key)


def alternatives(source: Source, name: str) -> dict[str, set[str]]:
    """Which columns of `landing.<name>` may stand in for each other: those of one `coalesce`, as where one was renamed."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for table in readers(source, name):
        for scope in _scopes(table):
            for choice in scope.expression.find_all(exp.Coalesce):
                columns = {one.name for one in choice.find_all(exp.Column) if _comes_from(one, scope, f"landing.{name}", source)}
                for column in columns:
                    found[column] |= columns - {column}
    return dict(found)


def readers(source: Source, name: str) -> list[Table]:
    """The tables of a source that read what landed under this name."""
    return [table for table in source.tables.values() if f"landing.{name}" in table.reads]


def origins(source: Source, table: Table, name: str) -> dict[str, set[str]]:
    """From which columns of `landing.<name>` each column of a table is computed; rows that they filter or sort do not count."""
    *_, root = _scopes(table)
    return {column: set(_origins(column, root, f"landing.{name}", source)) for column in _query(root).named_selects}


def money_taken_over(source: Source, table: Table, name: str, money: Collection[str]) -> dict[str, str]:
    """Which columns of a table hold the amounts of a column of `landing.<name>`, each with the name of that one, out of `money`.

    That is one that is cast and nothing else, or one that is made of a column of its own name.
    """
    *_, root = _scopes(table)
    spelled = {name_key(one): one for one in money}
    found = {}
    for expression in _query(root).selects:
        columns = [one for one in expression.find_all(exp.Column) if _comes_from(one, root, f"landing.{name}", source)]
        keys, output = {name_key(one.name) for one in columns} & spelled.keys(), expression.alias_or_name
        if len(keys) == 1 and (all(map(_is_taken_over, columns)) or name_key(output) in keys):
            found[output] = spelled[keys.pop()]
    return found


def _origins(
    output: str, scope: Scope, landing: str, source: Source, counts: Callable[[exp.Column], bool] = lambda _: True
) -> Iterator[str]:
    for expression in _query(scope).selects:
        if expression.alias_or_name == output:
            for column in filter(counts, expression.find_all(exp.Column)):
                inner = scope.sources.get(column.table) or next(iter(scope.sources.values()), None)
                if isinstance(inner, Scope):
                    yield from _origins(column.name, inner, landing, source, counts)
                elif _comes_from(column, scope, landing, source):
                    yield column.name


def _ids(source: Source, name: str) -> set[str]:
    """The columns of `landing.<name>` that a column called `…_id` of a table takes over as they come."""
    found: set[str] = set()
    for table in readers(source, name):
        *_, root = _scopes(table)
        for output in _query(root).named_selects:
            if output.endswith("_id"):
                found |= set(_origins(output, root, f"landing.{name}", source, _is_taken_over))
    return found


def _is_taken_over(column: exp.Column) -> bool:
    """Whether a SELECT gives the column's value and nothing that is made of it; blanks, empty texts and the type apart."""
    node: exp.Expr = column
    while not isinstance(node.parent, exp.Select):
        if not isinstance(node.parent, exp.Alias | exp.Cast | exp.Coalesce | exp.Nullif | exp.Paren | exp.Trim):
            return False
        node = node.parent
    return True


def _query(scope: Scope) -> exp.Query:
    return cast(exp.Query, scope.expression)


def _scopes(table: Table) -> list[Scope]:
    start = settings.load().start_date
    where = f"{table.sql_file.parent.name}/{table.sql_file.name}"
    text = render(table.sql_file.read_text(), Interval(start, start + DAY), where, **table.template_names)
    return traverse_scope(parse(text, where))


def _comes_from(column: exp.Column, scope: Scope, landing: str, source: Source) -> bool:
    """Whether it is a column of the landing; without a qualifier it is if none of the other tables beside it has such a one."""
    if column.table:
        return _is(scope.sources.get(column.table), landing)
    others = [one for one in scope.sources.values() if not _is(one, landing)]
    return len(others) < len(scope.sources) and not any(column.name in _columns(one, source) for one in others)


def _is(one: exp.Expr | Scope | None, name: str) -> bool:
    return isinstance(one, exp.Table) and f"{one.db}.{one.name}" == name


def _columns(one: exp.Expr | Scope, source: Source) -> list[str]:
    if isinstance(one, Scope):
        return list(_query(one).named_selects)
    table = source.outputs.get(f"{one.args.get('db')}.{one.name}")
    return load_contract(table).column_names if table else ["ds"]


def _cast_to(column: exp.Column) -> set[str]:
    node: exp.Expr = column
    while isinstance(node.parent, exp.Paren | exp.Trim | exp.Nullif | exp.Replace) and _is_plain(node.parent):
        node = node.parent
    return _kinds(node.parent.to) if isinstance(node.parent, exp.Cast) else set()


def _is_plain(node: exp.Expr) -> bool:
    return not isinstance(node, exp.Replace) or _ISO.get(node.expression.name) == node.args["replacement"].name


def _kinds(to: exp.DataType) -> set[str]:
    if to.is_type("decimal"):
        digits = ", ".join(one.name for one in to.expressions)
        return {f"decimal({digits})" if digits else "decimal"}
    return {next((kind for types, kind in _KINDS if to.this in types), "")} - {""}
