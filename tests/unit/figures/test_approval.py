"""The DAG approve_figures: only what another person than the requester has answered counts, as the ledger has it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from airflow.providers.standard.operators import hitl
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import TaskAwaitingInput
from tests.unit.figures.conftest import D2, D3, MARCH, ORDERS

from headline import airflow_api
from headline.airflow_api import Refused
from headline.errors import BadRequest, RestatementWaiting, Transient
from headline.figures.gate import FiguresGate
from headline.incidents import watch
from headline.intervals import DAY, Interval
from headline.ledger.incidents import Incidents
from headline.operators import asking
from headline.operators.approval import TIME_TO_ANSWER, ApproveFiguresOperator, PublishApprovedOperator
from headline.operators.callbacks import finding_of
from headline.pipeline import write_audit_publish

LAST = MARCH.end - DAY


class Asked(SimpleNamespace):
    """What the page of the task shows."""


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """Every page that was written for people, in order."""
    shown: list[Asked] = []
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **page: shown.append(Asked(**page)))
    return shown


def context(who: str | None = "ann", run_id: str = "approval", **params: Any) -> Any:
    run = SimpleNamespace(run_id=run_id, triggering_user_name=who, run_type="manual", dag_id="core_shop", clear_number=0)
    return {"dag_run": run, "params": params, "task_instance": SimpleNamespace(id="ti"), "ti": SimpleNamespace()}


def of_march(who: str | None = "ann") -> Any:
    return context(who, pipeline="core_shop", **{"from": str(MARCH.start), "to": str(LAST)})


def answer(person: str | None, option: str = "Approve") -> dict[str, Any]:
    by = {"id": "7", "name": person} if person else None
    told = {"chosen_options": [option], "params_input": {}, "responded_at": datetime.now(UTC)}
    return {**told, "responded_by_user": by, "timedout": person is None}


def asks(task: ApproveFiguresOperator, run: Any) -> None:
    with pytest.raises(TaskAwaitingInput):
        task.execute(run)


@pytest.fixture
def task() -> ApproveFiguresOperator:
    return ApproveFiguresOperator(task_id="approve")


@pytest.fixture
def publish() -> PublishApprovedOperator:
    return PublishApprovedOperator(task_id="publish")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The runs that PublishApprovedOperator has started."""
    runs: list[Any] = []
    monkeypatch.setattr(
        TriggerDagRunOperator, "execute", lambda self, _: runs.append((self.trigger_dag_id, self.trigger_run_id, self.conf))
    )
    return runs


def test_there_is_no_answer_by_default(task: ApproveFiguresOperator) -> None:
    assert (task.defaults, task.response_timeout, task.fail_on_reject) == (None, TIME_TO_ANSWER, True)


def test_a_month_is_issued_as_its_page_has_shown_it(
    reported: Any, task: ApproveFiguresOperator, publish: PublishApprovedOperator, pages: list[Asked], started: list[Any]
) -> None:
    asks(task, of_march())
    [page] = pages
    [request] = reported.requests.all()
    assert page.subject == f"Issue {len(request.figures)} figures of core_shop, 2026-03-01 to 2026-03-31?"
    assert "monthly" in page.body
    assert request.sha256 in page.body
    assert reported.figures.head() in page.body
    task.execute_complete(of_march(), answer("ben"))
    publish.execute(of_march())
    assert reported.issued("monthly_net") == {(MARCH.start, ""): 193}
    assert started == []
    [row] = reported.figures.most_recent(metric="monthly_net")
    assert (row.requester, row.approver) == ("ann", "ben")
    with pytest.raises(BadRequest, match="published already"):
        task.execute(of_march())


def test_marked_as_successful_nothing_is_published(
    reported: Any, task: ApproveFiguresOperator, publish: PublishApprovedOperator, pages: list[Asked]
) -> None:
    with pytest.raises(BadRequest, match="has asked for nothing"):
        publish.execute(of_march())
    asks(task, of_march())
    with pytest.raises(BadRequest, match="not approved"):
        publish.execute(of_march())
    assert reported.figures.most_recent() == []


