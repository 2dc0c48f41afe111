"""The SQL behind the checks of a contract: for each the SELECT of the rows that it finds fault with."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from sqlglot import exp

from headline.intervals import Interval
from headline.specs import Check, Table, load_contract
from headline.sql.compile import DIALECT, parse
from headline.sql.template import render


def check_queries(table: Table, interval: Interval, last: Interval | None = None) -> dict[str, exp.Query]:
    """By the path of the check, what the checks with a query of their own select for the interval, in whole periods of the table.

    Their templates know, besides what every template knows, `table` (its full name), `key`, `period_column`, and `audited_until`:
    the end of the `last` of the intervals that are audited together, if there are several.
    """
    file = table.contract_file
    until = (last or interval).widen(table.period).end.isoformat()
    names = {"table": table.full_name, "key": table.key, "period_column": table.period_column, "audited_until": until}
    names |= table.template_names
    queries: dict[str, exp.Query] = {}
    for check in load_contract(table).listed_checks:
        if text := check.body.get("query"):
            where = f"{file.parent.name}/{file.name}: «{check.name}»"
            queries[check.path] = parse(render(text, interval.widen(table.period), where, **names), where)
    return queries


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
