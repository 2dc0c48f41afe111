"""Incidents and their events: what went wrong, who was notified, who acknowledged it, when it was resolved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from headline.errors import BadRequest
from headline.ledger import tables
from headline.ledger.incident import UNRESOLVED, Event, Finding, Incident, Key, joined
from headline.ledger.store import Store
from headline.redaction import redacted


class Incidents(Store):
    """All reads and writes of incidents. Raises Transient when the ledger is out of reach."""

    # what happens to them

    def fire(self, finding: Finding, at: datetime) -> Incident:
        """Open the finding's incident, open it again if it was resolved, or remember what is new about it.

        Safe against others who find the same at the same time: there is one incident and one event `opened`. Of what the finding
        knows the ledger keeps no secret.
        """
        finding = replace(finding, facts=redacted(finding.facts))
        new = {
            "state": "open",
            "cause_id": None,
            "since": finding.since,
            "opened_at": at,
            "acknowledged_at": None,
            "acknowledged_by": None,
            "resolved_at": None,
            "facts": finding.facts,
        }
        pipeline, kind, ds = finding.key
        columns = tables.incident.c
        query = select(tables.incident).where(columns.pipeline == pipeline, columns.kind == kind, columns.ds == ds)
        with self._begin() as connection:
            row = connection.execute(query.with_for_update()).one_or_none()
            if row is None:
                statement = upsert(tables.incident).values(pipeline=pipeline, kind=kind, ds=ds, **new)
                statement = statement.on_conflict_do_nothing(constraint="incident_once")
                if inserted := connection.execute(statement.returning(tables.incident)).one_or_none():
                    self._append(connection, Event(inserted.id, at, "opened"))
                    return _incident(inserted)
                row = connection.execute(query.with_for_update()).one()  # somebody else was quicker
            known = _incident(row)
            facts = joined(known.facts, finding)
            if known.state == "resolved":
                return self._set(connection, known.id, new, Event(known.id, at, "opened", detail="again"))
            if facts != known.facts:
                return self._set(connection, known.id, {"facts": facts}, Event(known.id, at, "seen_again"))
            return known

    def acknowledge(self, incident_id: int, by: str, at: datetime | None = None) -> Incident:
        """Acknowledge it: nobody else is notified from now on. Idempotent; no effect on a resolved incident.

        Raises BadRequest where there is no such incident.
        """
        at = at or datetime.now(UTC)
        changes = {"state": "acknowledged", "acknowledged_at": at, "acknowledged_by": by}
        return self._change(incident_id, ["open"], changes, Event(incident_id, at, "acknowledged", person=by))

    def rearm(self, incident_id: int, at: datetime, detail: str) -> Incident:
        """It was taken and is still not over, or nobody took it: everybody is notified again."""
        changes = {"state": "open", "acknowledged_at": None, "acknowledged_by": None}
        return self._change(incident_id, UNRESOLVED, changes, Event(incident_id, at, "rearmed", detail=detail))

    def resolve(self, incident_id: int, at: datetime, detail: str) -> Incident:
        """It is over; `detail` says by what."""
        changes = {"state": "resolved", "resolved_at": at}
        return self._change(incident_id, UNRESOLVED, changes, Event(incident_id, at, "resolved", detail=detail))

    def link(self, incident_id: int, cause_id: int | None, at: datetime, detail: str) -> Incident:
        """Link it to the incident that caused it, so that nobody is notified twice; None = it has no cause."""
        known = self.get(incident_id)
        if known.cause_id == cause_id:
            return known
        return self._change(incident_id, UNRESOLVED, {"cause_id": cause_id}, Event(incident_id, at, "linked", detail=detail))

    def record(self, event: Event) -> None:
        """Remember a delivery or another thing that leaves the incident's state as it is."""
        with self._begin() as connection:
            self._append(connection, event)

    @contextmanager
    def telling(self, incident_id: int) -> Iterator[bool]:
        """Hold the right to notify people of an incident; False if another process holds it."""
        with self._begin() as connection:
            query = text("select pg_try_advisory_xact_lock(hashtext('headline telling'), :id)")
            yield bool(connection.scalar(query, {"id": incident_id % 2**31}))

    @contextmanager
    def judging(self) -> Iterator[None]:
        """Hold the right to open and end incidents by what the ledger says: an older look must not undo a newer one."""
        with self._begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(hashtext('headline judging'))"))
            yield

    # looking at them

    def open(self) -> list[Incident]:
        """All that are not resolved, oldest first."""
        return self._select(tables.incident.c.state.in_(UNRESOLVED))

    def recent(self, since: datetime) -> list[Incident]:
        """All that are not resolved or were opened since then, oldest first."""
        columns = tables.incident.c
        return self._select(columns.state.in_(UNRESOLVED) | (columns.opened_at >= since))

    def get(self, incident_id: int) -> Incident:
        """One incident; raises BadRequest where there is none of that id."""
        found = self._select(tables.incident.c.id == incident_id)
        if not found:
            raise _unknown(incident_id)
        return found[0]

    def by_id(self, ids: Iterable[int]) -> dict[int, Incident]:
        """Those of these ids that exist."""
        return {one.id: one for one in self._select(tables.incident.c.id.in_(set(ids)))}

    def by_key(self, keys: Iterable[Key]) -> dict[Key, Incident]:
        """Those of the given pipelines, kinds and days that exist, in whatever state."""
        wanted = set(keys)
        found = self._select(tables.incident.c.ds.in_({ds for _, _, ds in wanted}))
        return {incident.key: incident for incident in found if incident.key in wanted}

    def history(self, incident_id: int) -> list[Event]:
        """Everything that happened to one incident, in order."""
        return self.histories([incident_id])[incident_id]

    def histories(self, incident_ids: Sequence[int]) -> dict[int, list[Event]]:
        """Everything that happened to each of these incidents, in order."""
        columns = tables.incident_event.c
        fields = [columns[name] for name in Event.__dataclass_fields__]
        query = select(*fields).where(columns.incident_id.in_(incident_ids)).order_by(columns.id)
        histories: dict[int, list[Event]] = {incident_id: [] for incident_id in incident_ids}
        with self._begin() as connection:
            for row in connection.execute(query):
                histories[row.incident_id].append(Event(*row))
        return histories

    def broken_channels(self) -> dict[str, str]:
        """The channels whose last try failed, with what was said."""
        columns = tables.incident_event.c
        query = (
            select(columns.channel, columns.event, columns.detail)
            .where(columns.event.in_(("told", "delivery_failed")), columns.channel.is_not(None))
            .ext(distinct_on(columns.channel))
            .order_by(columns.channel, columns.id.desc())
        )
        with self._begin() as connection:
            return {row.channel: row.detail for row in connection.execute(query) if row.event == "delivery_failed"}

    def times(self, since: datetime, pipelines: Iterable[str]) -> list[Any]:
        """By kind, of these pipelines' incidents opened since then that stand on their own: kind, count, and the median times, as
        intervals, to_detect (from `since` to opened), to_acknowledge and to_resolve (both from opened)."""
        columns = tables.incident.c

        def median(end: Any, start: Any) -> Any:
            return func.percentile_cont(0.5).within_group(end - start)

        query = (
            select(
                columns.kind,
                func.count().label("count"),
                median(columns.opened_at, columns.since).label("to_detect"),
                median(columns.acknowledged_at, columns.opened_at).label("to_acknowledge"),
                median(columns.resolved_at, columns.opened_at).label("to_resolve"),
            )
            .where(columns.opened_at >= since, columns.cause_id.is_(None), columns.pipeline.in_(pipelines))
            .group_by(columns.kind)
            .order_by(columns.kind)
        )
        with self._begin() as connection:
            return list(connection.execute(query).all())

    # inside

    def _select(self, condition: Any) -> list[Incident]:
        query = select(tables.incident).where(condition).order_by(tables.incident.c.opened_at, tables.incident.c.id)
        with self._begin() as connection:
            return [_incident(row) for row in connection.execute(query)]

    def _change(self, incident_id: int, states: Sequence[str], changes: dict[str, Any], event: Event) -> Incident:
        """Change it and remember that, both or neither, if it is in one of the states."""
        with self._begin() as connection:
            query = select(tables.incident).where(tables.incident.c.id == incident_id).with_for_update()
            row = connection.execute(query).one_or_none()
            if row is None:
                raise _unknown(incident_id)
            if row.state in states:
                return self._set(connection, incident_id, changes, event)
            return _incident(row)

    def _set(self, connection: Connection, incident_id: int, changes: dict[str, Any], event: Event) -> Incident:
        statement = update(tables.incident).where(tables.incident.c.id == incident_id).values(changes)
        row = connection.execute(statement.returning(tables.incident)).one()
        self._append(connection, event)
        return _incident(row)

    @staticmethod
    def _append(connection: Connection, event: Event) -> None:
        connection.execute(insert(tables.incident_event).values(vars(event)))


def _incident(row: Any) -> Incident:
    return Incident(**{name: row._mapping[name] for name in Incident.__dataclass_fields__})


def _unknown(incident_id: int) -> BadRequest:
    return BadRequest(f"there is no incident {incident_id}; `headline incidents` lists them")
