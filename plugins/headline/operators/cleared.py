"""Who has cleared a run: they have caused what comes of it, as has who triggered it. Airflow tells a task only how often."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headline.airflow_api import AirflowApi

CONNECTION = "headline_airflow"
# What Airflow's audit log calls it. The events of many runs at once name none of them: they are known by their time.
OF_ONE = ("clear_dag_run", "post_clear_task_instances")
OF_MANY = (*OF_ONE, "clear_dag_runs", "clear_dag_run_partitions", "create_backfill")
AT_ONCE = timedelta(minutes=5)  # the event is written first, then one run after the other is queued again


def cleared_by(run: Any) -> list[str]:
    """The logins of everybody who has cleared a run; none where nobody has.

    Raises BadRequest where somebody has and the audit log does not say who, and Transient where it cannot be asked now.
    """
    import httpx

    from headline.airflow_api import AirflowApi, Refused
    from headline.errors import BadRequest, HeadlineError, Transient

    if not run.clear_number:
        return []
    unknown = (
        f"the run {run.run_id} would restate issued figures and was cleared, and it is not known by whom, who cannot approve it. "
        f"Trigger {run.dag_id} for its days instead, in your own name"
    )
    try:
        with AirflowApi.from_connection(CONNECTION) as api:
            people = who_cleared(api, run.dag_id, run.run_id)
    except (BadRequest, Refused) as error:
        raise BadRequest(f"{unknown}; {CONNECTION} needs a login that may read Airflow's audit log: {error}") from error
    except (HeadlineError, httpx.HTTPError) as error:
        raise Transient(f"{unknown}: {error}") from error
    if not people:
        raise BadRequest(f"{unknown}; Airflow's audit log does not say")
    return people


def who_cleared(api: AirflowApi, dag_id: str, run_id: str) -> list[str]:
    """Who has cleared just this run, ever, and who has cleared many when it was queued last."""
    found = api.events(dag_id=dag_id, run_id=run_id, included_events=[*OF_ONE])
    queued_at = (api.run(dag_id, run_id) or {}).get("queued_at")
    if queued_at:
        moment = datetime.fromisoformat(queued_at)
        near = {"after": (moment - AT_ONCE).isoformat(), "before": (moment + timedelta(seconds=1)).isoformat()}
        many = api.events(included_events=[*OF_MANY], **near)
        found += [one for one in many if not one["run_id"] and one["dag_id"] in (dag_id, "~", None)]
    return list(dict.fromkeys(one["owner"] for one in found if one["owner"]))
