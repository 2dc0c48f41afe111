"""Requests to issue figures or to restate issued ones, and what people have decided about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, text

from headline.errors import BadData, BadRequest
from headline.intervals import Interval
from headline.ledger import tables
from headline.ledger.figure_row import FigureKey, FigureRow
from headline.ledger.issued import record
from headline.ledger.store import Store

ISSUE, RESTATEMENT = "issue", "restatement"
ASKED, APPROVED, REFUSED, PUBLISHED, SUPERSEDED = "asked", "approved", "refused", "published", "superseded"
NOBODY = "scheduler"
_MOOT = "its figures were computed again since; `headline figures requests --waiting` lists what waits now"
# One after the other: who decides must see what was decided before.
_ALONE = text("select pg_advisory_xact_lock(hashtext('headline figure request'))")
_WITH_STATE = """
    select figure_request.*, newest.event as state, decided.person as decided_by, decided.at as decided_at
    from figure_request
    inner join lateral (
        select event, person, at from figure_decision where request_id = figure_request.id
        order by figure_decision.id desc limit 1
    ) as newest on true
    left join lateral (
        select person, at from figure_decision
        where request_id = figure_request.id and person is not null and newest.event not in ('asked', 'superseded')
        order by figure_decision.id desc limit 1
    ) as decided on true
"""


@dataclass(frozen=True)
class FigureRequest:
    """What somebody has to decide: `figures` are the rows that would be issued, each with what it was and why it moves (JSON).

    `sha256`: of the staged result. `state`: asked, approved, refused, published or superseded, when it is moot since its figures
    were computed again. `involved`: who else has caused it, besides `requester`; none of them can decide it.
    """

    kind: str
    pipeline: str
    start: date
    end: date
    sha256: str
    figures: Sequence[Mapping[str, Any]]
    reason: str
    requester: str
    run_id: str
    id: int = 0
    requested_at: datetime | None = None
    state: str = ASKED
    decided_by: str | None = None
    decided_at: datetime | None = None
    involved: Sequence[str] = ()

    @property
    def people(self) -> list[str]:
        """Who has caused it."""
        return [self.requester, *self.involved]

    def is_caused_by(self, person: str) -> bool:
        return any(is_same_person(person, one) for one in self.people)

    @property
    def keys(self) -> set[FigureKey]:
        """Of the figures that it is about."""
        figures = [one["figure"] for one in self.figures]
        return {(one["metric"], one["segment"], date.fromisoformat(one["start"])) for one in figures}

    def require_not_moot(self) -> None:
        """Raises BadRequest for one that is superseded: nothing can be decided or published of it."""
        if self.state == SUPERSEDED:
            raise BadRequest(f"request {self.id} is superseded: {_MOOT}")

    @property
    def days(self) -> Interval:
        return Interval(self.start, self.end)

    @property
    def rows(self) -> list[FigureRow]:
        """The figures as they would be recorded."""
        return [FigureRow.from_json(one["figure"]) for one in self.figures]


class FigureRequests(Store):
    """Reads and writes of requests. Raises Transient when the ledger is out of reach."""

    def ask(self, request: FigureRequest) -> FigureRequest:
        """Record a request, unless the same result waits for a decision, or was decided and is not published; gives that one."""
        with self._begin() as connection:
            connection.execute(_ALONE)
            if found := self._of_result(connection, request.pipeline, request.sha256):
                return found
            fields = ("kind", "pipeline", "start", "end", "sha256", "figures", "reason", "requester", "run_id")
            values = {name: getattr(request, name) for name in fields} | {"involved": [*request.involved]}
            statement = insert(tables.figure_request).values(values).returning(tables.figure_request.c.id)
            asked = replace(request, id=connection.execute(statement).scalar_one())
            _add(connection, asked.id, asked.requester, asked.sha256, ASKED, None, request.run_id)
            return asked

    def of_result(self, pipeline: str, sha256: str) -> FigureRequest | None:
        """The newest request for a staged result that is not published yet."""
        with self._begin() as connection:
            return self._of_result(connection, pipeline, sha256)

    def get(self, request_id: int) -> FigureRequest:
        """One request with its state; raises BadRequest where there is none of that id."""
        with self._begin() as connection:
            return self._one(connection, request_id)

    def of_run(self, run_id: str, request_id: int | None = None) -> FigureRequest | None:
        """The request that a run of approve_figures is about: the one that it is told, or else the one that it has made."""
        if request_id is not None:
            return self.get(int(request_id))
        query = text(f"{_WITH_STATE} where figure_request.run_id = :run_id and kind = 'issue' order by figure_request.id limit 1")
        with self._begin() as connection:
            row = connection.execute(query, {"run_id": run_id}).mappings().first()
        return _request(row) if row else None

    def all(self, *, waiting: bool = False) -> list[FigureRequest]:
        """Every request, the newest first; `waiting`: those that nobody has decided."""
        where = "where newest.event = 'asked'" if waiting else ""
        with self._begin() as connection:
            rows = connection.execute(text(f"{_WITH_STATE} {where} order by figure_request.id desc")).mappings()
            return [_request(row) for row in rows]

    def open(self, pipeline: str) -> list[FigureRequest]:
        """The requests of a pipeline of which something may still come: those that wait, and approved ones not published yet."""
        query = text(f"{_WITH_STATE} where figure_request.pipeline = :pipeline and newest.event in ('asked', 'approved')")
        with self._begin() as connection:
            return [_request(row) for row in connection.execute(query, {"pipeline": pipeline}).mappings()]

    def supersede(self, request_ids: Iterable[int], run_id: str) -> None:
        """As the function below, in a transaction of its own."""
        with self._begin() as connection:
            supersede(connection, request_ids, run_id)

    def history(self, request_id: int) -> list[Any]:
        """Everything that happened to a request, in order, as rows of the table `figure_decision`."""
        columns = tables.figure_decision.c
        query = select(tables.figure_decision).where(columns.request_id == request_id).order_by(columns.id)
        with self._begin() as connection:
            return list(connection.execute(query).all())

    def ask_again(self, request_id: int, run_id: str) -> FigureRequest:
        """Whatever was decided before counts no more: it waits for a new decision. What is published stays so."""
        return self._decide(request_id, ASKED, None, run_id)

    def approve(self, request_id: int, person: str, run_id: str) -> FigureRequest:
        """A person who has not asked for it approves just this result; its figures are recorded as approved.

        Raises BadRequest for the requester, and where it does not wait for a decision.
        """
        return self._decide(request_id, APPROVED, person, run_id)

    def refuse(self, request_id: int, person: str, run_id: str) -> FigureRequest:
        """A person who has not asked for it refuses this result. Raises BadRequest as `approve` does."""
        return self._decide(request_id, REFUSED, person, run_id)

    def _decide(self, request_id: int, event: str, person: str | None, run_id: str) -> FigureRequest:
        with self._begin() as connection:
            connection.execute(_ALONE)
            known = self._one(connection, request_id)
            if event != ASKED and not person:
                raise BadRequest(f"request {request_id}: it waits for a person's decision")
            if event != ASKED and known.is_caused_by(person or ""):
                raise BadRequest(f"request {request_id}: {person} requested it; another person must decide")
            known.require_not_moot()
            if known.state == PUBLISHED or (event != ASKED and known.state != ASKED):
                raise BadRequest(f"request {request_id} is {known.state} already; clear its task to request it again")
            _add(connection, known.id, known.requester, known.sha256, event, person, run_id)
            if event == APPROVED:
                record(connection, [_decided(row, known, APPROVED, person) for row in known.rows])
        return self.get(request_id)

    def _of_result(self, connection: Connection, pipeline: str, sha256: str) -> FigureRequest | None:
        where = "where pipeline = :pipeline and sha256 = :sha256 and newest.event not in ('published', 'superseded')"
        query = text(f"{_WITH_STATE} {where} order by figure_request.id desc limit 1")
        row = connection.execute(query, {"pipeline": pipeline, "sha256": sha256}).mappings().first()
        return _request(row) if row else None

    def _one(self, connection: Connection, request_id: int) -> FigureRequest:
        row = connection.execute(text(f"{_WITH_STATE} where figure_request.id = :id"), {"id": request_id}).mappings().first()
        if row is None:
            raise BadRequest(f"there is no request {request_id}; `headline figures requests` lists them")
        return _request(row)


def is_same_person(one: str | None, other: str) -> bool:
    """Whether two logins are one person's: user directories ignore case and accept both."""
    return (one or "").strip().casefold() == other.strip().casefold()


