"""The files that arrived, by landing and business day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, false, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on

from headline.intervals import DAY, Interval
from headline.ledger import tables
from headline.ledger.new_state import Published, notify, replace_states, state_row
from headline.ledger.store import Store
from headline.ledger.versions import lock_versions, next_versions

# Of each day the newest file that a table had seen when the day was computed last; of a day that it has not, when any was.
_LOADS_SEEN = text("""
    with seen as (
        select start, "end", as_of from period_state where table_name = :table
    )
    select distinct on (ds) version
    from load
    where landing = :landing and version <= coalesce(
        (select max(as_of) from seen where start <= ds and "end" > ds), (select max(as_of) from seen)
    )
    order by ds, version desc
""")


@dataclass(frozen=True)
class Load:
    """One arrived file: one business day of one landed table. `extracted_at`: when its reading began."""

    landing: str
    ds: date
    file: str
    row_count: int
    checksum: str
    columns: dict[str, str]
    origin: str
    extracted_at: datetime

    @property
    def key(self) -> tuple[str, date]:
        return self.landing, self.ds


class Loads(Store):
    """All reads and writes of loads."""

    def record_loads(self, loads: Sequence[Load], run_id: str) -> int:
        """Remember files that arrived; a day whose content is what it was already is left alone. Returns how many are new.

        Of two runs that read a day at once the later reading counts, in whatever order they end.
        """
        if not loads:
            return 0
        with self._begin() as connection:
            lock_versions(connection)
            known = _known_readings(connection, loads)
            newest = [load for load in loads if load.key not in known or known[load.key][1] <= load.extracted_at]
            new = [load for load in newest if load.key not in known or known[load.key][0] != load.checksum]
            if again := [load for load in newest if load not in new]:
                _read_again(connection, again)
            if new:
                versions = next_versions(connection, len(new))
                rows = [{**vars(load), "version": version, "run_id": run_id} for load, version in zip(new, versions, strict=True)]
                connection.execute(insert(tables.load), rows)
                moment: datetime = connection.execute(select(func.now())).scalar_one()
                states = [
                    state_row(_arrived(load), version, version, run_id, moment) | {"computed_at": load.extracted_at}
                    for load, version in zip(new, versions, strict=True)
                ]
                replace_states(connection, states)
                notify(connection, {load.landing for load in new})
        return len(new)

    def current_loads(self, landing: str, intervals: Sequence[Interval] | None = None) -> list[Load]:
        """The newest file of each day, in order of days; of all days where no intervals are given."""
        columns = tables.load.c
        query = select(tables.load).where(columns.landing == landing).ext(distinct_on(columns.ds))
        if intervals is not None:
            query = query.where(_in_intervals(columns.ds, intervals))
        with self._begin() as connection:
            return _loads(connection, query.order_by(columns.ds, columns.version.desc()))

    def loads(self, landing: str, days: Interval) -> list[Load]:
        """Every file of these days, also of days that landed again, in the order in which they were recorded."""
        columns = tables.load.c
        query = select(tables.load).where(columns.landing == landing, columns.ds >= days.start, columns.ds < days.end)
        with self._begin() as connection:
            return _loads(connection, query.order_by(columns.version))

    def loads_seen(self, table_name: str, landing: str, intervals: Sequence[Interval]) -> list[Load]:
        """The file of each day that the published rows of a table have seen; what landed later and was held back is none."""
        columns = tables.load.c
        seen = _LOADS_SEEN.bindparams(table=table_name, landing=landing).columns(columns.version).scalar_subquery()
        query = select(tables.load).where(columns.version.in_(seen), _in_intervals(columns.ds, intervals))
        with self._begin() as connection:
            return _loads(connection, query.order_by(columns.ds))

    def landed_files(self) -> list[str]:
        """Every file that ever landed, also those of days that landed again."""
        query = select(tables.load.c.file).distinct().order_by(tables.load.c.file)
        with self._begin() as connection:
            return list(connection.scalars(query))

    def newest_files(self) -> set[str]:
        """Of each landed day the file that came last."""
        columns = tables.load.c
        query = select(columns.file).ext(distinct_on(columns.landing, columns.ds))
        with self._begin() as connection:
            return set(connection.scalars(query.order_by(columns.landing, columns.ds, columns.version.desc())))


def _loads(connection: Connection, query: Any) -> list[Load]:
    fields = Load.__dataclass_fields__
    return [Load(**{name: row[name] for name in fields}) for row in connection.execute(query).mappings()]


def _known_readings(connection: Connection, loads: Sequence[Load]) -> dict[tuple[str, date], tuple[str | None, datetime]]:
    """Of the days of loads that arrived before: the checksum, and when their newest reading began."""
    columns = tables.period_state.c
    query = select(columns.table_name, columns.start, columns.fingerprint, columns.computed_at).where(
        columns.table_name.in_({load.landing for load in loads}),
        columns.start >= min(load.ds for load in loads),
        columns.start <= max(load.ds for load in loads),
    )
    return {(name, start): (checksum, read_at) for name, start, checksum, read_at in connection.execute(query)}


def _read_again(connection: Connection, loads: Sequence[Load]) -> None:
    columns = tables.period_state.c
    statement = (
        update(tables.period_state)
        .where(columns.table_name == bindparam("landing"), columns.start == bindparam("ds"))
        .values(computed_at=bindparam("extracted_at"))
    )
    connection.execute(statement, [{"landing": load.landing, "ds": load.ds, "extracted_at": load.extracted_at} for load in loads])


def _arrived(load: Load) -> Published:
    return Published(load.landing, Interval(load.ds, load.ds + DAY), load.checksum, load.row_count)


def _in_intervals(column: Any, intervals: Sequence[Interval]) -> Any:
    return or_(false(), *(and_(column >= interval.start, column < interval.end) for interval in intervals))
