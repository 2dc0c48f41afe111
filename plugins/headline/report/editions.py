"""Editions of the report: made of what is issued, and kept in the ledger once they are to be sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time

from headline import settings
from headline.errors import BadRequest, SpecError
from headline.intervals import Interval
from headline.ledger import Edition, Reported, ReportedFigures
from headline.report.content import compose, shown_rows, year_before
from headline.report.definitions import Defined, defined, why_missing
from headline.report.layout import load_layout
from headline.report.parts import Report
from headline.report.render import Rendered, render
from headline.specs import load_team
from headline.specs.team import InvestorReport

# Later than anything that is recorded, whatever the clocks of this machine and of the database say.
NEWEST = datetime.max.replace(tzinfo=UTC)


def moment_of(day: str | None, now: datetime) -> datetime:
    """The end of a day, UTC; without one the newest moment. Raises BadRequest for a day that is none, or is not over."""
    if not day:
        return NEWEST
    try:
        found = datetime.combine(date.fromisoformat(day), time.max, UTC)
    except ValueError:
        raise BadRequest(f"{day!r} is no day: write it as YYYY-MM-DD") from None
    if found >= now:
        raise BadRequest(f"{day} is not over, UTC: more may be issued on it. Leave the day out for what is issued by now")
    return found


def missing_of(month: Interval) -> list[Defined]:
    """The metrics of months whose figure of the month is not issued by now."""
    metrics = defined()
    issued = {one.row.metric for one in _rows(month, NEWEST, metrics) if one.row.interval == month}
    return [one for one in metrics.values() if one.metric.grain == "month" and one.metric.name not in issued]


def report_of(month: Interval, moment: datetime = NEWEST, *, leave_out: bool = False) -> Report:
    """What there is to report of a month as of a moment.

    `leave_out`: what is not issued is named in it, where else it is refused. Raises BadRequest where a figure of the month was
    not issued by then, with the reason and what to do, or where none was.
    """
    metrics, ledger = defined(), ReportedFigures()
    company = recipient_list().company
    rows = shown_rows(_rows(month, moment, metrics), month, metrics)
    if not any(month.start < one.row.end <= month.end for one in rows):
        monthly = [one for one in metrics.values() if one.metric.grain == "month"]
        raise BadRequest(_why_not(monthly, month, moment))
    as_of = max(one.row.recorded_at for one in rows if one.row.recorded_at)
    report = compose(company, load_layout(metrics), month, ledger.head(as_of), rows, metrics, settings.load().reporting_currency)
    if report.missing and not leave_out:
        raise BadRequest(_why_not(report.missing, month, moment))
    return report


def edition_of(report: Report, run_id: str, rendering: Callable[[Report], Rendered] = render) -> Edition:
    """The report as it is kept and sent."""
    files = rendering(report)
    return Edition(
        month=report.month.start,
        as_of=report.as_of,
        chain_head=report.chain_head,
        html_sha256=hashlib.sha256(files.html).hexdigest(),
        pdf_sha256=hashlib.sha256(files.pdf).hexdigest(),
        metrics=list(report.metrics),
        missing=[one.metric.name for one in report.missing],
        figure_count=report.figure_count,
        is_restated=report.is_restated,
        run_id=run_id,
        html=files.html,
        pdf=files.pdf,
    )


def file_name(edition: Edition, ending: str) -> str:
    """What a file of an edition is called: its month and its moment."""
    return f"investor_report_{edition.month:%Y-%m}_as_of_{edition.as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}.{ending}"


def title(edition: Edition) -> str:
    """An edition in a line: `Investor report October 2026, restated`."""
    marks = [mark for mark, applies in (("restated", edition.is_restated), ("incomplete", edition.missing)) if applies]
    return ", ".join([f"Investor report {edition.month:%B %Y}", *marks])


def recipient_list() -> InvestorReport:
    """Whose report it is and who is sent it; raises SpecError where team.yml does not say."""
    if found := load_team().investor_report:
        return found
    raise SpecError(["team.yml: investor_report: is required for the report: name the company and the recipients"])


def _why_not(missing: Sequence[Defined], month: Interval, moment: datetime) -> str:
    if moment is NEWEST:
        return why_missing(missing, month)
    names = ", ".join(one.metric.name for one in missing)
    return (
        f"{len(missing)} figure(s) of {month.start:%Y-%m} were not issued by the end of {moment:%Y-%m-%d}, UTC: {names}. "
        "Name a later day, or none for what is issued by now"
    )


def _rows(month: Interval, moment: datetime, metrics: Mapping[str, Defined]) -> list[Reported]:
    renamed = {former: name for name, one in metrics.items() for former in one.metric.renamed_from}
    return ReportedFigures().of(month, year_before(month.start), moment, renamed)
