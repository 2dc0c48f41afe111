"""Erased persons, and what retention removed: the only changes that history knows, each with a record of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import func, insert, select, text, update

from headline.ledger import tables
from headline.ledger.loads import Load
from headline.ledger.store import Store
from headline.ledger.versions import lock_versions, next_versions

# The columns of history that may have a key, and so a person's id, and whether they are JSON.
TOLD = {
    ("audit", "sample"): True,
    ("incident", "facts"): True,
    ("incident_event", "detail"): False,
    ("held_day", "found"): False,
    ("schema_change", "changes"): True,
    ("read", "detail"): False,
}
# Of these the writer may change the rows itself; the others are history, which a function of the ledger changes.
_CURRENT = {"incident", "held_day"}


@dataclass(frozen=True)
class Tombstones:
    """Salted hashes of the ids of persons who were erased."""

    salt: str = ""
    digests: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Erasure:
    """Somebody was erased: who asked, when, and what was changed, by place. `finished_at`: None after a crash."""

    id: int
    digest: str
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None
    files: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


class Upkeep(Store):
    """Writes that change what was recorded before, without a new version of any period."""

    # persons

    def tombstones(self) -> Tombstones:
        """Of everybody who was erased, or is about to be."""
        columns = tables.erasure.c
        with self._begin() as connection:
            rows = connection.execute(select(columns.salt, columns.digest)).all()
        return Tombstones(rows[0].salt, frozenset(row.digest for row in rows)) if rows else Tombstones()

    def salt(self) -> str:
        """The salt of this ledger's tombstones; a new one before the first."""
        return self.tombstones().salt or token_hex(24)

    def begin_erasure(self, digest: str, salt: str, asked_by: str) -> int:
        """Put up the tombstone, from which on nobody lands the person again; the same person again has the same one."""
        columns = tables.erasure.c
        with self._begin() as connection:
            known = connection.scalar(select(columns.id).where(columns.digest == digest))
            if known is not None:
                return int(known)
            row = {"digest": digest, "salt": salt, "asked_by": asked_by}
            return int(connection.execute(insert(tables.erasure).values(**row).returning(columns.id)).scalar_one())

    def finish_erasure(self, erasure_id: int, files: Sequence[str], counts: Mapping[str, int]) -> None:
        """Record what was changed; of a person who was erased before it is added up."""
        columns = tables.erasure.c
        with self._begin() as connection:
            known = connection.execute(select(columns.files, columns.counts).where(columns.id == erasure_id)).one()
            total = {name: known.counts.get(name, 0) + counts.get(name, 0) for name in {*known.counts, *counts}}
            values = {"files": [*known.files, *files], "counts": total, "finished_at": func.now()}
            connection.execute(update(tables.erasure).where(columns.id == erasure_id).values(**values))

    def erasures(self) -> list[Erasure]:
        """Everybody who was erased, in the order in which it was asked for."""
        with self._begin() as connection:
            rows = connection.execute(select(tables.erasure).order_by(tables.erasure.c.id)).mappings().all()
        return [Erasure(**{name: row[name] for name in Erasure.__dataclass_fields__}) for row in rows]

    def told_of_erased(self) -> list[dict[str, str]]:
        """Every tombstone as it is kept beside backups, which are older than it."""
        columns = tables.erasure.c
        with self._begin() as connection:
            rows = connection.execute(select(columns.digest, columns.salt, columns.asked_by, columns.asked_at)).mappings().all()
        return [{name: str(value) for name, value in row.items()} for row in rows]

    def remember_erased(self, told: Sequence[Mapping[str, str]]) -> int:
        """Put up the tombstones that are not there, of persons who are to be erased again; gives how many.

        Those of another ledger, with another salt, say nothing here.
        """
        columns = tables.erasure.c
        with self._begin() as connection:
            known = {row.digest: row.salt for row in connection.execute(select(columns.digest, columns.salt))}
            salts = set(known.values()) or {one["salt"] for one in told[:1]}
            new = [one for one in told if one["digest"] not in known and one["salt"] in salts]
            if new:
                connection.execute(insert(tables.erasure), [{**one, "finished_at": None} for one in new])
        return len(new)

    def count_told(self, person: str) -> dict[str, int]:
        """By `table.column` of the ledger how many rows name a person."""
        found = {}
        with self._begin() as connection:
            for table, column in TOLD:
                query = text(f"select count(*) from {table} where cast({column} as text) ~ :word")
                if count := connection.scalar(query, {"word": _word(person)}):
                    found[f"ledger {table}.{column}"] = int(count)
        return found

    def replace_told(self, person: str, pseudonym: str) -> None:
        """Replace the person's id by the pseudonym everywhere in the ledger."""
        values = {"word": _word(person), "person": person, "pseudonym": pseudonym}
        with self._begin() as connection:
            connection.execute(text("select replace_in_history(:person, :pseudonym)"), values)
            for (table, column), is_json in TOLD.items():
                if table in _CURRENT:
                    kind = "jsonb" if is_json else "text"
                    connection.execute(
                        text(
                            f"update {table} set {column} = "
                            f"cast(regexp_replace(cast({column} as text), :word, :pseudonym, 'g') as {kind}) "
                            f"where cast({column} as text) ~ :word"
                        ),
                        values,
                    )

    def exchange(self, before: Load, after: Load, run_id: str) -> bool:
        """Another file holds what a load brought, and nothing that reads it is stale; not so where a newer load has come."""
        states = tables.period_state.c
        mine = (states.table_name == before.landing, states.start == before.ds, states.fingerprint == before.checksum)
        with self._begin() as connection:
            lock_versions(connection)
            state = connection.execute(update(tables.period_state).where(*mine).values(fingerprint=after.checksum))
            if state.rowcount:
                [version] = next_versions(connection, 1)
                connection.execute(insert(tables.load).values(**vars(after), version=version, run_id=run_id))
        return bool(state.rowcount)

    def set_fingerprints(self, fingerprints: Mapping[tuple[str, date], str]) -> None:
        """The fingerprints of periods (table and first day) whose rows were changed on purpose; they keep their versions."""
        states = tables.period_state.c
        with self._begin() as connection:
            for (name, start), fingerprint in fingerprints.items():
                mine = (states.table_name == name, states.start == start)
                connection.execute(update(tables.period_state).where(*mine).values(fingerprint=fingerprint))

    def at_work(self) -> list[str]:
        """Tables that a run has computed within the last hour and neither published nor given up."""
        columns = tables.staging_table.c
        recent = columns.updated_at > func.now() - func.make_interval(0, 0, 0, 0, 1)
        query = select(columns.table_name).where(columns.state.in_(["transformed", "passed"]), recent).distinct()
        with self._begin() as connection:
            return sorted(connection.scalars(query))

    def held_back(self) -> list[str]:
        """The keys of runs whose staging tables may be kept."""
        columns = tables.staging_table.c
        query = select(columns.run_key).where(columns.state.in_(["failed", "not_evaluated"])).distinct()
        with self._begin() as connection:
            return list(connection.scalars(query))

    # retention

    def loads_of_days_with_many(self) -> dict[str, list[tuple[int, Load]]]:
        """By landing every load, with its version, of the days that were loaded more than once."""
        columns = tables.load.c
        days = select(columns.landing, columns.ds).group_by(columns.landing, columns.ds).having(func.count() > 1).subquery()
        query = select(tables.load).join(days, (columns.landing == days.c.landing) & (columns.ds == days.c.ds))
        found: dict[str, list[tuple[int, Load]]] = {}
        with self._begin() as connection:
            for row in connection.execute(query.order_by(columns.landing, columns.ds, columns.version)).mappings():
                load = Load(**{name: row[name] for name in Load.__dataclass_fields__})
                found.setdefault(load.landing, []).append((row["version"], load))
        return found

    def forget_audits(self, days: int) -> int:
        """Remove outcomes of checks that are so many days old, but the newest of each table and what waivers go by."""
        with self._begin() as connection:
            return int(connection.scalar(text("select forget_audits(:days)"), {"days": days}) or 0)

    def record_retention(self, run_id: str, removed: Mapping[str, Mapping[str, int]]) -> None:
        """Remember what was removed: by kind its count and its bytes."""
        with self._begin() as connection:
            connection.execute(insert(tables.retention).values(run_id=run_id, removed=json.loads(json.dumps(removed))))

    def retentions(self) -> list[Any]:
        """What was removed, oldest first, as rows of the table `retention`."""
        with self._begin() as connection:
            return list(connection.execute(select(tables.retention).order_by(tables.retention.c.id)).all())


def _word(person: str) -> str:
    """A regular expression of PostgreSQL for an id as a word of its own."""
    escaped = re.sub(r"(\W)", r"\\\1", person)
    return rf"(?<!\w){escaped}(?!\w)"
