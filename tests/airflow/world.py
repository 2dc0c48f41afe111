"""The real Airflow in a home of its own, with a small demo company, and what a test asks of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.faults.world import PIPELINES, complete

from headline import specs
from headline.airflow_api import AirflowApi
from headline.demo.company import Company
from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.local.dag_files import of_operations, of_pipelines
from headline.local.home import Home
from headline.local.postgres import Postgres
from headline.pipeline import PipelineRun
from headline.warehouse import open_warehouse

DAGS, OPERATIONS = of_pipelines(), of_operations()
READ_BY_PEOPLE = ("core", "profit", "growth", "engagement", "quarantine")
FINISHED = ("success", "failed")
WRITE_AUDIT_PUBLISH = "write_audit_publish"
SOURCES = ("shop", "finance", "app")  # their DAGs ingest first
TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - DAY
# One ranged run each: expenses and rates from the shop's opening on, everything else from FIRST on.
OPENING, FIRST, LAST = TODAY - 7 * DAY, TODAY - 4 * DAY, TODAY - 2 * DAY
BEGINNINGS = {dag_id: OPENING if dag_id in ("finance", "core_finance") else FIRST for dag_id in DAGS}
# No blemishes by chance: what the tests of pages and alerts find would depend on the date. The fixture spoils one line.
COMPANY = Company(first_day=OPENING, lines_on_first_day=60, late_share=0.1, blemish_share=0)

Table = Counter[tuple[Any, ...]]


class Airflow(AirflowApi):
    """What the command line does not need of Airflow's REST API, and the tests do."""

    def get(self, path: str, **params: Any) -> Any:
        return self._request("GET", path, params=params)

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        return self.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """The task instances of a run by task id."""
        return {instance["task_id"]: instance for instance in self.task_instances(dag_id, run_id)}

    def trigger_day(self, dag_id: str, logical_date: datetime) -> dict[str, Any]:
        """Trigger a run as somebody does who fills in a logical date."""
        return self._request("POST", f"/dags/{dag_id}/dagRuns", json={"logical_date": logical_date.isoformat()})

    def backfill_with(self, dag_id: str, first: date, last: date, **choices: Any) -> int:
        """Backfill days as somebody does who chooses otherwise than the form proposes; gives the backfill's id."""
        start, end = (f"{day}T00:00:00Z" for day in (first, last))
        body = {"dag_id": dag_id, "from_date": start, "to_date": end, "max_active_runs": 1, **choices}
        return int(self._request("POST", "/backfills", json=body)["id"])

    def cancel_backfill(self, number: int) -> None:
        self._request("PUT", f"/backfills/{number}/cancel")

    def pause(self, dag_id: str) -> None:
        self._request("PATCH", f"/dags/{dag_id}", json={"is_paused": True})

    def parse_again(self, dag_id: str) -> None:
        """Have the DAG processor read the DAG's file now and not only at its interval."""
        self._request("PUT", f"/parseDagFile/{self.get(f'/dags/{dag_id}')['file_token']}")

    def create_run(self, dag_id: str, run_id: str, made: datetime) -> None:
        """Make a run as somebody did at that moment, without asking for days."""
        body = {"dag_run_id": run_id, "logical_date": None, "run_after": made.isoformat()}
        self._request("POST", f"/dags/{dag_id}/dagRuns", json=body)

    def delete_run(self, dag_id: str, run_id: str) -> None:
        self._request("DELETE", f"/dags/{dag_id}/dagRuns/{run_id}")

    def task_log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1) -> str:
        return "\n".join(self.log(dag_id, run_id, task_id, try_number))

    def page(self, path: str) -> httpx.Response:
        """A page of the server as this user sees it, where it leads elsewhere the page there."""
        self.get("/version")
        return self._client.get(path, follow_redirects=True)

    def act(self, path: str) -> httpx.Response:
        """Press the button of a page; what it leads to is followed."""
        self.get("/version")
        return self._client.post(path, follow_redirects=True)

    def add_user(self, name: str, password: str, role: str) -> None:
        """Add a person; the rights are those of the role."""
        self.get("/version")
        body = {"username": name, "password": password, "first_name": name, "last_name": "Test", "email": f"{name}@localhost"}
        answer = self._client.post("/auth/fab/v1/users", json=body | {"roles": [{"name": role}]})
        assert answer.is_success, answer.text


