"""The values of a metric, period by period, with what a reader must know of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from headline.intervals import DAY
from headline.ledger import FigureRow
from headline.specs.metrics import Metric

# Open: the period has not ended, so that its value is provisional. Partial: rows or days of it are missing.
Status = Literal["complete", "partial", "open"]


@dataclass(frozen=True)
class Point:
    """One period of a metric, or of a segment of it: the days from `start` up to, not including, `end`.

    `value`: in the metric's unit; None where it is not defined. `coverage`: the share of the rows that were valid, 0 to 1.
    `issued`: the figure that was issued last for it, `first`: the value that was issued first; of series that were read
    `with_issued`, and of metrics that are issued.
    """

    start: date
    end: date
    value: Decimal | None
    coverage: Decimal
    status: Status
    issued: FigureRow | None = None
    first: Decimal | None = None

    @property
    def last_day(self) -> date:
        return self.end - DAY

    @property
    def is_restated(self) -> bool:
        """Whether another value was issued for it than was reported first."""
        return self.issued is not None and self.issued.value != self.first


@dataclass(frozen=True)
class Series:
    """The periods of a metric in order, or of one segment of it.

    `segment`: `column=value` as the ledger of figures writes it, empty for the metric itself. `version`: the newest publication
    in it, or of issued figures the newest row of their ledger; 0 for an empty series. `as_of`: when the newest of it was
    published or issued, or the moment that was asked for.
    """

    metric: Metric
    segment: str
    points: Sequence[Point]
    version: int = 0
    as_of: datetime | None = None

    @property
    def segment_value(self) -> str:
        """The value of the segment's column; empty for what has none, and for the metric itself."""
        return self.segment.partition("=")[2]

    @property
    def coverage(self) -> Decimal | None:
        """The lowest coverage of its periods; None where it has none."""
        return min((point.coverage for point in self.points), default=None)

    @property
    def ended(self) -> Sequence[Point]:
        """Its periods that have ended, in order."""
        return [point for point in self.points if point.status != "open"]
