"""One SELECT per table writes a candidate for the days that must be computed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from headline.errors import SpecError, Transient
from headline.intervals import Interval
from headline.ledger import Candidate, intervals_to_compute, missing_days
from headline.specs import Table, load_contract
from headline.sql import within, write
from headline.steps.names import compile_table, output_columns, resolutions
from headline.steps.run import PipelineRun
from headline.warehouse import Session, candidate_name

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Transformed:
    """What a transform did: the days, the text that the engine ran, and the rows of the candidate."""

    intervals: list[Interval]
    compiled_sql: str
    row_count: int


def transform(run: PipelineRun, table: Table) -> Transformed:
    """Write the candidate of one table and tell the ledger what it was computed from.

    Computed are the days asked for and every published day that an input has changed for since.
    """
    as_of = run.ledger.newest_version()
    intervals = days_to_compute(run, table)
    _require_history(run, table, intervals)
    # A table that is rebuilt whole is computed once, however its days lie.
    scope = intervals if table.period_column else [Interval(intervals[0].start, intervals[-1].end)]
    with run.warehouse.session() as session:
        names = resolutions(run, table.reads, scope, session)
        selects = [compile_table(table, interval, names, run.warehouse.dialect) for interval in scope]
        if table.quarantine:
            row_count = _write_with_quarantine(run, table, selects, session)
        else:
            row_count = session.write_candidate(candidate_name(table.full_name, run.key), selects)
        _require_within(run, table, intervals, session)
    run.ledger.record_candidate(Candidate(run.key, table.full_name, intervals, as_of, row_count, "transformed", run.run_id))
    log.info("%s: %s rows for %s wait for their audit", table.full_name, row_count, ", ".join(map(str, intervals)))
    return Transformed(intervals, ";\n\n".join(selects), row_count)


def days_to_compute(run: PipelineRun, table: Table) -> list[Interval]:
    """The days asked for and every published day that an input has changed for since, another table of this very run too."""
    external = run.pipeline.external_reads(table)
    candidates = run.open_candidates()
    makers = {name: run.pipeline.outputs[name].full_name for name in table.reads if name in run.pipeline.outputs}
    return intervals_to_compute(
        requested=run.requested,
        period=table.period,
        reads=table.reads,
        published=run.ledger.changes([table.full_name]),
        changed=run.ledger.changes(external),
        recomputed={name: candidates[maker].intervals for name, maker in makers.items() if maker in candidates},
    )


def _require_history(run: PipelineRun, table: Table, intervals: Sequence[Interval]) -> None:
    """A missing day must not pass for a day on which nothing happened."""
    for name, window in run.pipeline.external_reads(table).items():
        if window.without_gaps:
            published = run.ledger.changes([name])
            newest = max((change.interval.end for change in published), default=run.requested.end)
            needed = Interval(run.requested.start, max(run.requested.end, min(intervals[-1].end, newest)))
            if missing := missing_days(needed, published, window):
                raise Transient(
                    f"{table.full_name}: {name} lacks {len(missing)} day(s) from {missing[0]}, which would look as if nobody had "
                    "come; run what makes it for them"
                )


def _require_within(run: PipelineRun, table: Table, intervals: Sequence[Interval], session: Session) -> None:
    """Rows of other days would never be replaced again, and double with every run."""
    if table.period_column is None:
        return
    for name in table.outputs:
        inside = write(
            within(table.period_column, [interval.widen(table.period) for interval in intervals]), run.warehouse.dialect
        )
        found = session.query(f"select count(*) from {candidate_name(name, run.key)} where not coalesce({inside}, false)")
        if strangers := found.rows[0][0]:
            raise SpecError(
                [f"{table.sql_file.name}: {strangers} rows lie outside of {intervals[0]}; hold its WHERE to start and end"]
            )


def _write_with_quarantine(run: PipelineRun, table: Table, selects: Sequence[str], session: Session) -> int:
    """Split the result by its last column: what a rule refused is kept with the rule's name, never dropped."""
    everything = candidate_name(f"unsorted.{table.name}", run.key)
    session.write_candidate(everything, selects)
    contract = load_contract(table)
    row_count = 0
    for name, condition in ((table.quarantine_name, "is not null"), (table.full_name, "is null")):
        columns = ", ".join(output_columns(name, table, contract))
        select = f"select {columns} from {everything} where quarantine_reason {condition}"
        row_count = session.write_candidate(candidate_name(name, run.key), [select])
    session.drop([everything])
    return row_count
