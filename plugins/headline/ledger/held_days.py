"""Days that were read again and would have lost what is published of them: what was read is kept, and does not count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert, select, update

from headline.ledger import tables
from headline.ledger.store import Store


@dataclass(frozen=True)
class HeldDay:
    """A reading of a day of `landing` that is kept in `file` and not loaded; `found`: what it would take away, in words."""

    landing: str
    ds: date
    file: str
    run_id: str
    found: str
    held_at: datetime | None = None


class HeldDays(Store):
    """Readings that do not count, while they are open: until the day is read as it was, or somebody asks for it."""

    def hold(self, found: Sequence[HeldDay]) -> None:
        """Remember readings; the same reading again is remembered once."""
        if not found:
            return
        known = {(one.landing, one.ds): one.file for one in self.open()}
        new = [one for one in found if known.get((one.landing, one.ds)) != one.file]
        if not new:
            return
        for landing in {one.landing for one in new}:
            self.release(landing, [one.ds for one in new if one.landing == landing], "read again")
        rows = [{name: value for name, value in vars(one).items() if name != "held_at"} for one in new]
        with self._begin() as connection:
            connection.execute(insert(tables.held_day), rows)

    def release(self, landing: str, days: Iterable[date], how: str) -> None:
        """End the hold of these days; those that are not held are left alone."""
        columns = tables.held_day.c
        statement = update(tables.held_day).where(
            columns.landing == landing, columns.ds.in_(list(days)), columns.released_at.is_(None)
        )
        with self._begin() as connection:
            connection.execute(statement.values(released_at=func.now(), released_by=how))

    def open(self, landings: Iterable[str] | None = None) -> list[HeldDay]:
        """The readings that are held now, of these landings or of all, in order of days."""
        columns = tables.held_day.c
        query = select(tables.held_day).where(columns.released_at.is_(None)).order_by(columns.ds, columns.landing)
        if landings is not None:
            query = query.where(columns.landing.in_(list(landings)))
        with self._begin() as connection:
            rows: list[Any] = list(connection.execute(query).mappings())
        return [HeldDay(**{name: row[name] for name in HeldDay.__dataclass_fields__}) for row in rows]
