"""Several SELECTs as one statement: each statement waits for its turn and is charged for ten megabytes at least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlglot
from sqlglot import exp

from headline.warehouse.athena.dialect import DIALECT
from headline.warehouse.base import Result

_NUMBER = "query_number"


def together(selects: Sequence[str]) -> tuple[str, list[int]]:
    """One SELECT of the rows of all, with the number of each and its columns in places of their own; and their widths."""
    widths = [
        len(tree.selects) for tree in (sqlglot.parse_one(one, read=DIALECT) for one in selects) if isinstance(tree, exp.Query)
    ]
    columns = [f"c{place}" for place in range(sum(widths))]
    parts, first = [], 0
    for number, (select, width) in enumerate(zip(selects, widths, strict=True)):
        own = columns[first : first + width]
        cells = [f"q.{column}" if column in own else f"null as {column}" for column in columns]
        parts.append(f"select {number} as {_NUMBER}, {', '.join(cells)} from (\n{select}\n) as q ({', '.join(own)})")
        first += width
    return "\nunion all\n".join(parts), widths


def grouped(selects: Sequence[str], most: int) -> list[list[str]]:
    """SELECTs in groups whose texts, with 20 bytes between two, have at most so many bytes; one that has more stands alone."""
    groups: list[list[str]] = []
    room = 0
    for select in selects:
        size = len(select.encode()) + 20
        if size > room or not groups:
            groups.append([])
            room = most
        groups[-1].append(select)
        room -= size
    return groups


def apart(found: Result, widths: Sequence[int]) -> list[Result]:
    """The rows of each SELECT of `together`."""
    results, first = [], 1
    for number, width in enumerate(widths):
        rows: list[tuple[Any, ...]] = [row[first : first + width] for row in found.rows if row[0] == number]
        results.append(Result(found.columns[first : first + width], rows))
        first += width
    return results
