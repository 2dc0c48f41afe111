"""What Airflow's side adds to the steps: what the UI shows, what fails how, and runs that bring what is missing."""

import logging
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from inspect import signature
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk._shared.module_loading import import_string
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowSkipException, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from headline.errors import BadData, BadRequest, Transient
from headline.intervals import DAY, Interval
from headline.ledger import Repairs
from headline.operators import FindMissingOperator, IngestOperator, RecordRepairsOperator, WriteAuditPublishOperator
from headline.operators.context import waiver
from headline.operators.inputs import InputsTrigger
from headline.operators.repair import AirflowRuns
from headline.operators.takeover import Takeover
from headline.operators.together import Share
from headline.pipeline import Waiver
from headline.pipeline.ingest import Ingested

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
TODAY = datetime.now(UTC).date()


def context(start: datetime | None = None, end: datetime | None = None, run_id: str = "manual", **params: Any) -> Any:
    """As a task sees it: `from_`, `to`, `accept`, `figures` and `landings` are the form's fields."""
    given = {"from": params.get("from_")} | {name: params.get(name) for name in ("to", "accept", "figures", "landings")}
    dag_run = {
        "run_id": run_id,
        "run_type": "manual",
        "data_interval_start": start,
        "data_interval_end": end,
        "run_after": end,
    }
    return {"params": given, "dag_run": SimpleNamespace(**dag_run, triggering_user_name=params.get("user"))}


def at(day: date, hour: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("accept", "user", "expected"),
    [
        ("The sale began.", "ana", Waiver("The sale began.", by="ana")),
        (" The sale began.\n", None, Waiver("The sale began.", by="unknown")),
        (None, "ana", None),
        ("  ", "ana", None),
    ],
)
def test_who_fills_in_a_reason_waives(accept: str | None, user: str | None, expected: Waiver | None) -> None:
    assert waiver(context(at(D1), at(D2), accept=accept, user=user)) == expected


def test_figures_are_waived_by_name_and_for_a_reason() -> None:
    waived = waiver(context(accept="A sale.", user="ana", figures=[" raw.orders.usual@2026-03-01,amount=5 ", ""]))
    assert waived == Waiver("A sale.", "ana", frozenset({"raw.orders.usual@2026-03-01,amount=5"}))
    with pytest.raises(BadRequest, match="why they are right"):
        waiver(context(figures=["raw.orders.usual@2026-03-01,amount=5"]))


def test_the_operators_run_the_steps_and_show_what_they_did(project: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "orders_2026-03-01.csv").write_text("order_id,amount\na,1.00\n")
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DROP", f'{{"conn_type": "fs", "extra": {{"path": "file://{folder}"}}}}')
    ingest = IngestOperator(task_id="ingest", pipeline="shop")
    publish = WriteAuditPublishOperator(task_id="write_audit_publish", pipeline="shop")
    for operator in (ingest, publish):
        operator.execute(context(at(D1), at(D2), run_id="scheduled__2026-03-02"))
        assert set(operator.template_fields) <= set(vars(operator))
        assert operator.overwrite_rtif_after_execution
    day = "[2026-03-01, 2026-03-02)"
    assert ingest.ingested == {"orders": {"days": [day], "files": 1, "rows": 1, "new_or_changed_files": 1}}
    shown = publish.tables["raw.orders"]
    assert set(shown.pop("seconds")) == {"transform", "audit", "publish"}
    assert shown.pop("checks") == {"passed": len(publish.checks["raw.orders"])}
    assert shown == {"state": "published", "days": [day], "rows": 1, "quarantined": 0, "published": [day]}
    assert set(publish.checks["raw.orders"].values()) == {"passed"}
    assert publish.sql.startswith("-- raw.orders\n")
    assert "READ_PARQUET" in publish.sql.upper()
    assert project.query("select order_id from raw.orders") == [("a",)]


def test_a_failed_audit_leaves_what_is_known_and_no_group_open(project: Any, caplog: pytest.LogCaptureFixture) -> None:
    project.arrive({D1: [("a", "1.00"), ("b", "1.00")]})
    project.replace("sources/shop/orders.contract.yml", "- schema:", "- schema:\n  - duplicate: {columns: [amount]}")
    operator = WriteAuditPublishOperator(task_id="write_audit_publish", pipeline="shop")
    caplog.set_level(logging.INFO)
    with pytest.raises(BadData, match=r"^raw\.orders.*1 of 3 checks failed"):
        operator.execute(context(at(D1), at(D2)))
    assert operator.tables["raw.orders"]["state"] == "failed"
    assert operator.tables["raw.orders"]["rows"] == 2
    assert operator.sql.startswith("-- raw.orders\n")
    groups = [message for message in caplog.messages if message.startswith("::")]
    assert groups == ["::group::transform raw.orders", "::endgroup::", "::group::audit raw.orders", "::endgroup::"]


