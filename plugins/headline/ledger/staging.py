"""The staging tables of runs: what was computed, and how far each is on its way to be published."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from headline.intervals import Interval
from headline.ledger import tables
from headline.ledger.store import Store

# As text: building a statement takes SQLAlchemy longer than PostgreSQL needs to carry it out.
_RECORD_STAGING_TABLE = text("""
    insert into staging_table (run_key, table_name, intervals, as_of, row_count, state, run_id, updated_at)
    values (:run_key, :table, cast(:intervals as jsonb), :as_of, :row_count, :state, :run_id, now())
    on conflict (run_key, table_name) do update set
        intervals = excluded.intervals,
        as_of = excluded.as_of,
        row_count = excluded.row_count,
        state = excluded.state,
        run_id = excluded.run_id,
        updated_at = excluded.updated_at
""")
_SET_STATE = text("""
    update staging_table set state = :state, updated_at = now()
    where run_key = :run_key and table_name = any(cast(:names as text[]))
""")


@dataclass(frozen=True)
class StagingTable:
    """What one run computed for one table and how far its audit is."""

    run_key: str
    table: str
    intervals: list[Interval]
    as_of: int
    row_count: int
    state: str
    run_id: str


class StagingTables(Store):
    """All reads and writes of staging tables."""

    def record_staging_table(self, staging_table: StagingTable) -> None:
        """Remember a freshly computed staging table; what the same run computed before is forgotten."""
        intervals = json.dumps([interval.to_json() for interval in staging_table.intervals])
        with self._begin() as connection:
            connection.execute(_RECORD_STAGING_TABLE, {**vars(staging_table), "intervals": intervals})

    def staging_tables(self, run_key: str) -> dict[str, StagingTable]:
        """The staging tables of one run by table."""
        return {found.table: found for found in self._staging_tables(tables.staging_table.c.run_key == run_key)}

    def staging_tables_of(self, table: str) -> list[StagingTable]:
        """What runs have computed for one table, the newest first, as far as it is kept."""
        return self._staging_tables(tables.staging_table.c.table_name == table)[::-1]

    def newest_staging_tables(self, table_names: Iterable[str]) -> dict[str, tuple[StagingTable, datetime]]:
        """What was computed last of each table, with when its state was reached; also while its run is going on."""
        columns = tables.staging_table.c
        query = select(tables.staging_table).where(columns.table_name.in_(list(table_names))).ext(distinct_on(columns.table_name))
        with self._begin() as connection:
            rows = connection.execute(query.order_by(columns.table_name, columns.updated_at.desc())).all()
        return {row.table_name: (_staging_table(row), row.updated_at) for row in rows}

    def published_since(self, moment: datetime, table_names: Iterable[str]) -> list[tuple[StagingTable, datetime]]:
        """What runs have published of these tables since a moment, each with when; also where its content was unchanged."""
        columns = tables.staging_table.c
        query = select(tables.staging_table).where(columns.table_name.in_(list(table_names)), columns.state == "published")
        with self._begin() as connection:
            rows = connection.execute(query.where(columns.updated_at >= moment)).all()
        return [(_staging_table(row), row.updated_at) for row in rows]

    def failed_staging_tables(self, table_names: Iterable[str]) -> list[StagingTable]:
        """The staging tables of any run that an audit holds back, for as long as they are kept."""
        columns = tables.staging_table.c
        return self._staging_tables(and_(columns.table_name.in_(list(table_names)), columns.state == "failed"))

    def expired_staging_tables(self, days: int) -> list[tuple[str, str]]:
        """(run_key, table) of the staging tables that nobody touched for so many days."""
        columns = tables.staging_table.c
        age = func.make_interval(0, 0, 0, days)
        with self._begin() as connection:
            query = select(columns.run_key, columns.table_name).where(columns.updated_at < func.now() - age)
            return [(row.run_key, row.table_name) for row in connection.execute(query)]

    def forget_staging_tables(self, expired: Iterable[tuple[str, str]]) -> None:
        """Forget staging tables whose tables are gone."""
        columns = tables.staging_table.c
        with self._begin() as connection:
            for run_key, table_name in expired:
                connection.execute(
                    delete(tables.staging_table).where(columns.run_key == run_key, columns.table_name == table_name)
                )

    def _staging_tables(self, condition: Any) -> list[StagingTable]:
        with self._begin() as connection:
            query = select(tables.staging_table).where(condition).order_by(tables.staging_table.c.updated_at)
            rows = connection.execute(query).all()
        return [_staging_table(row) for row in rows]


def _staging_table(row: Any) -> StagingTable:
    return StagingTable(
        run_key=row.run_key,
        table=row.table_name,
        intervals=[Interval.from_json(pair) for pair in row.intervals],
        as_of=row.as_of,
        row_count=row.row_count,
        state=row.state,
        run_id=row.run_id,
    )


def set_state(connection: Connection, run_key: str, table_names: Iterable[str], state: str) -> None:
    """How far a run's staging tables are."""
    connection.execute(_SET_STATE, {"run_key": run_key, "names": list(table_names), "state": state})
