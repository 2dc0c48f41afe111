"""The SQL behind the checks of a contract: for each the SELECT of the rows that it finds fault with."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlglot import exp

from headline import settings
from headline.errors import SpecError
from headline.intervals import Interval, merge
from headline.specs import Check, Table, load_contract
from headline.specs.catalog import read_text
from headline.sql.compile import DIALECT, parse, tables_read
from headline.sql.template import included_files, render

# Stand for the dates of a run while a query is compiled before there is one; no query names these days itself.
_PLACEHOLDER = "1001-01-0"
_START, _END = "1001-01-01", "1001-01-02"
_ONE_START, _ONE_END = "1001-01-03", "1001-01-04"
# A compiled query has to become for these what it becomes where it is rendered for them.
_TRIED = [Interval(date(2026, 3, 3), date(2026, 3, 5)), Interval(date(2026, 6, 9), date(2026, 6, 10))]


class _Unknown:
    """A date that a template may write, and nothing else: what computes on it cannot be compiled before the run."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        raise TypeError("the date is not known yet")


class _Compiled(NamedTuple):
    """The queries of a contract by the check's path, with placeholders for dates; None where one computes on the dates."""

    queries: dict[str, exp.Query | None]
    tables: frozenset[str]


# By all that goes into them: the contract, the files that its queries import, what their templates know.
_COMPILED: dict[Hashable, _Compiled] = {}


def check_queries(table: Table, intervals: Sequence[Interval]) -> dict[str, exp.Query]:
    """By the path of the check, what the checks with a query of their own select for all intervals, in whole periods.

    Their templates know, besides what every template knows, `table` (its full name), `key` and `period_column`. `start` and `end`
    are those of all intervals together; `intervals` is the list that in_interval (checks/interval.jinja) reads.
    Raises SpecError for a template or a query that is broken.
    """
    compiled = _compiled(table).queries
    periods = merge(interval.widen(table.period) for interval in intervals)
    queries: dict[str, exp.Query] = {}
    for check in _with_query(table):
        query = compiled[check.path]
        queries[check.path] = _rendered(table, check, periods) if query is None else _bound(query, periods)
    return queries


def tables_in_checks(table: Table) -> set[str]:
    """Every `schema.table` that the queries of the table's checks read."""
    return set(_compiled(table).tables)


def _with_query(table: Table) -> list[Check]:
    return [check for check in load_contract(table).listed_checks if check.body.get("query")]


def _compiled(table: Table) -> _Compiled:
    files = included_files("\n".join(str(check.body["query"]) for check in _with_query(table)))
    if files is None:
        return _compile(table)
    known = settings.load()
    names = (table.full_name, tuple(table.key), table.period, *table.template_names.items())
    key = (read_text(table.contract_file), *sorted(files.items()), names, known.reporting_currency, known.reporting_zone)
    if key not in _COMPILED:
        _COMPILED[key] = _compile(table)
    return _COMPILED[key]


def _compile(table: Table) -> _Compiled:
    tried = merge(interval.widen(table.period) for interval in _TRIED)
    queries: dict[str, exp.Query | None] = {}
    tables: set[str] = set()
    for check in _with_query(table):
        wanted = _rendered(table, check, tried)
        tables |= tables_read(wanted)
        query = _with_placeholders(table, check)
        queries[check.path] = query if query is not None and _bound(query, tried) == wanted else None
    return _Compiled(queries, frozenset(tables))


def _rendered(table: Table, check: Check, periods: Sequence[Interval]) -> exp.Query:
    hull = Interval(periods[0].start, periods[-1].end)
    listed = [{"start": str(one.start), "end": str(one.end)} for one in periods]
    return _parsed(table, check, hull, intervals=listed)


def _with_placeholders(table: Table, check: Check) -> exp.Query | None:
    listed = [{"start": _Unknown(_ONE_START), "end": _Unknown(_ONE_END)}]
    unknown = {"start": _Unknown(_START), "end": _Unknown(_END), "ds": _Unknown(_START), "intervals": listed}
    try:
        return _parsed(table, check, _TRIED[0], **unknown)
    except SpecError:  # it computes on the dates
        return None


def _parsed(table: Table, check: Check, hull: Interval, **names: Any) -> exp.Query:
    where = f"{table.contract_file.parent.name}/{table.contract_file.name}: «{check.name}»"
    known = {"table": table.full_name, "key": table.key, "period_column": table.period_column}
    return parse(render(str(check.body["query"]), hull, where, **known, **table.template_names, **names), where)


def _bound(query: exp.Query, periods: Sequence[Interval]) -> exp.Query:
    """The query for these periods: a condition on one of them becomes one on any, the placeholders become dates."""
    query = query.copy()
    literals = [literal for literal in query.find_all(exp.Literal) if literal.is_string and _PLACEHOLDER in literal.name]
    conditions = {id(found): found for literal in literals if (found := _condition_on_one(literal))}
    _date(literals, {_START: periods[0].start, _END: periods[-1].end})
    for condition in conditions.values():
        each = [condition.copy() for _ in periods]
        for copied, one in zip(each, periods, strict=True):
            _date(copied.find_all(exp.Literal), {_ONE_START: one.start, _ONE_END: one.end})
        condition.replace(each[0] if len(each) == 1 else exp.paren(exp.or_(*each, copy=False), copy=False))
    return query


def _condition_on_one(literal: exp.Literal) -> exp.Paren | None:
    return literal.find_ancestor(exp.Paren) if _ONE_START in literal.name else None


def _date(literals: Iterable[exp.Literal], dates: Mapping[str, date]) -> None:
    for literal in literals:
        for placeholder, day in dates.items():
            if placeholder in literal.name:
                literal.set("this", literal.name.replace(placeholder, str(day)))


def rows_found(table: Table, check: Check, dataset: str) -> exp.Query | None:
    """The keys of the rows of `dataset` that a check without a query of its own counts, and the column that it is on.

    None where a check is about no rows: a schema, their number. A column with personal data is left out.
    """
    counted = check.body.get("filter")
    if check.type == "duplicate":
        columns = _without_personal(table, check.body.get("columns") or [check.column])
        repeated = exp.select(*columns, exp.alias_(exp.Count(this=exp.Star()), "row_count")).from_(dataset)
        return repeated.where(counted, dialect=DIALECT).group_by(*columns).having("count(*) > 1") if columns else None
    if (condition := _condition(check)) is None:
        return None
    columns = _without_personal(table, [table.period_column, *table.key, check.column])
    return exp.select(*columns).from_(dataset).where(condition, counted, dialect=DIALECT)


def personal_columns_shown(query: exp.Query, personal: Container[str]) -> set[str]:
    """Which columns with personal data any SELECT of the query gives, under whatever name."""
    items = [item for select in query.find_all(exp.Select) for item in select.expressions]
    return {column.name for item in items for column in item.find_all(exp.Column) if column.name in personal}


def _without_personal(table: Table, columns: Iterable[str | None]) -> list[str]:
    personal = load_contract(table).personal_columns
    return [column for column in dict.fromkeys(columns) if column and column not in personal]


def _condition(check: Check) -> str | exp.Expr | None:
    column = exp.column(check.column)
    match check.type, check.body:
        case "failed_rows", {"expression": str(expression)}:
            return expression
        case "missing", _:
            return column.is_(exp.null())
        case "invalid", body:
            bounds: list[Any] = [column < body["valid_min"]] if "valid_min" in body else []
            bounds += [column > body["valid_max"]] if "valid_max" in body else []
            bounds += [column.isin(*body["valid_values"]).not_()] if "valid_values" in body else []
            return exp.or_(*bounds) if bounds else None
    return None
