import io
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from headline.errors import HeadlineError
from headline.local import job
from headline.local.home import Home
from headline.local.job import Watched, progress, start_day, start_range, start_waiving, wait_for_dags, watch
from headline.local.screen import Screen

DAY = date(2026, 1, 31)


class Airflow:
    """As much of Airflow as a job asks for: runs that end at once, in the state that `ends_in` says."""

    def __init__(self, ends_in: str = "success") -> None:
        self.ends_in = ends_in
        self.kept: dict[tuple[str, str], dict[str, Any]] = {}
        self.triggered: list[str] = []
        self.asked: list[str] = []
        self.written_at = 1  # how often a DAG is asked for until it is there
        self.cleared: list[str] = []
        self.loaded = ["shop"]
        self.errors: list[dict[str, str]] = []

    def dags(self) -> list[dict[str, Any]]:
        return [{"dag_id": dag_id, "is_stale": False} for dag_id in self.loaded]

    def details(self, dag_id: str) -> dict[str, Any] | None:
        self.asked.append(dag_id)
        return {"dag_id": dag_id} if self.asked.count(dag_id) >= self.written_at else None

    def import_errors(self) -> list[dict[str, str]]:
        return self.errors

    def run(self, dag_id: str, run_id: str) -> dict[str, Any] | None:
        return self.kept.get((dag_id, run_id))

    def run_of(self, dag_id: str, logical_date: datetime) -> dict[str, Any] | None:
        return next((run for run in self.kept.values() if run["logical_date"] == logical_date), None)

    def trigger(
        self,
        dag_id: str,
        *,
        run_id: str,
        conf: Mapping[str, Any] | None = None,
        interval: tuple[datetime, datetime] | None = None,
    ) -> dict[str, Any]:
        self.triggered.append(run_id)
        self.kept[dag_id, run_id] = {
            "dag_id": dag_id,
            "dag_run_id": run_id,
            "logical_date": interval[0] if interval else None,
            "conf": conf,
            "state": self.ends_in,
            "start_date": "2026-02-01T00:00:00+00:00",
            "end_date": "2026-02-01T00:01:30+00:00",
        }
        return self.kept[dag_id, run_id]

    def clear(self, dag_id: str, run_id: str, *, only_failed: bool = True) -> None:
        self.cleared.append(run_id)
        self.kept[dag_id, run_id]["state"] = "success"

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        task = {"try_number": 1, "end_date": "2026-02-01T00:01:00+00:00"}
        return [
            {"task_id": "publish", "state": "upstream_failed"} | task,
            {"task_id": "audit.orders", "state": self.ends_in} | task,
        ]

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> list[str]:
        return ["BadData: 2 rows without a day"]


def screen() -> Screen:
    return Screen(Console(file=io.StringIO(), width=120))


def shown(on: Screen) -> str:
    assert isinstance(on.console.file, io.StringIO)
    return on.console.file.getvalue()


def test_a_range_is_run_once() -> None:
    airflow = Airflow()
    first = start_range(airflow, "shop", date(2026, 1, 1), DAY)  # type: ignore[arg-type]
    again = start_range(airflow, "shop", date(2026, 1, 1), DAY)  # type: ignore[arg-type]
    assert first.run_id == again.run_id
    assert airflow.triggered == ["range__2026-01-01__2026-01-31"]
    assert airflow.kept["shop", first.run_id]["conf"] == {"from": "2026-01-01", "to": "2026-01-31"}
    assert airflow.cleared == []


def test_what_a_run_has_found_another_one_waives_by_name(tmp_path: Path) -> None:
    airflow, on = Airflow(ends_in="failed"), screen()
    failed = Watched("shop", airflow.trigger("shop", run_id=f"range__{DAY}__{DAY}")["dag_run_id"])
    airflow.ends_in = "success"

    def instead(run: Watched) -> Watched:
        return start_waiving(airflow, run.dag_id, DAY, DAY, "It is history.", ["raw.orders.usual@2026-01-31,amount=5"])  # type: ignore[arg-type]

    watch(Home(tmp_path), airflow, "January", [failed], on, instead)  # type: ignore[arg-type]
    first, second = airflow.triggered
    conf = airflow.kept["shop", second]["conf"]
    assert (first, second.startswith(f"{first}__waiving_")) == ("range__2026-01-31__2026-01-31", True)
    assert (conf["accept"], conf["figures"]) == ("It is history.", ["raw.orders.usual@2026-01-31,amount=5"])
    assert "January: shop success" in shown(on)


