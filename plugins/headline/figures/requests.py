"""A request about figures: its result, the days that compute it, and when it is superseded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from headline.intervals import DAY, Interval
from headline.ledger import FigureRequest, FigureRow, Published
from headline.ledger.figure_requests import RESTATEMENT
from headline.ledger.figure_row import FigureKey
from headline.specs.metrics import Metrics

if TYPE_CHECKING:
    from headline.pipeline.transform import Staged


def digest(
    pipeline: str, figures: Sequence[tuple[FigureRow | None, FigureRow]], periods: Mapping[str, Sequence[Published]]
) -> str:
    """The SHA-256 of a result: each figure as it was and would be, and the content of the periods that they belong to."""
    told = [
        [row.metric, row.segment, str(row.start), row.definition_version, _text(old), _text(row)]
        for old, row in sorted(figures, key=lambda pair: pair[1].key)
    ]
    contents = sorted(
        [name, str(one.interval.start), str(one.interval.end), str(one.fingerprint), one.status]
        for name, mine in periods.items()
        for one in mine
    )
    return hashlib.sha256(json.dumps([pipeline, told, contents]).encode()).hexdigest()


def _text(row: FigureRow | None) -> str | None:
    return None if row is None or row.value is None else f"{row.value.normalize():f}"


def moot(
    requests: Iterable[FigureRequest],
    staged: Mapping[str, Staged],
    metrics: Metrics,
    recorded: Collection[FigureKey],
    but: Collection[int],
) -> list[int]:
    """The ids of those requests, without `but`, whose result nobody can have any more.

    A figure of theirs is recorded again (`recorded`), or a run (`staged`) has computed all of them and come to another result.
    """
    computed = {
        (name, start) for name, one in staged.items() for start in (*one.unchanged, *(new.interval.start for new in one.changed))
    }

    def is_computed(metric: str, start: date) -> bool:
        return metric not in metrics.metrics or (metrics.metrics[metric].of.full_name, start) in computed

    return [
        one.id
        for one in requests
        if one.id not in but
        and (
            not one.keys.isdisjoint(recorded)
            or (one.kind == RESTATEMENT and all(is_computed(metric, start) for metric, _, start in one.keys))
        )
    ]


def days_to_compute(touched: Mapping[str, Sequence[Published]]) -> Interval:
    """The days whose run computes all these periods: a month counts where none of its days or weeks does."""
    days: set[date] = set()
    for one in sorted((one.interval for mine in touched.values() for one in mine), key=len):
        if days.isdisjoint(one):
            days |= set(one)
    return Interval(min(days), max(days) + DAY)


def reason_of(figures: Sequence[Mapping[str, Any]]) -> str:
    """Why figures move, in a few words."""
    causes = dict.fromkeys(part["cause"] for one in figures for part in one["parts"])
    return f"changed since it was issued: {', '.join(causes) or 'the code'}"
