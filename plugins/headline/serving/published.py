"""The values of metrics as their tables are published now."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from threading import BoundedSemaphore, Lock

from headline.figures.values import metric_values
from headline.intervals import Interval
from headline.ledger import Ledger, PeriodState, partial_days
from headline.ledger.figure_row import FigureKey
from headline.serving.series import Point, Series, Status
from headline.specs import Table
from headline.specs.metrics import Metric
from headline.warehouse import Warehouse

MOST_POINTS = 50_000
Values = Mapping[FigureKey, Decimal | None]


class _Kept:
    """Values that were read before, by all that they follow from: definition, days and the content of the periods."""

    MOST = 512

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: OrderedDict[object, Values] = OrderedDict()

    def get(self, key: object) -> Values | None:
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def put(self, key: object, values: Values) -> None:
        with self._lock:
            self._found[key] = values
            while len(self._found) > self.MOST:
                self._found.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._found.clear()


KEPT = _Kept()
# Readings of the warehouse that run side by side: each may take the memory of one engine.
READINGS = BoundedSemaphore(2)


def published_series(
    metrics: Iterable[Metric], days: Sequence[Interval], by: str, ledger: Ledger, warehouse: Warehouse
) -> list[Series]:
    """A series for each metric, or for each segment of it by a column: the published periods that meet any of the days.

    The warehouse is asked once for each table, and only where its periods have changed since. Raises BadRequest for more than
    MOST_POINTS values.
    """
    by_table: dict[str, list[Metric]] = defaultdict(list)
    for metric in metrics:
        by_table[metric.of.full_name].append(metric)
    states, partial = _states(by_table, days, ledger)
    asked = [(mine, states[name], days) for name, mine in by_table.items()]
    values = _values(asked, by, warehouse)
    return [
        series
        for (mine, of_table, _), found in zip(asked, values, strict=True)
        for metric in mine
        for series in _series(metric, by, of_table, partial.get(metric.of.full_name, set()), found)
    ]


def _states(
    by_table: Mapping[str, Sequence[Metric]], days: Sequence[Interval], ledger: Ledger
) -> tuple[dict[str, list[PeriodState]], dict[str, set[date]]]:
    """The published periods of each table, and its days that readers see in part."""
    pipelines = {mine[0].pipeline.id: mine[0].pipeline for mine in by_table.values()}
    names = [table.full_name for one in pipelines.values() for table in one.tables.values()]
    found = ledger.states(names, *days)
    states: dict[str, list[PeriodState]] = {name: [] for name in by_table}
    for state in found:
        if state.table in states:
            states[state.table].append(state)
    ended = [state for state in found if not state.is_open]
    partial = {name: set(lacking) for one in pipelines.values() for name, lacking in partial_days(one, ended).items()}
    return states, partial


def _values(
    asked: Sequence[tuple[Sequence[Metric], Sequence[PeriodState], Sequence[Interval]]], by: str, warehouse: Warehouse
) -> list[Values]:
    """The values of the metrics of each table, for its periods."""
    keys = [
        (
            by,
            *(metric.version for metric in mine),
            *((state.interval, state.version, state.fingerprint or state.computed_at) for state in states),
        )
        for mine, states, _ in asked
    ]
    found = [KEPT.get(key) if states else {} for key, (_, states, _) in zip(keys, asked, strict=True)]
    if all(one is not None for one in found):
        return [one for one in found if one is not None]
    with READINGS, warehouse.session(read_only=True) as session:
        for place, (mine, states, _) in enumerate(asked):
            if found[place] is None:
                table: Table = mine[0].of
                spans = [state.interval for state in states]
                values = metric_values(
                    session, table, table.full_name, mine, spans, warehouse.dialect, by=[by], most=MOST_POINTS // len(mine)
                )
                KEPT.put(keys[place], values)
                found[place] = values
    return [one for one in found if one is not None]


def _series(metric: Metric, by: str, states: Sequence[PeriodState], partial: set[date], values: Values) -> Iterable[Series]:
    segments = sorted({segment for name, segment, _ in values if name == metric.name}) if by else [""]
    version = max((state.version for state in states), default=0)
    as_of = max((state.computed_at for state in states), default=None)
    for segment in segments:
        points = [
            Point(
                state.interval.start,
                state.interval.end,
                values.get((metric.name, segment, state.interval.start)),
                state.coverage,
                _status(state, partial),
            )
            for state in states
        ]
        yield Series(metric, segment, points, version, as_of)


def _status(state: PeriodState, partial: set[date]) -> Status:
    if state.is_open:
        return "open"
    return "partial" if state.is_partial or not partial.isdisjoint(state.interval) else "complete"
