"""The newest readings of numbers as a table: who has read what, when and how."""

from __future__ import annotations

from collections.abc import Iterable

from headline.ledger import Read
from headline.show import Rows

MOST_READS = 10_000
COLUMNS = ("read_at", "reader", "channel", "names", "rows", "detail")


def rows_of(reads: Iterable[Read]) -> Rows:
    """A row for each reading; without a number of rows it was refused or has failed."""
    rows = [
        (
            one.read_at and one.read_at.replace(microsecond=0),
            one.reader,
            one.channel,
            ", ".join(one.names),
            one.row_count,
            one.detail,
        )
        for one in reads
    ]
    return Rows(COLUMNS, rows)