def test_the_requester_is_not_heard_and_it_is_asked_anew(
    reported: Any, task: ApproveFiguresOperator, publish: PublishApprovedOperator, pages: list[Asked]
) -> None:
    asks(task, of_march())
    with pytest.raises(TaskAwaitingInput):
        task.execute_complete(of_march(), answer("ann"))
    assert len(pages) == 2
    with pytest.raises(BadRequest, match="not approved"):
        publish.execute(of_march())
    task.execute_complete(of_march(), answer("ben"))
    publish.execute(of_march())
    assert len(reported.issued("monthly_net")) == 1


@pytest.mark.parametrize("spelled", ["ANN", "Ann", " ann "])
def test_the_requester_is_not_heard_under_another_spelling_of_their_name(
    reported: Any, task: ApproveFiguresOperator, pages: list[Asked], spelled: str
) -> None:
    asks(task, of_march())
    with pytest.raises(TaskAwaitingInput):
        task.execute_complete(of_march(), answer(spelled))
    [request] = reported.requests.all()
    with pytest.raises(BadRequest, match="requested it; another person must decide"):
        reported.requests.approve(request.id, spelled, "r")
    assert request.state == "asked"


def test_who_asks_for_the_same_is_told_where_it_is_decided(
    reported: Any, task: ApproveFiguresOperator, pages: list[Asked]
) -> None:
    asks(task, of_march())
    again = context("cleo", "another", pipeline="core_shop", **{"from": str(MARCH.start), "to": str(LAST)})
    with pytest.raises(BadRequest, match=r"is asked: answer it in its run approval, or clear"):
        task.execute(again)


def test_a_time_out_approves_nothing(
    reported: Any, task: ApproveFiguresOperator, publish: PublishApprovedOperator, pages: list[Asked]
) -> None:
    asks(task, of_march())
    with pytest.raises(BadRequest, match="nobody has answered"):
        task.execute_complete(of_march(), {"error": "no answer", "error_type": "timeout"})
    with pytest.raises(BadRequest, match="nobody has answered"):
        task.execute_complete(of_march(), answer(None))
    with pytest.raises(BadRequest, match="not approved"):
        publish.execute(of_march())
    assert {row.status for row in reported.figures.history()} == {"draft"}


def test_cleared_after_the_answer_it_is_asked_anew(
    reported: Any, task: ApproveFiguresOperator, publish: PublishApprovedOperator, pages: list[Asked]
) -> None:
    asks(task, of_march())
    task.execute_complete(of_march(), answer("ben"))
    asks(task, of_march())
    with pytest.raises(BadRequest, match="not approved"):
        publish.execute(of_march())
    assert len({page.body for page in pages}) == 2, "the head of the chain has moved with the approval"
    [request] = reported.requests.all()
    assert request.state == "asked"


def test_a_refusal_fails_and_changes_nothing(reported: Any, task: ApproveFiguresOperator, pages: list[Asked]) -> None:
    asks(task, of_march())
    with pytest.raises(BadRequest, match="ben has refused it"):
        task.execute_complete(of_march(), answer("ben", "Reject"))
    assert reported.figures.most_recent() == []


def test_what_is_asked_for_wrongly_is_told(reported: Any, task: ApproveFiguresOperator) -> None:
    with pytest.raises(BadRequest, match="say which pipeline"):
        task.execute(context())
    with pytest.raises(BadRequest, match="fill in «from»"):
        task.execute(context(pipeline="core_shop"))
    with pytest.raises(BadRequest, match="no request 99"):
        task.execute(context(request=99))


