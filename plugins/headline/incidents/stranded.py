"""Runs of Airflow's own backfills that are queued and can never start, since the backfill that they belong to has ended.

Airflow starts no run of a backfill that was cancelled, also when somebody clears it afterwards (airflow#72337, #72054), and may
take a backfill for complete while some of its runs are queued (airflow#68721).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from headline.airflow_api import AirflowApi
from headline.incidents.kinds import BACKFILL_STRANDED, range_of
from headline.intervals import named_day
from headline.ledger.incident import Finding, Incident

# A run that may start does so within seconds, or when another of its backfill has ended.
STRANDED_AFTER = timedelta(minutes=10)
SHOWN = 10


@dataclass(frozen=True)
class Stranded:
    """One run that can never start, the day that it is for, and since when it is queued."""

    dag_id: str
    run_id: str
    day: date
    since: datetime


def stranded_runs(api: AirflowApi, now: datetime, zone: str) -> list[Stranded]:
    """All of them, by DAG and day; one call where no run of a backfill has been queued for long.

    Runs that wait for a person are none: those of a paused DAG, and of a backfill that is paused and may go on.
    """
    queued = api.all_runs("~", run_type="backfill", state="queued")
    old = [run for run in queued if run["queued_at"] and now - datetime.fromisoformat(run["queued_at"]) > STRANDED_AFTER]
    if not old:
        return []
    paused = {dag["dag_id"] for dag in api.dags() if dag["is_paused"]}
    at_work = {run["dag_id"] for run in api.all_runs("~", run_type="backfill", state="running")}
    found = []
    for dag_id in sorted({run["dag_id"] for run in old} - paused):
        backfills = api.backfills(dag_id)
        for run in (run for run in old if run["dag_id"] == dag_id and run["logical_date"]):
            moment = datetime.fromisoformat(run["logical_date"])
            mine = [one for one in backfills if _moment(one["from_date"]) <= moment <= _moment(one["to_date"])]
            has_ended = all(one["completed_at"] for one in mine)
            # Runs of a backfill that has ended take turns like others; those of one that was cancelled never get theirs.
            is_held = not mine or bool(max(mine, key=lambda one: one["id"])["is_paused"])
            if has_ended and (is_held or dag_id not in at_work):
                since = datetime.fromisoformat(run["queued_at"])
                found.append(Stranded(dag_id, run["dag_run_id"], named_day(moment, zone), since))
    return sorted(found, key=lambda one: (one.dag_id, one.day))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def stranded_findings(stranded: Iterable[Stranded], incidents: Iterable[Incident]) -> Iterator[Finding]:
    """One finding a DAG, however long it lasts: it keeps the day on which it was found first."""
    begun = {one.pipeline: one.ds for one in incidents if one.kind == BACKFILL_STRANDED.name}
    by_dag: dict[str, list[Stranded]] = {}
    for one in stranded:
        by_dag.setdefault(one.dag_id, []).append(one)
    for dag_id, runs in by_dag.items():
        since = min(one.since for one in runs)
        facts: Mapping[str, Any] = {
            "run_id": runs[0].run_id,
            "queued": [one.run_id for one in runs[:SHOWN]],
            "queued_count": len(runs),
            **range_of(runs[0].day, runs[-1].day),
        }
        yield Finding(dag_id, BACKFILL_STRANDED.name, begun.get(dag_id, since.date()), since, dict(facts))
