"""The current state of periods as it is written: what arrived or was published takes the place of what was there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, text

from headline.intervals import Interval, merge
from headline.ledger.period import IN_DOUBT

_DISTRUST = text("""
    update period_state set fingerprint = :in_doubt
    from unnest(cast(:names as text[]), cast(:days as date[])) as mine (name, day)
    where table_name = mine.name and start = mine.day
""")
_COMPUTED_AGAIN = text("""
    update period_state set as_of = :as_of, computed_at = now(), code_version = mine.code
    from unnest(cast(:names as text[]), cast(:days as date[]), cast(:codes as text[])) as mine (name, day, code)
    where table_name = mine.name and start = mine.day
""")
_FORGET_STATES = text("""
    delete from period_state
    using unnest(cast(:names as text[]), cast(:starts as date[]), cast(:ends as date[])) as mine (name, first_day, day_after)
    where table_name = mine.name and start >= mine.first_day and start < mine.day_after
""")
_INSERT_STATES = text("""
    insert into period_state (
        table_name, start, "end", version, as_of, fingerprint, row_count, status, coverage, run_id, changed_at, computed_at,
        code_version
    )
    select *
    from unnest(
        cast(:table_name as text[]), cast(:start as date[]), cast(:end as date[]), cast(:version as bigint[]),
        cast(:as_of as bigint[]), cast(:fingerprint as text[]), cast(:row_count as bigint[]), cast(:status as text[]),
        cast(:coverage as numeric[]), cast(:run_id as text[]), cast(:changed_at as timestamptz[]),
        cast(:computed_at as timestamptz[]), cast(:code_version as text[])
    )
""")


@dataclass(frozen=True)
class Published:
    """One period of one table with new content: its fingerprint, rows, status and coverage."""

    table: str
    interval: Interval
    fingerprint: str | None
    row_count: int
    status: str = "complete"
    coverage: Decimal = Decimal(1)


def state_row(one: Published, version: int, as_of: int, run_id: str, moment: datetime) -> dict[str, Any]:
    """The state of a period that a run has replaced, as a row of the table `period_state`."""
    return {
        "table_name": one.table,
        "start": one.interval.start,
        "end": one.interval.end,
        "version": version,
        "as_of": as_of,
        "fingerprint": one.fingerprint,
        "row_count": one.row_count,
        "status": one.status,
        "coverage": one.coverage,
        "run_id": run_id,
        "changed_at": moment,
        "computed_at": moment,
        "code_version": None,
    }


def replace_states(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Each period takes the place of all that was known of its days."""
    stretches = []
    for table_name, mine in groupby(sorted(rows, key=_table_name), key=_table_name):
        stretches += [(table_name, one.start, one.end) for one in merge(Interval(row["start"], row["end"]) for row in mine)]
    names, starts, ends = map(list, zip(*stretches, strict=True))
    connection.execute(_FORGET_STATES, {"names": names, "starts": starts, "ends": ends})
    connection.execute(_INSERT_STATES, {name: [row[name] for row in rows] for name in rows[0]})


def _table_name(row: Mapping[str, Any]) -> str:
    return str(row["table_name"])


def distrust(connection: Connection, periods: Mapping[str, Sequence[date]]) -> None:
    """Forget the fingerprints of periods (first days by table): from then on they count as changed."""
    connection.execute(_DISTRUST, {**_named_days(periods), "in_doubt": IN_DOUBT})


def computed_again(
    connection: Connection, periods: Mapping[str, Sequence[date]], as_of: int, code_versions: Mapping[str, str]
) -> None:
    """The content of periods (first days by table) stays as it was, and inputs up to a version are in it."""
    days = _named_days(periods)
    connection.execute(_COMPUTED_AGAIN, {**days, "as_of": as_of, "codes": [code_versions[name] for name in days["names"]]})


def _named_days(days: Mapping[str, Sequence[date]]) -> dict[str, list[Any]]:
    """First days by table as two lists of one length."""
    pairs = [(name, day) for name, starts in days.items() for day in starts]
    return {"names": [name for name, _ in pairs], "days": [day for _, day in pairs]}


def notify(connection: Connection, table_names: Iterable[str]) -> None:
    """Wake whoever waits for one of these tables, once this is committed."""
    connection.execute(
        text("select pg_notify('headline', name) from unnest(cast(:names as text[])) as names (name)"),
        {"names": sorted(table_names)},
    )
