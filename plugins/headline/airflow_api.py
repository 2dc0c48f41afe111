"""A small client of Airflow's REST API, for the command line, the freshness watch and the tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from headline import connections
from headline.errors import HeadlineError
from headline.redaction import redact

ADMIN = "admin"  # the user that set-up makes
SECRETS = "secrets"  # the folder of a home with its passwords; the administrator's is the file of that name
PAGE = 100  # Airflow gives no more at once
OF_START = ("airflow.dag_processing.", "py.warnings")  # loggers that say how a task's process began


class Refused(HeadlineError):
    """Airflow did not do what it was asked for; `status` is its HTTP status, `detail` what it said."""

    def __init__(self, message: str, status: int, detail: str = "") -> None:
        super().__init__(message)
        self.status, self.detail = status, detail


class AirflowApi:
    """Airflow at `url` as seen by one user; it logs in at the first call that needs it.

    Every method raises Refused with Airflow's own words when Airflow refuses, and httpx.TransportError when nobody answers.
    """

    def __init__(
        self, url: str, user: str, password: str, transport: httpx.BaseTransport | None = None, *, is_far: bool = False
    ) -> None:
        self.url, self.user = url, user
        self._credentials = {"username": user, "password": password}
        # A proxy of the machine has no business between two of its own processes; what is far may lie behind one.
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=is_far, transport=transport)
        self._logged_in = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """The Airflow of one home, as its administrator; for who sets up and operates it, never for a task."""
        password = Path(environment["HEADLINE_HOME"], SECRETS, ADMIN).read_text().strip()
        return cls(environment["AIRFLOW__API__BASE_URL"], ADMIN, password)

    @classmethod
    def from_connection(cls, conn_id: str) -> Self:
        """The Airflow of an HTTP connection, as its login; raises BadRequest where there is no such connection."""
        found = connections.get(conn_id)
        port = f":{found.port}" if found.port else ""
        return cls(f"{found.host}{port}", found.login or "", found.password or "")

    @classmethod
    def with_headers(cls, headers: Mapping[str, str], transport: httpx.BaseTransport) -> Self:
        """Airflow as seen by whoever has sent these headers, which hold a token or a cookie."""
        found = cls("http://airflow", "", "", transport)
        found._client.headers.update(headers)
        found._logged_in = True
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._client.close()

    def address(self, dag_id: str, run_id: str) -> str:
        """Where people see a run."""
        return f"{self.url}/dags/{dag_id}/runs/{quote(run_id, safe='')}"

    def health(self) -> dict[str, dict[str, str | None]]:
        """Status and latest heartbeat of metadatabase, scheduler, dag_processor and triggerer; needs no login."""
        return self._client.get("/api/v2/monitor/health", timeout=5).raise_for_status().json()

    def dags(self) -> list[dict[str, Any]]:
        return self._all("/dags", "dags", order_by="dag_id")

    def details(self, dag_id: str) -> dict[str, Any] | None:
        """A DAG with its parameters, as its runs are made from; None where Airflow has listed it and not yet written that."""
        return self._request("GET", f"/dags/{dag_id}/details", absent=None)

    def import_errors(self) -> list[dict[str, Any]]:
        """DAG files that could not be loaded: filename and stack_trace of each."""
        return self._request("GET", "/importErrors")["import_errors"]

    def unpause(self, dag_id: str) -> None:
        self._request("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def trigger(
        self,
        dag_id: str,
        *,
        run_id: str | None = None,
        conf: Mapping[str, Any] | None = None,
        interval: tuple[datetime, datetime] | None = None,
    ) -> dict[str, Any]:
        """Start a run. With an `interval` it is the run that the schedule would make for it: its logical date is the start."""
        body: dict[str, Any] = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf or {})}
        if interval:
            start, end = (moment.isoformat() for moment in interval)
            body |= {"logical_date": start, "data_interval_start": start, "data_interval_end": end}
        return self._request("POST", f"/dags/{dag_id}/dagRuns", json=body)

    def backfill(self, dag_id: str, first: date, last: date) -> int:
        """Have Airflow make or clear a run for each day, both included, one after the other; gives the backfill's id."""
        start, end = (f"{day}T00:00:00Z" for day in (first, last))
        body = {"dag_id": dag_id, "from_date": start, "to_date": end, "max_active_runs": 1, "reprocess_behavior": "completed"}
        return int(self._request("POST", "/backfills", json=body)["id"])

    def backfills(self, dag_id: str) -> list[dict[str, Any]]:
        """Every backfill of a DAG, newest first."""
        return self._all("/backfills", "backfills", dag_id=dag_id, order_by="-id")

    def is_backfilled(self, backfill_id: int) -> bool:
        """Whether all runs of a backfill have ended."""
        return bool(self._request("GET", f"/backfills/{backfill_id}")["completed_at"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any] | None:
        """One run, or None where there is none of that id."""
        return self._request("GET", f"/dags/{dag_id}/dagRuns/{run_id}", absent=None)

    def run_of(self, dag_id: str, logical_date: datetime) -> dict[str, Any] | None:
        """The one run of that logical date, whoever started it."""
        moment = logical_date.isoformat()
        found = self.runs(dag_id, logical_date_gte=moment, logical_date_lte=moment)
        return found[0] if found else None

    def runs(self, dag_id: str, **filters: Any) -> list[dict[str, Any]]:
        """The newest runs of a DAG (of all for `~`), newest first; `filters` are the API's own, such as limit or state."""
        params = {"order_by": "-run_after", "limit": 10} | filters
        return self._request("GET", f"/dags/{dag_id}/dagRuns", params=params)["dag_runs"]

    def all_runs(self, dag_id: str, **filters: Any) -> list[dict[str, Any]]:
        """Every run of a DAG (of all for `~`) that the filters leave, in the order in which they were made."""
        return self._all(f"/dags/{dag_id}/dagRuns", "dag_runs", order_by="id", **filters)

    def events(self, **filters: Any) -> list[dict[str, Any]]:
        """The audit log: who (`owner`) has done what (`event`) to which DAG and run, the newest first."""
        return self._all("/eventLogs", "event_logs", order_by="-id", **filters)

    def clear(self, dag_id: str, run_id: str, *, only_failed: bool = True) -> None:
        """Run again, in place, what failed of a run and what depends on it, or all of it."""
        self._request("POST", f"/dags/{dag_id}/dagRuns/{run_id}/clear", json={"dry_run": False, "only_failed": only_failed})

    def fail(self, dag_id: str, run_id: str, note: str) -> None:
        """End a run that has not ended as failed; the note says why."""
        self._request("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", json={"state": "failed", "note": note})

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        return self._request("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 1000})["task_instances"]

    def task_instance(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any] | None:
        """One task of a run with its newest try, or None where there is none."""
        return self._request("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}", absent=None)

    def all_task_instances(self, **filters: Any) -> list[dict[str, Any]]:
        """Task instances of all DAGs and runs; `filters` are the API's own, such as state or order_by."""
        path = f"/dags/{filters.pop('dag_id', '~')}/dagRuns/~/taskInstances"
        return self._request("GET", path, params={"limit": 100} | filters)["task_instances"]

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str) -> None:
        """Answer a task that waits for a person, as this user."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
        self._request("PATCH", path, json={"chosen_options": [option], "params_input": {}})

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> list[str]:
        """What one try of a task logged, an event a line, its errors with their traceback."""
        return [line for event in self._log(dag_id, run_id, task_id, try_number) for line in log_lines(event)]

    def error(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> str:
        """The first line of the error that ended one try of a task, with the next after a colon; empty where its log has none."""
        for event in reversed(self._log(dag_id, run_id, task_id, try_number)):
            if isinstance(event, dict) and (errors := event.get("error_detail")):
                text = str(errors[0]["exc_value"]).strip() or str(errors[0]["exc_type"])
                first, *others = [line.strip() for line in text.splitlines() if line.strip()]
                return f"{first} {others[0]}" if others and first.endswith(":") else first
        return ""

    def _log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> list[str | dict[str, Any]]:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        return _of_the_task(self._request("GET", path, absent={"content": []})["content"])

    def _all(self, path: str, name: str, **params: Any) -> list[dict[str, Any]]:
        """Everything that a path lists under a name, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            answer = self._request("GET", path, params={"limit": PAGE, "offset": len(found)} | params)
            found += answer[name]
            if not answer[name] or len(found) >= answer.get("total_entries", 0):
                return found

    def _request(self, method: str, path: str, **options: Any) -> Any:
        return self._ask(method, f"/api/v2{path}", **options)

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        """Ask for any path of the server; `absent`: what stands for an answer 404."""
        if not self._logged_in:
            answer = self._client.post("/auth/token", json=self._credentials)
            if answer.is_error:
                told = redact(answer.text)[:500]  # an answer may repeat what it was sent
                raise HeadlineError(f"Airflow refused the login: {answer.status_code} {told}")
            self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            self._logged_in = True
        answers_absent, absent = "absent" in options, options.pop("absent", None)
        answer = self._client.request(method, path, **options)
        if answer.status_code == httpx.codes.NOT_FOUND and answers_absent:
            return absent
        if not answer.is_success:  # a redirect is of a proxy that wants another login
            what = f"{method} {path.removeprefix('/api/v2')}"
            told = f"Airflow: {what} answered {answer.status_code}: {answer.text[:500]}"
            raise Refused(told, answer.status_code, detail_of(answer))
        return answer.json() if answer.content else None


def detail_of(answer: httpx.Response) -> str:
    """What a refusal says in its own words; empty where it is a page."""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return ""
    return detail if isinstance(detail, str) else json.dumps(detail)[:500]


def _of_the_task(events: list[str | dict[str, Any]]) -> list[str | dict[str, Any]]:
    """A log without its head, where Airflow names the files that it was read from, and without how Airflow found the DAG."""
    texts = [event if isinstance(event, str) else str(event.get("event", "")) for event in events]
    if texts and texts[0].startswith("::group::Log message source") and "::endgroup::" in texts:
        events = events[texts.index("::endgroup::") + 1 :]
    return [event for event in events if isinstance(event, str) or event.get("error_detail") or not _is_of_start(event)]


def _is_of_start(event: Mapping[str, Any]) -> bool:
    return event.get("level") not in ("error", "critical") and str(event.get("logger")).startswith(OF_START)


def log_lines(event: str | Mapping[str, Any]) -> list[str]:
    """One structured log event as text."""
    if isinstance(event, str):
        return [event]
    text = str(event.get("event", ""))
    lines = [] if text.startswith("::") else [text]
    return lines + [f"{error['exc_type']}: {error['exc_value']}" for error in event.get("error_detail") or []]
