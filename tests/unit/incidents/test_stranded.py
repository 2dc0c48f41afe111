"""Runs of Airflow's own backfills that can never start, as its API tells them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from headline.incidents.judge import is_over
from headline.incidents.kinds import days_of
from headline.incidents.stranded import Stranded, stranded_findings, stranded_runs
from headline.intervals import Interval
from headline.ledger.incident import Incident

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
D1, D2 = date(2026, 10, 1), date(2026, 10, 2)


def queued(day: date = D1, minutes: int = 30, dag_id: str = "core_shop") -> dict[str, Any]:
    at = (NOON - timedelta(minutes=minutes)).isoformat()
    return {"dag_id": dag_id, "dag_run_id": f"backfill__{day}", "queued_at": at, "logical_date": f"{day}T00:00:00Z"}


def backfill(number: int = 1, *, ended: bool = True, is_paused: bool = True, last: date = D2) -> dict[str, Any]:
    """A backfill; one that was cancelled has ended and stays paused."""
    ends = NOON.isoformat() if ended else None
    days = {"from_date": f"{D1}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
    return {"id": number, "completed_at": ends, "is_paused": is_paused, **days}


class Api:
    """Airflow as far as it is asked; counts the questions."""

    def __init__(
        self,
        runs: Sequence[dict[str, Any]],
        backfills: Sequence[dict[str, Any]] = (),
        paused: Sequence[str] = (),
        running: Sequence[str] = (),
    ) -> None:
        self._runs, self._backfills, self._paused, self._running = runs, backfills, paused, running
        self.asked = 0

    def all_runs(self, _dag_id: str, *, state: str, **_: Any) -> Sequence[dict[str, Any]]:
        self.asked += 1
        return self._runs if state == "queued" else [{"dag_id": one} for one in self._running]

    def dags(self) -> list[dict[str, Any]]:
        self.asked += 1
        return [{"dag_id": one, "is_paused": one in self._paused} for one in ("core_shop", "shop")]

    def backfills(self, _dag_id: str) -> Sequence[dict[str, Any]]:
        self.asked += 1
        return self._backfills


def found(*arguments: Any, **more: Any) -> list[date]:
    api: Any = Api(*arguments, **more)
    return [one.day for one in stranded_runs(api, NOON, "UTC")]


def test_runs_of_a_backfill_that_was_cancelled_are_stranded_whatever_else_runs() -> None:
    assert found([queued(D2), queued(D1)], [backfill()]) == [D1, D2]
    assert found([queued(D1)], [backfill()], running=["core_shop"]) == [D1]


def test_runs_of_a_backfill_that_ended_too_early_are_stranded_once_none_of_its_runs_is_at_work() -> None:
    early = backfill(is_paused=False)
    assert found([queued(D1)], [early]) == [D1]
    assert found([queued(D1)], [early], running=["core_shop"]) == []
    assert found([queued(D1)], [early], running=["shop"]) == [D1]


@pytest.mark.parametrize(
    ("run", "backfills", "paused"),
    [
        (queued(minutes=9), [backfill()], []),
        (queued(), [backfill()], ["core_shop"]),
        (queued(), [backfill(ended=False, is_paused=False)], []),
        (queued(), [backfill(ended=False)], []),
        (queued(), [backfill(1), backfill(2, ended=False)], []),
    ],
    ids=[
        "not for long",
        "a paused DAG",
        "a backfill at work",
        "a backfill that a person has paused",
        "a newer one of the same day",
    ],
)
def test_what_may_still_start_is_not(run: dict[str, Any], backfills: list[dict[str, Any]], paused: list[str]) -> None:
    assert found([run], backfills, paused=paused) == []


def test_runs_whose_backfill_is_gone_are_stranded() -> None:
    assert found([queued(D2)], [backfill(last=D1, ended=False)]) == [D2]


def test_where_nothing_is_queued_for_long_one_question_is_enough() -> None:
    api: Any = Api([queued(minutes=1)], [backfill()])
    assert stranded_runs(api, NOON, "UTC") == []
    assert api.asked == 1


def incident(**facts: Any) -> Incident:
    return Incident(7, "backfill_stranded", "core_shop", date(2026, 11, 18), "open", None, NOON, NOON, facts=facts)


def test_all_of_a_dag_are_one_incident_which_keeps_its_day_and_names_the_range() -> None:
    runs = [Stranded("core_shop", f"backfill__{day}", day, NOON) for day in (D1, D2)]
    [one] = stranded_findings(runs, [])
    assert (one.key, one.since) == (("core_shop", "backfill_stranded", NOON.date()), NOON)
    assert days_of(incident(**one.facts)) == Interval(D1, date(2026, 10, 3))
    [again] = stranded_findings(runs, [incident()])
    assert again.ds == date(2026, 11, 18)


def test_it_is_over_when_airflow_says_so_and_not_when_it_says_nothing() -> None:
    class World:
        stranded: list[Stranded] | None = None
        inputs: dict[str, set[str]] = {}  # noqa: RUF012

    world: Any = World()
    assert is_over(incident(), world, set()) == "", "Airflow does not answer"
    world.stranded = []
    assert is_over(incident(), world, set()) == "none of its runs is queued any more"
    assert is_over(incident(), world, {incident().key}) == ""
