"""Issued figures of the repository's own metrics, made up: no ledger and no warehouse is needed to report them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from headline.intervals import DAY, Interval
from headline.ledger import FigureRow, Reported
from headline.report.content import compose, shown_rows
from headline.report.definitions import Defined, defined
from headline.report.layout import load_layout
from headline.report.parts import Report

OCTOBER = Interval(date(2026, 10, 1), date(2026, 11, 1))
HEAD = sha256(b"the head").hexdigest()
_SIZES = {"reporting_currency": 100_000, "users": 4_000, "sessions": 9_000, "share": 1, "ratio": 3}


def value_of(metric: Defined, start: date) -> Decimal:
    """A value that looks like one of its unit, always the same."""
    part = Decimal(int.from_bytes(sha256(f"{metric.metric.name} {start}".encode()).digest()[:2], "big")) / 65536
    unit = metric.metric.unit
    value = (Decimal("0.6") + part * Decimal("0.4")) * _SIZES[unit]
    return value.quantize(Decimal(1) if unit in ("users", "sessions") else Decimal("0.0001"))


def periods(grain: str, month: Interval, months: int = 13) -> Iterator[Interval]:
    """The days and weeks that end in the month; of months it and those before."""
    if grain == "month":
        first = month.start
        for _ in range(months):
            yield Interval(first, first + DAY).widen("month")
            first = (first - DAY).replace(day=1)
    length = 1 if grain == "day" else 7
    for day in month if grain != "month" else ():
        if grain == "day" or day.weekday() == 6:
            yield Interval(day + DAY - timedelta(days=length), day + DAY)


def row_of(one: Defined, period: Interval, value: Decimal | None, at: datetime, number: int = 0) -> FigureRow:
    return FigureRow(
        pipeline=one.pipeline.id,
        metric=one.metric.name,
        definition_version=one.metric.version,
        segment="",
        start=period.start,
        end=period.end,
        value=value,
        coverage=Decimal(1),
        status="issued",
        reason="the period is over",
        run_id="approval",
        commit="",
        code_version="",
        contract_version="",
        inputs="",
        as_of=1,
        materiality=one.metric.materiality,
        recorded_at=at,
        id=number,
    )


def issued_rows(month: Interval = OCTOBER, months: int = 13) -> list[Reported]:
    """Everything that is defined, issued three days after the end of its month."""
    rows = [
        row_of(one, period, value_of(one, period.start), noon(period.widen("month").end + 3 * DAY))
        for one in defined().values()
        for period in periods(one.metric.grain, month, months)
    ]
    ordered = sorted(rows, key=lambda row: (row.recorded_at, row.end, row.metric))
    return [Reported(replace(row, id=number), None, 1) for number, row in enumerate(ordered, start=1)]


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def restated(rows: Sequence[Reported], metric: str, start: date, value: str, at: datetime, request: int | None = 7) -> Reported:
    """The row that follows the newest of a figure."""
    before = next(one for one in reversed(rows) if one.row.metric == metric and one.row.start == start)
    reason = "a refund came late" if request else "moved by no more than the materiality limit"
    row = replace(before.row, value=Decimal(value), recorded_at=at, id=rows[-1].row.id + 1, request_id=request, reason=reason)
    return Reported(row, before.row.value, before.number + 1)


def report(rows: Sequence[Reported], month: Interval = OCTOBER, only: Sequence[str] = ()) -> Report:
    """The report of these rows; `only`: as if no other metrics were defined."""
    metrics = {name: one for name, one in defined().items() if not only or name in only}
    layout = load_layout(defined())
    drawn = {
        name: one.model_copy(update={"charts": tuple(chart for chart in one.charts if chart.metric in metrics)})
        for name, one in layout.areas.items()
    }
    layout = layout.model_copy(update={"areas": drawn})
    return compose("Demo company", layout, month, HEAD, shown_rows(rows, month, metrics), metrics, "EUR")
