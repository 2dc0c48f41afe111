"""Editions of the investor report: what was sent, with its hashes, for whoever may read the figures of all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, Response

from headline import settings
from headline.errors import BadRequest
from headline.intervals import business_day
from headline.ledger import Edition, Read, Reports, Sending, record_reads
from headline.operators.report import DAG_ID
from headline.pages.render import page
from headline.pages.visitor import CurrentVisitor, Visitor
from headline.report.definitions import month_before, why_missing
from headline.report.editions import file_name, missing_of, title
from headline.specs import reporting_pipelines

router = APIRouter()
TYPES = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}
# The report brings its own style and nothing else; it runs as a page of no site.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"


@dataclass(frozen=True)
class Line:
    """An edition as the page lists it. `newest`: whether no later one takes its place. `mailed`: when the last mail was taken."""

    edition: Edition
    title: str
    is_newest: bool
    sendings: Sequence[Sending]

    @property
    def recipients(self) -> int:
        return len({one.recipient for one in self.sendings if (one.channel, one.event) == ("email", "sent")})

    @property
    def mailed(self) -> datetime | None:
        return max((one.at for one in self.sendings if one.at and (one.channel, one.event) == ("email", "sent")), default=None)


def may_read(visitor: Visitor) -> bool:
    """Whether somebody may see every DAG whose figures are reported, or the DAG that reports them."""
    shown = visitor.readable()
    return DAG_ID in shown or set(reporting_pipelines()) <= shown


def _require(visitor: Visitor) -> None:
    if not may_read(visitor):
        raise HTTPException(403, "you have no right to see all figures that are reported; ask an administrator of Airflow")


@router.get("/reports")
def reports(visitor: CurrentVisitor) -> HTMLResponse:
    """All editions, the newest month first, and what of the last month is not issued."""
    _require(visitor)
    ledger = Reports()
    lines: list[Line] = []
    for one in ledger.all():
        is_newest = all(line.edition.month != one.month for line in lines)
        lines.append(Line(one, title(one), is_newest, ledger.sendings(one.id)))
    month = month_before(business_day(datetime.now(UTC), settings.load().reporting_zone))
    missing = missing_of(month)
    return page("reports.html", lines=lines, missing=why_missing(missing, month) if missing else "", month=month, name=file_name)


@router.get("/reports/{report_id}/{ending}")
def file(visitor: CurrentVisitor, report_id: int, ending: Literal["html", "pdf"]) -> Response:
    """A file of an edition, as it was sent; who reads it stands in the audit log."""
    _require(visitor)
    try:
        edition = Reports().get(report_id)
    except BadRequest as error:
        raise HTTPException(404, str(error)) from error
    name = file_name(edition, ending)
    record_reads(Read(visitor.name, "report", tuple(edition.metrics), name, edition.figure_count))
    # Within Airflow's frame a browser shows no PDF, and saves one.
    headers = {"Content-Disposition": f'{"attachment" if ending == "pdf" else "inline"}; filename="{name}"'}
    if ending == "html":
        headers["Content-Security-Policy"] = POLICY
    return Response(edition.html if ending == "html" else edition.pdf, media_type=TYPES[ending], headers=headers)
