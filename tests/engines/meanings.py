"""Expressions of the portable subset over values at its edges, and what DuckDB makes of each: the same on every engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any

import duckdb

from headline.sql import transpiled

TEXTS = ["", " ", "a", "A", "a ", " a", "abc", "ß", "İ", "é", "e\u0301", "😀x", "10", "O''Neil", "%", "_", "\t", "\u00a0x\u00a0"]


def typed(sql_type: str, values: str) -> list[str]:
    return [f"cast({value} as {sql_type})" for value in values.split(", ")]


VALUES = {
    "t": [*(f"'{text}'" for text in TEXTS), "cast(null as varchar)"],
    "d": typed(
        "decimal(18, 4)",
        "0, 0.0001, -0.0001, 0.0050, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.0050, -2.0050, 1234567.8951, 99999999999.9999, null",
    ),
    "i": typed(
        "integer",
        "0, 1, -1, 2, 7, -7, 2147483647, -2147483648, null",
    ),
    "b": typed(
        "bigint",
        "0, 1, -1, 9007199254740993, 9223372036854775807, null",
    ),
    "f": typed(
        "double",
        "0, 0.1, -0.1, 0.5, 1.5, 2.5, -0.5, -2.5, 1e-7, 132.5012875, 132.50128749999999, 1.005, 1e11, 123456.7891005, null",
    ),
    "day": typed(
        "date",
        "'2024-02-29', '2026-01-31', '2026-03-29', '2000-01-01', '1999-12-31', '1900-01-01', '2026-12-31', null",
    ),
    "m": typed(
        "timestamp",
        "'2026-03-29 01:30:00', '2026-03-29 02:30:00', '2026-10-25 00:30:00', '2026-10-25 02:30:00.123456', "
        "'1969-12-31 23:59:59.999999', '2024-02-29 12:00:00', null",
    ),
    "p": ["true", "false", "cast(null as boolean)"],
    # Texts that land as they are, since they can be what their column is agreed as (sources/judged_texts.py).
    "as_integer": ["'5'", "'+5'", "'007'", "'-12'", "'2147483647'", "cast(null as varchar)"],
    "as_decimal": ["'5'", "'.5'", "'5.'", "'+1.50'", "'1.230000'", "'-0.10'", "'00012.5'", "cast(null as varchar)"],
    "as_boolean": ["'true'", "'False'", "'T'", "'f'", "'1'", "'0'", "cast(null as varchar)"],
    "as_double": ["'1e5'", "'.5'", "'5.'", "'-1E-3'", "'+2'", "cast(null as varchar)"],
    "as_date": ["'2026-03-01'", "cast(null as varchar)"],
    "as_timestamp": ["'2026-03-01 12:00:00'", "'2026-03-01 12:00:00.5'", "'2026-03-01 12:00:00.123456'", "cast(null as varchar)"],
    # Without the letters that become two, which each engine writes in its own way.
    "w": ["'aB c'", "'ÉÖ'", "'éöñ'", "'ΣΩж'", "''", "cast(null as varchar)"],
}
# By the columns of VALUES that they are of. What gives a double is cast, as in a transform.
EXPRESSIONS = {
    "t": [
        "length(t)",
        "trim(t)",
        "ltrim(t)",
        "rtrim(t)",
        "trim(t, 'a ')",
        "replace(t, 'a', 'bb')",
        "replace(t, 'a', '')",
        "substring(t, 1, 1)",
        "substring(t, 2, 2)",
        "substring(t, 2)",
        "concat(t, 'x')",
        "t || 'x'",
        "coalesce(t, 'none')",
        "nullif(t, 'a')",
        "t = 'a'",
        "t < 'a'",
        "t > 'é'",
        "t like 'a%'",
        "t like '_'",
        "t like '%\u0301'",
        "t in ('a', 'b')",
        "t is null or t = ''",
        "t between 'A' and 'a'",
        "case when t <> 'a' then 1 else 0 end",
        "greatest(t, 'b')",
        "least(t, 'b')",
    ],
    "d": [
        "round(d, 2)",
        "round(d, 0)",
        "round(d)",
        "floor(d)",
        "ceil(d)",
        "abs(d)",
        "-d",
        "cast(d as decimal(18, 2))",
        "cast(d as decimal(20, 6))",
        "cast(round(d, 0) as bigint)",
        "cast(d as double)",
        "cast(d as varchar)",
        "cast(d * 1.5 as decimal(20, 4))",
        "cast(d + 0.1 as decimal(20, 4))",
        "cast(d % 2 as decimal(18, 4))",
        "d > 0.00005",
        "d = 1.50",
        "cast(cast(d as double) / nullif(cast(7 as double), 0) as decimal(18, 6))",
        "cast(cast(d as double) as decimal(18, 2))",
        "cast(sqrt(abs(cast(d as double))) as decimal(18, 6))",
        "cast(ln(cast(abs(d) + 1 as double)) as decimal(18, 6))",
        "d is distinct from 0.5",
        "d is not distinct from null",
        "greatest(d, 1)",
        "least(d, 1, null)",
    ],
    "i": [
        "abs(cast(i as bigint))",
        "i % 3",
        "cast(i as varchar)",
        "cast(i as decimal(18, 4))",
        "cast(i * 0.25 as decimal(18, 4))",
        "cast(i as bigint) * 4",
        "coalesce(i, 0)",
        "nullif(i, 0)",
        "i between -1 and 1",
        "not i in (1, 2)",
        "cast(cast(i as double) / nullif(cast(2 as double), 0) as decimal(18, 6))",
        "greatest(i, 1)",
        "if(i > 0, 'up', 'down')",
    ],
    "b": ["cast(b as varchar)", "cast(b as decimal(38, 0))", "b - 1 + 1", "cast(b as double)"],
    "f": [
        "cast(cast(f as double) as decimal(18, 6))",
        "cast(cast(f as double) as decimal(18, 2))",
        "cast(cast(f as double) as decimal(28, 6))",
        "cast(greatest(cast(f as double), cast(0.005 as double)) as decimal(18, 2))",
        "cast(round(cast(f as double), 0) as bigint)",
        "cast(floor(f) as bigint)",
        "cast(ceil(f) as bigint)",
        "abs(f)",
    ],
    "day": [
        "cast(day as varchar)",
        "cast(day + interval '1' month as date)",
        "cast(day - interval '1' month as date)",
        "cast(day + interval '1' year as date)",
        "cast(day + interval '1' day as date)",
        "cast(day - interval '45' day as date)",
        "cast(date_trunc('week', day) as date)",
        "cast(date_trunc('month', day) as date)",
        "cast(date_trunc('quarter', day) as date)",
        "cast(date_trunc('year', day) as date)",
        "date_diff('day', day, date '2026-03-01')",
        "extract(year from day)",
        "extract(quarter from day)",
        "extract(month from day)",
        "extract(day from day)",
        "day between date '2000-01-01' and date '2026-01-31'",
        "cast(day as timestamp)",
        "greatest(day, date '2026-01-01')",
    ],
    "m": [
        "cast(m as varchar)",
        "cast(m as date)",
        "extract(hour from m)",
        "extract(minute from m)",
        "date_trunc('hour', m)",
        "date_trunc('day', m)",
        "date_trunc('minute', m)",
        "m + interval '90' minute",
        "m - interval '1' day",
        "m < timestamp '2026-03-29 02:00:00'",
        "cast(cast(m as date) as timestamp)",
        "cast(m at time zone 'UTC' at time zone 'Europe/Berlin' as timestamp)",
        "cast(m at time zone 'UTC' at time zone 'America/New_York' as date)",
        "cast(m at time zone 'Europe/Berlin' at time zone 'UTC' as timestamp)",
        "cast(m at time zone 'America/Sao_Paulo' at time zone 'UTC' as timestamp)",
        "date_diff('day', cast(m as date), date '2026-01-01')",
    ],
    "as_integer": ["cast(as_integer as integer)", "cast(as_integer as bigint)"],
    "as_decimal": ["cast(as_decimal as decimal(18, 4))"],
    "as_boolean": ["cast(as_boolean as boolean)"],
    "as_double": ["cast(as_double as double)", "cast(cast(as_double as double) as decimal(18, 2))"],
    "as_date": ["cast(as_date as date)"],
    "as_timestamp": ["cast(as_timestamp as timestamp)", "cast(cast(as_timestamp as timestamp) as date)"],
    "w": ["lower(w)", "upper(w)", "lower(w) = 'ab c'"],
    "p": ["not p", "p and null", "p or null", "cast(p as varchar)", "cast(p as integer)", "coalesce(p, false)", "p = true"],
}
# Over all values of a column at once, in the order of `n`, which each value has one of.
OVER_ALL = {
    "t": ["min(t)", "max(t)", "count(t)", "count(distinct t)"],
    "d": [
        "sum(d)",
        "min(d)",
        "max(d)",
        "count(distinct d)",
        "cast(avg(cast(d as double)) as decimal(18, 2))",
        "sum(case when d > 0 then 1 else 0 end)",
        "sum(d) filter (where d > 0)",
        "count(*) filter (where d is null)",
    ],
    "i": [
        "sum(cast(i as bigint))",
        "cast(avg(cast(i as double)) as decimal(18, 6))",
        "cast(stddev(cast(n as double)) as decimal(18, 6))",
        "cast(stddev_samp(cast(n as double)) as decimal(18, 6))",
        "cast(stddev_pop(cast(n as double)) as decimal(18, 6))",
        "cast(variance(cast(n as double)) as decimal(18, 6))",
        "cast(var_pop(cast(n as double)) as decimal(18, 6))",
    ],
    "day": ["min(day)", "max(day)", "count(distinct date_trunc('month', day))"],
    "p": ["max(case when p then 1 else 0 end)", "sum(case when p then 1 end)"],
}
WHERE = {
    "i": [
        "exists (select 1 as one from (select 7 as x union all select null as x) as other where other.x = given.i)",
        "not exists (select 1 as one from (select 7 as x union all select null as x) as other where other.x = given.i)",
        "i in (select cast(x as integer) as x from (select 7 as x union all select 2 as x) as other)",
        "not i = 7",
    ],
}
WINDOWS = {
    "t": ["row_number() over (order by t, n)", "rank() over (order by t desc)", "dense_rank() over (order by length(t))"],
    "d": [
        "lag(d) over (order by n)",
        "lead(d, 2) over (order by n)",
        "first_value(d) over (order by d desc, n)",
        "last_value(d) over (order by n rows between unbounded preceding and unbounded following)",
        "sum(d) over (order by n rows between 2 preceding and current row)",
        "row_number() over (order by d, n)",
        "row_number() over (order by d desc, n)",
        "row_number() over (order by d nulls first, n)",
        "row_number() over (order by d desc nulls last, n)",
        "count(*) over (partition by d > 0)",
        "max(d) over (partition by d is null order by n)",
    ],
    "day": ["rank() over (order by day)", "min(day) over (order by n rows between 1 following and 2 following)"],
}


def statements() -> dict[str, str]:
    """By expression: a SELECT in DuckDB's dialect whose rows are in order."""
    found = {}
    for column, values in VALUES.items():
        rows = " union all ".join(f"select {number} as n, {value} as {column}" for number, value in enumerate(values))
        for one in (*EXPRESSIONS.get(column, ()), *WINDOWS.get(column, ())):
            found[one] = f"select n, {one} as found from ({rows}) as given order by n"
        for one in WHERE.get(column, ()):
            found[one] = f"select n from ({rows}) as given where {one} order by n"
        for one in OVER_ALL.get(column, ()):
            found[one] = f"select {one} as found from ({rows}) as given"
    return found


def unlike(run: Callable[[str], Sequence[Sequence[Any]]], dialect: str) -> dict[str, Any]:
    """What an engine makes of each expression that DuckDB does not: both, of the values that differ, or the error.

    `run`: gives the rows of a statement in the engine's dialect.
    """
    found: dict[str, Any] = {}
    with duckdb.connect() as connection:
        connection.execute("load icu; set timezone = 'UTC'")
        for expression, sql in statements().items():
            expected = [tuple(map(_comparable, row)) for row in connection.execute(sql).fetchall()]
            try:
                rows = [tuple(map(_comparable, row)) for row in run(transpiled(sql, dialect))]
            except Exception as error:
                found[expression] = str(error)[:300]
                continue
            if rows != expected:
                found[expression] = [pair for pair in zip(rows, expected, strict=False) if pair[0] != pair[1]][:4]
    return found


def _comparable(value: Any) -> Any:
    """A value as text, since Athena gives nothing else, numbers and moments without zeros at their end."""
    if value is None:
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    with suppress(InvalidOperation):
        return str(Decimal(text).normalize()) if text.strip() == text else text
    return text.removesuffix(".000000")
