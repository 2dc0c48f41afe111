"""A closed period is issued: somebody asks, somebody else approves, and just what was approved becomes the issued figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from headline.errors import BadRequest
from headline.figures.gate import ISSUED
from headline.figures.requests import digest
from headline.figures.values import Period, figure_rows, metric_values
from headline.intervals import DAY, Interval
from headline.ledger import IN_DOUBT, FigureRequest, FigureRequests, FigureRow, IssuedFigures, Ledger, PeriodState, Published
from headline.ledger.figure_requests import APPROVED, ISSUE, NOBODY, PUBLISHED, supersede, take
from headline.ledger.figure_row import FigureKey
from headline.ledger.issued import record
from headline.pipeline.transform import periods as periods_of
from headline.specs import Catalog, Pipeline, Table
from headline.specs.metrics import Metrics, load_metrics
from headline.warehouse import Session, Warehouse


def request_issue(
    pipeline: Pipeline,
    days: Interval,
    requester: str,
    run_id: str,
    catalog: Catalog,
    ledger: Ledger,
    warehouse: Warehouse,
    reason: str = "",
    *,
    leave_out: bool = False,
) -> FigureRequest:
    """Ask for the figures of all periods that end within these days, and are not issued as they are now.

    `leave_out`: periods that are not complete are left out, where else they are refused. Raises BadRequest where a period is
    missing, open or partial, where there is nothing to issue, and where issued figures differ from what is published.
    """
    metrics = _metrics(pipeline)
    tables = {metric.of.full_name: metric.of for metric in metrics.metrics.values()}
    states = {name: _closed(table, days, ledger, leave_out=leave_out) for name, table in tables.items()}
    with warehouse.session(read_only=True) as session:
        rows, published = _figures(pipeline, metrics, states, catalog, ledger, session, warehouse.dialect)
    if not rows:
        raise BadRequest(f"{pipeline.id}: no figure of a period that ends within {days} is left to issue")
    sha256 = digest(pipeline.id, [(None, row) for row in rows], published)
    return FigureRequests(ledger.conn_id).ask(
        FigureRequest(
            kind=ISSUE,
            pipeline=pipeline.id,
            start=days.start,
            end=days.end,
            sha256=sha256,
            figures=[{"figure": row.to_json(), "old": None, "is_material": False, "parts": []} for row in rows],
            reason=reason or f"{days.start} to {days.end - DAY} are over",
            requester=requester or NOBODY,
            run_id=run_id,
        )
    )


def issue(request_id: int, run_id: str, catalog: Catalog, ledger: Ledger, warehouse: Warehouse) -> Sequence[FigureRow]:
    """Issue what was approved; again = nothing happens. Raises BadRequest where nobody has, and where it has changed."""
    requests = FigureRequests(ledger.conn_id)
    request = requests.get(request_id)
    if request.state == PUBLISHED:
        return []
    request.require_not_moot()
    if request.state != APPROVED:
        raise BadRequest(f"request {request_id}: it is not approved; nothing is issued")
    others = [one for one in requests.open(request.pipeline) if one.id != request.id]
    # The warehouse is locked first, as by a publication: else each waits for the other.
    with warehouse.session(read_only=True) as session, ledger.recording() as recording:
        pipeline = catalog.pipelines[request.pipeline]
        metrics = _metrics(pipeline)
        states = _asked_for(request, metrics, ledger)
        rows, published = _figures(pipeline, metrics, states, catalog, ledger, session, warehouse.dialect)
        if digest(pipeline.id, [(None, row) for row in rows], published) != request.sha256:
            raise BadRequest(
                f"request {request_id}: what is published of {request.days} has changed since it was approved; nothing is "
                "issued. Request it again"
            )
        take(recording.connection, request.id, request.sha256, run_id)
        people = {"requester": request.requester, "approver": request.decided_by, "request_id": request.id}
        told = [replace(row, status=ISSUED, reason=request.reason, **people) for row in rows]  # type: ignore[arg-type]
        supersede(recording.connection, [one.id for one in others if not one.keys.isdisjoint(row.key for row in told)], run_id)
        record(recording.connection, told)
    return told


def _metrics(pipeline: Pipeline) -> Metrics:
    metrics = load_metrics(pipeline).issued
    if not metrics.metrics:
        raise BadRequest(f"{pipeline.id} has no metrics.yml with a metric that states its `materiality`: it issues no figures")
    return metrics


def _figures(
    pipeline: Pipeline,
    metrics: Metrics,
    states: Mapping[str, Sequence[PeriodState]],
    catalog: Catalog,
    ledger: Ledger,
    session: Session,
    dialect: str,
) -> tuple[list[FigureRow], Mapping[str, Sequence[Published]]]:
    """The figures of these periods (by table) that are not issued yet, as they are published, and the periods' content."""
    values: dict[FigureKey, Decimal | None] = {}
    periods: dict[tuple[str, date], Period] = {}
    for name, mine in states.items():
        of_table = [metric for metric in metrics.metrics.values() if metric.of.full_name == name]
        if mine:
            spans = [state.interval for state in mine]
            values |= metric_values(session, of_table[0].of, name, of_table, spans, dialect)
        for state in mine:
            code = state.code_version or ""
            periods[name, state.interval.start] = Period(state.interval, state.coverage, code, state.as_of, state.run_id)
    rows = figure_rows(pipeline, catalog, values, metrics.metrics, periods, ledger.conn_id)
    new = _not_issued(pipeline, rows, metrics, ledger)
    places = {(metrics.metrics[row.metric].of.full_name, row.start) for row in new}
    published = {
        name: [
            Published(name, one.interval, one.fingerprint, one.row_count, one.status)
            for one in mine
            if (name, one.interval.start) in places
        ]
        for name, mine in states.items()
    }
    return new, published


