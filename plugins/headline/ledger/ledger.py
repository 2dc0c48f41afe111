"""What was loaded, computed, audited and published: the memory that pipelines join through."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from headline.intervals import DAY, Interval
from headline.ledger import tables
from headline.ledger.store import Store


@dataclass(frozen=True)
class Load:
    """One arrived file: one business day of one landed table."""

    landing: str
    ds: date
    file: str
    row_count: int
    checksum: str
    columns: dict[str, str]
    origin: str
    extracted_at: datetime


@dataclass(frozen=True)
class Change:
    """At `version` the days of `interval` of `table` became what they are."""

    table: str
    interval: Interval
    version: int
    as_of: int = 0


@dataclass(frozen=True)
class Candidate:
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
    """The outcome of one check: passed, warned, learning, accepted, failed or not_checked.

    `kind`: which of the five kinds of check it is. `sample`: the keys of up to 20 rows that it found, never personal data.
    """

    path: str
    name: str
    type: str
    outcome: str
    measured: Decimal | None
    threshold: str
    kind: str = "schema"
    sample: list[Sample] = field(default_factory=list)


@dataclass(frozen=True)
class Published:
    """One interval of one table that readers may see from now on."""

    table: str
    interval: Interval
    row_count: int
    as_of: int
    inputs: dict[str, int]
    status: str = "complete"
    coverage: Decimal = Decimal(1)


class Ledger(Store):
    """All reads and writes of the ledger; every method is one short transaction. Raises Transient when it is out of reach."""

    # versions

    def newest_version(self) -> int:
        """Everything up to this version has been committed."""
        with self._begin() as connection:
            newest = [connection.scalar(select(func.max(table.c.version))) for table in (tables.load, tables.publication)]
        return max(version or 0 for version in newest)

    def changes(self, table_names: Iterable[str], since: int = 0) -> list[Change]:
        """Loads and publications of these tables after version `since`, oldest first."""
        names = set(table_names)
        loaded, published = tables.load.c, tables.publication.c
        with self._begin() as connection:
            found = [
                Change(row.landing, Interval(row.ds, row.ds + DAY), row.version)
                for row in connection.execute(
                    select(loaded.landing, loaded.ds, loaded.version).where(loaded.landing.in_(names), loaded.version > since)
                )
            ] + [
                Change(row.table_name, Interval(row.start, row.end), row.version, row.as_of)
                for row in connection.execute(
                    select(published.table_name, published.start, published.end, published.version, published.as_of).where(
                        published.table_name.in_(names), published.version > since
                    )
                )
            ]
        return sorted(found, key=lambda change: change.version)

    # loads

    def record_loads(self, loads: Sequence[Load], run_id: str) -> int:
        """Remember files that arrived; a day whose content is what it was already is left alone. Returns how many are new."""
        if not loads:
            return 0
        known = self.current_loads(loads[0].landing, [Interval(min(x.ds for x in loads), max(x.ds for x in loads) + DAY)])
        checksums = {load.ds: load.checksum for load in known}
        new = [load for load in loads if checksums.get(load.ds) != load.checksum]
        with self._begin() as connection:
            versions = self._next_versions(connection, len(new))
            if new:
                rows = [{**vars(load), "version": version, "run_id": run_id} for load, version in zip(new, versions, strict=True)]
                connection.execute(insert(tables.load), rows)
        return len(new)

    def current_loads(self, landing: str, intervals: Sequence[Interval] | None = None) -> list[Load]:
        """The newest file of each day, in order of days; of all days where no intervals are given."""
        columns = tables.load.c
        query = select(tables.load).where(columns.landing == landing).ext(distinct_on(columns.ds))
        if intervals is not None:
            query = query.where(_in_intervals(columns.ds, intervals))
        with self._begin() as connection:
            rows = connection.execute(query.order_by(columns.ds, columns.version.desc())).mappings().all()
        fields = Load.__dataclass_fields__
        return [Load(**{name: row[name] for name in fields}) for row in rows]

    # candidates and audits

    def record_candidate(self, candidate: Candidate) -> None:
        """Remember a freshly computed candidate; what the same run computed before is forgotten."""
        row = {
            "run_key": candidate.run_key,
            "table_name": candidate.table,
            "intervals": [interval.to_json() for interval in candidate.intervals],
            "as_of": candidate.as_of,
            "row_count": candidate.row_count,
            "state": candidate.state,
            "run_id": candidate.run_id,
            "updated_at": func.now(),
        }
        with self._begin() as connection:
            statement = upsert(tables.candidate).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["run_key", "table_name"], set_=row))

    def candidates(self, run_key: str) -> dict[str, Candidate]:
        """The candidates of one run by table."""
        return {found.table: found for found in self._candidates(tables.candidate.c.run_key == run_key)}

    def candidates_of(self, table: str) -> list[Candidate]:
        """What runs have computed for one table, the newest first, as far as it is kept."""
        return self._candidates(tables.candidate.c.table_name == table)[::-1]

    def failed_candidates(self, table_names: Iterable[str]) -> list[Candidate]:
        """The candidates of any run that an audit holds back, for as long as they are kept."""
        columns = tables.candidate.c
        return self._candidates(and_(columns.table_name.in_(list(table_names)), columns.state == "failed"))

    def _candidates(self, condition: Any) -> list[Candidate]:
        with self._begin() as connection:
            query = select(tables.candidate).where(condition).order_by(tables.candidate.c.updated_at)
            rows = connection.execute(query).all()
        return [
            Candidate(
                run_key=row.run_key,
                table=row.table_name,
                intervals=[Interval.from_json(pair) for pair in row.intervals],
                as_of=row.as_of,
                row_count=row.row_count,
                state=row.state,
                run_id=row.run_id,
            )
            for row in rows
        ]

    def record_audit(self, candidate: Candidate, results: Sequence[CheckResult], verdict: str) -> None:
        """Remember every check's outcome and the verdict over the candidate, together."""
        rows = [
            {
                "run_key": candidate.run_key,
                "run_id": candidate.run_id,
                "table_name": candidate.table,
                "check_path": result.path,
                "check_name": result.name,
                "check_type": result.type,
                "outcome": result.outcome,
                "measured": result.measured,
                "threshold": result.threshold,
                "kind": result.kind,
                "sample": result.sample,
            }
            for result in results
        ]
        with self._begin() as connection:
            if rows:
                connection.execute(insert(tables.audit), rows)
            self._set_state(connection, candidate.run_key, [candidate.table], verdict)

    def latest_audits(self, table_names: Iterable[str] | None = None) -> list[Any]:
        """Every check's result of the newest audit of each table, as rows of the table `audit`."""
        columns = tables.audit.c
        newest = select(columns.table_name, func.max(columns.audited_at).label("at")).group_by(columns.table_name).subquery()
        query = select(tables.audit).join(
            newest, and_(columns.table_name == newest.c.table_name, columns.audited_at == newest.c.at)
        )
        if table_names is not None:
            query = query.where(columns.table_name.in_(list(table_names)))
        with self._begin() as connection:
            return list(connection.execute(query.order_by(columns.table_name, columns.id)).all())

    def accepted(self, table_name: str, check_path: str) -> list[Sample]:
        """What a check of a table has found and somebody has accepted."""
        columns = tables.audit.c
        query = select(columns.sample).where(
            columns.table_name == table_name, columns.check_path == check_path, columns.outcome == "accepted"
        )
        with self._begin() as connection:
            return [row for sample in connection.scalars(query.order_by(columns.id)) for row in sample]

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

    @contextmanager
    def publishing(self, pipeline: str) -> Iterator[None]:
        """Hold the right to publish a pipeline; it falls free when the process ends, however it ends."""
        key = int.from_bytes(hashlib.sha256(f"publish {pipeline}".encode()).digest()[:8], "big", signed=True)
        with self._begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": key})
            yield

    def record_publications(
        self, pipeline: str, run_key: str, run_id: str, code_version: str, published: Sequence[Published]
    ) -> None:
        """Remember what readers see from now on and close the run's candidates, in one step."""
        with self._begin() as connection:
            versions = self._next_versions(connection, len(published))
            rows = [
                {
                    "version": version,
                    "pipeline": pipeline,
                    "table_name": one.table,
                    "start": one.interval.start,
                    "end": one.interval.end,
                    "status": one.status,
                    "coverage": one.coverage,
                    "row_count": one.row_count,
                    "as_of": one.as_of,
                    "inputs": one.inputs,
                    "code_version": code_version,
                    "run_key": run_key,
                    "run_id": run_id,
                }
                for one, version in zip(published, versions, strict=True)
            ]
            if rows:
                connection.execute(insert(tables.publication), rows)
            self._set_state(connection, run_key, {one.table for one in published}, "published")

    def publications(self, table_names: Iterable[str] | None = None) -> list[Any]:
        """Publications, oldest first, as rows of the table `publication`."""
        query = select(tables.publication).order_by(tables.publication.c.version)
        if table_names is not None:
            query = query.where(tables.publication.c.table_name.in_(list(table_names)))
        with self._begin() as connection:
            return list(connection.execute(query).all())

    def expired_candidates(self, days: int) -> list[tuple[str, str]]:
        """(run_key, table) of the candidates that nobody touched for so many days."""
        columns = tables.candidate.c
        age = func.make_interval(0, 0, 0, days)
        with self._begin() as connection:
            query = select(columns.run_key, columns.table_name).where(columns.updated_at < func.now() - age)
            return [(row.run_key, row.table_name) for row in connection.execute(query)]

    def forget_candidates(self, expired: Iterable[tuple[str, str]]) -> None:
        """Forget candidates whose tables are gone."""
        columns = tables.candidate.c
        with self._begin() as connection:
            for run_key, table_name in expired:
                connection.execute(delete(tables.candidate).where(columns.run_key == run_key, columns.table_name == table_name))

    # inside

    @staticmethod
    def _set_state(connection: Connection, run_key: str, table_names: Iterable[str], state: str) -> None:
        columns = tables.candidate.c
        connection.execute(
            update(tables.candidate)
            .where(columns.run_key == run_key, columns.table_name.in_(list(table_names)))
            .values(state=state, updated_at=func.now())
        )


def _in_intervals(column: Any, intervals: Sequence[Interval]) -> Any:
    from sqlalchemy import false, or_

    return or_(false(), *(and_(column >= interval.start, column < interval.end) for interval in intervals))
