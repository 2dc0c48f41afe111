"""What was loaded, computed, audited and published: the memory that pipelines join through."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on

from headline.intervals import DAY, Interval, merge
from headline.ledger import identity, tables
from headline.ledger.identity import Identity
from headline.ledger.state import IN_DOUBT, Change, CurrentState, changed_since
from headline.ledger.versions import lock_versions, next_versions


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


# The key of a row that a check found, column by column as text, with what the check says of it.
Sample = dict[str, str | None]


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check: passed, warned, insufficient_history, waived, failed or not_evaluated.

    `kind`: which of the five kinds of check it is. `sample`: the keys of up to 20 rows that it found, never personal data.
    `found_on`: the days (weeks, months) of all rows that it found, in words; empty where they name none.
    """

    path: str
    name: str
    type: str
    outcome: str
    measured: Decimal | None
    threshold: str
    kind: str = "schema"
    sample: list[Sample] = field(default_factory=list)
    found_on: str = ""


@dataclass(frozen=True)
class Published:
    """One period of one table whose content readers see anew: its fingerprint, rows, status and coverage."""

    table: str
    interval: Interval
    fingerprint: str | None
    row_count: int
    status: str = "complete"
    coverage: Decimal = Decimal(1)


# The statements of every run as text: building one takes SQLAlchemy longer than PostgreSQL needs to carry it out.
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
_RECORD_AUDIT = text("""
    with told as (
        insert into audit (
            run_key, run_id, table_name, check_path, check_name, check_type, outcome, measured, threshold, kind, sample
        )
        select :run_key, :run_id, :table, path, name, type, outcome, measured, threshold, kind, sample
        from jsonb_to_recordset(cast(:results as jsonb)) as results (
            path text, name text, type text, outcome text, measured numeric, threshold text, kind text, sample jsonb
        )
    )
    update staging_table set state = :verdict, updated_at = now() where run_key = :run_key and table_name = :table
""")
_SET_STATE = text("""
    update staging_table set state = :state, updated_at = now()
    where run_key = :run_key and table_name = any(cast(:names as text[]))
""")
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
_NEWEST_VERSION = text("select greatest((select max(version) from load), (select max(version) from publication))")
_NEWEST_OF = text("""
    select name, (select max(version) from period_state where table_name = name) as newest
    from unnest(cast(:names as text[])) as names (name)
""")


