"""By what a reader sees whether a published table, or the issued figures, are as they were: one row, however many periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import text

from headline.ledger.store import Store

_OF_DAYS = text("""
    select found.*
    from unnest(cast(:names as text[]), cast(:starts as date[]), cast(:ends as date[]))
        with ordinality as asked (name, first_day, day_after, place)
    cross join lateral (
        select
            max(version) as version,
            max(changed_at) as as_of,
            min(coverage) as coverage,
            max("end") as day_after,
            md5(string_agg(concat_ws(' ', start, version, fingerprint, status), ',' order by start)) as content
        from period_state
        where table_name = asked.name and start < asked.day_after and "end" > asked.first_day
    ) as found
    order by asked.place
""")
_OF_FIGURES = text("""
    select id as version, recorded_at as as_of, hash as content from issued_figures
    where cast(:moment as timestamptz) is null or recorded_at <= cast(:moment as timestamptz)
    order by id desc limit 1
""")

# A table, its first day, and the day after its last.
Days = tuple[str, date, date]


@dataclass(frozen=True)
class Stamp:
    """`version`: the newest one of what is read; 0 where there is nothing. `as_of`: when it became what it is.

    `content`: equal for what has not changed. `coverage`: the lowest of its periods. `day_after`: where its days end.
    """

    version: int = 0
    as_of: datetime | None = None
    content: str = ""
    coverage: Decimal | None = None
    day_after: date | None = None


class Stamps(Store):
    """Reads of stamps. Raises Transient when the ledger is out of reach."""

    def of_days(self, asked: Sequence[Days]) -> list[Stamp]:
        """The stamp of each: the periods of a table that have any of these days."""
        names, starts, ends = (list(values) for values in zip(*asked, strict=True))
        with self._begin() as connection:
            rows = connection.execute(_OF_DAYS, {"names": names, "starts": starts, "ends": ends}).all()
        return [Stamp(row.version or 0, row.as_of, row.content or "", row.coverage, row.day_after) for row in rows]

    def of_figures(self, moment: datetime | None = None) -> Stamp:
        """The stamp of all issued figures, as of a moment or now; `version` is the place of the newest in the chain."""
        with self._begin() as connection:
            row = connection.execute(_OF_FIGURES, {"moment": moment}).first()
        return Stamp(row.version, row.as_of, row.content) if row else Stamp()
