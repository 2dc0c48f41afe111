"""Exports are delivered by runs of their DAGs, whoever asks for them."""

from __future__ import annotations

from datetime import date

from headline.errors import BadRequest
from headline.remote.client import airflow
from headline.remote.runs import follow


def deliver(name: str, first: date | None = None, last: date | None = None, *, replay: bool = False) -> None:
    """Run the DAG of an export for some days (the newest period where none is given), and show how it ends.

    `replay`: the rows are sent once more that the receiver has refused. Raises BadRequest where it does not exist or is paused.
    """
    with airflow("an export") as api:
        known = {dag["dag_id"]: dag for dag in api.dags()}
        if name not in known:
            raise BadRequest(f"there is no DAG {name}: headline exports lists what can be delivered")
        if known[name]["is_paused"]:
            raise BadRequest(f"{name} is paused, its run would only wait: headline unpause {name}")
        days = {key: str(day) for key, day in (("from", first), ("to", last or first)) if day}
        follow(api, api.trigger(name, conf={**days, **({"replay": True} if replay else {})}))
