"""Which tables somebody means: names of pipelines, tables and areas in dbt's selector syntax."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

from headline.errors import BadRequest
from headline.specs import Catalog

_TERM = re.compile(r"(?P<before>\d*\+)?(?P<name>[a-z0-9_.*]+)(?P<after>\+\d*)?")


def select(catalog: Catalog, selection: str, *, with_downstream: bool = False) -> dict[str, str]:
    """The tables that a selection means, by full name, each with why: «named», or what it is up- or downstream of.

    Terms are separated by spaces, and all that any of them means is selected: `unit_profit`, `profit.daily_profit_summary`,
    `core.*`; `+x` with everything that it is computed from, `x+` with everything that is computed from it, `2+x` and `x+1` so
    many steps far. `with_downstream`: every term as if it ended with `+`. Raises BadRequest for a term that means nothing.
    """
    if not selection.split():
        raise BadRequest("name pipelines or tables, such as unit_profit+ or +profit.daily_profit_summary; * means all")
    upstream = _upstream(catalog)
    downstream = {name: [other for other, read in upstream.items() if name in read] for name in upstream}
    found: dict[str, str] = {}
    for term in selection.split():
        match = _TERM.fullmatch(term)
        named = _named(catalog, match["name"]) if match else []
        if match is None or not named:
            known = ", ".join(sorted(catalog.pipelines))
            raise BadRequest(f"«{term}» means no pipeline or table; pipelines are: {known}. headline tables lists the tables")
        for name in named:
            found[name] = "named"
        if match["before"]:
            _add(found, named, upstream.__getitem__, match["before"].rstrip("+"), f"upstream of {match['name']}")
        if match["after"] or with_downstream:
            steps = "" if with_downstream else match["after"].lstrip("+")
            _add(found, named, downstream.__getitem__, steps, f"downstream of {match['name']}")
    return found


def _upstream(catalog: Catalog) -> Mapping[str, set[str]]:
    """By table those that it reads; a quarantine is made with its table."""
    makers = catalog.makers
    return {
        name: {makers[read].outputs[read].full_name for read in table.reads if read in makers}
        for name, table in catalog.tables.items()
    }


def _named(catalog: Catalog, name: str) -> list[str]:
    if pipeline := catalog.pipelines.get(name):
        return [table.full_name for table in pipeline.ordered_tables]
    return [table for table in catalog.tables if table == name or ("*" in name and fnmatchcase(table, name))]


def _add(found: dict[str, str], start: list[str], following: Callable[[str], Iterable[str]], steps: str, why: str) -> None:
    """Add what follows from the start, as many steps far as is said, or all of it."""
    seen, new, left = set(start), set(start), int(steps) if steps else len(found) + 10_000
    while new and left > 0:
        new = {other for one in new for other in following(one)} - seen
        seen |= new
        left -= 1
        for name in sorted(new):
            found.setdefault(name, why)
