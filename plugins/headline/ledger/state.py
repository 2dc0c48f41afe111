"""The current state of every period of every table, and of every landed day: what planning, waiting and watching read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, TextClause, func, select, text

from headline.intervals import Interval, merge
from headline.ledger import tables
from headline.ledger.period import IN_DOUBT, Change, PeriodState, period_state
from headline.ledger.store import Store
from headline.specs import Window

_state = tables.period_state.c
_COLUMNS = ", ".join(f'"{column.name}"' for column in tables.period_state.columns)
_CHANGES_NEAR = text("""
    select who, name, start, "end", version
    from unnest(
        cast(:who as text[]), cast(:names as text[]), cast(:starts as date[]), cast(:ends as date[]), cast(:since as bigint[])
    ) as asked (who, name, first_day, day_after, since)
    inner join period_state
        on table_name = asked.name and version > asked.since and start < asked.day_after and "end" > asked.first_day
""")
_CHANGES_BEFORE = text("""
    select who, name, max(version) as version
    from unnest(cast(:who as text[]), cast(:names as text[]), cast(:ends as date[]), cast(:since as bigint[]))
        as asked (who, name, day_after, since)
    inner join period_state on table_name = asked.name and version > asked.since and "end" <= asked.day_after
    group by who, name
""")


_MADE_OTHERWISE = text("""
    select name, start, "end"
    from unnest(cast(:names as text[]), cast(:codes as text[]), cast(:whole as boolean[])) as asked (name, code, is_whole)
    cross join lateral (select max(computed_at) as at from period_state where table_name = asked.name) as newest
    inner join period_state
        on table_name = asked.name and code_version is distinct from asked.code and (not is_whole or computed_at = newest.at)
    order by name, start
