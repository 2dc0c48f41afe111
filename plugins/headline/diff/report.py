"""A data diff as three small tables: rows and columns, sums, examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from headline.pipeline.compared import ADDED, CHANGED, REMOVED, Difference
from headline.show import Format, escaped, show

Lines = Mapping[str, Sequence[Difference]]
# Of each kind of each table; JSON and CSV have more.
EXAMPLES = 3
_COUNTED = ("rows added", "rows removed", "rows changed")
_SIGNS = {
    "column added": "+ ",
    "column removed": "− ",
    "column retyped": "",
    "table added": "new table",
    "table removed": "removed",
}


def show_differences(lines: Lines, title: str, form: Format) -> None:
    """Print what differs, by output (table or quarantine); as JSON and CSV every line."""
    if form in (Format.CSV, Format.JSON):
        columns = ["table", "what", "key", "column", "before", "after", "difference"]
        every = [line for of_output in lines.values() for line in of_output]
        show(columns, [(one.table, one.what, one.key, one.column, one.before, one.after, one.difference) for one in every], form)
        return
    differing = {output: found for output, found in lines.items() if any(map(_is_difference, found))}
    alike = [output for output in lines if output not in differing]
    if not differing:
        _say(f"{title}: no differences in {len(alike)} table{'' if len(alike) == 1 else 's'}: {', '.join(alike)}", form)
        return
    show(
        ["table", "rows before", "rows after", "added", "removed", "changed", "columns"],
        map(_rows, differing.values()),
        form,
        title,
    )
    totals = [row for found in differing.values() for row in _totals(found)]
    if totals:
        columns = ["table", "column", "total before", "total after", "difference", "keys that differ"]
        show(columns, totals, form, "Columns that differ")
    if examples := [row for found in differing.values() for row in _examples(found)]:
        show(["table", "row", "key", "column", "before", "after"], examples, form, "Examples")
    if alike:
        _say(f"No differences in {', '.join(alike)}", form)


def _say(line: str, form: Format) -> None:
    print(f"{escaped(line)}\n" if form is Format.MARKDOWN else line)


def _is_difference(line: Difference) -> bool:
    return line.what in _SIGNS or (line.what in _COUNTED and bool(line.after))


def _rows(lines: Sequence[Difference]) -> tuple[Any, ...]:
    found = {line.what: line for line in lines if line.what == "rows" or line.what in _COUNTED}
    rows = found.get("rows")
    counts = [found[what].after if what in found else None for what in _COUNTED]
    columns = ", ".join(_column(line) for line in lines if line.what in _SIGNS)
    return lines[0].table, rows.before if rows else lines[0].before, rows.after if rows else None, *counts, columns


def _column(line: Difference) -> str:
    types = f": {line.before} → {line.after}" if line.what == "column retyped" else ""
    return f"{_SIGNS[line.what]}{line.column}{types}"


def _totals(lines: Iterable[Difference]) -> Iterator[tuple[Any, ...]]:
    """The columns that differ in a row that is on both sides, and those whose total does; of a quarantine, the reasons."""
    totals = {line.column: line for line in lines if line.what == "total"}
    differing = {line.column: line.after for line in lines if line.what == "keys that differ"}
    for name in dict.fromkeys([*totals, *differing]):
        total = totals.get(name)
        if name in differing or (total and total.before != total.after):
            sums = (total.before, total.after, total.difference) if total else (None, None, None)
            yield next(iter(lines)).table, name, *sums, differing.get(name, 0)
    for line in lines:
        if line.what == "reason" and line.before != line.after:
            yield line.table, f"{line.key} (rows)", line.before, line.after, line.difference, None


def _examples(lines: Iterable[Difference]) -> Iterator[tuple[Any, ...]]:
    for kind in (ADDED, REMOVED, CHANGED):
        keys = list(dict.fromkeys(line.key for line in lines if line.what == kind))[:EXAMPLES]
        for line in lines:
            if line.what == kind and line.key in keys:
                yield line.table, kind, line.key, line.column, line.before, line.after
