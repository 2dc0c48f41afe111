"""How a source writes what its columns hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from zoneinfo import ZoneInfo

from headline.sources.names import name_key

UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True)
class Agreed:
    """How a source writes what its columns hold.

    `kinds`: by column what the SQL casts it to, as kinds of `columns`; with none or several it is taken as it comes. `zone`:
    where moments without an offset are at home. `null_markers`: texts that mean «not given» besides the empty one. `ids`: columns
    taken as they come that say who or what it is. `key`: the columns that tell a record where nothing else says where it stood.
    """

    kinds: Mapping[str, Collection[str]] = field(default_factory=dict)
    zone: ZoneInfo = UTC_ZONE
    decimal_separator: str = "."
    null_markers: Collection[str] = ()
    ids: Collection[str] = ()
    key: Sequence[str] = ()

    def kind(self, column: str) -> str:
        """The one kind that a column is agreed as, however it is spelled; empty where there is none."""
        kinds = self._by_key.get(name_key(column), ())
        return next(iter(kinds)) if len(kinds) == 1 else ""

    def is_agreed(self, column: str) -> bool:
        """Whether the SQL reads the column."""
        return name_key(column) in self._by_key

    def is_id(self, column: str) -> bool:
        return name_key(column) in self._ids

    @cached_property
    def _by_key(self) -> dict[str, Collection[str]]:
        """SQL does not care how a name is spelled."""
        return {name_key(name): kinds for name, kinds in self.kinds.items()}

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(map(name_key, self.ids))

    def digits(self, column: str) -> tuple[int, int]:
        """How many digits a column that is agreed as a decimal has, and how many of them after the point."""
        return digits_of(self.kind(column))


def digits_of(kind: str) -> tuple[int, int]:
    """How many digits a decimal has, and how many of them after the point."""
    precision, scale = [*map(int, re.findall(r"\d+", kind)), 0, 0][:2] if "(" in kind else (38, 10)
    return precision, scale
