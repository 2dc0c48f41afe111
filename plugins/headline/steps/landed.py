"""The files that a source's table is made of, and whether each row of them is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from headline.errors import BadData
from headline.intervals import Interval
from headline.ledger import Load
from headline.sources.refused import REFUSAL
from headline.specs import Source, Table, Window
from headline.steps.run import PipelineRun

if TYPE_CHECKING:
    from headline.warehouse import Content

SHOWN_DAYS = 3


def landed(run: PipelineRun, reads: Mapping[str, Window], intervals: Sequence[Interval]) -> dict[str, list[Load]]:
    """By landing, what the days of these intervals read of it; a day that brought nothing is among them."""
    return {
        name: run.ledger.current_loads(name, [window.reach(interval) for interval in intervals])
        for name, window in reads.items()
        if name.startswith("landing.")
    }


def require_taken_over(run: PipelineRun, table: Table, contents: Sequence[Content], loads: Mapping[str, Sequence[Load]]) -> None:
    """A table that takes a landing over row for row has as many rows of each day as its manifest says, refused ones included.

    That is what a source's table does which does not state its reads. Raises BadData with file, rows expected and rows read.
    """
    if not isinstance(run.pipeline, Source) or not table.takes_over_landing:
        return
    [of_its_name] = loads.values()
    if REFUSAL not in table.sql_file.read_text() and any(REFUSAL in load.columns for load in of_its_name):
        return  # refused records are left out
    found = {content.start: content.row_count for content in contents}
    odd = [load for load in of_its_name if load.row_count != found.get(load.ds, 0)]
    if not odd:
        return
    told = [
        f"  - {load.ds}: {load.row_count} rows by the manifest of {load.file}, {found.get(load.ds, 0)} made of them"
        for load in odd[:SHOWN_DAYS]
    ]
    more = [f"  - and {len(odd) - SHOWN_DAYS} more days"] if len(odd) > SHOWN_DAYS else []
    lines = [
        f"{table.full_name}: has not the rows that landed, on {len(odd)} day(s):",
        *told,
        *more,
        f"{table.sql_file.name} drops or doubles rows: where that is meant, state in source.yml what the table `reads`",
    ]
    raise BadData("\n".join(lines))