""")


class CurrentState(Store):
    """Reads of the current state; each is one query, bounded by the range of days asked for."""

    def states(self, table_names: Iterable[str], *within: Interval) -> list[PeriodState]:
        """The published periods of these tables that meet one of the intervals (all of them without any), by table and day."""
        days: dict[str, Any] = {}
        for number, one in enumerate(within):
            days |= {f"start_{number}": one.start, f"end_{number}": one.end}
        with self._begin() as connection:
            rows = connection.execute(_states_within(len(within)), {"names": list(table_names), **days}).all()
        return [period_state(row) for row in rows]

    def newest_state(self, table_name: str) -> PeriodState | None:
        """The period of a table whose content changed last."""
        query = select(tables.period_state).where(_state.table_name == table_name).order_by(_state.version.desc()).limit(1)
        with self._begin() as connection:
            row = connection.execute(query).first()
        return period_state(row) if row else None

    def last_computed_at(self) -> datetime | None:
        """When any period was computed last, changed or not; None before the first."""
        with self._begin() as connection:
            return connection.scalar(select(func.max(_state.computed_at)))

    def in_doubt(self, table_name: str) -> list[PeriodState]:
        """The periods of a table that a run was about to replace when it died, or that were found to differ."""
        query = select(tables.period_state).where(_state.table_name == table_name, _state.fingerprint == IN_DOUBT)
        with self._begin() as connection:
            return [period_state(row) for row in connection.execute(query.order_by(_state.start))]

    def newest_days(self, table_names: Iterable[str]) -> dict[str, date]:
        """The first day of the newest period of each table that is published."""
        newest = select(func.max(_state.start)).where(_state.table_name == text("names.name")).scalar_subquery()
        names = text("unnest(cast(:names as text[])) as names (name)").bindparams(names=sorted(table_names))
        with self._begin() as connection:
            found = connection.execute(select(text("names.name"), newest).select_from(names)).all()
        return {name: day for name, day in found if day}

    def days_until(self, table_names: Iterable[str], day: date) -> dict[str, tuple[date, int]]:
        """Of each table with a published day before `day`: the first one ever, and how many there are."""
        query = select(_state.table_name, func.min(_state.start), func.sum(_state.end - _state.start))
        query = query.where(_state.table_name.in_(list(table_names)), _state.start < day).group_by(_state.table_name)
        with self._begin() as connection:
            return {name: (first, count) for name, first, count in connection.execute(query)}

    def first_versions(self, table_names: Iterable[str]) -> dict[tuple[str, date], int]:
        """At which version each day of these tables, or of these landings, came for the first time."""
        names = list(table_names)
        load, publication = tables.load.c, tables.publication.c
        published = select(publication.table_name, publication.start, publication.end, func.min(publication.version))
        arrived = select(load.landing, load.ds, load.ds + 1, func.min(load.version))
        queries = [
            published.where(publication.table_name.in_(names)).group_by(
                publication.table_name, publication.start, publication.end
            ),
            arrived.where(load.landing.in_(names)).group_by(load.landing, load.ds),
        ]
        first: dict[tuple[str, date], int] = {}
        with self._begin() as connection:
            for name, start, end, version in (row for query in queries for row in connection.execute(query)):
                for day in Interval(start, end):
                    first[name, day] = min(version, first.get((name, day), version))
        return first

    def newest_as_of(self, table_name: str) -> int:
        """Up to which version the newest computation of a table has seen its inputs; 0 where it was never published."""
        with self._begin() as connection:
            return connection.scalar(select(func.max(_state.as_of)).where(_state.table_name == table_name)) or 0

    def changes(self, reads: Mapping[str, Window], interval: Interval, since: int = 0) -> list[Change]:
        """What changed of the tables read, after version `since`, within the reach of the interval by each table's window.

        Days before the interval that a window reaches without bound are told as one change.
        """
        return self.changes_of({"": (reads, interval, since)})[""]

    def changes_of(self, asked: Mapping[str, tuple[Mapping[str, Window], Interval, int]]) -> dict[str, list[Change]]:
        """The same for several tables at once: what each reads, the interval, and the version, by the names of the tables."""
        found: dict[str, list[Change]] = {name: [] for name in asked}
        near, before = [], []
        for who, (reads, interval, since) in asked.items():
            for name, window in reads.items():
                reach = window.reach(interval)
                is_unbounded = window.lookback_days == "all"
                near.append((who, name, interval.start if is_unbounded else reach.start, reach.end, since))
                if is_unbounded and interval.start > date.min:
                    before.append((who, name, interval.start, since))
        with self._begin() as connection:
            if near:
                for row in connection.execute(_CHANGES_NEAR, _lists(("who", "names", "starts", "ends", "since"), near)):
                    found[row.who].append(Change(row.name, Interval(row.start, row.end), row.version))
            if before:
                for row in connection.execute(_CHANGES_BEFORE, _lists(("who", "names", "ends", "since"), before)):
                    found[row.who].append(Change(row.name, Interval(date.min, asked[row.who][1].start), row.version))
        return found

    def made_by_other_code(self, codes: Mapping[str, str], whole: Collection[str] = ()) -> dict[str, list[Interval]]:
        """By table, the published days that another version of the code computed last than `codes` says; others are left out.

        `whole`: the tables that are replaced whole, of which the newest computation tells.
        """
        rows = [(name, code, name in whole) for name, code in codes.items()]
        days: dict[str, list[Interval]] = {}
        if rows:
            with self._begin() as connection:
                for name, start, end in connection.execute(_MADE_OTHERWISE, _lists(("names", "codes", "whole"), rows)):
                    days.setdefault(name, []).append(Interval(start, end))
        return {name: merge(found) for name, found in days.items()}

    def changed_since(self, table_names: Iterable[str], version: int) -> list[Change]:
        """Every period of these tables whose content became what it is after a version, whichever day it is."""
        with self._begin() as connection:
            return changed_since(connection, table_names, version)


def changed_since(connection: Connection, table_names: Iterable[str], version: int) -> list[Change]:
    """Every period of these tables whose content became what it is after a version."""
    query = select(_state.table_name, _state.start, _state.end, _state.version)
    query = query.where(_state.table_name.in_(list(table_names)), _state.version > version)
    return [Change(name, Interval(start, end), newer) for name, start, end, newer in connection.execute(query)]


@cache
def _states_within(count: int) -> TextClause:
    """The states of tables that meet one of so many intervals; in text, since SQLAlchemy takes longer to build than to ask."""
    meets = " or ".join(f'("end" > :start_{number} and start < :end_{number})' for number in range(count))
    return text(
        f"select {_COLUMNS} from period_state "
        f"where table_name = any(cast(:names as text[])) {f'and ({meets})' if meets else ''} order by table_name, start"
    )


def _lists(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Rows as one list by column, as `unnest` takes them."""
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
