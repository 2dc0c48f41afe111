"""What a report says: a pure function of the issued figures as of a moment, and of what metrics.yml and report.yml say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from headline.intervals import DAY, Interval
from headline.ledger import FigureRow, Reported
from headline.report import numbers
from headline.report.definitions import Defined
from headline.report.layout import Drawn, Layout
from headline.report.notes import notes
from headline.report.parts import EMPTY, Area, Cell, Chart, Definition, Grid, Line, Report


@dataclass
class Shown:
    """The newest issued figures by metric and first day, and what was first reported of each; it counts what is asked for."""

    rows: Sequence[Reported]
    metrics: Mapping[str, Defined]
    newest: dict[tuple[str, date], FigureRow] = field(default_factory=dict)
    first: dict[tuple[str, date], FigureRow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.rows:
            if not one.row.segment and one.row.metric in self.metrics:
                key = one.row.metric, one.row.start
                self.newest[key] = one.row
                self.first.setdefault(key, one.row)

    def cell(self, metric: str, start: date) -> Cell:
        row = self.newest.get((metric, start))
        if row is None:
            return EMPTY
        known = self.metrics[metric].metric
        is_restated = self.first[metric, start].value != row.value
        return Cell(numbers.figure(row.value, known.unit), is_restated, row.definition_version != known.version)

    def value(self, metric: str, start: date) -> Decimal | None:
        row = self.newest.get((metric, start))
        return row.value if row else None


def shown_rows(rows: Sequence[Reported], month: Interval, metrics: Mapping[str, Defined]) -> list[Reported]:
    """Of what the ledger gives, the rows that a report of the month shows or notes."""
    noted = {id(one) for note in notes(rows, month, metrics) for one in note.rows}
    since = year_before(month.start)
    return [
        one
        for one in rows
        if one.row.metric in metrics
        and (id(one) in noted or (one.row.start >= since if _is_month(one.row) else _ends_in(one.row, month)))
    ]


def compose(
    company: str,
    layout: Layout,
    month: Interval,
    head: str,
    rows: Sequence[Reported],
    metrics: Mapping[str, Defined],
    currency: str,
) -> Report:
    """The report of a month; `rows`: those of `shown_rows`, at least one."""
    shown = Shown(rows, metrics)
    names = sorted({one.pipeline.area for one in metrics.values()}, key=lambda name: (_place(name, layout), name))
    ordered = sorted(metrics.values(), key=lambda one: names.index(one.pipeline.area))
    monthly = [one for one in ordered if one.metric.grain == "month"]
    mine = {key: row for key, row in shown.newest.items() if _ends_in(row, month)}
    return Report(
        company=company,
        title=layout.title,
        month=month,
        as_of=max(one.row.recorded_at for one in rows if one.row.recorded_at),
        chain_head=head,
        areas=[_area(name, layout, month, shown, currency) for name in names],
        notes=notes(rows, month, metrics),
        definitions=[
            _definition(one, layout, currency) for name in names for one in metrics.values() if one.pipeline.area == name
        ],
        missing=[one for one in monthly if (one.metric.name, month.start) not in shown.newest],
        is_restated=any(shown.first[key].value != row.value for key, row in mine.items()),
        metrics=sorted({metric for metric, _ in mine}),
        figure_count=len(mine),
    )


def year_before(first: date) -> date:
    """The first day of the same month a year before."""
    return first.replace(year=first.year - 1)


def _area(name: str, layout: Layout, month: Interval, shown: Shown, currency: str) -> Area:
    mine = [one for one in shown.metrics.values() if one.pipeline.area == name]
    weekly, daily = ([one for one in mine if one.metric.grain == grain] for grain in ("week", "day"))
    weeks = _starts(weekly, month, shown)
    days = _starts(daily, month, shown)
    return Area(
        title=layout.area(name).title,
        lines=[_line(one, month.start, shown, currency) for one in mine if one.metric.grain == "month"],
        charts=[chart for drawn in layout.area(name).charts if (chart := _chart(drawn, month, shown, currency))],
        weeks=Grid(
            [f"{start:%-d %b} – {start + 6 * DAY:%-d %b}" for start in weeks],
            [(f"{one.title}{_in(one, currency)}", [shown.cell(one.metric.name, start) for start in weeks]) for one in weekly],
        )
        if weeks
        else None,
        days=Grid(
            [f"{one.title}{_in(one, currency)}" for one in daily],
            [(f"{day:%-d %b}", [shown.cell(one.metric.name, day) for one in daily]) for day in days],
        )
        if days
        else None,
    )


def _line(one: Defined, first: date, shown: Shown, currency: str) -> Line:
    name, unit, direction = one.metric.name, one.metric.unit, one.metric.direction
    before, year = (first - DAY).replace(day=1), year_before(first)
    now, then, long_ago = (shown.value(name, start) for start in (first, before, year))
    row = shown.newest.get((name, first))
    return Line(
        title=one.title,
        unit=unit_in_words(unit, currency),
        now=shown.cell(name, first),
        before=shown.cell(name, before),
        change=(numbers.change(then, now, unit), numbers.verdict(then, now, direction)),
        year_before=shown.cell(name, year),
        year_change=(numbers.change(long_ago, now, unit), numbers.verdict(long_ago, now, direction)),
        coverage=numbers.share(row.coverage) if row else numbers.NOT_ISSUED,
    )


def _chart(drawn: Drawn, month: Interval, shown: Shown, currency: str) -> Chart | None:
    """None where fewer than two figures are issued: one alone is no picture."""
    one = shown.metrics[drawn.metric]
    points = [
        (start, row.value)
        for (metric, start), row in sorted(shown.newest.items(), key=lambda item: item[0][1])
        if metric == drawn.metric and row.value is not None and (_is_month(row) or _ends_in(row, month))
    ]
    if len(points) < 2:
        return None
    low, high = min(points, key=lambda point: point[1]), max(points, key=lambda point: point[1])
    unit = one.metric.unit
    alt = (
        f"{drawn.title}, {len(points)} {one.metric.grain}s from {points[0][0]} to {points[-1][0]}: lowest "
        f"{numbers.figure(low[1], unit)} ({low[0]}), highest {numbers.figure(high[1], unit)} ({high[0]})."
    )
    return Chart(drawn.title + _in(one, currency), unit, one.metric.grain, points, alt)


def _definition(one: Defined, layout: Layout, currency: str) -> Definition:
    return Definition(
        name=one.metric.name,
        title=one.title,
        area=layout.area(one.pipeline.area).title,
        grain=one.metric.grain,
        description=one.metric.description,
        unit=unit_in_words(one.metric.unit, currency),
        limit=one.metric.materiality or "",
        version=one.metric.version,
    )


def unit_in_words(unit: str, currency: str) -> str:
    return currency if unit == "reporting_currency" else unit


def _in(one: Defined, currency: str) -> str:
    """What a title without a column of units says of its unit: figures of shares do themselves."""
    return f", {currency}" if one.metric.unit == "reporting_currency" else ""


def _starts(metrics: Sequence[Defined], month: Interval, shown: Shown) -> list[date]:
    """The first days of the periods that end in the month and of which anything is issued."""
    names = {one.metric.name for one in metrics}
    return sorted({start for (name, start), row in shown.newest.items() if name in names and _ends_in(row, month)})


def _place(name: str, layout: Layout) -> int:
    return list(layout.areas).index(name) if name in layout.areas else len(layout.areas)


def _is_month(row: FigureRow) -> bool:
    return (row.end - row.start).days > 7


def _ends_in(row: FigureRow, month: Interval) -> bool:
    return month.start < row.end <= month.end