class Ledger(CurrentState):
    """All reads and writes of the ledger; every method is one short transaction. Raises Transient when it is out of reach."""

    def newest_version(self) -> int:
        """Everything up to this version has been committed."""
        with self._begin() as connection:
            return _newest_version(connection)

    # loads

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
                    _state_row(_arrived(load), version, version, run_id, moment) | {"computed_at": load.extracted_at}
                    for load, version in zip(new, versions, strict=True)
                ]
                _replace_states(connection, states)
                _notify(connection, {load.landing for load in new})
        return len(new)

    def current_loads(self, landing: str, intervals: Sequence[Interval] | None = None) -> list[Load]:
        """The newest file of each day, in order of days; of all days where no intervals are given."""
        columns = tables.load.c
        query = select(tables.load).where(columns.landing == landing).ext(distinct_on(columns.ds))
        if intervals is not None:
            query = query.where(_in_intervals(columns.ds, intervals))
        with self._begin() as connection:
            return _loads(connection, query.order_by(columns.ds, columns.version.desc()))

    def loads_seen(self, table_name: str, landing: str, intervals: Sequence[Interval]) -> list[Load]:
        """The file of each day that the published rows of a table have seen; what landed later and was held back is none."""
        columns = tables.load.c
        seen = _LOADS_SEEN.bindparams(table=table_name, landing=landing).columns(columns.version).scalar_subquery()
        query = select(tables.load).where(columns.version.in_(seen), _in_intervals(columns.ds, intervals))
        with self._begin() as connection:
            return _loads(connection, query.order_by(columns.ds))

    def landed_files(self) -> list[str]:
        """Every file that ever landed, as the history tells it, also those whose day came again."""
        query = select(tables.load.c.file).distinct().order_by(tables.load.c.file)
        with self._begin() as connection:
            return list(connection.scalars(query))

    def newest_files(self) -> set[str]:
        """Of each landed day the file that came last."""
        columns = tables.load.c
        query = select(columns.file).ext(distinct_on(columns.landing, columns.ds))
        with self._begin() as connection:
            return set(connection.scalars(query.order_by(columns.landing, columns.ds, columns.version.desc())))

    # staging tables and audits

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

    def _staging_tables(self, condition: Any) -> list[StagingTable]:
        with self._begin() as connection:
            query = select(tables.staging_table).where(condition).order_by(tables.staging_table.c.updated_at)
            rows = connection.execute(query).all()
        return [_staging_table(row) for row in rows]

    def record_audit(self, staging_table: StagingTable, results: Sequence[CheckResult], verdict: str) -> None:
        """Remember every check's outcome and the verdict over the staging table, together."""
        told = [{**vars(result), "measured": None if result.measured is None else str(result.measured)} for result in results]
        run = {"run_key": staging_table.run_key, "run_id": staging_table.run_id, "table": staging_table.table, "verdict": verdict}
        with self._begin() as connection:
            connection.execute(_RECORD_AUDIT, {**run, "results": json.dumps(told)})

    def latest_audits(self, table_names: Iterable[str] | None = None) -> list[Any]:
        """Every check's result of the newest audit of each table, of all without names, as rows of the table `audit`."""
        columns = tables.audit.c
        names = text("(select distinct table_name as name from audit) as names")
        if table_names is not None:
            names = text("unnest(cast(:names as text[])) as names (name)").bindparams(names=sorted(table_names))
        newest = select(func.max(columns.audited_at)).where(columns.table_name == text("names.name")).scalar_subquery()
        audited = select(literal_column("names.name").label("name"), newest.label("at")).select_from(names).subquery()
        named = and_(columns.table_name == audited.c.name, columns.audited_at == audited.c.at)
        with self._begin() as connection:
            return list(connection.execute(select(tables.audit).join(audited, named).order_by(columns.table_name, columns.id)))

    def failed_checks(self, kind: str, table_names: Iterable[str]) -> list[Any]:
        """Every check of a kind that failed in any audit of these tables, oldest first, as rows of the table `audit`."""
        columns = tables.audit.c
        failed = and_(columns.kind == kind, columns.outcome == "failed", columns.table_name.in_(list(table_names)))
        with self._begin() as connection:
            return list(connection.execute(select(tables.audit).where(failed).order_by(columns.id)).all())

    def was_audited(self, table: str, run: str) -> bool:
        """Whether a run whose id or key begins so was ever audited for the table, however long ago."""
        columns = tables.audit.c
        begins = columns.run_id.startswith(run, autoescape=True) | columns.run_key.startswith(run, autoescape=True)
        with self._begin() as connection:
            return connection.scalar(select(columns.id).where(columns.table_name == table, begins).limit(1)) is not None

    # publications

    def distrust(self, periods: Mapping[str, Sequence[date]]) -> None:
        """Forget the fingerprints of periods (first days by table): from then on they count as changed."""
        with self._begin() as connection:
            _distrust(connection, periods)

    def begin_publication(self, periods: Mapping[str, Sequence[date]], before: Identity, after: Identity) -> None:
        """Forget the fingerprints of periods that are about to be replaced, and remember what the warehouse is before and after
        it: after a crash it may be either, and the periods count as changed."""
        with self._begin() as connection:
            _distrust(connection, periods)
            connection.execute(identity.BEGIN, {**vars(before), "planned": after.mark})

    def end_publication(self, after: Identity) -> None:
        """Remember that what was begun has been written, where nothing else is to be recorded."""
        with self._begin() as connection:
            connection.execute(identity.END, vars(after))

    def adopt(self, fingerprints: Mapping[tuple[str, date], str]) -> None:
        """Keep the fingerprints of periods (table and first day) that have none; others stay as they are, as do all versions."""
        state = tables.period_state.c
        with self._begin() as connection:
            for (table_name, start), fingerprint in fingerprints.items():
                mine = and_(state.table_name == table_name, state.start == start, state.fingerprint.is_(None))
                connection.execute(update(tables.period_state).where(mine).values(fingerprint=fingerprint))

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """One transaction in which nobody else is given a version, so that nothing changes between a last look and a record."""
        with self._begin() as connection:
            lock_versions(connection)
            yield Recording(connection)

    def newest_publications(self) -> dict[str, Any]:
        """The last publication of each table, as a row of the table `publication`."""
        columns = tables.publication.c
        query = select(tables.publication).ext(distinct_on(columns.table_name))
        with self._begin() as connection:
            rows = connection.execute(query.order_by(columns.table_name, columns.version.desc())).all()
        return {row.table_name: row for row in rows}

    def publications(self, table_names: Iterable[str]) -> list[Any]:
        """The history of some tables, oldest first, as rows of the table `publication`."""
        query = select(tables.publication).where(tables.publication.c.table_name.in_(list(table_names)))
        with self._begin() as connection:
            return list(connection.execute(query.order_by(tables.publication.c.version)).all())

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


@dataclass(frozen=True)
class RunFacts:
    """Which run of which pipeline publishes; `code_versions`: of what made each of its tables."""

    pipeline: str
    run_key: str
    run_id: str
    code_versions: Mapping[str, str]


