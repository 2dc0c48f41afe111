"""From a SQL file to the text that an engine runs: table names resolved on the syntax tree, then written in its dialect."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from headline.errors import SpecError
from headline.intervals import Interval, merge

DIALECT = "duckdb"


@dataclass(frozen=True)
class Overlay:
    """A staging table laid over what is published: the published rows outside `intervals`, and the staging table's.

    `period_column` None means that the staging table replaces the table whole.
    """

    staging_table: str
    columns: list[str]
    intervals: list[Interval]
    period_column: str | None

    def narrowed(self, names: Container[str]) -> Overlay:
        """With no other columns than these, and one at least."""
        return replace(self, columns=[one for one in self.columns if one.casefold() in names] or self.columns[:1])

    def is_all_of(self, column: str, periods: Sequence[Interval]) -> bool:
        """Whether the staging table has all rows whose `column` lies in one of the periods."""
        if self.period_column is None:
            return True
        return column == self.period_column and merge([*self.intervals, *periods]) == merge(self.intervals)


# What a plain table name stands for in one run: another table, an expression of the engine, or an overlay.
Resolution = str | exp.Expr | Overlay


def parse(sql: str, where: str) -> exp.Query:
    """The one SELECT in `sql`; raises SpecError with file and line where it is none."""
    try:
        statements = [statement for statement in sqlglot.parse(sql, read=DIALECT) if statement is not None]
    except SqlglotError as error:
        raise SpecError([f"{where}: not valid SQL: {_in_words(error)}"]) from None
    except RecursionError:
        raise SpecError([f"{where}: is nested too deeply to be read"]) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        kinds = ", ".join(type(statement).__name__.upper() for statement in statements) or "nothing"
        raise SpecError([f"{where}: must hold exactly one SELECT, found {kinds}"])
    return statements[0]


def _in_words(error: SqlglotError) -> str:
    """Where the text cannot be read, without the escape codes that sqlglot marks the place with."""
    found = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    if not found.get("line"):
        return re.sub(r"\x1b\[\d+m", "", str(error))
    near = " ".join(f"{found['start_context'][-40:]}»{found['highlight']}«{found['end_context'][:40]}".split())
    return f"line {found['line']}, column {found['col']}: {str(found['description']).rstrip('.')}: … {near} …"


def tables_read(query: exp.Expr) -> set[str]:
    """Every `schema.table` that the query reads; its own CTEs are not among them."""
    return {name for table in query.find_all(exp.Table) if (name := _name(table))}


def names_of_columns(query: exp.Expr) -> frozenset[str] | None:
    """Names, those of all columns of tables that the query reads among them; None where it takes whatever columns there are."""
    takes_all = any(not isinstance(star.parent, exp.Count) for star in query.find_all(exp.Star))
    by_place = any(table.alias_column_names for table in query.find_all(exp.Table))
    if takes_all or by_place or any(join.method for join in query.find_all(exp.Join)):
        return None
    return frozenset(identifier.name.casefold() for identifier in query.find_all(exp.Identifier))


def resolve(query: exp.Query, resolutions: Mapping[str, Resolution], *, copy: bool = True) -> exp.Query:
    """The query with each table name replaced by what it stands for; names that are not mentioned stay as they are.

    An overlay becomes a CTE at the top, so that the compiled text can be read, and run, on its own. Without `copy` the query
    itself is changed: copying a syntax tree takes longer than parsing it.
    """
    query = query.copy() if copy else query
    taken = {cte.alias for cte in query.find_all(exp.CTE)}
    columns = names_of_columns(query)
    overlays: dict[str, Overlay] = {}
    for table in list(query.find_all(exp.Table)):
        name = _name(table)
        resolution = resolutions.get(name) if name else None
        if name is None or resolution is None:
            continue
        if isinstance(resolution, Overlay):
            overlays[name] = resolution if columns is None else resolution.narrowed(columns)
            replacement: exp.Expr = exp.to_table(_cte_name(name, taken))
        elif isinstance(resolution, str):
            replacement = exp.to_table(resolution, dialect=DIALECT)
        else:
            replacement = resolution.copy()
        table.replace(_instead_of(table, replacement))
    for name, overlay in reversed(overlays.items()):
        _prepend_cte(query, _cte_name(name, taken), _overlay_query(name, overlay))
    return query


def stands_for(name: str, resolution: Resolution) -> exp.Expr:
    """What is read instead of the table called `name`, as one expression of a FROM clause."""
    if isinstance(resolution, Overlay):
        return _overlay_query(name, resolution).subquery()
    return exp.to_table(resolution, dialect=DIALECT) if isinstance(resolution, str) else resolution.copy()


def arrived_columns(
    rows: exp.Expr,
    there: Sequence[str],
    absent: Sequence[str],
    refusal: str = "",
    unread: Collection[str] | None = None,
    unread_of_row: str = "",
) -> exp.Expr:
    """These columns of rows that arrived, and those that are absent as nulls.

    `refusal`: the column that says something of a row which could not be read. `unread`: the columns that are null in such a row;
    None where such rows are left out. `unread_of_row`: the column that says which of them are, as `,<column>,<column>,`; where it
    is null, all.
    """
    is_sound = exp.column(refusal).is_(exp.null())

    def is_read(column: str) -> exp.Expr:
        if not unread_of_row:
            return is_sound
        is_unread = exp.column(unread_of_row).like(exp.Literal.string(f"%,{column.casefold()},%"))
        return exp.or_(is_sound, exp.not_(is_unread))

    columns = [
        exp.alias_(exp.case().when(is_read(one), exp.column(one, quoted=True)), one, quoted=True)
        if one in (unread or ())
        else exp.column(one, quoted=True)
        for one in there
    ]
    nulls = [exp.alias_(exp.cast(exp.null(), "varchar"), column, quoted=True) for column in absent]
    query = exp.select(*columns, *nulls).from_(exp.alias_(rows.copy(), "arrived", table=True))
    return (query.where(is_sound) if refusal and unread is None else query).subquery()


def write(query: exp.Expr, dialect: str) -> str:
    """The query as text in the dialect of an engine. That may change the query itself, which is good for nothing else then."""
    return query.sql(dialect=dialect, pretty=True, copy=False)


def transpiled(sql: str, dialect: str) -> str:
    """A statement in DuckDB's dialect as text in the dialect of an engine."""
    return sqlglot.parse_one(sql, read=DIALECT).sql(dialect)


