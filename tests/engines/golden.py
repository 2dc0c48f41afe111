"""The demo company's two days as saved fingerprints, by table and day: a machine with one engine compares it with all others.

`make golden` writes golden.json anew, from DuckDB's rows.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from decimal import Context, Decimal
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from typing import Any

from tests.faults.world import Table

from headline import specs
from headline.warehouse import Output

FILE = Path(__file__).with_suffix(".json")
ALL_DAYS = "all days"
_EXACT = Context(prec=76)

Fingerprints = dict[str, dict[str, str]]


def fingerprints(published: dict[str, Table]) -> Fingerprints:
    """By table and first day of the period: the number of rows, and a sum of their hashes, which no order changes."""
    found: Fingerprints = {}
    for name, columns, period in _outputs(published):
        place = columns.index(period) if period else None
        counts: defaultdict[str, int] = defaultdict(int)
        sums: defaultdict[str, int] = defaultdict(int)
        for row, times in published[name].items():
            day = ALL_DAYS if place is None else text(row[place])
            line = "\n".join(f"{column} {text(value)}" for column, value in zip(columns, row, strict=True))
            counts[day] += times
            sums[day] += times * int.from_bytes(sha256(line.encode()).digest()[:8], "big")
        found[name] = {day: f"{counts[day]} {sums[day] % 2**64:016x}" for day in sorted(counts)}
    return found


def text(value: Any) -> str:
    """A value as every engine's client gives it: 1.20 of a decimal is 1.2, moments have no zone, and texts are quoted."""
    match value:
        case None | bool() | str():
            return json.dumps(value)
        case int() | Decimal():
            return format(Decimal(value).normalize(_EXACT) or Decimal(0), "f")
        case float():
            return repr(value)
        case datetime():
            return value.isoformat(sep=" ", timespec="microseconds")
        case date():
            return value.isoformat()
    raise TypeError(f"{value!r} has no text: say here what it is")


def saved() -> Fingerprints:
    """What the file holds."""
    return json.loads(FILE.read_text())


def save(found: Fingerprints) -> None:
    """Write the file anew."""
    FILE.write_text(json.dumps(found, indent=1) + "\n")


def other_than_saved(published: dict[str, Table]) -> dict[str, dict[str, tuple[str, str]]]:
    """By table and day, what was found and what was saved, where they differ; what was not published is not compared."""
    known = saved()
    unlike: dict[str, dict[str, tuple[str, str]]] = {}
    for name, found in fingerprints(published).items():
        wanted = known.get(name, {})
        for day in sorted(found.keys() | wanted.keys()):
            if (pair := (found.get(day, ""), wanted.get(day, "")))[0] != pair[1]:
                unlike.setdefault(name, {})[day] = pair
    return unlike


def _outputs(names: Collection[str]) -> list[tuple[str, list[str], str | None]]:
    """Name, columns and period column of each of these tables and quarantines, by name."""
    outputs = [(name, table) for table in specs.load().tables.values() for name in table.outputs if name in names]
    return [(name, list(Output(name, table).columns), table.period_column) for name, table in sorted(outputs, key=itemgetter(0))]
