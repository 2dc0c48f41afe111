"""The two tasks of the DAG backfill: what they show, what they record, and that the ledger decides."""

from __future__ import annotations

import os
import time
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from headline import pipeline
from headline.backfill_dag import PARAMS, backfill_dag
from headline.errors import BadData, BadRequest
from headline.ledger import Backfills
from headline.operators import PlanBackfillOperator, RunBackfillOperator

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
SAID = {"select": "shop+", "from": str(D1), "to": str(D2), "reason": "the shop sent late orders of March"}


@pytest.fixture
def shop(project: Any, once: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(os, "nice", lambda _: 0)  # of the tests' own process it would be for good
    return once(project, two_days)


def two_days(project: Any) -> None:
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00")]})
    project.publish("shop", D1, D2)
    project.publish("core_shop", D1, D2)
    project.arrive({D1: [("a", "5.00")]})


def context(run_id: str = "manual__1", number: int | None = None, **params: Any) -> Any:
    """As a task sees it; `number`: what the task `plan` has given."""
    run = SimpleNamespace(run_id=run_id, triggering_user_name="ana", clear_number=0)
    return {"params": SAID | params, "dag_run": run, "ti": SimpleNamespace(xcom_pull=lambda task_ids: number)}


def planned(**asked: Any) -> tuple[int, str]:
    """The number that the task gives, and the plan that it shows."""
    task = PlanBackfillOperator(task_id="plan")
    return task.execute(context(**asked)), task.plan


def ran(number: int, run_id: str = "manual__1") -> RunBackfillOperator:
    task = RunBackfillOperator(task_id="run")
    task.execute(context(run_id, number))
    return task


def test_a_request_is_planned_shown_recorded_and_carried_out(shop: Any) -> None:
    number, plan = planned()
    assert "| 2 | core_shop | 2: 2026-03-01 to 2026-03-02 |" in plan
    found = Backfills().get(number)
    assert (found.run_id, found.state, found.request.requested_by, found.plan) == ("manual__1", "planned", "ana", plan)
    task = ran(number)
    assert [(one["pipeline"], one["state"], one["published"]) for one in task.chunks] == [
        ("shop", "done", 1),
        ("core_shop", "done", 3),
    ]
    assert task.effect[0] == "raw.orders amount: 11.0000 → 15.0000 (+4.0000)"
    assert {*task.template_fields} <= vars(task).keys()
    assert task.overwrite_rtif_after_execution


def test_a_task_that_is_tried_again_shows_and_does_the_same(shop: Any) -> None:
    first = planned()
    assert planned() == first
    ran(first[0])
    version = shop.ledger.newest_version()
    assert planned() == first
    assert [one["state"] for one in ran(first[0]).chunks] == ["done", "done"]
    assert shop.ledger.newest_version() == version


def test_only_the_plan_and_nothing_to_do_end_there(shop: Any) -> None:
    for asked, why in (
        ({"plan_only": True}, "only the plan"),
        ({"from": "2026-02-01", "to": "2026-02-01"}, "nothing to compute"),
    ):
        with pytest.raises(AirflowSkipException, match=why):
            planned(**asked)
    assert Backfills().newest() == []


def test_another_run_goes_on_with_what_was_begun(shop: Any) -> None:
    number, plan = planned()
    assert planned(run_id="manual__2", resume=number, select="x", reason="x") == (number, plan)
    assert {one["state"] for one in ran(number, "manual__2").chunks} == {"done"}
    assert {chunk.run_id for chunk in Backfills().get(number).chunks} == {"manual__2"}
    with pytest.raises(BadRequest, match="no backfill 999"):
        planned(run_id="manual__3", resume=999)


def test_who_resumes_it_is_as_little_heard_as_who_asked_for_it(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    number, _ = planned()
    gates: list[Any] = []
    monkeypatch.setattr(pipeline, "write_audit_publish", lambda _run, gate, **_: gates.append(gate) or [])
    resumed = context("manual__2", number)
    resumed["dag_run"].triggering_user_name = "bob"
    RunBackfillOperator(task_id="run").execute(resumed)
    assert {(gate.requester, *gate.involved()) for gate in gates} == {("ana", "bob")}


def test_what_was_cancelled_is_skipped_and_what_crosses_it_refused(shop: Any) -> None:
    number, _ = planned()
    with pytest.raises(BadRequest, match=f"backfill {number} of ana"):
        planned(run_id="manual__2")
    Backfills().end(number, "cancelled", "bob")
    with pytest.raises(AirflowSkipException, match="cancelled by bob"):
        ran(number)
    assert planned(run_id="manual__2")[0] != number


def test_a_chunk_that_takes_too_long_has_failed_and_says_what_helps(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    number, _ = planned()
    monkeypatch.setattr(pipeline, "write_audit_publish", lambda *_, **__: time.sleep(10))
    task = RunBackfillOperator(task_id="run")
    task.compute_timeout = timedelta(seconds=0.05)
    with pytest.raises(BadData, match="was not computed within"):
        task.execute(context(number=number))
    assert [one.state for one in Backfills().get(number).chunks] == ["failed", "waiting"]


def test_the_form_asks_for_what_the_tasks_read() -> None:
    assert set(PARAMS) == {"select", "from", "to", "reason", "downstream", "days", "plan_only", "resume"}
    assert PARAMS["reason"].schema["minLength"] >= 10
    assert backfill_dag().max_active_runs >= 100, "a plan does not queue behind backfills at work"
    assert PARAMS["days"].schema["enum"] == ["everything", "stale"]
