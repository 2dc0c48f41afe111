"""What Airflow's public API says of its own health and of tasks that take too long; the ledger cannot know either."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from headline.airflow_api import AirflowApi
from headline.errors import BadRequest, HeadlineError
from headline.incidents.stranded import Stranded, stranded_runs
from headline.intervals import business_day

log = logging.getLogger(__name__)

CONNECTION = "headline_airflow"
COMPONENTS = ("scheduler", "triggerer", "dag_processor")
SLOW_FACTOR = 3
SLOW_AT_LEAST = timedelta(minutes=5)
ENOUGH_RUNS = 5
MOST_ASKED = 10  # tasks about which one look asks, the longest at work first


@dataclass(frozen=True)
class AirflowState:
    """Components that show no sign of life, with what is known of it, and by pipeline and day the tasks that take too long.

    `stranded`: runs of backfills that can never start; None where that is not known.
    """

    down: dict[str, str] = field(default_factory=dict)
    slow: dict[tuple[str, date], list[dict[str, Any]]] = field(default_factory=dict)
    stranded: list[Stranded] | None = None


def look_at_airflow(now: datetime, zone: str) -> AirflowState:
    """Ask the API behind the connection headline_airflow; nothing is known where there is none or it does not answer.

    That the watch itself ran shows that the API is there, or else its heartbeat stops; so silence here is no alarm.
    """
    import httpx

    try:
        with AirflowApi.from_connection(CONNECTION) as api:
            return AirflowState(silent(api.health()), slow_tasks(api, now, zone), stranded_runs(api, now, zone))
    except BadRequest:
        return AirflowState()
    except (httpx.HTTPError, HeadlineError) as error:
        log.warning("Airflow's API does not say how it is: %s", error)
        return AirflowState()


def silent(health: dict[str, dict[str, str | None]]) -> dict[str, str]:
    """The components that are not healthy."""
    found = {}
    for name in COMPONENTS:
        state = health.get(name) or {}
        if state.get("status") != "healthy":
            heartbeat = state.get(f"latest_{name}_heartbeat")
            found[name] = f"no sign of life since {heartbeat[:16].replace('T', ' ')} UTC" if heartbeat else "no sign of life"
    return found


def slow_tasks(api: AirflowApi, now: datetime, zone: str) -> dict[tuple[str, date], list[dict[str, Any]]]:
    """Running tasks that take more than three times their median, by pipeline and business day of their run.

    One call for all that runs, and one for each task, however many runs of it there are.
    """
    found: dict[tuple[str, date], list[dict[str, Any]]] = {}
    usual: dict[tuple[str, str], timedelta | None] = {}
    for task in api.all_task_instances(state="running", order_by="start_date"):
        if not task["start_date"] or not task["logical_date"]:
            continue
        begun = _begun(task)
        if now - begun <= SLOW_AT_LEAST:
            continue
        name = (task["dag_id"], task["task_id"])
        if name not in usual and len(usual) == MOST_ASKED:
            continue
        if name not in usual:
            usual[name] = _usual(api, *name)
        is_usual = usual[name]
        if is_usual and now - begun > SLOW_FACTOR * is_usual:
            day = business_day(datetime.fromisoformat(task["logical_date"]), zone)
            named = {
                "task_id": task["task_id"],
                "run_id": task["dag_run_id"],
                "since": begun.replace(second=0, microsecond=0).isoformat(),
                "usual_minutes": round(is_usual.total_seconds() / 60, 1),
            }
            found.setdefault((task["dag_id"], day), []).append(named)
    return found


def _usual(api: AirflowApi, dag_id: str, task_id: str) -> timedelta | None:
    """The median of the task's last runs; None while there are too few."""
    ended = api.all_task_instances(dag_id=dag_id, task_id=task_id, state="success", order_by="-end_date", limit=20)
    durations = [
        (datetime.fromisoformat(one["end_date"]) - _begun(one)).total_seconds()
        for one in ended
        if one["task_id"] == task_id and one["start_date"] and one["end_date"]
    ]
    return timedelta(seconds=median(durations)) if len(durations) >= ENOUGH_RUNS else None


def _begun(task: dict[str, Any]) -> datetime:
    """When the task got its worker: one that waited for its inputs has had its start date since it began to wait."""
    return max(datetime.fromisoformat(moment) for moment in (task["start_date"], task.get("queued_when")) if moment)
