"""Asking for a month from a shell."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from headline.errors import BadRequest
from headline.remote import approval


def test_a_month_is_asked_for_with_its_days(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Any] = []

    def trigger(dag_id: str, *, conf: dict[str, object]) -> dict[str, str]:
        asked.append((dag_id, conf))
        return {"dag_run_id": "manual__1"}

    @contextmanager
    def airflow(_act: str) -> Iterator[Any]:
        yield SimpleNamespace(trigger=trigger, url="http://here")

    monkeypatch.setattr(approval, "airflow", airflow)
    assert approval.ask("2026-02", "investor_profit", leave_out=True) == "manual__1"
    days = {"from": "2026-02-01", "to": "2026-02-28"}
    assert asked == [("approve_figures", {"pipeline": "investor_profit", **days, "reason": None, "leave_out": True})]
    assert "http://here/dags/approve_figures/runs/manual__1" in capsys.readouterr().out.replace("\n", "")


@pytest.mark.parametrize("month", ["May", "2026-13", "2026-02-01", ""])
def test_what_is_no_month_is_told(month: str) -> None:
    with pytest.raises(BadRequest, match="is no month"):
        approval.ask(month, "investor_profit")