def take(connection: Connection, request_id: int, sha256: str, run_id: str) -> None:
    """Within the transaction of a publication: use up an approval of just this result, or raise BadData."""
    connection.execute(_ALONE)
    columns = tables.figure_decision.c
    query = select(tables.figure_decision).where(columns.request_id == request_id).order_by(columns.id.desc()).limit(1)
    row = connection.execute(query).first()
    if row is None or row.event != APPROVED or row.sha256 != sha256:
        raise BadData(f"request {request_id}: this result is not approved; nothing is published")
    _add(connection, row.request_id, row.requester, sha256, PUBLISHED, None, run_id)


def supersede(connection: Connection, request_ids: Iterable[int], run_id: str) -> None:
    """Within a transaction: close requests that are superseded because a run computed their figures again; idempotent."""
    for request_id in request_ids:
        connection.execute(_ALONE)
        row = connection.execute(text(f"{_WITH_STATE} where figure_request.id = :id"), {"id": request_id}).mappings().one()
        if row["state"] in (ASKED, APPROVED):
            _add(connection, request_id, row["requester"], row["sha256"], SUPERSEDED, None, run_id)


def _decided(row: FigureRow, request: FigureRequest, status: str, person: str | None) -> FigureRow:
    return replace(row, status=status, reason=request.reason, requester=request.requester, approver=person, request_id=request.id)


def _add(
    connection: Connection, request_id: int, requester: str, sha256: str, event: str, person: str | None, run_id: str
) -> None:
    values = {"request_id": request_id, "requester": requester, "sha256": sha256, "event": event, "person": person}
    connection.execute(insert(tables.figure_decision).values(run_id=run_id, **values))


def _request(row: RowMapping) -> FigureRequest:
    return FigureRequest(**{name: row[name] for name in FigureRequest.__dataclass_fields__})
