"""The gate: figures are recorded with each publication, and one that would move issued ones too far waits for an approval."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from headline.errors import BadData, RestatementWaiting, SpecError
from headline.figures.attribution import attribute
from headline.figures.definitions import limit_of, undefined
from headline.figures.requests import days_to_compute, digest, moot, reason_of
from headline.figures.text import held_back
from headline.figures.values import Period, figure_rows, metric_values
from headline.intervals import Interval
from headline.ledger import FigureRequest, FigureRequests, FigureRow, IssuedFigures, Published
from headline.ledger.figure_requests import APPROVED, NOBODY, RESTATEMENT, supersede, take
from headline.ledger.figure_row import FigureKey
from headline.ledger.issued import record
from headline.ledger.known_figures import Known, issued_since
from headline.pipeline.publish import Also, is_outdated
from headline.specs.metrics import FILE, Metrics, load_metrics

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
    `involved`: who else has caused it, looked up where somebody has to be asked. `waiting`: the requests that this run has met
    and nobody has approved.
    """

    requester: str = ""
    reason: str = ""
    involved: Callable[[], Iterable[str]] = tuple
    waiting: list[FigureRequest] = field(default_factory=list)

    def __call__(self, planned: Plan, staged: Mapping[str, Staged], session: Staging) -> Also | None:
        """What is to be recorded with the publication, None for nothing.

        Raises RestatementWaiting where an issued figure would move by more than its limit, BadData where its period would be
        partial, and SpecError where a metric that was issued has no definition any more.
        """
        run = planned.run
        metrics = load_metrics(run.pipeline).issued
        _require_definitions(run, staged)
        if not metrics.metrics:
            return None
        names = dict.fromkeys(metric.of.full_name for metric in metrics.metrics.values())
        changed = {name: staged[name].changed for name in names}
        starts = {one.interval.start for mine in changed.values() for one in mine}
        known = IssuedFigures(run.ledger.conn_id).known(metrics.names, starts)
        rows = {row.key: row for row in _staged_figures(planned, staged, session, metrics, changed, known)}
        new = [row for row in rows.values() if row.key not in known.newest or known.newest[row.key].told != row.told]
        moved = [row for row in rows.values() if row.key in known.issued and _is_other(known.issued[row.key], row)]
        drafts = [row for row in new if row.key not in known.issued]
        open_requests = FigureRequests(run.ledger.conn_id).open(run.pipeline.id)
        recorder = partial(_recorder, run, known, starts, metrics, partial(moot, open_requests, staged, metrics))
        if not moved:
            return recorder(drafts)
        places = {(metrics.metrics[row.metric].of.full_name, row.start) for row in moved}
        touched = {name: [one for one in mine if (name, one.interval.start) in places] for name, mine in changed.items()}
        _require_complete(run, touched)
        if not any(_is_material(row, known, metrics) for row in moved):
            return recorder([*drafts, *(replace(row, status=ISSUED, reason=BELOW_LIMIT) for row in moved)])
        if is_outdated(planned, staged, run.ledger):  # it is computed again: nobody is asked about what is none any more
            raise RestatementWaiting(f"{run.pipeline.id}: an input changed meanwhile")
        asked = self._ask(run, moved, known, rows, metrics, touched)
        if asked.state != APPROVED:
            held = {asked.id, *(one.id for one in self.waiting)}
            FigureRequests(run.ledger.conn_id).supersede(moot(open_requests, staged, metrics, (), held), run.run_id)
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
        all_known = IssuedFigures(run.ledger.conn_id).known(metrics.names, hull)
        old = {**all_known.issued, **all_known.agreed}
        parts = attribute(pairs, metrics, old, {**all_known.newest, **rows}, run.catalog, run.ledger.conn_id)
        days = days_to_compute(touched)
        figures = [
            {
                "figure": row.to_json(),
                "old": None if before.value is None else f"{before.value:f}",
                "limit": None if before.value is None else f"{limit_of(before, metrics.metrics[row.metric]):f}",
                "is_material": _is_material(row, known, metrics),
                "parts": [part.to_json() for part in mine],
            }
            for (before, row), mine in zip(pairs, parts, strict=True)
        ]
        requester, *involved = [*dict.fromkeys(one for one in (self.requester, *self.involved()) if one)] or [NOBODY]
        return requests.ask(
            FigureRequest(
                kind=RESTATEMENT,
                pipeline=run.pipeline.id,
                start=days.start,
                end=days.end,
                sha256=sha256,
                figures=figures,
                reason=self.reason or reason_of(figures),
                requester=requester,
                run_id=run.run_id,
                involved=involved,
            )
        )


def _require_definitions(run: PipelineRun, staged: Mapping[str, Staged]) -> None:
    """Nothing is published where a figure could move with nobody asked, because its metric is not looked at any more."""
    if any(one.changed for one in staged.values()) and (
        lost := undefined(run.catalog, IssuedFigures(run.ledger.conn_id).metrics(), run.pipeline.id)
    ):
        raise SpecError([f"{run.pipeline.area}/{run.pipeline.id}/{FILE}: {one}" for one in lost])


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
    return abs(row.value - before.value) > limit_of(before, metrics.metrics[row.metric])


def _require_complete(run: PipelineRun, touched: Mapping[str, Sequence[Published]]) -> None:
    for name, mine in touched.items():
        for one in mine:
            if one.status != "complete":
                raise BadData(
                    f"{run.pipeline.id}: {name} of {one.interval} would be {one.status}, and its figures are issued: partial "
                    "data are never issued. Have the quarantined rows corrected at the source, then run it again"
                )


def _recorder(
    run: PipelineRun,
    known: Known,
    starts: Iterable[date],
    metrics: Metrics,
    moot: Callable[..., list[int]],
    rows: Sequence[FigureRow],
    request: FigureRequest | None = None,
) -> Also | None:
    """What records these rows and closes the requests that are moot, unless a figure was issued since `known` was read: it would
    move unseen. None where there is nothing to record."""
    newest = max((row.id for row in known.issued.values()), default=0)
    superseded = moot({row.key for row in rows}, {request.id} if request else ())
    if not rows and not superseded:
        return None

    def also(recording: Recording) -> bool:
        if issued_since(recording.connection, metrics.names, starts, newest):
            return False
        if request:
            take(recording.connection, request.id, request.sha256, run.run_id)
        supersede(recording.connection, superseded, run.run_id)
        record(recording.connection, rows)
        return True

    return also
