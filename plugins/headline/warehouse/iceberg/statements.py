"""Portable statements, as syntax trees of DuckDB's dialect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import sqlglot
from sqlglot import exp

from headline.intervals import DAY, Interval, merge
from headline.sql import DIALECT, within

# Says of a source row of a MERGE which target rows it deletes; in rows that are inserted it is NULL.
_DELETES = "headline_deletes"


def types_in(dialect: str, columns: Mapping[str, str]) -> dict[str, str]:
    """Columns with their types written for an engine; `columns` has DuckDB's."""
    return {name: _type(kind).sql(dialect) for name, kind in columns.items()}


def type_from(text: str, dialect: str) -> str:
    """A type as an engine writes it in DuckDB's words: `VARCHAR`, `DECIMAL(18,4)`."""
    kind = exp.DataType.build(text, dialect=dialect)
    if kind.is_type(exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR):
        return "VARCHAR"
    if kind.is_type(exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ):  # with whatever precision
        return "TIMESTAMP"
    return kind.sql(DIALECT).replace(", ", ",")


def described(columns: Mapping[str, str], comments: Mapping[str, str]) -> str:
    """Columns with their types and comments as CREATE TABLE lists them, in the grammar that Hive and Spark share."""
    return ", ".join(f"`{name}` {kind}{_comment(comments.get(name, ''))}" for name, kind in columns.items())


def _comment(text: str) -> str:
    """The catalogue of Hive keeps 255 characters of a comment."""
    line = " ".join(text.split())
    escaped = (line if len(line) <= 255 else f"{line[:254]}…").replace("\\", "\\\\").replace("'", "\\'")
    return f" comment '{escaped}'" if escaped else ""


def same_type(one: str, other: str) -> bool:
    """Whether two types of DuckDB's dialect are one."""
    return type_from(one, DIALECT) == type_from(other, DIALECT)


def replacing(
    target: str, columns: Mapping[str, str], staged: exp.Expr, period: tuple[str, Sequence[Interval]] | None
) -> exp.Expr:
    """The MERGE that puts rows in the place of those of a table, in one commit.

    No key is needed: of each period that is replaced one source row deletes all target rows, whatever they hold. `staged`: the
    new rows, as a table or subquery with an alias. `period`: the DATE column and the days that are replaced; None for all rows.
    """
    names = list(columns)
    nulls = [exp.alias_(exp.cast(exp.null(), kind, dialect=DIALECT), name) for name, kind in columns.items()]
    new = exp.select(*(exp.column(name) for name in names)).from_(staged)
    mark: exp.Expr = exp.cast(exp.Literal.number(1), "integer")
    old, kind = exp.select(exp.alias_(mark, _DELETES), *nulls), "integer"
    matches: exp.Expr = exp.column(_DELETES, "s").eq(exp.Literal.number(1))
    if period:
        column, days = period
        kind = "date"
        there = exp.select(exp.alias_(exp.column(column), _DELETES)).distinct().from_(target).where(within(column, days))
        old = exp.select(exp.column(_DELETES), *nulls).from_(there.subquery("periods"))
        matches = exp.and_(exp.column(column, "t").eq(exp.column(_DELETES, "s")), _of(within(column, days), "t"))
        new = new.where(within(column, days))
    new = new.select(exp.alias_(exp.cast(exp.null(), kind, dialect=DIALECT), _DELETES), append=True)
    # The columns of both sides in one order: first what is deleted.
    new.set("expressions", [new.expressions[-1], *new.expressions[:-1]])
    insert = exp.Insert(
        this=exp.Tuple(expressions=[exp.column(name) for name in names]),
        expression=exp.Tuple(expressions=[exp.column(name, "s") for name in names]),
    )
    whens = [
        exp.When(matched=True, then=exp.Var(this="DELETE")),
        exp.When(matched=False, condition=exp.column(_DELETES, "s").is_(exp.null()), then=insert),
    ]
    return exp.Merge(
        this=exp.alias_(exp.to_table(target), "t", table=True),
        using=exp.union(new, old, distinct=False).subquery("s"),
        on=matches,
        whens=exp.Whens(expressions=whens),
    )


def parts(intervals: Iterable[Interval], most: int) -> Iterator[list[Interval]]:
    """The days in groups of at most so many, each as the fewest intervals; weeks and months are no more partitions than days."""
    group: list[Interval] = []
    room = most
    for interval in merge(intervals):
        start = interval.start
        while start < interval.end:
            end = min(interval.end, start + room * DAY)
            group.append(Interval(start, end))
            room -= (end - start).days
            start = end
            if not room:
                yield group
                group, room = [], most
    if group:
        yield group


def typed(select: str, columns: Mapping[str, str], dialect: str) -> str:
    """A SELECT in the dialect of an engine, its columns cast to the types of the contract: engines give sums other types.

    A column that the contract does not know stays as it is, one that the SELECT lacks is not made: the audit finds both.
    """
    names = sqlglot.parse_one(select, read=dialect).named_selects  # type: ignore[attr-defined]
    listed = [
        exp.alias_(exp.cast(exp.column(name), columns[name], dialect=DIALECT), name) if name in columns else exp.column(name)
        for name in names
    ]
    return f"select {', '.join(one.sql(dialect) for one in listed)} from (\n{select}\n) as computed"


def _type(kind: str) -> exp.DataType:
    return exp.DataType.build(kind, dialect=DIALECT)


def _of(condition: exp.Expr, alias: str) -> exp.Expr:
    for column in condition.find_all(exp.Column):
        column.set("table", exp.to_identifier(alias))
    return condition
