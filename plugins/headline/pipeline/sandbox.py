"""A developer's sandbox: a warehouse and a ledger of their own, with masked samples of what production has published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

from headline import settings
from headline.errors import BadRequest, SpecError, Transient
from headline.intervals import Interval, merge
from headline.ledger import Identity, Ledger, PeriodState
from headline.ledger.retirements import Retired, Retirements
from headline.ledger.samples import Samples, run_of_sample, version_of_sample
from headline.pipeline.audit import tables_of_checks
from headline.pipeline.plan import Plan
from headline.pipeline.publish import publish
from headline.pipeline.run import PipelineRun
from headline.pipeline.transform import Staged, compared
from headline.pipeline.write_audit_publish import TableRun, write_audit_publish
from headline.specs import Catalog, Pipeline, Source, Table
from headline.warehouse import Output, Staging, Warehouse

# Production's publications wait while days are read; so many are read at once.
_MOST_DAYS = 62
# How far the checks of a table look back, as those of unusual figures do: 12 weeks, of months a year.
_HISTORY, _HISTORY_OF_MONTHS = timedelta(92), timedelta(400)


class Production(NamedTuple):
    """What a sandbox samples. Nothing of it is ever written: its warehouse is attached and its ledger reached to be read."""

    ledger: Ledger
    warehouse: Warehouse


@dataclass(frozen=True)
class Sandbox:
    """Where a developer computes. `mask`: the key that personal data are hashed with; samples of one key can be joined."""

    catalog: Catalog
    ledger: Ledger
    warehouse: Warehouse
    production: Production
    mask: str = field(repr=False)


@dataclass(frozen=True)
class Sample:
    """The days of a table that were sampled, and their rows, those in quarantine included."""

    table: str
    intervals: list[Interval]
    row_count: int


def run(sandbox: Sandbox, pipeline: Pipeline, interval: Interval) -> tuple[list[Sample], list[TableRun]]:
    """Sample what a pipeline reads for these days and is not there yet, then compute, audit and publish them in the sandbox.

    What the developer has computed is read in place of production's; a sample that production has changed since is taken again.
    Raises as `write_audit_publish`, and BadRequest for a source: what lands is not masked.
    """
    if isinstance(pipeline, Source):
        raise BadRequest(
            f"{pipeline.id} is a source, and what lands is not masked: a sandbox samples its tables. "
            f"Golden cases try its mapping: headline check {pipeline.area}/{pipeline.id}"
        )
    with sandbox.warehouse.staging(f"dev_{uuid4().hex[:8]}") as session:
        for table in pipeline.ordered_tables:
            _ensure(sandbox, table, session)
    samples = [
        sampled
        for name, intervals in _inputs(sandbox.catalog, pipeline, interval).items()
        if (sampled := _sampled(sandbox, sandbox.catalog.table(name), intervals))
    ]
    where = (sandbox.catalog, sandbox.ledger, sandbox.warehouse)
    Samples(sandbox.ledger.conn_id).are_not_behind()
    return samples, write_audit_publish(PipelineRun(pipeline, f"dev {uuid4().hex[:8]}", interval, *where), alone=True)


def sample(sandbox: Sandbox, table: Table, interval: Interval) -> Sample:
    """Let production's rows of these days, masked, take the place of what the sandbox has of them.

    Raises BadRequest where production has published none of these days.
    """
    sampled = _sampled(sandbox, table, [interval], is_asked_for=True)
    if sampled is None:
        raise BadRequest(f"production has published nothing of {table.full_name} for {interval}")
    Samples(sandbox.ledger.conn_id).are_not_behind()
    return sampled


def _inputs(catalog: Catalog, pipeline: Pipeline, interval: Interval) -> dict[str, list[Interval]]:
    """The days of published tables that a run reads and does not compute itself, by table, as far as anybody makes them."""
    found: dict[str, list[Interval]] = {}
    in_checks = tables_of_checks(pipeline)
    for table in pipeline.ordered_tables:
        asked = interval.widen(table.period)
        before = Interval(asked.start - (_HISTORY_OF_MONTHS if table.period == "month" else _HISTORY), asked.end)
        for name, window in pipeline.reads_by_table(table).items():
            found.setdefault(name, []).append(window.reach(asked))
        if table.period_column is not None:
            found.setdefault(table.full_name, []).append(before)
        for name in in_checks - table.reads.keys():
            found.setdefault(name, []).append(before)
    needed: dict[str, list[Interval]] = {}
    for name, intervals in found.items():
        if maker := catalog.makers.get(name):
            table = maker.outputs[name]
            computed = interval.widen(table.period) if name in pipeline.outputs else None
            if table.period_column is not None or computed is None:
                needed.setdefault(table.full_name, []).extend(_without(merge(intervals), computed))
    return {name: merge(intervals) for name, intervals in needed.items() if intervals}


def _without(intervals: Iterable[Interval], left_out: Interval | None) -> Iterator[Interval]:
    for one in intervals:
        if left_out is None or not one.overlaps(left_out):
            yield one
            continue
        if one.start < left_out.start:
            yield Interval(one.start, left_out.start)
        if left_out.end < one.end:
            yield Interval(left_out.end, one.end)


def _sampled(sandbox: Sandbox, table: Table, intervals: Sequence[Interval], *, is_asked_for: bool = False) -> Sample | None:
    """Sample the published days of these intervals that the sandbox lacks or has an old sample of, or all that are asked for."""
    there = sandbox.production.ledger.states([table.full_name], *intervals)
    known = {} if is_asked_for else {one.interval: one for one in sandbox.ledger.states([table.full_name], *intervals)}
    needed = _lacking(table, there, known)
    if not needed:
        return None
    rows = 0
    with sandbox.warehouse.staging(f"sample_{uuid4().hex[:8]}") as session:
        _ensure(sandbox, table, session)
        for piece in _pieces(needed, is_whole=table.period_column is None):
            rows += _take(sandbox, table, piece, session)
    return Sample(table.full_name, merge(one.interval for one in needed), rows)


def _ensure(sandbox: Sandbox, table: Table, session: Staging) -> None:
    """Have a table ready to be filled; one whose contract has retyped or dropped columns begins again."""
    outputs = [Output(name, table) for name in table.outputs]
    try:
        session.ensure(outputs)
    except SpecError:
        with session.publishing():
            before = session.identity() or Identity.new()
            after = before.next()
            sandbox.ledger.begin_publication({}, before, after)
            session.drop(table.outputs, after)
            reason = "columns were retyped or dropped in a sandbox"
            dropped = Retired(table.full_name, datetime.now(UTC).date(), reason, None, 0, 0, settings.load().developer)
            Retirements(sandbox.ledger.conn_id).record(dropped, after)
        session.ensure(outputs)


def _lacking(table: Table, there: Sequence[PeriodState], known: Mapping[Interval, PeriodState]) -> list[PeriodState]:
    sampled = {interval: version_of_sample(one) for interval, one in known.items()}
    if table.period_column is None and None in sampled.values():  # a sample would replace what the developer has computed
        return []
    return [one for one in there if (version := sampled.get(one.interval, 0)) is not None and one.version > version]


def _pieces(states: Sequence[PeriodState], *, is_whole: bool) -> Iterator[list[PeriodState]]:
    """Periods beside each other that one version of the code has made, few enough to be read at once."""
    piece: list[PeriodState] = []
    for state in states:
        if piece and (
            piece[-1].interval.end != state.interval.start
            or (not is_whole and state.code_version != piece[-1].code_version)
            or (not is_whole and (state.interval.end - piece[0].interval.start).days > _MOST_DAYS)
        ):
            yield piece
            piece = []
        piece.append(state)
    if piece:
        yield piece


def _take(sandbox: Sandbox, table: Table, piece: Sequence[PeriodState], session: Staging) -> int:
    """Copy some periods, all of a table that is replaced whole, and publish them in the sandbox; returns the number of rows."""
    production, ledger = sandbox.production, sandbox.ledger
    interval = Interval(piece[0].interval.start, piece[-1].interval.end)
    days = None if table.period_column is None else [interval]
    with production.warehouse.at_rest("a sample for a sandbox"):
        version = production.ledger.newest_version()
        contents = session.stage_from(production.warehouse, table, days, sandbox.mask)
    maker = sandbox.catalog.makers[table.full_name]
    who = PipelineRun(maker, run_of_sample(version), interval, sandbox.catalog, ledger, sandbox.warehouse)
    plan = Plan(who, ledger.newest_version(), {table.full_name: ledger.states([table.full_name], interval)}, {})
    staged = compared(plan, table, [interval], contents, session)
    rows, refused = sum(one.row_count for one in contents), sum(one.refused_count for one in contents)
    code = piece[-1].code_version or ""
    if publish(plan, {table.full_name: Staged(table, [interval], "", rows - refused, refused, *staged, code)}, session) is None:
        raise Transient(f"{table.full_name}: another run has changed the sandbox meanwhile; run it again")
    return rows
