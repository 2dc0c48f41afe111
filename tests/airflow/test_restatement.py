"""A late refund of a day that investors know: nothing is published before another person has approved it, in Airflow itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from tests.airflow.world import FINISHED, FIRST, TODAY, WRITE_AUDIT_PUBLISH, Airflow, Deployment, wait_for

from headline.airflow_api import ADMIN, Refused
from headline.intervals import Interval
from headline.ledger import FigureRequest, FigureRequests, IssuedFigures, Ledger
from headline.ledger.incidents import Incidents

APPROVE, PIPELINE = "approve_figures", "investor_profit"
SUMMARY = "profit.daily_profit_summary"
REFUND = Decimal(5000)
ASKED = ("awaiting_input", "failed", "success")
# Two people who may do everything but administer Airflow.
ASKS, DECIDES = "asks", "decides"


class Person(Airflow):
    """What somebody does in Airflow's UI, over its REST API."""

    def ask(self, day: date) -> str:
        conf = {"pipeline": PIPELINE, "from": str(day), "to": str(day), "leave_out": True}
        return str(self.trigger(APPROVE, conf=conf)["dag_run_id"])

    def mark_success(self, run_id: str) -> None:
        path = f"/dags/{APPROVE}/dagRuns/{run_id}/taskInstances/approve"
        self._request("PATCH", path, json={"new_state": "success"})

    def page_of(self, run_id: str) -> str:
        """What somebody reads who is to decide."""
        return str(self.get(f"/dags/{APPROVE}/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails")["body"])


@pytest.fixture
def people(airflow: Deployment) -> Iterator[tuple[Person, Person]]:
    airflow.api.unpause(APPROVE)
    for name in (ASKS, DECIDES):
        airflow.api.add_user(name, f"{name}-secret", "Op")
    url = airflow.environment["AIRFLOW__API__BASE_URL"]
    with Person(url, ASKS, f"{ASKS}-secret") as asks, Person(url, DECIDES, f"{DECIDES}-secret") as decides:
        yield asks, decides
    airflow.api.pause(APPROVE)


def waits(airflow: Deployment, run_id: str) -> None:
    """Until somebody is asked; a run that ends instead is told with its log."""
    wait_for(lambda: state if (state := airflow.api.task(APPROVE, run_id, "approve")["state"]) in ASKED else None, 120)
    if airflow.api.task(APPROVE, run_id, "approve")["state"] != "awaiting_input":
        airflow.finish(APPROVE, run_id)


def approve(airflow: Deployment, person: Person, run_id: str) -> None:
    """Answer until the run has succeeded: Airflow may lose an answer that comes in the moment in which it begins to wait."""

    def has_ended() -> bool:
        if airflow.api.task(APPROVE, run_id, "approve")["state"] == "awaiting_input":
            with suppress(Refused):  # answered already
                person.answer(APPROVE, run_id, "approve", "Approve")
        return (airflow.api.run(APPROVE, run_id) or {}).get("state") in FINISHED

    wait_for(has_ended, 180, every=2)
    airflow.finish(APPROVE, run_id)


def newest() -> FigureRequest:
    return FigureRequests().all()[0]


def test_a_late_refund_of_a_day_that_was_issued(airflow: Deployment, people: tuple[Person, Person]) -> None:
    asks, decides = people
    complete = [state for state in Ledger().states([SUMMARY], Interval(FIRST, TODAY)) if state.status == "complete"]
    day = complete[-1].interval.start
    refunds = f"select sum(refund_amount) from {SUMMARY} where ds = date '{day}'"
    [(before,)] = airflow.query(refunds)

    # Ann's own answer does not count, also over REST: it is asked anew, and Ben decides.
    run_id = asks.ask(day)
    waits(airflow, run_id)
    asks.answer(APPROVE, run_id, "approve", "Approve")
    wait_for(lambda: airflow.api.task(APPROVE, run_id, "approve")["state"] != "awaiting_input" or None, 60)
    waits(airflow, run_id)
    assert (newest().state, newest().requester) == ("asked", ASKS)
    assert IssuedFigures().most_recent() == []
    approve(airflow, decides, run_id)
    [issued] = IssuedFigures().most_recent(metric="daily_refunds")
    assert (issued.start, issued.value, issued.approver, issued.requester) == (day, before, DECIDES, ASKS)

    held = airflow.start(PIPELINE, day)
    airflow.finish(PIPELINE, held)
    airflow.in_shop(f"insert into refunds values ('LATE', null, null, timestamp '{day} 12:00', 1, {REFUND}) returning 1")
    chain = ("shop", "core_shop", "unit_profit")
    runs = {dag_id: airflow.start(dag_id, day) for dag_id in chain}
    for dag_id, one in runs.items():
        airflow.finish(dag_id, one)
    # Ann clears a run of the administrator: Airflow's audit log tells the task who did.
    asks.clear(PIPELINE, held, only_failed=False)
    airflow.finish(PIPELINE, held, "failed")
    assert airflow.api.task(PIPELINE, held, WRITE_AUDIT_PUBLISH)["try_number"] == 2, "a retry could not help"
    request = newest()
    assert (request.kind, request.state, request.people) == ("restatement", "asked", [ADMIN, ASKS])
    moved = {one["figure"]["metric"]: one for one in request.figures if not one["figure"]["segment"]}
    assert [(part["cause"], Decimal(part["amount"])) for part in moved["daily_net_profit"]["parts"]] == [("refunds", -REFUND)]
    [incident] = [one for one in Incidents().open() if one.kind == "restatement_waiting"]
    assert (incident.facts["request"], incident.facts["run_id"]) == (request.id, held)

    # Marked as successful, the run publishes nothing, and fails.
    run_id = f"request__{request.id}"
    waits(airflow, run_id)
    assert request.sha256 in asks.page_of(run_id)
    asks.mark_success(run_id)
    assert airflow.finish(APPROVE, run_id, "failed")["publish"]["state"] == "failed"
    assert airflow.query(refunds) == [(before,)]

    # Cleared, it is asked anew, and what Ben approves is published by a run of its own.
    airflow.api.clear(APPROVE, run_id, only_failed=False)
    waits(airflow, run_id)
    approve(airflow, decides, run_id)
    assert airflow.query(refunds) == [(before + REFUND,)]
    [restated] = IssuedFigures().most_recent(metric="daily_refunds")
    assert (restated.value, restated.approver, restated.request_id) == (before + REFUND, DECIDES, request.id)
    assert newest().state == "published"
    assert [one for one in Incidents().open() if one.kind == "restatement_waiting"] == []
    assert IssuedFigures().verify().broken == []
