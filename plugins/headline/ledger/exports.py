"""What exports have delivered: their runs, the rows that receivers have, and the rows that they refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from headline.intervals import Interval
from headline.ledger import tables
from headline.ledger.store import Store

_KEYS_AT_ONCE = 10_000


@dataclass(frozen=True)
class ExportRun:
    """One period of an export, delivered or failed.

    `key`: equal for the same definition and the same inputs. `version`: the newest of its inputs. `refused_count`: the rows that
    the receiver refuses now. `place`: the manifest, the address or the table.
    """

    export: str
    start: date
    end: date
    key: str
    state: str
    run_id: str
    version: int = 0
    row_count: int = 0
    sent_count: int = 0
    removed_count: int = 0
    refused_count: int = 0
    place: str = ""
    error: str = ""
    commit: str = ""
    ended_at: datetime | None = None

    @property
    def interval(self) -> Interval:
        return Interval(self.start, self.end)


@dataclass(frozen=True)
class Delivered:
    """The row of a key as the receiver has it. `row_hash`: empty where it was told that the row is gone."""

    key_hash: str
    key: Mapping[str, Any] | None
    row_hash: str
    delivery: str


@dataclass(frozen=True)
class DeadLetter:
    """A row that the receiver refuses, and why; the row itself is not kept, since it may hold what does not leave raw."""

    key_hash: str
    key: Mapping[str, Any]
    row_hash: str
    reason: str
    attempts: int
    run_id: str
    first_at: datetime | None = None
    last_at: datetime | None = None


class Exports(Store):
    """Each method is one short transaction. Raises Transient when the ledger is out of reach."""

    def record(self, run: ExportRun) -> None:
        """Add a run to the history."""
        with self._begin() as connection:
            values = {name: value for name, value in vars(run).items() if name != "ended_at"}
            connection.execute(insert(tables.export_run).values(values))

    def newest(self, exports: Iterable[str], limit: int = 1, start: date | None = None) -> list[ExportRun]:
        """The newest runs of each export, or of one period of it, the newest first."""
        columns = tables.export_run.c
        found: list[ExportRun] = []
        with self._begin() as connection:
            for name in exports:
                query = select(tables.export_run).where(columns.export == name).order_by(columns.id.desc()).limit(limit)
                query = query.where(columns.start == start) if start else query
                found += [_run(row) for row in connection.execute(query)]
        return found

    def delivered(self, export: str, key_hashes: Sequence[str]) -> dict[str, Delivered]:
        """By the hash of the key, what the receiver has of these rows."""
        columns = tables.delivered_row.c
        query = select(tables.delivered_row).where(columns.export == export, columns.key_hash == func.any(list(key_hashes)))
        with self._begin() as connection:
            return {row.key_hash: _delivered(row) for row in connection.execute(query)}

    def there(self, export: str) -> Iterator[Delivered]:
        """Every row that the receiver has, some thousands at a time."""
        columns = tables.delivered_row.c
        query = select(tables.delivered_row).where(columns.export == export, columns.row_hash != "").order_by(columns.key_hash)
        last = ""
        while True:
            with self._begin() as connection:
                rows = connection.execute(query.where(columns.key_hash > last).limit(_KEYS_AT_ONCE)).all()
            yield from map(_delivered, rows)
            if len(rows) < _KEYS_AT_ONCE:
                return
            last = rows[-1].key_hash

    def dead_letters(self, export: str) -> dict[str, DeadLetter]:
        """By the hash of the key, the rows that the receiver refuses, the newest first."""
        columns = tables.dead_letter.c
        query = select(tables.dead_letter).where(columns.export == export).order_by(columns.last_at.desc(), columns.key_hash)
        with self._begin() as connection:
            return {row.key_hash: _letter(row) for row in connection.execute(query)}

    def counts(self, exports: Iterable[str]) -> dict[str, tuple[int, int]]:
        """By export, how many rows the receiver has, and how many it refuses."""
        names = list(exports)
        has = text("select export, count(*) from delivered_row where row_hash <> '' and export = any(:names) group by export")
        refuses = text("select export, count(*) from dead_letter where export = any(:names) group by export")
        with self._begin() as connection:
            there, dead = (
                {name: int(count) for name, count in connection.execute(query, {"names": names})} for query in (has, refuses)
            )
        return {name: (there.get(name, 0), dead.get(name, 0)) for name in names}

    def settle(
        self, export: str, delivered: Sequence[Delivered], refused: Sequence[DeadLetter], gone: Sequence[str] = ()
    ) -> None:
        """Record what came of a request: rows that the receiver has now, rows that it refuses, and dead letters of rows that are
        gone or are what the receiver has again."""
        with self._begin() as connection:
            if delivered:
                added = insert(tables.delivered_row).values([{"export": export, **vars(one)} for one in delivered])
                changed = {name: added.excluded[name] for name in ("key", "row_hash", "delivery")}
                connection.execute(
                    added.on_conflict_do_update(
                        index_elements=["export", "key_hash"], set_=changed | {"delivered_at": func.now()}
                    )
                )
            if over := [*(one.key_hash for one in delivered), *gone]:
                columns = tables.dead_letter.c
                connection.execute(delete(tables.dead_letter).where(columns.export == export, columns.key_hash == func.any(over)))
            if refused:
                rows = [
                    {name: value for name, value in vars(one).items() if name not in ("first_at", "last_at")} for one in refused
                ]
                put = insert(tables.dead_letter).values([{"export": export, **row} for row in rows])
                said = {name: put.excluded[name] for name in ("key", "row_hash", "reason", "attempts", "run_id")}
                connection.execute(
                    put.on_conflict_do_update(index_elements=["export", "key_hash"], set_=said | {"last_at": func.now()})
                )


def _run(row: Any) -> ExportRun:
    return ExportRun(**{name: getattr(row, name) for name in ExportRun.__dataclass_fields__})


def _delivered(row: Any) -> Delivered:
    return Delivered(row.key_hash, row.key, row.row_hash, row.delivery)


def _letter(row: Any) -> DeadLetter:
    return DeadLetter(**{name: getattr(row, name) for name in DeadLetter.__dataclass_fields__})