class Recording:
    """What can be read and written while no other version appears."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def changed_since(self, table_names: Iterable[str], version: int) -> list[Change]:
        """As Ledger.changed_since."""
        return changed_since(self._connection, table_names, version)

    def publish(
        self,
        run: RunFacts,
        changed: Sequence[Published],
        unchanged: Mapping[str, Sequence[date]],
        inputs: Mapping[str, Iterable[str]],
        warehouse: Identity | None = None,
    ) -> None:
        """Record what readers see anew, that other computed periods (first days by table) are as they were, and close the run.

        Periods beside each other of one status share a version. All periods that were computed are as of this record, for the
        run's own tables are each other's inputs. `inputs`: what each table reads. `warehouse`: what it is by now, where rows
        were replaced.
        """
        connection = self._connection
        as_of = _newest_version(connection)
        stretches = list(_stretches(changed))
        versions = next_versions(connection, len(stretches))
        as_of = max([as_of, *versions])
        seen = _newest_of(connection, {name for names in inputs.values() for name in names})
        moment: datetime = connection.execute(select(func.now())).scalar_one()
        history, states = [], []
        for version, periods in zip(versions, stretches, strict=True):
            first, last = periods[0], periods[-1]
            history.append(
                {
                    "version": version,
                    "pipeline": run.pipeline,
                    "table_name": first.table,
                    "start": first.interval.start,
                    "end": last.interval.end,
                    "status": first.status,
                    "coverage": min(one.coverage for one in periods),
                    # Of a table that is replaced whole every period tells the same content.
                    "row_count": sum({one.fingerprint: one.row_count for one in periods}.values()),
                    "as_of": as_of,
                    "inputs": {name: seen[name] for name in inputs.get(first.table, ()) if name in seen},
                    "code_version": run.code_versions[first.table],
                    "run_key": run.run_key,
                    "run_id": run.run_id,
                }
            )
            code = run.code_versions[first.table]
            states += [_state_row(one, version, as_of, run.run_id, moment) | {"code_version": code} for one in periods]
        if history:
            connection.execute(insert(tables.publication), history)
            _replace_states(connection, states)
        # Who waits for this run waits also where nothing changed.
        _notify(connection, {one.table for one in changed} | unchanged.keys())
        if unchanged:
            days = _named_days(unchanged)
            codes = [run.code_versions[name] for name in days["names"]]
            connection.execute(_COMPUTED_AGAIN, {**days, "as_of": as_of, "codes": codes})
        set_state(connection, run.run_key, {one.table for one in changed} | unchanged.keys(), "published")
        if warehouse:
            connection.execute(identity.END, vars(warehouse))


def _loads(connection: Connection, query: Any) -> list[Load]:
    fields = Load.__dataclass_fields__
    return [Load(**{name: row[name] for name in fields}) for row in connection.execute(query).mappings()]


def _distrust(connection: Connection, periods: Mapping[str, Sequence[date]]) -> None:
    connection.execute(_DISTRUST, {**_named_days(periods), "in_doubt": IN_DOUBT})


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


def _stretches(published: Sequence[Published]) -> Iterator[list[Published]]:
    """Periods of one table and status that lie beside each other, in order."""
    group: list[Published] = []
    for one in sorted(published, key=lambda one: (one.table, one.interval)):
        last = group[-1] if group else None
        if last and (last.table, last.status, last.interval.end) != (one.table, one.status, one.interval.start):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _newest_version(connection: Connection) -> int:
    return int(connection.scalar(_NEWEST_VERSION) or 0)


def _newest_of(connection: Connection, table_names: Iterable[str]) -> dict[str, int]:
    return {row.name: row.newest for row in connection.execute(_NEWEST_OF, {"names": list(table_names)}) if row.newest}


def _named_days(days: Mapping[str, Sequence[date]]) -> dict[str, list[Any]]:
    """First days by table as two lists of one length."""
    pairs = [(name, day) for name, starts in days.items() for day in starts]
    return {"names": [name for name, _ in pairs], "days": [day for _, day in pairs]}


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


def _state_row(one: Published, version: int, as_of: int, run_id: str, moment: datetime) -> dict[str, Any]:
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


def _replace_states(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Each period takes the place of all that was known of its days."""
    stretches = []
    for table_name, mine in groupby(sorted(rows, key=_table_name), key=_table_name):
        stretches += [(table_name, one.start, one.end) for one in merge(Interval(row["start"], row["end"]) for row in mine)]
    names, starts, ends = map(list, zip(*stretches, strict=True))
    connection.execute(_FORGET_STATES, {"names": names, "starts": starts, "ends": ends})
    connection.execute(_INSERT_STATES, {name: [row[name] for row in rows] for name in rows[0]})


def _table_name(row: Mapping[str, Any]) -> str:
    return str(row["table_name"])


def _notify(connection: Connection, table_names: Iterable[str]) -> None:
    """Wake whoever waits for one of these tables, once this is committed."""
    connection.execute(
        text("select pg_notify('headline', name) from unnest(cast(:names as text[])) as names (name)"),
        {"names": sorted(table_names)},
    )


def _in_intervals(column: Any, intervals: Sequence[Interval]) -> Any:
    from sqlalchemy import false, or_

    return or_(false(), *(and_(column >= interval.start, column < interval.end) for interval in intervals))
