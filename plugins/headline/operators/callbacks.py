"""What Airflow calls when something happens to a task or a deadline passes; light to import, since every DAG file does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

from headline import settings
from headline.errors import BadData, BadRequest, HeadlineError, NotEvaluated, RestatementWaiting, Transient
from headline.intervals import DAY, business_day
from headline.operators.context import requested
from headline.redaction import redact

if TYPE_CHECKING:
    from headline.ledger.evidence import HeldBack
    from headline.ledger.incident import Finding

log = logging.getLogger(__name__)
P = ParamSpec("P")

# Runs that repair starts: it tries again by itself, and tells when it gives up.
REPAIR = "repair__"


async def landing_missed(context: Any = None, **_: Any) -> None:  # noqa: ARG001 (Airflow's signature)
    """A pipeline's deadline has passed: look at once, from the triggerer, which needs no worker."""
    from asgiref.sync import sync_to_async

    await sync_to_async(_look, thread_sensitive=False)()


def told_in_any_case(callback: Callable[P, None]) -> Callable[P, None]:
    """The callback; where it fails, people are told of that without it and, where need be, without the ledger."""

    @wraps(callback)
    def calling(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as error:  # whatever it is, Airflow would only log it
            from headline.paging.emergency import tell_directly
            from headline.redaction import redact

            log.exception("%s has failed", callback.__name__)
            tell_directly(redact(f"{type(error).__name__}: {error}")[:300], datetime.now(UTC), part="reports of failures")

    return calling


@told_in_any_case
def _look() -> None:
    from headline.incidents.watch import look

    look(datetime.now(UTC))


@told_in_any_case
def task_failed(context: Any) -> None:
    """A task has failed for good: an incident at once, if the day that it worked on concerns anybody today."""
    from headline.incidents.watch import report

    now = datetime.now(UTC)
    finding = finding_of(context, now)
    if finding:
        report([finding], now)


@told_in_any_case
def run_failed(context: Any) -> None:
    """A run has failed. A task whose process was killed cannot tell that itself: Airflow's DAG processor calls this for it."""
    from headline.incidents.causes import DIRECT_CAUSES
    from headline.incidents.kinds import failed_runs
    from headline.incidents.watch import report
    from headline.ledger.incidents import Incidents

    now = datetime.now(UTC)
    finding = finding_of(context, now) if "ti" in context else None
    told: set[tuple[str, str | None]] = set()
    for one in Incidents().open():
        told |= {(one.pipeline, run_id) for run_id in failed_runs(one.facts).values()}
        if one.kind in DIRECT_CAUSES or one.kind == "restatement_waiting":
            told.add((one.pipeline, one.facts.get("run_id")))
    if finding and (finding.pipeline, finding.facts["run_id"]) not in told:
        report([finding], now)


def run_succeeded(context: Any) -> None:
    """A run of a DAG that looks after the others has succeeded: what it failed at before is over."""
    from headline.ledger.incidents import Incidents

    dag_id, incidents = context["dag"].dag_id, Incidents()
    for incident in incidents.open():
        if (incident.pipeline, incident.kind) == (dag_id, "task_failed"):
            incidents.resolve(incident.id, datetime.now(UTC), "a later run has succeeded")


def watch_failed(context: Any) -> None:
    """The watch itself has failed for good: people are told without it and, where need be, without the ledger."""
    from headline.paging.emergency import tell_directly

    tell_directly(_reason(context), datetime.now(UTC))


def drill_failed(context: Any) -> None:
    """The drill could not be held. That a channel did not take it is an incident already, which the drill itself has opened."""
    from headline.paging.drill import DRILL
    from headline.paging.emergency import tell_directly

    error = context.get("exception")
    if not isinstance(error, HeadlineError) or isinstance(error, Transient):
        tell_directly(_reason(context), datetime.now(UTC), part=DRILL)


def finding_of(context: Any, now: datetime) -> Finding | None:
    """What a failed task means; None where nobody needs to be told.

    That is so for a request that made no sense, for an old day that the schedule or repair brings, and for waiting in vain, which
    the landing tells. All that fails of a pipeline's backfills on one day is one finding; a run by hand over old days is one.
    """
    from headline.incidents.kinds import FAILED_DAY
    from headline.incidents.world import LOOK_BACK_DAYS
    from headline.ledger.incident import Finding

    task, instance, error = context["task"], context["ti"], context.get("exception")
    today = business_day(now, settings.load().reporting_zone)
    days = [today - timedelta(days=1)]
    if "params" in context and "from" in context["params"]:
        try:
            days = list(requested(context))
        except BadRequest:
            return None
    if isinstance(error, BadRequest | RestatementWaiting):  # that something waits for an approval is told by the run itself
        return None
    run_type = getattr(context.get("dag_run"), "run_type", "")
    kind_of_run = getattr(run_type, "value", run_type)
    is_old = days[-1] < today - timedelta(days=LOOK_BACK_DAYS)
    is_asked_for = kind_of_run == "manual" and not instance.run_id.startswith(REPAIR)
    if kind_of_run == "backfill" or (is_old and is_asked_for):
        failed = {f"{FAILED_DAY}{day}": instance.run_id for day in days}
        facts = {"run_id": instance.run_id, "task_id": task.task_id, **_kind_of(task, error, instance)[1], **failed}
        return Finding(instance.dag_id, "backfill_failed", today, now, facts, adds=FAILED_DAY)
    if is_old or type(error).__name__ == "TaskDeferralTimeout":
        return None
    kind, known, since_day = _kind_of(task, error, instance)
    facts = {"run_id": instance.run_id, "task_id": task.task_id, "try_number": instance.try_number, **known}
    return Finding(instance.dag_id, kind, since_day or days[-1], now, facts)


def _kind_of(task: Any, error: Any, instance: Any) -> tuple[str, dict[str, Any], date | None]:
    """The kind of alert that the failure of a task is, what else the ledger knows of it, and the day where that is another."""
    from headline.incidents.kinds import range_of
    from headline.ledger import SchemaChanges

    told = {"error": redact(str(error).strip())[:1000] if error else "its process was killed or lost"}
    if hasattr(task, "export"):  # it publishes nothing: whatever failed, the receiver has what it had before
        return "task_failed", told, None
    landing = getattr(task, "landing", None)
    if landing and isinstance(error, BadData | Transient):
        changed = SchemaChanges().newest(f"landing.{landing}")
        if changed and changed.run_id == instance.run_id and changed.is_blocking:
            facts = {"landing": changed.landing, "changes": changed.told, "blocking": True}
            return "schema_changed", facts, changed.ds
        return "source_missing", {"landing": f"landing.{landing}", **told}, None
    if isinstance(error, BadData | NotEvaluated):
        kind, state = ("contract_failed", "failed") if isinstance(error, BadData) else ("contract_not_evaluated", "not_evaluated")
        table = _held_back(instance, state)
        if table and table.checks:
            days = range_of(table.intervals[0].start, table.intervals[-1].end - DAY)
            return kind, {"table": table.table, "checks": table.checks, **days}, None
        return kind, told | ({"behind": error.behind} if isinstance(error, NotEvaluated) and error.behind else {}), None
    return "task_failed", told, None


def _held_back(instance: Any, state: str) -> HeldBack | None:
    """The first table of the run's own pipeline that its audit left in this state; runs of other DAGs may have the same id."""
    from headline import specs
    from headline.ledger.evidence import Observations

    makers = specs.load_sound().makers
    held = Observations().evidence(datetime.now(UTC).date() - timedelta(days=7)).held_back
    mine = [one for one in held if one.run_id == instance.run_id and one.table in makers]
    return next((one for one in mine if (makers[one.table].id, one.state) == (instance.dag_id, state)), None)


def _reason(context: Any) -> str:
    error = context.get("exception")
    return redact(f"{type(error).__name__}: {error}")[:300] if error else "its process was killed or lost"
