"""A query written for an engine once, with gaps for what only a run knows: its dates, and what table names stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from sqlglot import exp

from headline.intervals import DAY, Interval
from headline.sql.compile import (
    DIALECT,
    Overlay,
    Resolution,
    names_of_columns,
    resolve,
    stands_for,
    tables_read,
    within,
    write,
)

# Stand for the dates of a run in a query that is parsed before there is one; no query names these days itself.
START, END = "1001-01-01", "1001-01-02"  # of all intervals together
ONE_START, ONE_END = "1001-01-03", "1001-01-04"  # of one of them
_OVERLAID = date(1001, 2, 1)  # from here on: the days of each overlay
_GAPS = {START: "start", END: "end", ONE_START: "one_start", ONE_END: "one_end"}
# A character of the private use area: no SQL has it, and no dialect escapes it.
_MARK = "\ue000"
_MARKED = re.compile(f"{_MARK}(.+?){_MARK}")


class Unknown:
    """A date that a template may write, and nothing else."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        raise TypeError("a date of the run is not known yet")


class Condition(NamedTuple):
    """That something lies in one interval, as text with gaps; of several intervals it must lie in any."""

    pieces: tuple[str, ...]


class Reading(NamedTuple):
    """A table that is read: its name, how it is written unresolved, and the alias that it lacks where it is resolved.

    `columns`: names, those of all columns that are read of it among them; None where that cannot be told. `within`: the column
    that must lie in one of the periods for a row to count; empty where rows of other days count too.
    """

    name: str
    text: str
    alias: str
    columns: frozenset[str] | None
    within: str

    def laid_over(self, overlay: Overlay, periods: Sequence[Interval], dialect: str) -> str:
        """How it is written where a staging table is laid over it, without an alias."""
        if self.columns is None:
            return _overlay_text(self.name, overlay, dialect)
        # Sail 0.7 cannot plan some unions of files that are read as they are; others leave out by themselves what lies elsewhere.
        if dialect == DIALECT and overlay.is_all_of(self.within, periods):
            return overlay.staging_table
        return _overlay_text(self.name, overlay.narrowed(self.columns), dialect)


class Prepared(NamedTuple):
    """The text of a query, cut at its gaps: text and the names of gaps take turns."""

    pieces: tuple[str, ...]
    gaps: Mapping[str, Condition | Reading]
    width: int

    def filled(self, periods: Sequence[Interval], tables: Mapping[str, str | Overlay], dialect: str) -> str:
        """The text for these periods, in order; `tables` is what table names stand for, as written_once gives it."""
        dates = {"start": str(periods[0].start), "end": str(periods[-1].end)}

        def gap(name: str) -> str:
            match self.gaps.get(name):
                case Reading() as reading:
                    if (table := tables.get(reading.name)) is None:
                        return reading.text
                    text = table if isinstance(table, str) else reading.laid_over(table, periods, dialect)
                    return f"{text}{reading.alias}"
                case Condition(pieces):
                    each = [_dated(pieces, {**dates, "one_start": str(one.start), "one_end": str(one.end)}) for one in periods]
                    return each[0] if len(each) == 1 else f"({' OR '.join(each)})"
                case None:
                    return dates[name]

        return "".join(gap(piece) if number % 2 else piece for number, piece in enumerate(self.pieces))


def prepare_query(query: exp.Query, dialect: str) -> Prepared | None:
    """The query, parsed with placeholders for dates, as an engine reads it; None where gaps cannot stand for what it says.

    The query is good for nothing else then.
    """
    gaps: dict[str, Condition | Reading] = {}
    width = len(query.selects)
    columns = names_of_columns(query)
    for literal in [literal for literal in query.find_all(exp.Literal) if literal.is_string]:
        for placeholder, gap in _GAPS.items():
            literal.set("this", literal.name.replace(placeholder, _marked(gap)))
    conditions = {id(one): one for literal in query.find_all(exp.Literal) if (one := _condition(literal))}
    within = {id(table): column for one in conditions.values() for table, column in _bounded(one)}
    for condition in conditions.values():
        name = f"condition{len(gaps)}"
        gaps[name] = Condition(_cut(condition.sql(dialect)))
        if tables_read(condition) or condition.find_ancestor(exp.Paren) in conditions.values():
            return None
        condition.replace(exp.Var(this=_marked(name)))
    for table in list(query.find_all(exp.Table)):
        if table.db:
            name = f"table{len(gaps)}"
            if any(value for key, value in table.args.items() if key not in ("this", "db", "alias")):
                return None
            bare = exp.Table(this=table.this, db=table.args["db"])
            alias = "" if table.alias else exp.alias_("x", table.name).sql(dialect).removeprefix("x")
            known_as = f"{table.db}.{table.name}"
            gaps[name] = Reading(known_as, bare.sql(dialect), alias, columns, within.get(id(table), ""))
            table.replace(exp.Table(this=exp.to_identifier(_marked(name), quoted=False), alias=table.args.get("alias")))
    pieces = _cut(query.sql(dialect, copy=False))
    return Prepared(pieces, gaps, width) if set(pieces[1::2]) <= {"start", "end", *gaps} else None


