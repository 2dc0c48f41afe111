"""Runs of a backfill whose days another run has computed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from headline.intervals import DAY, Interval
from headline.operators import takeover
from headline.operators.takeover import Takeover, on_dag_run_success

D1 = date(2026, 3, 1)
MOMENT = datetime(2026, 3, 9, 12, tzinfo=UTC)
TAKEN = Takeover(Interval(D1, D1 + 3 * DAY), MOMENT)
BEFORE, AFTER = MOMENT - timedelta(minutes=1), MOMENT + timedelta(seconds=1)


def midnight(day: date, offset: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=offset)


@pytest.mark.parametrize(
    ("day", "queued_at", "expected"),
    [
        (D1 + DAY, BEFORE, True),
        (D1 + 2 * DAY, BEFORE, True),
        (D1 + 3 * DAY, BEFORE, False),
        (D1 - DAY, BEFORE, False),
        (D1 + DAY, AFTER, False),
        (D1 + DAY, None, False),
    ],
)
def test_only_runs_that_were_queued_for_a_computed_day_end(day: date, queued_at: datetime | None, expected: bool) -> None:
    """One that somebody has cleared since then is queued later, and computes its day."""
    assert TAKEN.holds(midnight(day), midnight(day + DAY), queued_at, "UTC") is expected
    assert Takeover.from_json(TAKEN.to_json()) == TAKEN


def test_days_are_business_days() -> None:
    assert TAKEN.holds(midnight(D1, 1), midnight(D1 + DAY, 1), BEFORE, "Europe/Berlin")
    assert not TAKEN.holds(midnight(D1, 1), midnight(D1 + DAY, 1), BEFORE, "UTC")
    assert not TAKEN.holds(None, None, BEFORE, "UTC"), "a run without a day"


def test_the_scheduler_goes_on_where_nothing_can_be_marked(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def fail(dag: str, run_id: str) -> int:
        asked.append((dag, run_id))
        raise RuntimeError("no connection")

    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(takeover, "end_taken_over", fail)
    for run_type in ("scheduled", "backfill"):
        run = SimpleNamespace(run_type=run_type, dag_id="shop", run_id=f"{run_type}__1", get_dag=lambda: "shop")
        on_dag_run_success(run, "success")
    assert asked == [("shop", "backfill__1")]
    assert "the runs whose days it has computed are left to skip" in caplog.text
