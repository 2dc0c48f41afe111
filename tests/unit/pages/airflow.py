"""An Airflow that answers from a few runs and tasks, as its API does, and remembers which runs it was asked to start."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import httpx

from headline.airflow_api import AirflowApi


def run(dag_id: str, run_id: str, state: str, at: datetime, **more: Any) -> dict[str, Any]:
    """A run that was queued at a moment and, where it is over, ended at it."""
    moment = at.isoformat()
    told = {
        "dag_id": dag_id,
        "dag_run_id": run_id,
        "run_type": "manual",
        "state": state,
        "conf": {},
        "data_interval_start": None,
        "data_interval_end": None,
        "run_after": moment,
        "queued_at": moment,
        "end_date": moment if state in ("success", "failed") else None,
    }
    return told | more


def task(dag_id: str, run_id: str, state: str, at: datetime, task_id: str = "write_audit_publish") -> dict[str, Any]:
    told = {"dag_id": dag_id, "dag_run_id": run_id, "task_id": task_id, "state": state, "try_number": 1}
    return told | {"end_date": at.isoformat()}


class FakeAirflow:
    """`refused`: status by DAG with which a run of it is refused. `errors`: by run id, what its task's log says at its end."""

    def __init__(
        self,
        runs: Sequence[dict[str, Any]] = (),
        tasks: Sequence[dict[str, Any]] = (),
        dags: Iterable[str] = (),
        paused: Iterable[str] = (),
        errors: dict[str, str] | None = None,
        refused: dict[str, int] | None = None,
    ) -> None:
        self.runs, self.tasks, self.dags, self.paused = list(runs), list(tasks), list(dags), set(paused)
        self.errors, self.refused = errors or {}, refused or {}
        self.started: list[tuple[str, str, dict[str, Any]]] = []
        self.logs_read = 0

    @property
    def api(self) -> AirflowApi:
        return AirflowApi.with_headers({"authorization": "Bearer token"}, httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        parts = request.url.path.removeprefix("/api/v2/").split("/")
        states = request.url.params.get_list("state")
        match parts:
            case ["dags"]:
                return httpx.Response(200, json={"dags": [{"dag_id": one, "is_paused": one in self.paused} for one in self.dags]})
            case ["dags", dag_id, "dagRuns"] if request.method == "POST":
                return self._start(dag_id, json.loads(request.content))
            case ["dags", dag_id, "dagRuns"]:
                found = [one for one in self.runs if dag_id in ("~", one["dag_id"]) and one["state"] in states]
                return httpx.Response(200, json={"dag_runs": found})
            case ["dags", dag_id, "dagRuns", "~", "taskInstances"]:
                found = [one for one in self.tasks if dag_id in ("~", one["dag_id"]) and one["state"] in states]
                return httpx.Response(200, json={"task_instances": found})
            case ["dags", _, "dagRuns", run_id, "taskInstances", _, "logs", _]:
                self.logs_read += 1
                if self.errors.get(run_id) == "forbidden":
                    return httpx.Response(403, text="no right")
                error = {"exc_type": "BadData", "exc_value": self.errors.get(run_id, "")}
                content = [{"event": "line 1\nline 2"}, {"event": "Task failed", "error_detail": [error]}, {"event": "the end"}]
                return httpx.Response(200, json={"content": content if run_id in self.errors else []})
            case ["dags", dag_id, "dagRuns", run_id, "taskInstances", _]:
                found = [one for one in self.tasks if (one["dag_id"], one["dag_run_id"]) == (dag_id, run_id)]
                return httpx.Response(200, json=found[0]) if found else httpx.Response(404)
            case ["dags", dag_id, "dagRuns", run_id]:
                found = [one for one in self.runs if (one["dag_id"], one["dag_run_id"]) == (dag_id, run_id)]
                return httpx.Response(200, json=found[0]) if found else httpx.Response(404)
        raise AssertionError(f"{request.method} {request.url}")

    def _start(self, dag_id: str, body: dict[str, Any]) -> httpx.Response:
        if dag_id in self.refused:
            return httpx.Response(self.refused[dag_id], text="refused")
        if (dag_id, body["dag_run_id"]) in {(one, run_id) for one, run_id, _ in self.started}:
            return httpx.Response(409, text="there is such a run")
        self.started.append((dag_id, body["dag_run_id"], body["conf"]))
        return httpx.Response(200, json={})