def written_once(names: Mapping[str, Resolution], dialect: str) -> dict[str, str | Overlay]:
    """What each name stands for, written where it is the same for all who read it: landed files may be hundreds."""
    return {name: one if isinstance(one, Overlay) else write(stands_for(name, one), dialect) for name, one in names.items()}


def prepare_select(query: exp.Query, names: Mapping[str, Resolution], dialect: str) -> tuple[str, ...]:
    """The query, parsed with START and END for its dates, with its names resolved; `filled_select` fills in the rest.

    Of an overlay the days may differ then, of an expression of the engine everything. The query is good for nothing else then.
    """
    placed: dict[str, Resolution] = {}
    days: dict[str, str] = {}
    for name, resolution in names.items():
        placed[name] = resolution
        if isinstance(resolution, Overlay):
            first = _OVERLAID + timedelta(days=2 * len(placed))
            days[str(first)] = name
            placed[name] = replace(resolution, intervals=[Interval(first, first + DAY)])
        elif isinstance(resolution, exp.Expr):
            placed[name] = exp.Table(this=exp.to_identifier(_marked(f"table {name}"), quoted=False))
    resolved = resolve(query, placed, copy=False)
    for literal in [literal for literal in resolved.find_all(exp.Literal) if literal.name in days]:
        if condition := literal.find_ancestor(exp.Paren):
            condition.replace(exp.Var(this=_marked(f"days {days[literal.name]}")))
    return _cut(write(resolved, dialect).replace(START, _marked("start")).replace(END, _marked("end")))


def filled_select(pieces: Sequence[str], period: Interval, names: Mapping[str, Resolution], dialect: str) -> str:
    """The text of a prepared SELECT for one period."""
    values = {"start": str(period.start), "end": str(period.end)}
    for gap in set(pieces[1::2]) - values.keys():
        kind, name = gap.split(" ")
        resolution = names[name]
        if kind == "days" and isinstance(resolution, Overlay):
            values[gap] = _days_text(str(resolution.period_column), resolution.intervals, dialect)
        else:
            values[gap] = write(stands_for(name, resolution), dialect)
    return _dated(pieces, values)


def _overlay_text(name: str, overlay: Overlay, dialect: str) -> str:
    columns, period_column = tuple(overlay.columns), overlay.period_column
    pieces = _overlay_pieces(name, overlay.staging_table, columns, period_column, dialect)
    days = _days_text(period_column, overlay.intervals, dialect) if period_column else ""
    return _dated(pieces, {"days": days})


@cache
def _overlay_pieces(
    name: str, staging_table: str, columns: tuple[str, ...], period_column: str | None, dialect: str
) -> tuple[str, ...]:
    rows = stands_for(name, Overlay(staging_table, list(columns), [Interval(_OVERLAID, _OVERLAID + DAY)], period_column))
    for literal in [literal for literal in rows.find_all(exp.Literal) if literal.name == str(_OVERLAID)]:
        if condition := literal.find_ancestor(exp.Paren):
            condition.replace(exp.Var(this=_marked("days")))
    return _cut(write(rows, dialect))


def _days_text(column: str, intervals: Sequence[Interval], dialect: str) -> str:
    pieces = _day_pieces(column, dialect)
    each = [_dated(pieces, {"one_start": str(one.start), "one_end": str(one.end)}) for one in intervals]
    return each[0] if len(each) == 1 else f"({' OR '.join(each)})"


@cache
def _day_pieces(column: str, dialect: str) -> tuple[str, ...]:
    text = within(column, [Interval(date.fromisoformat(ONE_START), date.fromisoformat(ONE_END))]).sql(dialect)
    return _cut(text.replace(ONE_START, _marked("one_start")).replace(ONE_END, _marked("one_end")))


def _bounded(condition: exp.Paren) -> Iterator[tuple[exp.Table, str]]:
    """The table of which only rows count that meet a condition, with its column that lies in one of the periods."""
    column = next(condition.find_all(exp.Column), exp.Column()).sql()
    in_one = f"({column} >= CAST('{_marked('one_start')}' AS DATE) AND {column} < CAST('{_marked('one_end')}' AS DATE))"
    where = condition.parent
    while isinstance(where, exp.And | exp.Paren):
        where = where.parent
    if condition.sql() != in_one or not isinstance(where, exp.Where) or not isinstance(select := where.parent, exp.Select):
        return
    *table, name = column.split(".")
    sources = [one.this for one in (select.args.get("from_"), *select.args.get("joins", ())) if one]
    named = [one for one in sources if [one.alias_or_name] == table] if table else sources
    if len(named) == 1 and isinstance(named[0], exp.Table):
        yield named[0], name


def _condition(literal: exp.Literal) -> exp.Paren | None:
    return literal.find_ancestor(exp.Paren) if _marked("one_start") in literal.name else None


def _marked(gap: str) -> str:
    return f"{_MARK}{gap}{_MARK}"


def _cut(text: str) -> tuple[str, ...]:
    return tuple(_MARKED.split(text))


def _dated(pieces: Sequence[str], dates: Mapping[str, str]) -> str:
    return "".join(dates[piece] if number % 2 else piece for number, piece in enumerate(pieces))
