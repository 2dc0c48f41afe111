"""What a report of a month is made of, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from headline.intervals import Interval
from headline.report import numbers
from headline.report.definitions import Defined
from headline.report.notes import Note


@dataclass(frozen=True)
class Cell:
    """A figure as it is printed. `is_restated`: it is not what was first reported. `is_redefined`: its definition was another."""

    text: str
    is_restated: bool = False
    is_redefined: bool = False


EMPTY = Cell(numbers.NOT_ISSUED)


@dataclass(frozen=True)
class Line:
    """A metric of the month, beside the month before and the same month a year before; each change with whether it is good."""

    title: str
    unit: str
    now: Cell
    before: Cell
    change: tuple[str, numbers.Verdict]
    year_before: Cell
    year_change: tuple[str, numbers.Verdict]
    coverage: str


@dataclass(frozen=True)
class Grid:
    """Figures of the weeks or days of the month: `heads`, then rows of a title and a cell for each head."""

    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]


@dataclass(frozen=True)
class Chart:
    """What is drawn: first days and values, oldest first, and the same in words."""

    title: str
    unit: str
    grain: str
    points: Sequence[tuple[date, Decimal]]
    alt: str


@dataclass(frozen=True)
class Area:
    """An area of the business."""

    title: str
    lines: Sequence[Line]
    charts: Sequence[Chart]
    weeks: Grid | None
    days: Grid | None


@dataclass(frozen=True)
class Definition:
    """What a metric means. `limit`: the most that an issued figure may move without another approval."""

    name: str
    title: str
    area: str
    grain: str
    description: str
    unit: str
    limit: str
    version: str


@dataclass(frozen=True)
class Report:
    """A report of a month. `as_of`: when the newest figure in it was issued. `missing`: metrics of months that are not issued."""

    company: str
    title: str
    month: Interval
    as_of: datetime
    chain_head: str
    areas: Sequence[Area]
    notes: Sequence[Note]
    definitions: Sequence[Definition]
    missing: Sequence[Defined]
    is_restated: bool
    metrics: Sequence[str]
    figure_count: int