def test_a_restatement_is_asked_for_once_and_published_by_a_run_of_its_own(
    issued: Any,
    task: ApproveFiguresOperator,
    publish: PublishApprovedOperator,
    pages: list[Asked],
    started: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    approvals: list[int] = []
    monkeypatch.setattr(asking, "_start_approval", lambda request: approvals.append(request.id))
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    run = context("ann", "manual__1")
    gate = asking.gate_of(run)
    with pytest.raises(RestatementWaiting) as error:
        write_audit_publish(issued.project.run("core_shop", D2), gate=gate)
    asking.ask_people(gate)
    [request] = gate.waiting
    assert (approvals, request.requester) == ([request.id], "ann")
    [incident] = Incidents().open()
    assert (incident.kind, incident.pipeline, incident.ds) == ("restatement_waiting", "core_shop", D2)
    facts = incident.facts
    assert (facts["figure"], facts["old"], facts["new"], facts["difference"], facts["comes_from"]) == (
        *("monthly_net of 2026-03-01", "193", "223", "+30"),
        "orders +30",
    )
    failed = {**run, "task": SimpleNamespace(task_id="write_audit_publish"), "exception": error.value}
    assert finding_of(failed, datetime.now(UTC)) is None, "it is told already"

    decided = context(None, f"request__{request.id}", request=request.id)
    asks(task, decided)
    assert r"| monthly\_net | 2026-03-01 to 2026-03-31 | 193 | 223 | +30 | orders \+30 |" in pages[-1].body
    task.execute_complete(decided, answer("ben"))
    assert Incidents().open() == []
    publish.execute(decided)
    [(dag_id, run_id, conf)] = started
    assert (dag_id, conf) == ("core_shop", {"from": str(D2), "to": str(D2)})
    again = asking.gate_of(context(None, run_id))
    assert again.requester == "ann", "who asked for the first run asks for what comes of the second"
    write_audit_publish(issued.project.run("core_shop", D2, run_id=run_id), gate=again)
    assert issued.issued("monthly_net") == {(MARCH.start, ""): 223}
    publish.execute(decided)
    assert len(started) == 1, "what is published is not published again"
    publish.execute_complete(decided, ("trigger", {"run_ids": [run_id], run_id: "failed"}))


def test_whether_it_is_published_the_ledger_says_and_not_the_state_of_the_run(
    issued: Any, task: ApproveFiguresOperator, publish: PublishApprovedOperator, pages: list[Asked], started: list[Any]
) -> None:
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    request = issued.held(D2)
    decided = context(None, f"request__{request.id}", request=request.id)
    asks(task, decided)
    task.execute_complete(decided, answer("ben"))
    publish.execute(decided)
    [(_, run_id, _)] = started
    with pytest.raises(BadRequest, match=f"the run {run_id} of core_shop has not published it"):
        publish.execute_complete(decided, ("trigger", {"run_ids": [run_id], run_id: "success"}))
    assert publish.reset_dag_run, "cleared, it has the same run tried again"


def test_a_run_that_nobody_asked_for_is_the_schedulers(reported: Any) -> None:
    assert asking.gate_of(context(None, "scheduled__1")).requester == ""
    assert reported.ask(Interval(D2, D3), requester="").requester == "scheduler"


def test_where_nobody_can_be_asked_the_run_fails_with_its_own_reason(
    issued: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_arguments: Any) -> None:
        raise OSError("no Airflow")

    monkeypatch.setattr(asking, "_start_approval", fail)
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    gate = FiguresGate("ann")
    with pytest.raises(RestatementWaiting):
        write_audit_publish(issued.project.run("core_shop", D2), gate=gate)
    asking.ask_people(gate)
    assert "the watch asks within minutes" in caplog.text
    assert Incidents().open() == []
    started: list[int] = []
    monkeypatch.setattr(asking, "_start_approval", lambda request: started.append(request.id))
    asking.ask_about_forgotten()
    asking.ask_about_forgotten()
    assert started == [gate.waiting[0].id], "once"
    [incident] = Incidents().open()
    assert (incident.kind, incident.facts["request"], incident.facts["run_id"]) == (
        asking.KIND,
        started[0],
        gate.waiting[0].run_id,
    )


def test_the_incident_of_a_request_that_is_superseded_is_over(issued: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_start_approval", lambda _: None)
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    issued.held(D2)
    asking.ask_about_forgotten()
    watch.look(datetime.now(UTC))
    assert [one.kind for one in Incidents().open() if one.kind == asking.KIND] == [asking.KIND]
    issued.arrive({D2: ORDERS[D2]})
    issued.run(D2)
    watch.look(datetime.now(UTC))
    assert [one for one in Incidents().open() if one.kind == asking.KIND] == []


class AuditLog:
    """Airflow as far as it says who has done what."""

    def __init__(self, *events: dict[str, Any], queued_at: str | None = None) -> None:
        self._events, self._queued_at = events, queued_at
        self.error: Exception | None = None

    def __enter__(self) -> AuditLog:
        return self

    def __exit__(self, *_: object) -> None: ...

    def run(self, _dag_id: str, _run_id: str) -> dict[str, Any]:
        return {"queued_at": self._queued_at}

    def events(self, **filters: Any) -> list[dict[str, Any]]:
        if self.error:
            raise self.error
        names = ("dag_id", "run_id")
        return [
            one
            for one in self._events
            if one["event"] in filters["included_events"]
            and all(one[name] == filters[name] for name in names if name in filters)
            and filters.get("after", "") <= one["when"] <= filters.get("before", "9")
        ]


def event(name: str, owner: str, run_id: str | None = "scheduled__1", when: str = "2026-03-05T10:00:00+00:00") -> dict[str, Any]:
    return {"event": name, "owner": owner, "dag_id": "core_shop", "run_id": run_id, "when": when}


def cleared(monkeypatch: pytest.MonkeyPatch, log: AuditLog, run_id: str = "scheduled__1", who: str | None = None) -> Any:
    monkeypatch.setattr(airflow_api.AirflowApi, "from_connection", lambda _: log)
    found = context(who, run_id)
    found["dag_run"].clear_number = 1
    return found


def test_who_has_cleared_a_run_of_the_schedule_asks_for_what_it_moves(issued: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AuditLog(
        event("clear_dag_run", "ann"),
        event("trigger_dag_run", "ben"),
        event("clear_dag_run", "ben", "scheduled__2"),
        event("create_backfill", "cleo", None, "2026-03-05T11:58:58+00:00"),
        event("create_backfill", "dan", None, "2026-03-04T12:00:00+00:00"),
        queued_at="2026-03-05T12:00:00+00:00",
    )
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    gate = asking.gate_of(cleared(monkeypatch, log))
    with pytest.raises(RestatementWaiting):
        write_audit_publish(issued.project.run("core_shop", D2), gate=gate)
    assert gate.waiting[0].people == ["ann", "cleo"]
    with pytest.raises(BadRequest, match="ann requested it"):
        issued.requests.approve(gate.waiting[0].id, "ann", "r")
    assert asking.people_of(cleared(monkeypatch, log, who="dan")) == ["dan", "ann", "cleo"]


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (None, BadRequest, "Airflow's audit log does not say"),
        (Refused("403", 403), BadRequest, "headline_airflow needs a login that may read Airflow's audit log"),
        (httpx.ConnectError("gone"), Transient, "gone"),
    ],
)
def test_where_it_is_not_known_who_has_cleared_a_run_nobody_is_asked(
    issued: Any, monkeypatch: pytest.MonkeyPatch, error: Exception | None, kind: type[Exception], says: str
) -> None:
    log = AuditLog()
    log.error = error
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    before = issued.requests.all()
    with pytest.raises(kind, match=rf"Trigger core_shop for its days instead, in your own name[\s\S]*{says}"):
        write_audit_publish(issued.project.run("core_shop", D2), gate=asking.gate_of(cleared(monkeypatch, log)))
    assert issued.requests.all() == before
    assert issued.issued("monthly_net") == {(MARCH.start, ""): 193}


def test_a_run_of_an_approved_request_is_its_peoples_though_a_task_has_cleared_it(
    issued: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    asked = issued.held(D2, requester="ann")
    gate = asking.gate_of(cleared(monkeypatch, AuditLog(), f"restatement__{asked.id}__3"))
    assert (gate.requester, list(gate.involved())) == ("ann", ["ann"])
    gate = asking.gate_of(cleared(monkeypatch, AuditLog(), f"restatement__{asked.id}__3", who="mallory"))
    assert (gate.requester, list(gate.involved())) == ("mallory", ["ann"]), "a run that somebody has given such a name"
