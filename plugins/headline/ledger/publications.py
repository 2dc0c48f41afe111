"""What runs have published, and the one transaction in which a run records it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on

from headline.ledger import identity, tables
from headline.ledger.identity import Identity
from headline.ledger.new_state import Published, computed_again, distrust, notify, replace_states, state_row
from headline.ledger.period import IN_DOUBT, Change, hash_of
from headline.ledger.staging import set_state
from headline.ledger.state import changed_since
from headline.ledger.store import Store
from headline.ledger.versions import lock_versions, newest_version, next_versions

_NEWEST_OF = text("""
    select name, (select max(version) from period_state where table_name = name) as newest
    from unnest(cast(:names as text[])) as names (name)
""")

_SNAPSHOTS = text("""
    select distinct on (known.key) known.key as name, known.value as snapshot
    from publication, jsonb_each_text(publication.snapshots) as known
    where publication.snapshots is not null
    order by known.key, publication.version desc
""")


@dataclass(frozen=True)
class RunFacts:
    """Which run of which pipeline publishes; `code_versions`: of what made each of its tables."""

    pipeline: str
    run_key: str
    run_id: str
    code_versions: Mapping[str, str]


class Publications(Store):
    """All reads and writes of publications."""

    def distrust(self, periods: Mapping[str, Sequence[date]]) -> None:
        """Forget the fingerprints of periods (first days by table): from then on they count as changed."""
        with self._begin() as connection:
            distrust(connection, periods)

    def begin_publication(self, periods: Mapping[str, Sequence[date]], before: Identity, after: Identity) -> None:
        """Forget the fingerprints of periods that are about to be replaced, and remember what the warehouse is before and after
        it: after a crash it may be either, and the periods count as changed."""
        with self._begin() as connection:
            distrust(connection, periods)
            connection.execute(identity.BEGIN, {**vars(before), "planned": after.mark})

    def end_publication(self, after: Identity) -> None:
        """Remember that what was begun has been written, where nothing else is to be recorded."""
        with self._begin() as connection:
            connection.execute(identity.END, vars(after))

    def adopt(self, fingerprints: Mapping[tuple[str, date], str]) -> None:
        """Keep the fingerprints of periods (table and first day) that have none, or one of another engine; others stay as they
        are, as do all versions."""
        state = tables.period_state.c
        engine = func.regexp_replace(state.fingerprint, "^[0-9]+:?|:?[^:]*$", "", "g")
        with self._begin() as connection:
            for (table_name, start), fingerprint in fingerprints.items():
                is_of_another = and_(state.fingerprint != IN_DOUBT, engine != hash_of(fingerprint))
                is_unknown = or_(state.fingerprint.is_(None), is_of_another)
                mine = and_(state.table_name == table_name, state.start == start, is_unknown)
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

    def snapshots(self) -> dict[str, int]:
        """The newest snapshot of every table and quarantine that a publication has recorded, read at one moment: tables that
        were published together are in it together. Empty where the engine has none."""
        with self._begin() as connection:
            rows = connection.execute(_SNAPSHOTS).all()
        return {row.name: int(row.snapshot) for row in rows}

    def publications(self, table_names: Iterable[str]) -> list[Any]:
        """The history of some tables, oldest first, as rows of the table `publication`."""
        query = select(tables.publication).where(tables.publication.c.table_name.in_(list(table_names)))
        with self._begin() as connection:
            return list(connection.execute(query.order_by(tables.publication.c.version)).all())


class Recording:
    """What can be read and written while no other version appears."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """The transaction, for what is recorded together with a publication."""
        return self._connection

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
        snapshots: Mapping[str, int] | None = None,
    ) -> None:
        """Record periods with new content, other computed periods (first days by table) as unchanged, and close the run.

        Periods beside each other of one status share a version. All periods that were computed are as of this record, for the
        run's own tables are each other's inputs. `inputs`: what each table reads. `warehouse`: what it is by now, where rows
        were replaced; `snapshots`: those of its tables and quarantines, where the engine has them.
        """
        connection = self._connection
        as_of = newest_version(connection)
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
                    # All periods of a fully replaced table have the same content.
                    "row_count": sum({one.fingerprint: one.row_count for one in periods}.values()),
                    "as_of": as_of,
                    "inputs": {name: seen[name] for name in inputs.get(first.table, ()) if name in seen},
                    "code_version": run.code_versions[first.table],
                    "run_key": run.run_key,
                    "run_id": run.run_id,
                    "snapshots": snapshots or None,
                }
            )
            code = run.code_versions[first.table]
            states += [state_row(one, version, as_of, run.run_id, moment) | {"code_version": code} for one in periods]
        if history:
            connection.execute(insert(tables.publication), history)
            replace_states(connection, states)
        # Who waits for this run waits also where nothing changed.
        notify(connection, {one.table for one in changed} | unchanged.keys())
        if unchanged:
            computed_again(connection, unchanged, as_of, run.code_versions)
        set_state(connection, run.run_key, {one.table for one in changed} | unchanged.keys(), "published")
        if warehouse:
            connection.execute(identity.END, vars(warehouse))


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


def _newest_of(connection: Connection, table_names: Iterable[str]) -> dict[str, int]:
    return {row.name: row.newest for row in connection.execute(_NEWEST_OF, {"names": list(table_names)}) if row.newest}
