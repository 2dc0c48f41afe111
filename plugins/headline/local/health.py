"""Which of Airflow's components are healthy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import httpx

from headline.airflow_api import AirflowApi

AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer")


def components(api: AirflowApi, since: Mapping[str, datetime]) -> dict[str, bool]:
    """Which of Airflow's components are healthy; a heartbeat from before a program's start is of a process that is gone."""
    try:
        health = api.health()
    except httpx.HTTPError:
        return dict.fromkeys(AIRFLOW, False)
    up = {"api-server": health["metadatabase"]["status"] == "healthy"}
    for name in AIRFLOW[1:]:
        key = name.replace("-", "_")
        heartbeat = health[key].get(f"latest_{key}_heartbeat")
        is_new = heartbeat is not None and (name not in since or datetime.fromisoformat(heartbeat) >= since[name])
        up[name] = health[key]["status"] == "healthy" and is_new
    return up
