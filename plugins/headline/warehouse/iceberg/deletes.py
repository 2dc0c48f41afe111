"""Which delete files a publication may leave: those that every reader of the tables understands."""

from __future__ import annotations

from collections.abc import Mapping

from headline.errors import SpecError

_UNREADABLE = ("total-equality-deletes", "total-dvs", "added-dvs")


def require_readable(table: str, summary: Mapping[str, str]) -> None:
    """`summary`: what a snapshot says of itself. Position deletes are read by all; raises SpecError for equality deletes, which
    Athena, DuckDB and PyIceberg do not all read, and for deletion vectors, which format version 2 does not have."""
    if found := {name: summary[name] for name in _UNREADABLE if int(summary.get(name) or 0)}:
        told = ", ".join(f"{name} {number}" for name, number in found.items())
        raise SpecError(
            [
                f"{table}: the engine has left delete files that not every reader understands ({told}): set the table properties "
                "write.merge.mode and write.delete.mode to copy-on-write, rewrite the table's data files, and run the days again"
            ]
        )