def test_an_ingest_that_fails_lets_the_others_land_and_asks_for_a_retry_where_one_can_help(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors = {"a": BadData("columns"), "b": Transient("locked"), "c": None}
    tried = []

    def one(run: Any, source: Any, landing: str) -> Ingested:
        tried.append(landing)
        if error := errors[landing]:
            raise error
        return Ingested(landing, [], 0, 0, 0)

    monkeypatch.setattr(import_module("headline.pipeline.ingest"), "_ingest", one)
    run = SimpleNamespace(pipeline=SimpleNamespace(ingest=errors))
    monkeypatch.setattr("headline.operators.steps.pipeline_run", lambda *_: run)
    operator = IngestOperator(task_id="ingest", pipeline="shop")
    with pytest.raises(Transient, match="2 of 3 landings could not be ingested; the other 1 have been recorded"):
        operator.execute(context(at(D1), at(D2)))
    assert (tried, operator.landing) == (["a", "b", "c"], "b")
    assert {name: set(one) for name, one in operator.ingested.items()} == {
        "a": {"error"},
        "b": {"error"},
        "c": {"days", "files", "rows", "new_or_changed_files"},
    }


def test_who_reads_others_begins_deferred_and_its_wait_is_no_part_of_its_time() -> None:
    waiting = WriteAuditPublishOperator(
        task_id="w", pipeline="core_shop", inputs={"raw.orders": {}}, execution_timeout=timedelta(hours=1)
    )
    assert waiting.start_from_trigger
    assert waiting.start_trigger_args is not None
    assert waiting.start_trigger_args.trigger_kwargs == {"inputs": {"raw.orders": {}}}
    assert import_string(waiting.start_trigger_args.trigger_cls) is InputsTrigger
    assert hasattr(waiting, waiting.start_trigger_args.next_method)
    assert (waiting.execution_timeout, waiting.compute_timeout) == (None, timedelta(hours=1))
    assert not WriteAuditPublishOperator(task_id="w", pipeline="shop").start_from_trigger


@pytest.mark.parametrize(("run_type", "expected"), [("backfill", [10]), ("scheduled", []), ("manual", [])])
def test_a_backfill_gives_way_to_runs_that_somebody_waits_for(
    monkeypatch: pytest.MonkeyPatch, run_type: str, expected: list[int]
) -> None:
    niced: list[int] = []
    monkeypatch.setattr("os.nice", niced.append)
    monkeypatch.setattr("headline.operators.steps.pipeline_run", lambda *_: None)
    monkeypatch.setattr("headline.pipeline.write_audit_publish", lambda *_, **__: [])
    monkeypatch.setattr("headline.pipeline.ingest", lambda *_, **__: None)
    of = context(at(D1), at(D2))
    of["dag_run"].run_type = run_type
    of["ti"] = SimpleNamespace(xcom_pull=lambda **_: None)
    monkeypatch.setattr("headline.operators.together.share_of", lambda *_: Share(Interval(D1, D2)))
    for operator in (
        WriteAuditPublishOperator(task_id="w", pipeline="shop"),
        IngestOperator(task_id="i", pipeline="shop"),
    ):
        niced.clear()
        operator.execute(of)
        assert niced == expected


def test_days_that_fail_together_are_computed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source's run of a backfill ingests what is queued behind it, and the task after it computes just that."""
    done: list[Any] = []
    pushed: dict[str, Any] = {}
    of = context(at(D1), at(D2), run_id="backfill__2026-03-01")
    of["dag_run"].run_type = "backfill"
    of["ti"] = SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}), xcom_pull=lambda **_: pushed.get("days"))

    def work(days: Interval, **_: Any) -> None:
        done.append(days)
        if len(days) > most:
            raise BadData("the third day")

    monkeypatch.setattr("os.nice", lambda _: None)
    monkeypatch.setattr("headline.operators.steps.pipeline_run", lambda _pipeline, _context, days: days)
    monkeypatch.setattr("headline.pipeline.write_audit_publish", work)
    monkeypatch.setattr("headline.pipeline.ingest", work)
    monkeypatch.setattr("headline.operators.together.is_behind", lambda _pipeline, days: days in behind)
    own, more = Interval(D1, D2), Interval(D1, D2 + 2 * DAY)
    behind: list[Interval] = []
    monkeypatch.setattr("headline.operators.together.share_of", lambda *_: Share(more))
    ingest = IngestOperator(task_id="ingest", pipeline="shop")
    publish = WriteAuditPublishOperator(task_id="w", pipeline="shop")
    most = 1
    ingest.execute(of)
    publish.execute(of)
    assert (done, pushed) == ([more, own, own], {})
    done.clear()
    most = 9
    ingest.execute(of)
    publish.execute(of)
    assert (done, pushed.pop("days")) == ([more, more], more.to_json())
    assert Takeover.from_json(pushed.pop("taken_over")).days == more, "the runs of these days have nothing left to do"
    most = 1
    done.clear()
    pushed["days"] = more.to_json()
    publish.execute(of)
    assert (done, set(pushed)) == ([more, own], {"days"})
    most, behind = 9, [more]
    publish.execute(of)
    assert set(pushed) == {"days"}, "an input has changed meanwhile: each run finds out for itself"
    monkeypatch.setattr("headline.operators.together.share_of", lambda *_: Share(own, is_done=True))
    with pytest.raises(AirflowSkipException, match="computed together with another day of this backfill"):
        ingest.execute(of)