def test_a_range_that_failed_is_resumed_in_place() -> None:
    airflow = Airflow(ends_in="failed")
    for _ in range(2):
        run = start_range(airflow, "shop", date(2026, 1, 1), DAY)  # type: ignore[arg-type]
    assert airflow.cleared == [run.run_id]
    assert len(airflow.triggered) == 1


def test_the_schedules_own_run_of_a_day_is_taken_where_there_is_one() -> None:
    airflow = Airflow()
    airflow.trigger("shop", run_id="scheduled", interval=(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)))
    assert start_day(airflow, "shop", DAY, "UTC").run_id == "scheduled"  # type: ignore[arg-type]


def test_a_day_begins_in_the_reporting_zone() -> None:
    airflow = Airflow()
    run = start_day(airflow, "shop", DAY, "Europe/Berlin")  # type: ignore[arg-type]
    assert airflow.kept["shop", run.run_id]["logical_date"] == datetime(2026, 1, 30, 23, tzinfo=UTC)


def test_runs_are_watched_until_they_succeed(tmp_path: Path) -> None:
    airflow, on = Airflow(), screen()
    run = start_range(airflow, "shop", DAY, DAY)  # type: ignore[arg-type]
    watch(Home(tmp_path), airflow, "January", [run], on)  # type: ignore[arg-type]
    assert (run.state, run.seconds) == ("success", 90.0)
    assert "January: shop success" in shown(on)


def test_a_failed_run_is_told_with_task_cause_and_log(tmp_path: Path) -> None:
    airflow = Airflow(ends_in="failed")
    airflow.trigger("shop", run_id="a")
    with pytest.raises(HeadlineError) as told:
        watch(Home(tmp_path), airflow, "January", [Watched("shop", "a")], screen())  # type: ignore[arg-type]
    message = str(told.value)
    assert "shop: task audit.orders failed at try 1" in message
    assert "BadData: 2 rows without a day" in message
    assert str(tmp_path / "logs" / "dag_id=shop" / "run_id=a" / "task_id=audit.orders" / "attempt=1.log") in message


def test_progress_shows_what_is_at_work() -> None:
    run = Watched("shop", "a", state="running", at_work=["transform.orders"])
    run.tasks.update({"success": 3, "none": 4})
    on = screen()
    on.console.print(progress("January", [run]))
    assert all(part in shown(on) for part in ("shop", "running", "3/7", "transform.orders"))


def test_a_dag_that_is_listed_and_not_yet_written_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job.time, "sleep", lambda _seconds: None)
    airflow = Airflow()
    airflow.written_at = 3
    wait_for_dags(airflow, ["shop"])  # type: ignore[arg-type]
    assert airflow.asked == ["shop"] * 3


def test_dags_that_do_not_load_are_told_with_their_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    airflow = Airflow()
    wait_for_dags(airflow, ["shop"])  # type: ignore[arg-type]
    airflow.errors = [{"filename": "profit.py", "stack_trace": "SyntaxError"}]
    with pytest.raises(HeadlineError, match=r"(?s)DAGs unit_profit.*profit\.py.*SyntaxError"):
        wait_for_dags(airflow, ["shop", "unit_profit"])  # type: ignore[arg-type]
    airflow.errors = []
    monkeypatch.setattr(job, "TIME_TO_LOAD", 0.0)
    with pytest.raises(HeadlineError, match="DAGs unit_profit"):
        wait_for_dags(airflow, ["shop", "unit_profit"])  # type: ignore[arg-type]
