"""What somebody does about backfills by hand: start one, go on with one, end one, and free runs that can never start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from headline import settings
from headline.errors import BadRequest
from headline.incidents.first_step import trigger_command
from headline.incidents.stranded import stranded_runs
from headline.intervals import DAY, Interval
from headline.local.screen import Screen
from headline.remote.client import Airflow, airflow
from headline.remote.runs import follow

DAG_ID = "backfill"


def run(conf: Mapping[str, Any]) -> None:
    """Run the DAG `backfill` with what its form would say, and show how it ends and what it has done to rows and money."""
    with airflow("a backfill") as api:
        run_id = _run(api, conf)
        found = api.ranged_of(run_id)
    Screen().say("\n".join([_standing(found), *found["effect"]]) if found else "there was nothing to compute")


def resume(number: int) -> None:
    """Go on with what is missing of a backfill; raises BadRequest where it has ended."""
    with airflow("a backfill") as api:
        found = api.ranged(number)
        if not found["is_open"]:
            raise BadRequest(f"{_standing(found)}: there is nothing to go on with; ask for the days in a new backfill")
        _run(api, found["fields"] | {"resume": number})
        found = api.ranged(number)
    Screen().say("\n".join([_standing(found), *found["effect"]]))


def cancel(number: int) -> str:
    """End a backfill in the name of whoever asks; gives in words how it stands."""
    with airflow("the end of a backfill") as api:
        return _standing(api.cancel(number))


def _run(api: Airflow, conf: Mapping[str, Any]) -> str:
    """Run the DAG and show how it ends; gives the id of its run."""
    if any(dag["dag_id"] == DAG_ID and dag["is_paused"] for dag in api.dags()):
        raise BadRequest(f"{DAG_ID} is paused, its run would only wait: headline unpause {DAG_ID}")
    started = api.trigger(DAG_ID, conf={name: value for name, value in conf.items() if value is not None})
    follow(api, started)
    return str(started["dag_run_id"])


def _standing(found: Mapping[str, Any]) -> str:
    return f"{found['name']}: {found['standing']}, {found['progress']} chunk(s) are done"


def free(pipeline: str) -> None:
    """End the stranded runs of Airflow's own backfills of a DAG as failed, and say what computes their days.

    Raises BadRequest where there is no such DAG.
    """
    with airflow("the end of a run") as api:
        known = [dag["dag_id"] for dag in api.dags()]
        if pipeline not in known:
            raise BadRequest(f"there is no DAG {pipeline}; there are: {', '.join(known)}")
        found = [one for one in stranded_runs(api, datetime.now(UTC), settings.load().reporting_zone) if one.dag_id == pipeline]
        for one in found:
            api.fail(pipeline, one.run_id, "it could never start: the backfill that it belongs to has ended")
            Screen().say(f"{pipeline} {one.run_id} is freed")
    if found:
        days = Interval(found[0].day, found[-1].day + DAY)
        Screen().say(f"To compute their days: {trigger_command([pipeline], days)}")
    else:
        Screen().say(f"{pipeline}: no queued run of a backfill is stranded")
