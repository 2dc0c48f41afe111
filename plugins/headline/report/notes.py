"""Restatements that a report of a month tells of: those of its own figures, and those made since the report before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from headline.intervals import DAY, Interval
from headline.ledger import Reported
from headline.report import numbers
from headline.report.definitions import Defined

SHOWN = 30  # changes of one note; months before weeks and days


@dataclass(frozen=True)
class Change:
    """A figure as it was told and as it is now."""

    title: str
    period: str
    old: str
    new: str
    difference: str


@dataclass(frozen=True)
class Note:
    """What was restated together. `request`: its number in the ledger; None for what moved by no more than its limit.

    `left_out`: so many further changes, of shorter periods, that the ledger lists. `rows`: all of its rows.
    """

    on: datetime
    request: int | None
    reason: str
    changes: Sequence[Change]
    left_out: int
    rows: Sequence[Reported]

    @property
    def heading(self) -> str:
        return "within the limits of the metrics" if self.request is None else f"approved, request {self.request}"


def notes(rows: Sequence[Reported], month: Interval, metrics: Mapping[str, Defined]) -> list[Note]:
    """The restatements, oldest first; what moved by no more than its limit, without an approval, is one note, the last.

    `rows`: in the order of the ledger.
    """
    since = _report_before(rows, month)
    together: dict[int | None, list[Reported]] = {}
    for one in rows:
        row = one.row
        touches = row.start < month.end and row.end > month.start
        if one.is_restatement and row.metric in metrics and row.recorded_at and (touches or row.recorded_at > since):
            together.setdefault(row.request_id, []).append(one)
    ordered = sorted(together.items(), key=lambda item: (item[0] is None, item[1][-1].row.id))
    return [_note(request, mine, metrics) for request, mine in ordered]


def _report_before(rows: Sequence[Reported], month: Interval) -> datetime:
    """When the figures of the month before were first reported, all of them; where none was, when the month begins."""
    start = (month.start - DAY).replace(day=1)
    first = [one.row.recorded_at for one in rows if one.number == 1 and (one.row.start, one.row.end) == (start, month.start)]
    return max((moment for moment in first if moment), default=datetime.combine(month.start, time.min, UTC))


def _note(request: int | None, rows: Sequence[Reported], metrics: Mapping[str, Defined]) -> Note:
    """Of a figure that has moved several times the first value and the last."""
    first: dict[object, Reported] = {}
    last: dict[object, Reported] = {}
    for one in rows:
        first.setdefault(one.row.key, one)
        last[one.row.key] = one
    keys = sorted(last, key=lambda key: (last[key].row.start - last[key].row.end, str(key)))
    changes = [_change(first[key], last[key], metrics) for key in keys[:SHOWN]]
    newest = rows[-1].row
    assert newest.recorded_at is not None  # noqa: S101 (for the type checker)
    return Note(newest.recorded_at, request, newest.reason, changes, len(keys) - len(changes), rows)


def _change(first: Reported, last: Reported, metrics: Mapping[str, Defined]) -> Change:
    row, known = last.row, metrics[last.row.metric]
    unit = known.metric.unit
    days = (row.end - row.start).days
    period = f"{row.start}" if days == 1 else f"{row.start} – {row.end - DAY}" if days == 7 else f"{row.start:%Y-%m}"
    title = f"{known.title} ({row.segment.partition('=')[2]})" if row.segment else known.title
    return Change(
        title=f"{title} of the {known.metric.grain}",
        period=period,
        old=numbers.figure(first.old, unit),
        new=numbers.figure(row.value, unit),
        difference=numbers.difference(first.old, row.value, unit),
    )
