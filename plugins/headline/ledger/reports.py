"""Editions of the investor report: what was in each, and who was sent it. Rows are added and never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import insert, select, text

from headline.errors import BadRequest
from headline.ledger import tables
from headline.ledger.store import Store

Event = Literal["sending", "sent", "failed"]
# Periods that a request has restated, and the newest edition of each month that they lie in.
_RESTATED = text("""
    select distinct on (report.month) report.id
    from figure_request
    cross join lateral jsonb_array_elements(figures) as restated (one)
    inner join report
        on cast(restated.one -> 'figure' ->> 'start' as date) < report.month + interval '1 month'
        and cast(restated.one -> 'figure' ->> 'end' as date) > report.month
    where figure_request.id = :request
    order by report.month, report.as_of desc
""")


@dataclass(frozen=True)
class Edition:
    """A report of a month as of a moment. `missing`: metrics whose figure of the month was not issued.

    `html` and `pdf` are empty where only what is known of it was asked for.
    """

    month: date
    as_of: datetime
    chain_head: str
    html_sha256: str
    pdf_sha256: str
    metrics: Sequence[str]
    missing: Sequence[str]
    figure_count: int
    is_restated: bool
    run_id: str
    html: bytes = b""
    pdf: bytes = b""
    id: int = 0
    recorded_at: datetime | None = None


@dataclass(frozen=True)
class Sending:
    """That an edition is being sent to a recipient, that it was taken, or that it was not."""

    report_id: int
    channel: str
    recipient: str
    event: Event
    message_id: str
    run_id: str
    detail: str = ""
    at: datetime | None = None


_KNOWN = [tables.report.c[one.name] for one in fields(Edition) if one.name not in ("html", "pdf")]


class Reports(Store):
    """Reads and writes of editions. Raises Transient when the ledger is out of reach."""

    def record(self, edition: Edition) -> Edition:
        """Keep an edition, unless there is one of this month and moment; gives the one that is kept, with its content."""
        values = {name: value for name, value in vars(edition).items() if name not in ("id", "recorded_at")}
        with self._begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(hashtext('headline report'))"))
            if not connection.execute(self._of(edition.month, edition.as_of)).first():
                connection.execute(insert(tables.report).values(values))
            return _edition(connection.execute(self._of(edition.month, edition.as_of)).one())

    def all(self) -> list[Edition]:
        """Every edition without its content, the newest month first, and of a month the newest edition."""
        columns = tables.report.c
        query = select(*_KNOWN).order_by(columns.month.desc(), columns.as_of.desc())
        with self._begin() as connection:
            return [_edition(row) for row in connection.execute(query)]

    def get(self, report_id: int) -> Edition:
        """One edition with its content; raises BadRequest where there is none of that id."""
        with self._begin() as connection:
            row = connection.execute(select(tables.report).where(tables.report.c.id == report_id)).first()
        if row is None:
            raise BadRequest(f"there is no report {report_id}")
        return _edition(row)

    def add(self, *sendings: Sending) -> None:
        """Remember what happens to an edition."""
        rows = [{name: value for name, value in vars(one).items() if name != "at"} for one in sendings]
        with self._begin() as connection:
            connection.execute(insert(tables.report_sending), rows)

    def sendings(self, report_id: int) -> list[Sending]:
        """All that happened to an edition, in order."""
        columns = tables.report_sending.c
        query = select(*(columns[one.name] for one in fields(Sending))).where(columns.report_id == report_id).order_by(columns.id)
        with self._begin() as connection:
            return [Sending(**row) for row in connection.execute(query).mappings()]

    def touched_by(self, request_id: int) -> list[Edition]:
        """Of each month that was reported and has a figure which a request restates, the newest edition, without its content."""
        with self._begin() as connection:
            found = set(connection.scalars(_RESTATED, {"request": request_id}))
        return [one for one in self.all() if one.id in found]

    @staticmethod
    def _of(month: date, as_of: datetime) -> Any:
        return select(tables.report).where(tables.report.c.month == month, tables.report.c.as_of == as_of)


def _edition(row: Any) -> Edition:
    return Edition(**row._mapping)
