"""Where tables and columns come from, and what is made of them, through all tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from headline.errors import SpecError
from headline.specs import Catalog, Table, reached
from headline.sql import Origin, column_lineage

# In every table's way and told by none: a picture is clearer without it.
ALWAYS_THERE = "calendar.days"


@dataclass(frozen=True)
class Graph:
    """What one thing is computed from, and what from it, as pairs of names: from, to. `here`: its name."""

    here: str
    edges: frozenset[tuple[str, str]]

    @cached_property
    def above(self) -> list[list[str]]:
        """What it is computed from: directly, then through these, and so on."""
        return self._steps(lambda name: (one for one, other in self.edges if other == name))

    @cached_property
    def below(self) -> list[list[str]]:
        """What is computed from it, likewise."""
        return self._steps(lambda name: (other for one, other in self.edges if one == name))

    def near(self, steps: int) -> Graph:
        """The part of it that lies at most so many steps away."""
        kept = {self.here, *(name for found in (self.above, self.below) for step in found[:steps] for name in step)}
        return Graph(self.here, frozenset(edge for edge in self.edges if kept.issuperset(edge)))

    def _steps(self, following: Callable[[str], Iterable[str]]) -> list[list[str]]:
        found: list[list[str]] = []
        known, new = {self.here}, {self.here}
        while new := {name for one in new for name in following(one)} - known:
            found.append(sorted(new))
            known |= new
        return found


def table_graph(catalog: Catalog, name: str) -> Graph:
    """The tables and landings that a table is computed from, and the tables that are computed from it.

    A quarantine counts as the table that it belongs to.
    """
    filled_by = catalog.filled_by
    reads = {table.full_name: _reads(table, filled_by) for table in filled_by.values()}
    return _graph(name, reads)


def column_graph(catalog: Catalog, name: str, column: str) -> Graph:
    """The same of a column, each as `schema.table.column`; tables whose SELECT cannot be read are left out.

    Takes the lineage of every table on the way, up to a second each for the first time.
    """
    filled_by = catalog.filled_by
    tables = table_graph(catalog, name)
    reads: dict[str, set[str]] = {}
    for table in {name, *(one for step in (*tables.above, *tables.below) for one in step)} & filled_by.keys():
        with suppress(SpecError):
            for target, origins in column_lineage(filled_by[table], filled_by).items():
                reads[f"{table}.{target}"] = {_full(one, filled_by) for one in origins if one.table != ALWAYS_THERE}
    return _graph(f"{name}.{column}", reads)


def _graph(here: str, reads: Mapping[str, set[str]]) -> Graph:
    """All ways that lead to it, and all that lead on from it; what reads itself is no step."""
    readers: dict[str, set[str]] = {}
    for name, read in reads.items():
        for one in read - {name}:
            readers.setdefault(one, set()).add(name)
    above = [here, *reached(here, lambda name: reads.get(name, ()))]
    below = [here, *reached(here, lambda name: readers.get(name, ()))]
    edges = {(read, name) for name in above for read in reads.get(name, ()) if read != name}
    edges |= {(name, reader) for name in below for reader in readers.get(name, ())}
    return Graph(here, frozenset(edges))


def _reads(table: Table, filled_by: Mapping[str, Table]) -> set[str]:
    return {_owner(read, filled_by) for read in table.reads if read != ALWAYS_THERE} - {table.full_name}


def _owner(name: str, filled_by: Mapping[str, Table]) -> str:
    return filled_by[name].full_name if name in filled_by else name


def _full(origin: Origin, filled_by: Mapping[str, Table]) -> str:
    return f"{_owner(origin.table, filled_by)}.{origin.column}"
