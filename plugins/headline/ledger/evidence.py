"""What became of the last days, as the ledger knows it, for whoever judges whether all is well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select, text

from headline.intervals import Interval
from headline.ledger import tables
from headline.ledger.store import Store

REFUSED = ("failed", "not_evaluated")
# How the connection that holds a run's locks is called (steps.write_audit_publish): it ends with the run's process.
HOLDER = "headline: "
_AT_WORK = text("""
    select distinct application_name as holder, backend_start
    from pg_stat_activity
    where datname = current_database() and left(application_name, length(:holder)) = :holder
    order by backend_start
""")


@dataclass(frozen=True)
class Publication:
    """One interval of one table became readable; `as_of`: inputs up to this version were seen.

    `computed_at`: when it was last computed and passed its audit, whether or not anything had changed.
    """

    table: str
    interval: Interval
    version: int
    as_of: int
    is_complete: bool
    coverage: Decimal
    published_at: datetime
    run_id: str
    computed_at: datetime


@dataclass(frozen=True)
class HeldBack:
    """A staging table whose audit failed or could not run, and the checks that say so: name, kind, measured, threshold, sample
    of keys."""

    table: str
    intervals: list[Interval]
    state: str
    run_id: str
    at: datetime
    checks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Evidence:
    """What became of the days from `first` on; publications are the newest first."""

    first: date
    publications: list[Publication] = field(default_factory=list)
    held_back: list[HeldBack] = field(default_factory=list)


class Observations(Store):
    """Reads of the ledger that look at all pipelines together. Raises Transient when it is out of reach."""

    def evidence(self, first: date) -> Evidence:
        """What has become of the days from `first` on."""
        with self._begin() as connection:
            # In this order: what is published in between is no longer held back.
            held_back = _held_back(connection, first)
            return Evidence(first, _publications(connection, first), held_back)

    def held_back(self, table_names: Iterable[str], within: Interval) -> list[HeldBack]:
        """What the newest audits of these tables hold back for any of these days, the newest first.

        It is known for as long as what a run computed is kept.
        """
        columns = tables.staging_table.c
        query = select(tables.staging_table).where(columns.table_name.in_(list(table_names)), columns.state != "transformed")
        newest: dict[str, Any] = {}
        with self._begin() as connection:
            for row in connection.execute(query.order_by(columns.updated_at.desc())).all():
                if any(Interval.from_json(pair).overlaps(within) for pair in row.intervals):
                    newest.setdefault(row.table_name, row)
            return [_refused(connection, row) for row in newest.values() if row.state in REFUSED]

    def at_work(self) -> list[tuple[str, str, datetime | None]]:
        """The runs that compute or publish now: pipeline, the beginning of the run id, and since when, which PostgreSQL tells
        the runs' own login alone."""
        with self._begin() as connection:
            rows = connection.execute(_AT_WORK, {"holder": HOLDER}).all()
        named = [(row.holder.removeprefix(HOLDER).split(" ", 1), row.backend_start) for row in rows]
        return [(words[0], words[1], since) for words, since in named if len(words) > 1]

    def publications(self, table_name: str, within: Interval, after: int = 0) -> list[Any]:
        """The history of a table's periods that meet an interval, after a version, oldest first, as rows of `publication`."""
        columns = tables.publication.c
        query = select(tables.publication).where(
            columns.table_name == table_name, columns.end > within.start, columns.start < within.end, columns.version > after
        )
        with self._begin() as connection:
            return list(connection.execute(query.order_by(columns.version)))

    def arrivals(self, landing: str, within: Interval, after: int = 0) -> list[Any]:
        """Every load of a landing's days within an interval, after a version, oldest first, as rows of the table `load`."""
        columns = tables.load.c
        query = select(tables.load).where(
            columns.landing == landing, columns.ds >= within.start, columns.ds < within.end, columns.version > after
        )
        with self._begin() as connection:
            return list(connection.execute(query.order_by(columns.version)))

    def version_at(self, moment: datetime) -> int:
        """Everything up to this version had been loaded or published at that moment."""
        loaded, published = tables.load.c, tables.publication.c
        with self._begin() as connection:
            newest = [
                connection.scalar(select(func.max(loaded.version)).where(loaded.extracted_at <= moment)),
                connection.scalar(select(func.max(published.version)).where(published.published_at <= moment)),
            ]
        return max(version or 0 for version in newest)


def _publications(connection: Connection, first: date) -> list[Publication]:
    """The current state, which knows how new each period is, then the history, which knows since when it is there."""
    state, columns = tables.period_state.c, tables.publication.c
    current = select(tables.period_state).where(state.end > first, ~state.table_name.startswith("landing."))
    history = select(tables.publication).where(columns.end > first).order_by(columns.version.desc())
    current_rows = connection.execute(current.order_by(state.version.desc()))
    found = [_publication(row, row.changed_at, row.computed_at) for row in current_rows]
    return found + [_publication(row, row.published_at, row.published_at) for row in connection.execute(history)]


def _publication(row: Any, published_at: datetime, computed_at: datetime) -> Publication:
    return Publication(
        table=row.table_name,
        interval=Interval(row.start, row.end),
        version=row.version,
        as_of=row.as_of,
        is_complete=row.status == "complete",
        coverage=row.coverage,
        published_at=published_at,
        run_id=row.run_id,
        computed_at=computed_at,
    )


def _held_back(connection: Connection, first: date) -> list[HeldBack]:
    """The newest staging table of each table and last day, where it was refused."""
    columns = tables.staging_table.c
    query = select(tables.staging_table).where(columns.updated_at >= first).order_by(columns.updated_at.desc())
    seen: set[tuple[str, date]] = set()
    found = []
    for row in connection.execute(query).all():
        intervals = [Interval.from_json(pair) for pair in row.intervals]
        key = (row.table_name, intervals[-1].end)
        if key in seen or row.state == "transformed":
            continue
        seen.add(key)
        if row.state in REFUSED:
            found.append(_refused(connection, row))
    return found


def _refused(connection: Connection, row: Any) -> HeldBack:
    intervals = [Interval.from_json(pair) for pair in row.intervals]
    checks = _checks(connection, row.run_key, row.table_name, row.state)
    return HeldBack(row.table_name, intervals, row.state, row.run_id, row.updated_at, checks)


def _checks(connection: Connection, run_key: str, table: str, outcome: str) -> list[dict[str, Any]]:
    """Those with that outcome in the newest audit of one staging table."""
    columns = tables.audit.c
    mine = (columns.run_key == run_key, columns.table_name == table)
    newest = select(func.max(columns.audited_at)).where(*mine).scalar_subquery()
    query = select(tables.audit).where(*mine, columns.audited_at == newest, columns.outcome == outcome).order_by(columns.id)
    return [
        {
            "name": row.check_name,
            "kind": row.kind,
            "measured": None if row.measured is None else f"{row.measured.normalize():f}",
            "threshold": row.threshold,
            "sample": row.sample,
        }
        for row in connection.execute(query)
    ]
