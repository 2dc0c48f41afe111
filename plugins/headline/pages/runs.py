"""Runs that have failed or wait, and why: for the board and for `headline status`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote

from headline import settings
from headline.airflow_api import AirflowApi
from headline.errors import BadRequest, HeadlineError
from headline.intervals import DAY, Interval, in_words, merge
from headline.ledger import Ledger, PeriodState, lacking_in_words, missing_days, missing_for
from headline.operators.context import days_as_told
from headline.redaction import redact
from headline.specs import Catalog, Table

FAILED_SINCE = timedelta(days=7)
LISTED = 100  # the most that Airflow gives at once
LOGS_READ = 12  # each is a file; the runs of a backfill mostly fail for the same reason
WAITING_TASKS = ["deferred", "up_for_retry", "queued", "scheduled"]
LONG_ENOUGH = timedelta(minutes=1)  # a worker or a look of the scheduler is never at once
LINE_LENGTH = 300


@dataclass(frozen=True)
class Run:
    """One run as Airflow tells it, with the business days that it is for."""

    dag_id: str
    run_id: str
    kind: str
    state: str
    days: Interval
    since: datetime

    @classmethod
    def of(cls, told: Mapping[str, Any], zone: str) -> Run:
        """`since`: when it ended, or began to wait."""
        since = told["end_date"] or told["queued_at"] or told["run_after"]
        moment = datetime.fromisoformat(since)
        return cls(told["dag_id"], told["dag_run_id"], told["run_type"], told["state"], days_of(told, zone), moment)


@dataclass(frozen=True)
class RunGroup:
    """Runs of one DAG, all of a backfill or none, that have failed or wait for the same reason; the newest is named."""

    dag_id: str
    state: Literal["failed", "waiting"]
    is_backfill: bool
    reason: str
    runs: tuple[Run, ...]

    @property
    def days(self) -> str:
        return in_words(day for run in self.runs for day in run.days)

    @property
    def since(self) -> datetime:
        return max(run.since for run in self.runs) if self.state == "failed" else min(run.since for run in self.runs)

    @property
    def name(self) -> str:
        """What they are: «run», «3 runs», «backfill» with the number of its runs."""
        number = len(self.runs)
        if self.is_backfill:
            return f"backfill, {number} run{'s' if number > 1 else ''}"
        return "run" if number == 1 else f"{number} runs"

    @property
    def path(self) -> str:
        """Where Airflow shows the newest of them."""
        newest = max(self.runs, key=lambda run: run.since)
        return f"/dags/{quote(self.dag_id)}/runs/{quote(newest.run_id, safe='')}"


def failed_and_waiting(api: AirflowApi, catalog: Catalog, ledger: Ledger, now: datetime, dag_id: str = "~") -> list[RunGroup]:
    """Runs of a DAG, of all for `~`, that wait, and those of the last 7 days that failed and whose days were not computed since.

    Failed ones come first, in each the newest. Raises HeadlineError where Airflow or the ledger does not tell.
    """
    known = settings.load()
    failed = [
        Run.of(told, known.reporting_zone)
        for told in api.runs(dag_id, state="failed", end_date_gte=(now - FAILED_SINCE).isoformat(), limit=LISTED)
    ]
    active = [
        Run.of(told, known.reporting_zone)
        for told in api.runs(dag_id, state=["queued", "running"], order_by="run_after", limit=LISTED)
    ]
    reasons = _failures(api, _still_failed(api, failed, catalog, ledger), now)
    reasons += _waits(api, active, catalog, ledger, now) if active else []
    grouped: dict[tuple[str, str, bool, str], list[Run]] = {}
    for run, reason in reasons:
        state = "failed" if run.state == "failed" else "waiting"
        grouped.setdefault((run.dag_id, state, run.kind == "backfill", reason), []).append(run)
    groups = [RunGroup(dag, state, backfill, why, tuple(runs)) for (dag, state, backfill, why), runs in grouped.items()]  # type: ignore[arg-type]
    return sorted(groups, key=lambda group: (group.state, -group.since.timestamp(), group.dag_id))


def days_of(told: Mapping[str, Any], zone: str) -> Interval:
    """The business days of a run: its params, else its data interval, else the day before it was created."""
    try:
        return days_as_told(told, zone)
    except BadRequest:  # it has failed for that reason, which its error says
        return days_as_told({**told, "conf": None}, zone)


def _still_failed(api: AirflowApi, runs: list[Run], catalog: Catalog, ledger: Ledger) -> list[Run]:
    """Those whose days were not all computed since; of a DAG that publishes nothing, those after which none has succeeded."""
    by_dag: dict[str, list[Run]] = {}
    for run in runs:
        by_dag.setdefault(run.dag_id, []).append(run)
    found = []
    for dag_id, mine in by_dag.items():
        if pipeline := catalog.pipelines.get(dag_id):
            wanted = [table for table in pipeline.ordered_tables if table.full_name not in settings.load().without]
            states = ledger.states([table.full_name for table in wanted], *merge(run.days for run in mine))
            found += [run for run in mine if not _is_computed_since(run, wanted, states)]
        else:
            newest = [Run.of(told, settings.load().reporting_zone) for told in api.runs(dag_id, state="success", limit=1)]
            found += [run for run in mine if not any(one.since > run.since for one in newest)]
    return found


def _is_computed_since(run: Run, tables: Iterable[Table], states: Iterable[PeriodState]) -> bool:
    newer = [state for state in states if state.computed_at > run.since]
    for table in tables:
        mine = [state.interval for state in newer if state.table == table.full_name]
        if not mine or (table.period_column and missing_days(run.days, mine)):
            return False
    return True


def _failures(api: AirflowApi, runs: list[Run], now: datetime) -> list[tuple[Run, str]]:
    """Why each of the runs failed: the first line of the error of the task that failed first."""
    if not runs:
        return []
    since = (now - FAILED_SINCE - DAY).isoformat()
    dag_id = runs[0].dag_id if len({run.dag_id for run in runs}) == 1 else "~"
    failed = api.all_task_instances(dag_id=dag_id, state="failed", end_date_gte=since, order_by="-end_date", limit=LISTED)
    first = {(task["dag_id"], task["dag_run_id"]): task for task in failed}
    found = []
    for place, run in enumerate(sorted(runs, key=lambda run: run.since, reverse=True)):
        task = first.get((run.dag_id, run.run_id))
        if task and place < LOGS_READ:
            reason = _error(api, task)
        elif task or len(failed) == LISTED:
            reason = "a task failed: its log says why"
        else:
            reason = "no task of it failed by itself: it was marked as failed, or took too long"
        found.append((run, reason))
    return found


def _error(api: AirflowApi, task: Mapping[str, Any]) -> str:
    try:
        error = api.error(task["dag_id"], task["dag_run_id"], task["task_id"], task["try_number"])
    except HeadlineError:  # who may see a run need not be allowed to read its log
        return f"{task['task_id']} failed"
    return f"{task['task_id']}: {_cut(redact(error))}" if error else f"{task['task_id']} failed: its process was killed or lost"


def _waits(api: AirflowApi, runs: list[Run], catalog: Catalog, ledger: Ledger, now: datetime) -> list[tuple[Run, str]]:
    """What each of the runs waits for; those that are being computed are left out."""
    paused = {dag["dag_id"] for dag in api.dags() if dag["is_paused"]}
    tasks = {(task["dag_id"], task["dag_run_id"]): task for task in api.all_task_instances(state=WAITING_TASKS)}
    found = []
    deferred = []
    for run in runs:
        waits = tasks.get((run.dag_id, run.run_id))
        state = waits["state"] if waits else None
        at_work = sum(other.dag_id == run.dag_id and other.state == "running" for other in runs)
        if run.dag_id in paused:
            found.append((run, "the DAG is paused: unpause it"))
        elif state == "deferred" and run.dag_id in catalog.pipelines:
            deferred.append(run)
        elif state == "up_for_retry" and waits:
            found.append((run, f"will be tried again after try {waits['try_number']}; {_error(api, waits)}"))
        elif run.state == "queued" and at_work:
            found.append((run, f"{at_work} run{'s' if at_work > 1 else ''} of this DAG must end first"))
        elif state in ("queued", "scheduled") and now - run.since > LONG_ENOUGH:
            found.append((run, "waits for a worker"))
        elif run.state == "queued" and now - run.since > LONG_ENOUGH:
            found.append((run, "waits for the scheduler"))
    return found + _missing_inputs(deferred, runs, catalog, ledger)


def _missing_inputs(waiting: list[Run], active: Iterable[Run], catalog: Catalog, ledger: Ledger) -> list[tuple[Run, str]]:
    """What the runs wait for: days that their inputs lack, or else runs upstream that are about to change these days.

    Runs of one DAG that wait for the same tables are told together, with all days that these lack.
    """
    always_there = {"calendar.days", *settings.load().without}
    asked = [
        ({name: window for name, window in catalog.pipelines[run.dag_id].inputs.items() if name not in always_there}, run.days)
        for run in waiting
    ]
    found = []
    lacking: dict[tuple[str, bool, tuple[str, ...]], list[tuple[Run, dict[str, list[date]]]]] = {}
    for run, missing in zip(waiting, missing_for(asked, ledger), strict=True):
        upstream = catalog.inputs_of(run.dag_id)
        ahead = {other.dag_id for other in active if other.dag_id in upstream and other.days.overlaps(run.days)}
        if missing:
            lacking.setdefault((run.dag_id, run.kind == "backfill", tuple(sorted(missing))), []).append((run, missing))
        elif ahead:
            found.append((run, f"waits for runs of {', '.join(sorted(ahead))} on these days"))
        else:
            found.append((run, "its inputs are there: it is about to begin"))
    for (_, _, names), runs in lacking.items():
        days = {name: {day for _, missing in runs for day in missing[name]} for name in names}
        reason = f"waits for {lacking_in_words(days)}"
        found += [(run, reason) for run, _ in runs]
    return found


def _cut(text: str) -> str:
    return text if len(text) <= LINE_LENGTH else f"{text[: LINE_LENGTH - 1]}…"