def test_a_run_that_goes_on_behind_its_inputs_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    operator = WriteAuditPublishOperator(task_id="w", pipeline="core_shop", inputs={"raw.orders": {}})
    ran: list[Any] = []
    monkeypatch.setattr(operator, "compute", lambda *_: ran.append(1))
    for event in ("published", {"behind": "raw.orders for 1 period(s) from 2026-03-01"}):
        assert "behind" not in capsys.readouterr().out
        operator.execute_complete({}, event)
    assert len(ran) == 2
    assert "behind their inputs, and no run is at work that fixes it: raw.orders for 1 period(s)" in capsys.readouterr().out


def test_an_ingest_that_a_run_is_not_for_does_nothing_or_says_what_has_yet_to_arrive(project: Any, tmp_path: Any) -> None:
    """There is no connection that could be read."""
    ingest = IngestOperator(task_id="ingest", pipeline="shop")
    with pytest.raises(
        BadRequest, match=r"landing.orders has not arrived for 1 day\(s\) from 2026-03-01 on: this run, .* nothing"
    ):
        ingest.execute(context(at(D1), at(D2), landings=[]))
    project.arrive({D1: [("a", "1.00")]})
    ingest.execute(context(at(D1), at(D2), landings=["others"]))
    assert ingest.ingested == {"orders": {"days": [], "files": 0, "rows": 0, "new_or_changed_files": 0}}


class FakeTask:
    """What the Task SDK answers; `runs`: (DAG, run, state)."""

    def __init__(
        self, paused: bool = False, runs: list[tuple[str, str, str]] | None = None, dags: str = "shop core_shop"
    ) -> None:
        self.paused, self.runs, self.dags = paused, runs or [], dags.split()

    def get_dag(self, dag_id: str) -> Any:
        if dag_id not in self.dags:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 404}))
        return SimpleNamespace(is_paused=self.paused)

    def get_dr_count(self, dag_id: str, run_ids: list[str] | None = None, states: list[str] | None = None) -> int:
        return sum(
            dag == dag_id and (run_ids is None or run in run_ids) and (states is None or state in states)
            for dag, run, state in self.runs
        )


def test_airflow_is_asked_whether_a_dag_can_take_a_run() -> None:
    assert AirflowRuns(FakeTask()).obstacle("shop") == ""
    assert AirflowRuns(FakeTask(runs=[("shop", "a", "failed"), ("core_shop", "b", "running")])).obstacle("shop") == ""
    assert "1 of its runs are at work" in AirflowRuns(FakeTask(runs=[("shop", "a", "queued")])).obstacle("shop")
    assert "paused" in AirflowRuns(FakeTask(paused=True)).obstacle("shop")
    assert "no DAG of that name" in AirflowRuns(FakeTask(dags="")).obstacle("shop")


def test_airflow_is_asked_how_far_a_run_is() -> None:
    runs = AirflowRuns(FakeTask(runs=[("shop", "a", "running"), ("shop", "b", "failed"), ("shop", "c", "success")]))
    assert [runs.state("shop", run_id) for run_id in "abcd"] == ["at work", "ended", "ended", "absent"]
    assert runs.state("core_shop", "a") == "absent"


def test_what_is_missing_becomes_runs_of_its_dag_and_their_end_is_recorded(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = TODAY - 2 * DAY
    monkeypatch.setenv("HEADLINE_START_DATE", str(first))
    project.replace("sources/shop/source.yml", "02:00", "00:00")
    project.arrive({first + DAY: [("a", "1.00")]})
    find = FindMissingOperator(task_id="find_missing")
    run_id = f"repair__orders__{first}__1"
    [run] = [one for one in find.execute({"ti": FakeTask()}) if one["trigger_run_id"] == run_id]
    assert (run["trigger_dag_id"], run["conf"]) == ("shop", {"from": str(first), "to": str(first), "landings": ["orders"]})
    assert run["note"] == f"Repair: {first} of landing.orders: nothing has been loaded; attempt 1 of 3"
    assert f"shop: {run['note'].removeprefix('Repair: ')}" in find.found
    assert set(run) <= set(signature(TriggerDagRunOperator.__init__).parameters)

    project.arrive({first: [("b", "1.00")]})
    RecordRepairsOperator(task_id="record").execute({"ti": FakeTask(runs=[("shop", run_id, "success")])})
    attempt = Repairs().newest()["landing.orders", first]
    assert (attempt.outcome, attempt.after["rows"]) == ("repaired", 1)
