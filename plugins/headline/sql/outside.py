"""A SELECT that a person wrote: it may read the published tables, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from sqlglot import exp

from headline.errors import BadRequest

# What may stand inside of a SELECT and yet is none.
_OTHER_STATEMENTS = (exp.DDL, exp.DML, exp.Command, exp.Describe, exp.Summarize, exp.Show, exp.Into, exp.Pragma, exp.Set)
# Functions that tell of the engine instead of the tables, change it, or only wait.
_OF_THE_ENGINE = {
    "current_query",
    "current_setting",
    "currval",
    "getenv",
    "getvariable",
    "nextval",
    "setseed",
    "setval",
    "sleep_ms",
    "stats",
    "write_log",
}
# The same by name, but for those of the clock; also what reads files, sends them, asks a model, or tells of rights.
_NOT_OF_TABLES = re.compile(
    r"(?!current_(date|time|local))(current|session|pg|txid|read|ai|ml)_\w+|has_\w+_privilege|to_file|user|in_search_path"
)
# What gives rows without reading anything.
_ROWS_OF_NOTHING = (exp.GenerateSeries,)


def checked(query: exp.Query, published: Collection[str], dialect: str) -> str:
    """A parsed SELECT, rewritten in a dialect from the tree that was checked, without its comments.

    An engine may read a text in another way than whoever checked it, so it is never given the text. `published`: the tables that
    may be read, as `schema.table`. Raises BadRequest for what may not be read.
    """
    try:
        if faults := list(dict.fromkeys(_faults(query, {name.casefold() for name in published}, dialect))):
            raise BadRequest(
                f"a query reads published tables and nothing else: {'; '.join(faults)}. `headline tables` lists them"
            )
        return query.sql(dialect=dialect, comments=False)
    except RecursionError:
        raise BadRequest("the query is nested too deeply to be read") from None
    except ValueError as error:  # the tree holds what the dialect cannot say
        raise BadRequest(f"the query cannot be written for {dialect}: {error}") from None


def limited(query: exp.Query, most: int) -> exp.Query:
    """The query with no more than so many rows, in its own order."""
    own = query.args.get("limit")
    if own is None:
        return query.limit(most, copy=False)
    return exp.select("*").from_(query.subquery("asked", copy=False)).limit(most)


def _faults(query: exp.Query, published: Collection[str], dialect: str) -> Iterator[str]:
    for node in query.walk():
        # Queries are DML to sqlglot, since an INSERT can stand where they do.
        if isinstance(node, _OTHER_STATEMENTS) and not isinstance(node, exp.Query):
            yield f"{node.key.upper()} is no part of a SELECT"
        elif isinstance(node, exp.Table) and not isinstance(node.this, _ROWS_OF_NOTHING):
            yield from _faults_of_table(node, published)
        elif (
            isinstance(node, exp.Func) and not isinstance(node.parent, exp.Table) and (fault := _fault_of_function(node, dialect))
        ):
            yield fault


def _fault_of_function(function: exp.Func, dialect: str) -> str:
    """Why a function may not be called; empty where it may. One that sqlglot does not know stays as it was written, whatever an
    engine elsewhere takes it for: a method of Java, a file."""
    is_unknown = isinstance(function, exp.Anonymous)
    name = (function.name if is_unknown else function.sql_name()).casefold()
    if name in _OF_THE_ENGINE or _NOT_OF_TABLES.fullmatch(name):
        return f"{name} asks the engine"
    return f"{name} cannot be translated for {dialect}" if is_unknown and dialect != "duckdb" else ""


def _faults_of_table(table: exp.Table, published: Collection[str]) -> Iterator[str]:
    if not isinstance(table.this, exp.Identifier):
        yield f"{table.this.sql()} is a function"
        return
    name = ".".join(part.name for part in table.parts).casefold()
    if name not in published and (table.db or name not in _own(table)):
        yield f"{name} is not published"


def _own(table: exp.Table) -> set[str]:
    """The names that queries around a table give to queries of their own; elsewhere such a name may be a view of the engine's."""
    found: set[str] = set()
    inner: exp.Expr = table
    while outer := inner.parent:
        if isinstance(outer, exp.With):
            place = next(place for place, one in enumerate(outer.expressions) if one is inner)
            found |= {cte.alias.casefold() for cte in outer.expressions[: place + bool(outer.recursive)]}
        elif isinstance(outer, exp.Query) and not isinstance(inner, exp.With):
            found |= {cte.alias.casefold() for cte in outer.ctes}
        inner = outer
    return found
