"""The audit log of readers: who has read which numbers, when and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import insert, select

from headline.ledger import tables
from headline.ledger.engine import reading
from headline.ledger.store import Store

Channel = Literal["page", "api", "query", "export", "report"]


@dataclass(frozen=True)
class Read:
    """One reading. `reader`: Airflow's user name, or the run of an export or report. `names`: the tables and metrics.

    `detail`: the address, the statement or the file. `row_count`: None where it was refused or failed.
    """

    reader: str
    channel: Channel
    names: tuple[str, ...]
    detail: str = ""
    row_count: int | None = None
    read_at: datetime | None = None


class Reads(Store):
    """All readings; rows are added and never changed. Raises Transient when the ledger is out of reach."""

    def record(self, *reads: Read) -> None:
        """Remember readings, before their rows are given to anybody."""
        rows = [{name: value for name, value in vars(one).items() if name != "read_at"} for one in reads]
        if rows:
            with self._begin() as connection:
                connection.execute(insert(tables.read), [row | {"names": list(row["names"])} for row in rows])

    def newest(self, limit: int = 100, reader: str | None = None, names: Iterable[str] = ()) -> list[Read]:
        """The newest readings, the newest first; of one reader, or of any of some tables and metrics, if they are named."""
        columns = tables.read.c
        query = select(tables.read).order_by(columns.id.desc()).limit(limit)
        if reader is not None:
            query = query.where(columns.reader == reader)
        if wanted := list(names):
            query = query.where(columns.names.overlap(wanted))
        with self._begin() as connection:
            return [_read(row) for row in connection.execute(query)]


def record_reads(*reads: Read) -> None:
    """Remember readings also where the ledger is only read, before their rows are given to anybody."""
    with reading(is_on=False):
        Reads().record(*reads)


def _read(row: Any) -> Read:
    return Read(row.reader, row.channel, tuple(row.names), row.detail, row.row_count, row.read_at)
