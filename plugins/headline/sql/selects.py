"""A table's SELECT as an engine runs it: rendered, parsed and resolved once, then filled in by each run."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import date

from headline import settings
from headline.errors import SpecError
from headline.intervals import Interval
from headline.specs import Table
from headline.sql.compile import Overlay, Resolution, parse, resolve, write
from headline.sql.prepared import END, START, Unknown, filled_select, prepare_select
from headline.sql.template import included_files, render, text_of

# A template that only writes its dates becomes for these, by replacement, what it becomes where it is rendered for them.
_TRIED = Interval(date(2026, 3, 3), date(2026, 3, 5))
# By all that goes into them: the texts, what their templates know, and what is read in place of which name.
_PREPARED: dict[Hashable, tuple[str, ...] | None] = {}


def compile_table(table: Table, interval: Interval, names: Mapping[str, Resolution], dialect: str) -> str:
    """A table's SELECT as the engine runs it for the interval, widened to the table's whole periods.

    Raises SpecError for a template or a query that is broken.
    """
    period, text = interval.widen(table.period), text_of(table.sql_file) or table.sql_file.read_text()
    if (files := included_files(text)) is not None:
        known = settings.load()
        knows = (known.reporting_currency, known.reporting_zone, *table.template_names.items())
        stand_for = tuple((name, *_shape(resolution)) for name, resolution in sorted(names.items()))
        key = (table.full_name, text, *sorted(files.items()), knows, stand_for, dialect)
        if key not in _PREPARED:
            _PREPARED[key] = _prepare(table, text, names, dialect)
        if (pieces := _PREPARED[key]) is not None:
            return filled_select(pieces, period, names, dialect)
    where = _where(table)
    query = parse(render(text, period, where, **table.template_names), where)
    return write(resolve(query, names, copy=False), dialect)


def _prepare(table: Table, text: str, names: Mapping[str, Resolution], dialect: str) -> tuple[str, ...] | None:
    """None where the template computes on its dates, or is broken, which whoever renders it for a run is told."""
    where, start = _where(table), Unknown(START)
    try:
        rendered = render(text, _TRIED, where, **table.template_names, start=start, end=Unknown(END), ds=start)
        wanted = render(text, _TRIED, where, **table.template_names)
        if rendered.replace(START, str(_TRIED.start)).replace(END, str(_TRIED.end)) != wanted:
            return None
        return prepare_select(parse(rendered, where), names, dialect)
    except SpecError:
        return None


def _shape(resolution: Resolution) -> tuple[Hashable, ...]:
    """What of a resolution the prepared text depends on."""
    match resolution:
        case str():
            return (resolution,)
        case Overlay():
            return resolution.staging_table, tuple(resolution.columns), resolution.period_column
        case _:
            return ()


def _where(table: Table) -> str:
    return f"{table.sql_file.parent.name}/{table.sql_file.name}"
