"""The SQL behind the checks of a contract: for each the SELECT of the rows that it finds fault with."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlglot import exp

from headline import settings
from headline.errors import SpecError
from headline.intervals import Interval, merge
from headline.specs import Check, Table, load_contract
from headline.sql.compile import DIALECT, Resolution, parse, resolve, tables_read, write
from headline.sql.prepared import END, ONE_END, ONE_START, START, Prepared, Unknown, prepare_query, written_once
from headline.sql.template import included_files, render

# A query with gaps has to become for these, in each dialect, what it becomes where it is rendered for them.
_TRIED = [Interval(date(2026, 3, 3), date(2026, 3, 5)), Interval(date(2026, 6, 9), date(2026, 6, 10))]


class CheckSelect(NamedTuple):
    """A SELECT in the dialect of an engine, and how many columns it gives."""

    text: str
    width: int


class Shown(NamedTuple):
    """What a query may show: the tables that it reads, and every column that a SELECT in it gives, under whatever name."""

    tables: frozenset[str]
    columns: frozenset[str]


class _Compiled(NamedTuple):
    """One query of a contract; `prepared` by dialect is None where it computes on the dates, so that each run renders it."""

    shown: Shown
    prepared: dict[str, Prepared | None]


# By all that goes into them: the queries, the files that they import, what their templates know.
_COMPILED: dict[Hashable, dict[str, _Compiled]] = {}


def check_queries(table: Table, intervals: Sequence[Interval]) -> dict[str, exp.Query]:
    """By the path of the check, what the checks with a query of their own select for all intervals, in whole periods.

    Their templates know, besides what every template knows, `table` (its full name), `key` and `period_column`. `start` and `end`
    are those of all intervals together; `intervals` is the list that in_interval (checks/interval.jinja) reads.
    Raises SpecError for a template or a query that is broken. Renders and parses: a run uses check_selects.
    """
    periods = _periods(table, intervals)
    return {check.path: _rendered(table, check, periods) for check in _with_query(table)}


def check_query(table: Table, check: Check, intervals: Sequence[Interval]) -> exp.Query | None:
    """What one check with a query of its own selects, as check_queries has it; None for a check without one."""
    return _rendered(table, check, _periods(table, intervals)) if check.body.get("query") else None


def check_selects(
    table: Table, intervals: Sequence[Interval], names: Mapping[str, Resolution], dialect: str
) -> dict[str, CheckSelect]:
    """The same queries as an engine runs them, names resolved; parsed once per content of all files that go into them."""
    compiled, periods, tables = _compiled(table, dialect), _periods(table, intervals), written_once(names, dialect)
    selects: dict[str, CheckSelect] = {}
    for check in _with_query(table):
        prepared = compiled[check.path].prepared[dialect]
        if prepared is None:
            query = _rendered(table, check, periods)
            width = len(query.selects)
            selects[check.path] = CheckSelect(write(resolve(query, names, copy=False), dialect), width)
        else:
            selects[check.path] = CheckSelect(prepared.filled(periods, tables, dialect), prepared.width)
    return selects


def prepare_checks(table: Table, dialect: str) -> None:
    """Parse the queries of a table's checks, so that check_selects finds them ready."""
    _compiled(table, dialect)


def tables_in_checks(table: Table) -> set[str]:
    """Every `schema.table` that the queries of the table's checks read."""
    return {name for compiled in _by_content(table).values() for name in compiled.shown.tables}


def shown_by_checks(table: Table, intervals: Sequence[Interval]) -> dict[str, Shown]:
    """By the path of the check, what each check with a query of its own may show of its tables."""
    compiled, periods = _by_content(table), _periods(table, intervals)
    return {
        check.path: compiled[check.path].shown
        if compiled[check.path].prepared[DIALECT]
        else _shown(_rendered(table, check, periods))
        for check in _with_query(table)
    }


def _periods(table: Table, intervals: Sequence[Interval]) -> list[Interval]:
    return merge(interval.widen(table.period) for interval in intervals)


def _with_query(table: Table) -> list[Check]:
    return load_contract(table).checks_with_query


def _compiled(table: Table, dialect: str) -> dict[str, _Compiled]:
    compiled = _by_content(table)
    for check in _with_query(table):
        prepared = compiled[check.path].prepared
        if dialect not in prepared:
            prepared[dialect] = _prepare(table, check, dialect, _rendered(table, check, _periods(table, _TRIED)))
    return compiled


def _by_content(table: Table) -> dict[str, _Compiled]:
    files = included_files("\n".join(str(check.body["query"]) for check in _with_query(table)))
    if files is None:
        return _compile(table)
    known = settings.load()
    names = (table.full_name, tuple(table.key), table.period, *table.template_names.items())
    queries = tuple((check.path, str(check.body["query"])) for check in _with_query(table))
    key = (queries, *sorted(files.items()), names, known.reporting_currency, known.reporting_zone)
    if key not in _COMPILED:
        _COMPILED[key] = _compile(table)
    return _COMPILED[key]


def _compile(table: Table) -> dict[str, _Compiled]:
    queries = check_queries(table, _TRIED)
    return {
        check.path: _Compiled(_shown(queries[check.path]), {DIALECT: _prepare(table, check, DIALECT, queries[check.path])})
        for check in _with_query(table)
    }


def _prepare(table: Table, check: Check, dialect: str, tried: exp.Query) -> Prepared | None:
    """`tried`: the query as it is rendered for _TRIED, good for nothing else then."""
    try:
        query = _with_placeholders(table, check)
    except SpecError:  # it computes on the dates, which cannot be told from a fault here
        return None
    prepared = prepare_query(query, dialect)
    is_same = prepared is not None and prepared.filled(_periods(table, _TRIED), {}, dialect) == tried.sql(dialect, copy=False)
    return prepared if is_same else None


def _rendered(table: Table, check: Check, periods: Sequence[Interval]) -> exp.Query:
    hull = Interval(periods[0].start, periods[-1].end)
    return _parsed(table, check, hull, intervals=[{"start": str(one.start), "end": str(one.end)} for one in periods])


def _with_placeholders(table: Table, check: Check) -> exp.Query:
    start, end = Unknown(START), Unknown(END)
    one = {"start": Unknown(ONE_START), "end": Unknown(ONE_END)}
    return _parsed(table, check, _TRIED[0], start=start, end=end, ds=start, intervals=[one])


def _parsed(table: Table, check: Check, hull: Interval, **names: Any) -> exp.Query:
    file = load_contract(table).sql_files.get(check.name, table.contract_file)
    where = f"{file.parent.name}/{file.name}: «{check.name}»"
    known = {"table": table.full_name, "key": table.key, "period_column": table.period_column}
    return parse(render(str(check.body["query"]), hull, where, **known, **table.template_names, **names), where)


def _shown(query: exp.Query) -> Shown:
    return Shown(frozenset(tables_read(query)), frozenset(_columns_shown(query)))


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
    return {column for column in _columns_shown(query) if column in personal}


def _columns_shown(query: exp.Query) -> Iterator[str]:
    items = [item for select in query.find_all(exp.Select) for item in select.expressions]
    return (column.name for item in items for column in item.find_all(exp.Column))


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
