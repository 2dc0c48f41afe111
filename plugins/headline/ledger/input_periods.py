"""What went into a figure: hashes of the input periods, and what of them changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text

from headline.intervals import Interval
from headline.ledger.store import Store

_HASHES = text("""
    select who, encode(sha256(convert_to(string_agg(told, ',' order by told collate "C"), 'UTF8')), 'hex') as hash
    from (
        select who, concat_ws(' ', table_name, start, coalesce(fingerprint, '')) as told
        from unnest(cast(:who as integer[]), cast(:names as text[]), cast(:starts as date[]), cast(:ends as date[]))
            as asked (who, name, first_day, day_after)
        inner join period_state on table_name = asked.name and start < asked.day_after and "end" > asked.first_day
    ) as periods
    group by who
""")
_CHANGED = text("""
    select distinct who, name
    from unnest(
        cast(:who as integer[]), cast(:names as text[]), cast(:starts as date[]), cast(:ends as date[]), cast(:since as bigint[])
    ) as asked (who, name, first_day, day_after, since)
    inner join period_state
        on table_name = asked.name and version > asked.since and start < asked.day_after and "end" > asked.first_day
""")


@dataclass(frozen=True)
class Asked:
    """Days of an input that one thing (`who`) depends on, and the version after which a change of them counts."""

    who: int
    name: str
    days: Interval
    since: int = 0


class InputPeriods(Store):
    """Reads of the input periods of figures. Raises Transient when the ledger is out of reach."""

    def hashes(self, asked: Iterable[Asked]) -> Mapping[int, str]:
        """The hash of all that each depends on, by `who`; none where nothing of it is published."""
        with self._begin() as connection:
            return {row.who: row.hash for row in connection.execute(_HASHES, _lists(asked))}

    def changed(self, asked: Iterable[Asked]) -> set[tuple[int, str]]:
        """Which inputs (`who`, name) have a period whose content became what it is after the version."""
        with self._begin() as connection:
            return {(row.who, row.name) for row in connection.execute(_CHANGED, _lists(asked))}


def _lists(asked: Iterable[Asked]) -> dict[str, list[int] | list[str] | list[date]]:
    known = list(asked)
    return {
        "who": [one.who for one in known],
        "names": [one.name for one in known],
        "starts": [one.days.start for one in known],
        "ends": [one.days.end for one in known],
        "since": [one.since for one in known],
    }