@dataclass(frozen=True)
class Deployment:
    """One running installation."""

    home: Home
    include: Path
    environment: Mapping[str, str]
    api: Airflow

    def start(self, dag_id: str, first: date, last: date | None = None) -> str:
        """Trigger a run of days, both included; gives its id."""
        run_id = f"{dag_id}__{first}__{datetime.now(UTC):%H%M%S%f}"
        self.api.trigger(dag_id, run_id=run_id, conf={"from": str(first), "to": str(last or first)})
        return run_id

    def finish(self, dag_id: str, run_id: str, state: str = "success") -> dict[str, dict[str, Any]]:
        """Wait until the run has ended, in this state; gives its task instances by task id."""
        of_run = "select state from dag_run where dag_id = %s and run_id = %s"
        ended = self.wait_for_state(FINISHED, 300, of_run, dag_id, run_id)
        tasks = self.api.tasks(dag_id, run_id)
        if ended != state:
            logs = "\n".join(self._end_of_log(task) for task in tasks.values() if task["state"] in FINISHED)
            pytest.fail(f"{dag_id} {run_id}: { ({name: task['state'] for name, task in tasks.items()}) }\n{logs}", pytrace=False)
        return tasks

    def _end_of_log(self, task: dict[str, Any]) -> str:
        log = self.api.log(task["dag_id"], task["dag_run_id"], task["task_id"], task["try_number"])
        return "\n".join([f"{task['task_id']}, try {task['try_number']}:", *log[-25:]])

    def complete(self, dag_id: str, first: date, last: date | None = None) -> None:
        """Run days, both included, and wait until the run has succeeded."""
        self.finish(dag_id, self.start(dag_id, first, last))

    def in_state(self, dag_id: str, run_id: str, task_id: str, *states: str) -> dict[str, Any]:
        """Wait until a task is in one of these states."""
        of_task = "select state from task_instance where dag_id = %s and run_id = %s and task_id = %s"
        self.wait_for_state(states, 60, of_task, dag_id, run_id, task_id)
        return self.api.task(dag_id, run_id, task_id)

    def backfilled(self, number: int, seconds: float = 300) -> None:
        """Wait until all runs of a backfill have ended, and note that it has: before, Airflow refuses another one of the DAG.

        Airflow itself looks every half minute.
        """
        going_on = "select count(*) from dag_run where backfill_id = %s and state not in ('success', 'failed')"
        self.wait_for_state((0,), seconds, going_on, number)
        with closing(Postgres(self.home.postgres).connect("airflow")) as connection, connection.cursor() as cursor:
            cursor.execute("update backfill set completed_at = now() where id = %s and completed_at is null", (number,))

    def wait_for_state(self, states: Iterable[Any], seconds: float, sql: str, *parameters: Any) -> Any:
        """Wait until a query of Airflow's own database gives one of these; gives it.

        A look costs a millisecond or two, and over the REST API ten times as much of the server that the tasks need too.
        """
        with closing(Postgres(self.home.postgres).connect("airflow")) as connection, connection.cursor() as cursor:

            def look() -> tuple[Any] | None:
                cursor.execute(sql, parameters)
                found = cursor.fetchone()
                return found if found and found[0] in states else None

            return wait_for(look, seconds, every=0.2)[0]

    @property
    def first_figures(self) -> Path:
        """The warehouse as the first range and the first day left it."""
        return self.home.path.parent / "first-figures.duckdb"

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with open_warehouse().session(read_only=True) as session:
            return session.query(sql).rows

    def in_shop(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the shop's own database."""
        with Postgres(self.home.postgres).connect("shop") as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def published(self, *schemas: str) -> dict[str, Table]:
        """Every row that a reader of these schemas can see, by table."""
        listed = ", ".join(f"'{schema}'" for schema in schemas)
        with open_warehouse().session(read_only=True) as session:
            of = f"from duckdb_tables() where schema_name in ({listed})"
            names = session.query(f"select schema_name || '.' || table_name {of}").rows
            assert names
            return {name: Counter(session.query(f"select * from {name}").rows) for (name,) in names}

    def nothing_changes(self, first: date, last: date) -> None:
        """What is published of all pipelines is what these days, both included, give as one range, which nothing disturbs.

        They are computed in this process: what a task of Airflow adds to that, other tests show.
        """
        catalog, ledger, warehouse = specs.load(), Ledger(), open_warehouse()
        days, version, filled = Interval(first, last + DAY), ledger.newest_version(), self.published(*READ_BY_PEOPLE)
        assert set(PIPELINES) == set(DAGS)
        for name in PIPELINES:
            complete(PipelineRun(catalog.pipelines[name], "as one range", days, catalog, ledger, warehouse))
        assert ledger.newest_version() == version, "a clean range finds nothing to change"
        assert self.published(*READ_BY_PEOPLE) == filled

    def edit(self, path: str, old: str, new: str) -> Callable[[], None]:
        """Change a file below include/sql; gives what undoes it."""
        file = self.include / "sql" / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        return lambda: file.write_text(text) and None

    def rates_file(self, day: date) -> Path:
        return self.home.path / "datashare" / f"rates_{day}.csv"


def wait_for(look: Callable[[], Any], seconds: float, every: float = 0.5) -> Any:
    """What `look` gives as soon as it is something; each look costs Airflow's server, which others wait for, some time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(every)
    return found


def process_titled(title: str) -> psutil.Process | None:
    """The process that calls itself so."""
    for process in psutil.process_iter(["cmdline"]):
        if " ".join(process.info["cmdline"] or []).strip() == title:
            return process
    return None
