"""One run of a pipeline in one session: plan, write every staging table, audit them, publish what changed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date

from headline import settings
from headline.errors import BadData, HeadlineError, NoSpace, NotEvaluated, Transient
from headline.intervals import Interval, merge
from headline.ledger import CheckResult, Locks, Published, Statement
from headline.pipeline.audit import audit, tables_of_checks
from headline.pipeline.names import expected, outputs_needed
from headline.pipeline.plan import Plan, plan
from headline.pipeline.publish import Gate, is_outdated, publish
from headline.pipeline.run import PipelineRun
from headline.pipeline.transform import Staged, transform
from headline.pipeline.verify import prepare_contracts
from headline.specs import Pipeline, Table
from headline.sql import DIALECT, code_version, compile_table
from headline.warehouse import Staging

log = logging.getLogger(__name__)

# Each time an input has changed while it was computed; somebody who loads day after day must not keep a run busy for ever.
ATTEMPTS = 5


@dataclass(frozen=True)
class TableRun:
    """What a run did with one table, for people to see.

    `published`: the days with new content, `changed_count` periods, `rows_written` rows, quarantined ones
    included. `state`: transformed, passed, failed, not_evaluated or published.
    `checks`: the outcome by path and name. `seconds`: by step. `statements`: those that an engine charges for.
    """

    table: str
    intervals: list[Interval]
    compiled_sql: str
    row_count: int
    refused_count: int
    state: str = "transformed"
    checks: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)
    changed_count: int = 0
    rows_written: int = 0
    statements: list[Statement] = field(default_factory=list)


Report = Callable[[list[TableRun]], None]


def write_audit_publish(
    run: PipelineRun, report: Report | None = None, gate: Gate | None = None, *, alone: bool = False
) -> list[TableRun]:
    """Compute the days of a run and publish those whose content changed; again = nothing changes.

    `gate`: looks at what passed its audit before it is published, and may hold it back. `alone`: without the stale days of the
    restatement window.

    The same run a second time waits for the first. Where an input changed meanwhile, everything is computed again. What an audit
    holds back is kept for a while. Raises BadData when a check failed or the gate is closed, NotEvaluated when one could not run,
    Transient when an input is missing or keeps changing, SpecError for faulty SQL.
    """
    locks = Locks(f"headline: {run.pipeline.id} {run.run_id}")
    try:
        with locks.exclusive(f"run {run.key}", timeout=3600), run.warehouse.staging(run.key, locks) as session:
            for _ in range(ATTEMPTS):
                progress = _Progress(report, session)
                if _attempt(run, session, progress, gate, alone=alone) is not None:
                    _forget_kept(run)
                    return progress.tables
                log.info("%s: an input changed while it was computed: computing again", run.pipeline.id)
    finally:
        locks.close()
    raise Transient(
        f"{run.pipeline.id}: its inputs changed {ATTEMPTS} times while it was computed; run it again when they are quiet"
    )


class _Progress:
    """The progress of a run by table; passed to `report` after each step."""

    def __init__(self, report: Report | None = None, session: Staging | None = None) -> None:
        self._report = report
        self._session = session
        self._tables: dict[str, TableRun] = {}

    @property
    def tables(self) -> list[TableRun]:
        return list(self._tables.values())

    @contextmanager
    def step(self, what: str, *tables: Table) -> Iterator[None]:
        """One step as a group of the log; its time is shared among the tables."""
        log.info("::group::%s %s", what, ", ".join(table.full_name for table in tables))
        begun = time.monotonic()
        try:
            yield
        finally:
            log.info("::endgroup::")
            seconds = round((time.monotonic() - begun) / len(tables), 3)
            for table in tables:
                if known := self._tables.get(table.full_name):
                    self._tables[table.full_name] = replace(known, seconds=known.seconds | {what: seconds})
            self._spent(tables)
            if self._report:
                self._report(self.tables)

    def _spent(self, tables: Sequence[Table]) -> None:
        """Add what the engine has charged for to the tables that it was for."""
        owners = {name: table.full_name for table in tables for name in table.outputs}
        for statement in self._session.spent() if self._session else ():
            if known := self._tables.get(owners.get(statement.table, "")):
                self._tables[known.table] = replace(known, statements=[*known.statements, statement])

    def transformed(self, staged: Staged) -> None:
        name = staged.table.full_name
        self._tables[name] = TableRun(name, staged.intervals, staged.compiled_sql, staged.row_count, staged.refused_count)

    def audited(self, name: str, verdict: str, results: Sequence[CheckResult]) -> None:
        checks = {f"{result.path}: {result.name}": result.outcome for result in results}
        self._tables[name] = replace(self._tables[name], state=verdict, checks=checks)

    def published(self, published: list[Published]) -> None:
        for name, known in self._tables.items():
            mine = [one for one in published if one.table == name]
            days = [str(one) for one in merge(one.interval for one in mine)]
            rows = sum(one.row_count for one in mine)
            self._tables[name] = replace(known, state="published", published=days, changed_count=len(mine), rows_written=rows)


def prepare(pipeline: Pipeline) -> None:
    """Compile the SQL and the contracts of a pipeline, so that a process that is forked afterwards finds them ready.

    A faulty file is left to the run, which says what is wrong.
    """
    prepare_contracts(pipeline.ordered_tables)
    for table in pipeline.ordered_tables:
        with suppress(HeadlineError):
            code_version(table)
            compile_table(table, Interval(date(2000, 1, 1), date(2000, 1, 2)), expected(pipeline, table, DIALECT), DIALECT)


def planned_run(run: PipelineRun, session: Staging, *, alone: bool = False) -> Plan:
    """The plan of a run.

    `alone`: without the stale days of the restatement window. Raises BadData where the warehouse is not the one that the ledger
    knows, also where days seem to be missing because of that.
    """
    try:
        return replace(plan(run), alone=alone)
    except Transient:
        with session.reading():
            raise


def transform_all(planned: Plan, session: Staging, progress: _Progress | None = None) -> dict[str, Staged]:
    """Write all staging tables of a run, by table, each after those that it reads.

    Every published table that the run reads or fills is there afterwards.
    """
    progress, run = progress or _Progress(), planned.run
    staged: dict[str, Staged] = {}
    with session.reading():
        session.ensure(outputs_needed(run, {*run.pipeline.inputs, *tables_of_checks(run.pipeline)}))
        for table in run.pipeline.ordered_tables:
            session.give_way()
            with progress.step("transform", table):
                staged[table.full_name] = transform(planned, table, staged, session)
                progress.transformed(staged[table.full_name])
    return staged


def _attempt(
    run: PipelineRun, session: Staging, progress: _Progress, gate: Gate | None, *, alone: bool = False
) -> list[Published] | None:
    """Compute, audit and publish once; None where an input changed meanwhile.

    A stale day that fails its audit, or waits for an approval, must not hold back the days asked for: these are computed again
    alone, and the stale ones stay as they are published, and stale.
    """
    planned, failure, also = planned_run(run, session, alone=alone), None, None
    with session.reading():  # the file is opened once
        staged = transform_all(planned, session, progress)
        with progress.step("audit", *run.pipeline.ordered_tables):
            try:
                audit(planned, staged, session, progress.audited)
                also = gate(planned, staged, session) if gate else None
            except (BadData, NotEvaluated) as error:
                if is_outdated(planned, staged, run.ledger):  # its checks compared old rows with new ones
                    return None
                if isinstance(error, NotEvaluated) or alone or not _brings_stale_days(run, staged):
                    _keep(session)
                    raise
                failure = error
    if failure:
        log.warning(
            "Stale days were computed too and failed the audit; now only %s is computed. Failures:\n%s",
            run.requested,
            failure,
        )
        return _attempt(run, session, progress, gate, alone=True)
    with progress.step("publish", *run.pipeline.ordered_tables):
        published = publish(planned, staged, session, also)
        progress.published(published or [])
    return published


def _brings_stale_days(run: PipelineRun, staged: Mapping[str, Staged]) -> bool:
    """Whether days were computed that nobody asked for."""
    return any(
        interval.start < asked.start or asked.end < interval.end
        for one in staged.values()
        for asked in [run.requested.widen(one.table.period)]
        for interval in one.intervals
    )


def _keep(session: Staging) -> None:
    """Keep what an audit holds back; the verdict counts also where there is no room for that."""
    try:
        session.keep()
    except NoSpace as error:
        log.warning("The failed staging tables could not be kept for inspection: %s", error)


def _forget_kept(run: PipelineRun) -> None:
    """This run's results are public now; those of failed runs are kept for inspection, but not for ever."""
    run.warehouse.forget(run.key)
    days = settings.load().keep_staging_days
    expired = run.ledger.expired_staging_tables(days) if days else []
    for key in {key for key, _ in expired}:
        run.warehouse.forget(key)
    run.ledger.forget_staging_tables(expired)