def _asked_for(request: FigureRequest, metrics: Metrics, ledger: Ledger) -> dict[str, list[PeriodState]]:
    """The periods that a request is about, by table, as they are now."""
    wanted: dict[str, dict[Interval, None]] = {metric.of.full_name: {} for metric in metrics.metrics.values()}
    for row in request.rows:
        if row.metric in metrics.metrics:
            wanted[metrics.metrics[row.metric].of.full_name][row.interval] = None
    return {
        name: [state for state in ledger.states([name], *mine) if state.interval in mine] if mine else []
        for name, mine in wanted.items()
    }


def _closed(table: Table, days: Interval, ledger: Ledger, *, leave_out: bool) -> list[PeriodState]:
    """The periods of a table that end within the days; each must be published, over and complete, or is left out."""
    wanted = [one for one in periods_of(days.widen(table.period), table) if days.start < one.end <= days.end]
    known = {state.interval: state for state in ledger.states([table.full_name], days.widen(table.period))}
    for period in wanted:
        state = known.get(period)
        if (how := _standing(state)) != "complete" and not leave_out:
            raise BadRequest(
                f"{table.full_name}: the {table.period} from {period.start} is {how}; only complete periods are issued. "
                "`headline tables` shows what is partial, and why"
            )
    return [known[period] for period in wanted if _standing(known.get(period)) == "complete"]


def _standing(state: PeriodState | None) -> str:
    if state is None:
        return "not published"
    return "in doubt since a run was killed: run its pipeline for it" if state.fingerprint == IN_DOUBT else state.status


def _not_issued(pipeline: Pipeline, rows: Sequence[FigureRow], metrics: Metrics, ledger: Ledger) -> list[FigureRow]:
    known = IssuedFigures(ledger.conn_id).known(metrics.names, {row.start for row in rows})
    for row in rows:
        before = known.issued.get(row.key)
        if before and before.value != row.value:
            raise BadRequest(
                f"{row.metric} of {row.start} was issued as {before.value} and is published as {row.value}: run {pipeline.id} "
                "for its days, so that the difference is approved first"
            )
    return [row for row in rows if row.key not in known.issued and row.metric in metrics.metrics]
