"""The demo company's last closed month: which one it is, who asks and who approves."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from headline.errors import BadRequest
from headline.ledger import Ledger
from headline.local import demo_figures
from headline.local.screen import Screen
from headline.local.secrets import Secrets
from headline.specs import reporting_pipelines


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [
        (date(2026, 11, 29), date(2026, 10, 1), date(2026, 10, 31)),
        (date(2026, 12, 1), date(2026, 10, 1), date(2026, 10, 31)),
        (date(2026, 12, 4), date(2026, 11, 1), date(2026, 11, 30)),
        (date(2027, 1, 31), date(2026, 12, 1), date(2026, 12, 31)),
    ],
)
def test_a_month_is_issued_when_its_late_orders_have_come(today: date, first: date, last: date) -> None:
    days = list(demo_figures.last_month(today))
    assert (days[0], days[-1]) == (first, last)


class FakeAirflow:
    """Runs of approve_figures that wait for an answer; `refuses`: the pipelines with nothing to issue."""

    def __init__(self, refuses: tuple[str, ...] = ()) -> None:
        self.refuses = refuses
        self.runs: dict[str, dict[str, Any]] = {}
        self.answers: list[tuple[str, str]] = []

    def __enter__(self) -> FakeAirflow:
        return self

    def __exit__(self, *_: object) -> None: ...

    def run(self, _dag_id: str, run_id: str) -> dict[str, Any] | None:
        return self.runs.get(run_id)

    def trigger(self, _dag_id: str, *, run_id: str, conf: dict[str, Any]) -> None:
        state = "failed" if conf["pipeline"] in self.refuses else "running"
        self.runs[run_id] = {"state": state, "conf": conf}

    def task_instance(self, _dag_id: str, run_id: str, _task_id: str) -> dict[str, Any]:
        return {"state": "awaiting_input" if self.runs[run_id]["state"] == "running" else self.runs[run_id]["state"]}

    def answer(self, _dag_id: str, run_id: str, _task_id: str, option: str) -> None:
        self.answers.append((run_id, option))
        self.runs[run_id]["state"] = "success"


@pytest.fixture
def home(tmp_path: Path) -> Any:
    secrets = Secrets(tmp_path / "secrets")
    secrets.make(["watch"])
    return SimpleNamespace(path=tmp_path, secrets=secrets, environment=lambda: {"AIRFLOW__API__BASE_URL": "http://here"})


def test_the_administrator_asks_and_a_second_person_approves(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    api, printed = FakeAirflow(refuses=("investor_growth",)), io.StringIO()
    logins: list[tuple[str, str]] = []
    monkeypatch.setattr(demo_figures, "AirflowApi", lambda _url, user, password: logins.append((user, password)) or api)
    monkeypatch.setattr(demo_figures, "team", lambda _: {"ines": "secret", "jonas": "another"})
    monkeypatch.setattr(demo_figures.time, "sleep", lambda _: None)
    demo_figures.issue_last_month(home, api, Screen(Console(file=printed, width=200)))  # type: ignore[arg-type]
    assert logins == [("ines", "secret")]
    assert {conf["conf"]["pipeline"] for conf in api.runs.values()} == set(reporting_pipelines())
    assert {(run_id.split("__")[1], option) for run_id, option in api.answers} == {
        ("investor_profit", "Approve"),
        ("investor_engagement", "Approve"),
    }
    assert "not issued, see the log of approve_figures: issue__investor_growth__" in printed.getvalue()
    answered = list(api.answers)
    demo_figures.issue_last_month(home, api, Screen(Console(file=printed, width=200)))  # type: ignore[arg-type]
    assert api.answers == answered, "once"


def test_nothing_moves_before_something_is_issued(ledger: Ledger) -> None:
    with pytest.raises(BadRequest, match="no day of profit is issued yet"):
        demo_figures.refund_late()


def test_the_month_is_reported_once_with_what_is_issued(home: Any) -> None:
    started: list[tuple[str, str, dict[str, Any]]] = []
    known: dict[str, dict[str, Any]] = {}

    def trigger(dag_id: str, *, run_id: str, conf: dict[str, Any]) -> None:
        started.append((dag_id, run_id, conf))
        known[run_id] = {"state": "queued"}

    api: Any = SimpleNamespace(run=lambda _dag_id, run_id: known.get(run_id), trigger=trigger)
    printed = io.StringIO()
    for _ in range(2):
        demo_figures.report_last_month(home, api, Screen(Console(file=printed, width=300)))
    [(dag_id, run_id, conf)] = started
    assert (dag_id, run_id) == ("investor_report", f"report__{conf['month']}")
    assert conf["leave_out"] is True
    assert printed.getvalue().count("http://here/headline/reports") == 2
