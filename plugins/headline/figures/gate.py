"""The gate: figures are recorded with each publication, and one that would move issued ones too far waits for an approval."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from headline.errors import BadData, RestatementWaiting
from headline.figures.attribution import attribute
from headline.figures.text import held_back
from headline.figures.values import Period, figure_rows, metric_values
from headline.intervals import DAY, Interval
from headline.ledger import FigureRequest, FigureRequests, FigureRow, IssuedFigures, Published
from headline.ledger.figure_requests import APPROVED, NOBODY, RESTATEMENT, take
from headline.ledger.issued import FigureKey, Known, issued_since, record
from headline.pipeline.publish import Also, is_outdated
from headline.specs.metrics import Metrics, load_metrics

if TYPE_CHECKING:
    from headline.ledger.publications import Recording
    from headline.pipeline.plan import Plan
    from headline.pipeline.run import PipelineRun
    from headline.pipeline.transform import Staged
    from headline.warehouse import Staging

log = logging.getLogger(__name__)

ISSUED = "issued"
BELOW_LIMIT = "moved by no more than the materiality limit"


@dataclass
class FiguresGate:
    """Looks at what a run is about to publish: figures that are new become drafts, issued ones that move become a request.

    `requester`: who asked for the run, who can never approve what comes of it; empty where the schedule did. `reason`: why.
    `waiting`: the requests that this run has met and nobody has approved.
    """

    requester: str = ""
    reason: str = ""
    waiting: list[FigureRequest] = field(default_factory=list)

    def __call__(self, planned: Plan, staged: Mapping[str, Staged], session: Staging) -> Also | None:
        """What is to be recorded with the publication, None for nothing.

        Raises RestatementWaiting where an issued figure would move by more than its limit, and BadData where its period would
        be partial.
        """
        run = planned.run
        metrics = load_metrics(run.pipeline)
        changed = {
            name: staged[name].changed for name in dict.fromkeys(metric.of.full_name for metric in metrics.metrics.values())
        }
        if not any(changed.values()):
            return None
        starts = {one.interval.start for mine in changed.values() for one in mine}
        known = IssuedFigures(run.ledger.conn_id).known(run.pipeline.id, starts)
        recorder = partial(_recorder, run, known, starts)
        rows = {row.key: row for row in _staged_figures(planned, staged, session, metrics, changed, known)}
        new = [row for row in rows.values() if row.key not in known.newest or known.newest[row.key].told != row.told]
        moved = [row for row in rows.values() if row.key in known.issued and _is_other(known.issued[row.key], row)]
        drafts = [row for row in new if row.key not in known.issued]
        if not moved:
            return recorder(drafts) if drafts else None
        places = {(metrics.metrics[row.metric].of.full_name, row.start) for row in moved}
        touched = {name: [one for one in mine if (name, one.interval.start) in places] for name, mine in changed.items()}
        _require_complete(run, touched)
        if not any(_is_material(row, known, metrics) for row in moved):
            return recorder([*drafts, *(replace(row, status=ISSUED, reason=BELOW_LIMIT) for row in moved)])
        if is_outdated(planned, staged, run.ledger):  # it is computed again: nobody is asked about what is none any more
            raise RestatementWaiting(f"{run.pipeline.id}: an input changed meanwhile")
        asked = self._ask(run, moved, known, rows, metrics, touched)
        if asked.state != APPROVED:
            self.waiting.append(asked)
            raise RestatementWaiting(held_back(asked), asked.id)
        log.info("request %s was approved by %s: the figures are restated", asked.id, asked.decided_by)
        note = {"status": ISSUED, "reason": asked.reason, "request_id": asked.id}
        people = {"requester": asked.requester, "approver": asked.decided_by}
        return recorder([*drafts, *(replace(row, **note, **people) for row in moved)], asked)  # type: ignore[arg-type]

    def _ask(
        self,
        run: PipelineRun,
        moved: Sequence[FigureRow],
        known: Known,
        rows: Mapping[FigureKey, FigureRow],
        metrics: Metrics,
        touched: Mapping[str, Sequence[Published]],
    ) -> FigureRequest:
        """The request for just this result: the one that is there, or a new one.

        Of a run that was held back already, and computes only the days asked for now, nothing else is asked.
        """
        requests = FigureRequests(run.ledger.conn_id)
        pairs = [(_before(row, known), row) for row in moved]
        sha256 = digest(run.pipeline.id, pairs, touched)
        if found := requests.of_result(run.pipeline.id, sha256) or next(iter(self.waiting), None):
            return found
        hull = Interval(min(row.start for row in moved), max(row.end for row in moved))
        all_known = IssuedFigures(run.ledger.conn_id).known(run.pipeline.id, hull)
        old = {**all_known.issued, **all_known.agreed}
        parts = attribute(pairs, metrics, old, {**all_known.newest, **rows}, run.catalog, run.ledger.conn_id)
        days = _to_compute(touched)
        figures = [
            {
                "figure": row.to_json(),
                "old": None if before.value is None else f"{before.value:f}",
                "limit": f"{metrics.metrics[row.metric].limit(before.value or Decimal()):f}",
                "is_material": _is_material(row, known, metrics),
                "parts": [part.to_json() for part in mine],
            }
            for (before, row), mine in zip(pairs, parts, strict=True)
        ]
        return requests.ask(
            FigureRequest(
                kind=RESTATEMENT,
                pipeline=run.pipeline.id,
                start=days.start,
                end=days.end,
                sha256=sha256,
                figures=figures,
                reason=self.reason or _reason(figures),
                requester=self.requester or NOBODY,
                run_id=run.run_id,
            )
        )


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


def _staged_figures(
    planned: Plan,
    staged: Mapping[str, Staged],
    session: Staging,
    metrics: Metrics,
    changed: Mapping[str, Sequence[Published]],
    known: Known,
) -> list[FigureRow]:
    """The figures of the changed periods; issued ones without rows, such as that of a segment that is gone, have no value."""
    run = planned.run
    values: dict[FigureKey, Decimal | None] = {}
    periods: dict[tuple[str, Any], Period] = {}
    for name, mine in changed.items():
        if not mine:
            continue
        of_table = [metric for metric in metrics.metrics.values() if metric.of.full_name == name]
        days = [one.interval for one in mine]
        values |= metric_values(session, staged[name].table, session.staging_name(name), of_table, days, run.warehouse.dialect)
        for one in mine:
            code = staged[name].code_version
            periods[name, one.interval.start] = Period(one.interval, one.coverage, code, planned.as_of, run.run_id)
    of = {name: metric.of.full_name for name, metric in metrics.metrics.items()}
    values |= {key: None for key in known.issued if key not in values and (of.get(key[0], ""), key[2]) in periods}
    return figure_rows(run.pipeline, run.catalog, values, metrics.metrics, periods, run.ledger.conn_id)


def _is_other(issued: FigureRow, now: FigureRow) -> bool:
    return (issued.value, issued.definition_version) != (now.value, now.definition_version)


def _before(row: FigureRow, known: Known) -> FigureRow:
    """What somebody has approved last of an issued figure."""
    return known.agreed.get(row.key) or known.issued[row.key]


def _is_material(row: FigureRow, known: Known, metrics: Metrics) -> bool:
    """Measured from what somebody has approved: many small steps do not add up to a large one unseen."""
    before = _before(row, known)
    if before.value is None or row.value is None:
        return before.value is not row.value
    return abs(row.value - before.value) > metrics.metrics[row.metric].limit(before.value)


def _require_complete(run: PipelineRun, touched: Mapping[str, Sequence[Published]]) -> None:
    for name, mine in touched.items():
        for one in mine:
            if one.status != "complete":
                raise BadData(
                    f"{run.pipeline.id}: {name} of {one.interval} would be {one.status}, and its figures are issued: partial "
                    "data are never issued. Have the missing rows mended, then run it again"
                )


def _recorder(
    run: PipelineRun, known: Known, starts: Iterable[date], rows: Sequence[FigureRow], request: FigureRequest | None = None
) -> Also:
    """What records these rows, unless a figure was issued since `known` was read: it would move unseen."""
    newest = max((row.id for row in known.issued.values()), default=0)

    def also(recording: Recording) -> bool:
        if issued_since(recording.connection, run.pipeline.id, starts, newest):
            return False
        if request:
            take(recording.connection, request.id, request.sha256, run.run_id)
        record(recording.connection, rows)
        return True

    return also


def _to_compute(touched: Mapping[str, Sequence[Published]]) -> Interval:
    """The days whose run computes all these periods: a month counts where none of its days or weeks does."""
    days: set[date] = set()
    for one in sorted((one.interval for mine in touched.values() for one in mine), key=len):
        if days.isdisjoint(one):
            days |= set(one)
    return Interval(min(days), max(days) + DAY)


def _reason(figures: Sequence[Mapping[str, Any]]) -> str:
    causes = dict.fromkeys(part["cause"] for one in figures for part in one["parts"])
    return f"changed since it was issued: {', '.join(causes) or 'the code'}"