def within(column: str, intervals: Sequence[Interval]) -> exp.Expr:
    """The condition that the DATE `column` lies in one of the intervals."""

    def day(value: date) -> exp.Expr:
        # A type given as text would be parsed for every day.
        return exp.Cast(this=exp.Literal.string(str(value)), to=exp.DataType(this=exp.DataType.Type.DATE))

    named = exp.column(column)
    inside = [exp.and_(named >= day(one.start), named < day(one.end), copy=False) for one in intervals]
    return exp.paren(exp.or_(*inside, copy=False), copy=False)


def _name(table: exp.Table) -> str | None:
    return f"{table.db}.{table.name}" if table.db and table.name else None


def _instead_of(table: exp.Table, replacement: exp.Expr) -> exp.Expr:
    """The replacement under the table's alias, with whatever hangs on the table: joins in parentheses, a sample."""
    replacement = exp.alias_(replacement, table.alias or table.name, table=True)
    for key, value in table.args.items():
        if value and key not in ("this", "db", "catalog"):
            replacement.set(key, value)
    return replacement


def _cte_name(table_name: str, taken: set[str]) -> str:
    name = table_name.replace(".", "__")
    while name in taken:
        name += "_"
    return name


def _overlay_query(name: str, overlay: Overlay) -> exp.Query:
    columns = [exp.column(name) for name in overlay.columns]  # names as text would be parsed one by one
    staging_table = exp.select(*columns).from_(exp.to_table(overlay.staging_table, dialect=DIALECT))
    if overlay.period_column is None:
        return staging_table
    published = exp.select(*columns).from_(exp.to_table(name, dialect=DIALECT))
    published = published.where(exp.not_(within(overlay.period_column, overlay.intervals)))
    return exp.union(published, staging_table, distinct=False)


def _prepend_cte(query: exp.Query, alias: str, body: exp.Query) -> None:
    cte = exp.CTE(this=body, alias=exp.TableAlias(this=exp.to_identifier(alias)))
    existing = query.args.get("with_") or query.args.get("with")
    if existing:
        existing.set("expressions", [cte, *existing.expressions])
    else:
        query.set("with_", exp.With(expressions=[cte]))
