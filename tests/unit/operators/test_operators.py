"""What Airflow's side adds to the steps: which days a run is for, waiting for inputs, and what the UI shows."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from inspect import signature
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType, TaskDeferred
from airflow.sdk.execution_time.comms import ErrorResponse

from headline.errors import BadRequest
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Published, Repairs
from headline.operators import (
    AuditOperator,
    FindMissingOperator,
    IngestOperator,
    PublicationSensor,
    PublishOperator,
    RecordRepairsOperator,
    TransformOperator,
)
from headline.operators.context import acceptance, requested
from headline.operators.publication import PublicationTrigger, describe, missing_inputs
from headline.operators.repair import AirflowRuns
from headline.steps import Acceptance

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
TODAY = datetime.now(UTC).date()


def context(start: datetime | None = None, end: datetime | None = None, run_id: str = "manual", **params: Any) -> Any:
    """As a task sees it: `from_`, `to`, `accept` and `landings` are the form's fields."""
    given = {"from": params.get("from_")} | {name: params.get(name) for name in ("to", "accept", "landings")}
    dag_run = {"run_id": run_id, "data_interval_start": start, "data_interval_end": end}
    return {"params": given, "dag_run": SimpleNamespace(**dag_run, triggering_user_name=params.get("user"))}


def at(day: date, hour: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def test_a_scheduled_run_is_for_its_data_interval(forget_settings: Any) -> None:
    assert requested(context(at(D1), at(D2))) == Interval(D1, D2)


def test_days_begin_in_the_reporting_zone(forget_settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_REPORTING_ZONE", "Europe/Berlin")
    assert requested(context(at(D1, 23), at(D2, 23))) == Interval(D2, D3)


@pytest.mark.parametrize("moment", [None, at(D1)])
def test_a_run_without_an_interval_is_for_yesterday(forget_settings: Any, moment: datetime | None) -> None:
    assert requested(context(moment, moment)) == Interval(TODAY - DAY, TODAY)


def test_the_form_wins_over_the_interval(forget_settings: Any) -> None:
    assert requested(context(at(D3), at(D3) + DAY, from_="2026-03-01", to="2026-03-02")) == Interval(D1, D3)
    assert requested(context(None, None, from_="2026-03-01")) == Interval(D1, D2)


@pytest.mark.parametrize("days_ahead", [0, 1])
def test_an_open_day_is_refused(forget_settings: Any, days_ahead: int) -> None:
    with pytest.raises(BadRequest, match="has not ended yet"):
        requested(context(from_=str(TODAY - 3 * DAY), to=str(TODAY + days_ahead * DAY)))
    with pytest.raises(BadRequest, match="has not ended yet"):
        requested(context(at(TODAY), at(TODAY) + timedelta(days=days_ahead + 1)))


@pytest.mark.parametrize(
    ("accept", "user", "expected"),
    [
        ("The sale began.", "ana", Acceptance("The sale began.", by="ana")),
        (" The sale began.\n", None, Acceptance("The sale began.", by="unknown")),
        (None, "ana", None),
        ("  ", "ana", None),
    ],
)
def test_who_fills_in_a_reason_accepts(accept: str | None, user: str | None, expected: Acceptance | None) -> None:
    assert acceptance(context(at(D1), at(D2), accept=accept, user=user)) == expected


def publish(ledger: Ledger, table: str, first: date, last: date) -> None:
    ledger.record_publications("p", "k", "run", "code", [Published(table, Interval(first, last + DAY), 1, 0, {})])


def test_missing_inputs_are_told_by_table_and_day(ledger: Ledger) -> None:
    days = Interval(D1, D3 + DAY)
    publish(ledger, "raw.a", D1, D3)
    publish(ledger, "raw.b", D2, D2)
    publish(ledger, "raw.unasked", D1, D3)
    missing = missing_inputs({"raw.a": {}, "raw.b": {}, "raw.c": {}}, days)
    assert missing == {"raw.b": ["2026-03-01", "2026-03-03"], "raw.c": ["2026-03-01", "2026-03-02", "2026-03-03"]}
    assert describe(missing) == "raw.b lacks 2 day(s) from 2026-03-01; raw.c lacks 3 day(s) from 2026-03-01"
    publish(ledger, "raw.b", D1, D3)
    publish(ledger, "raw.c", D1, D2)
    publish(ledger, "raw.c", D3, D3)
    assert missing_inputs({"raw.a": {}, "raw.b": {}, "raw.c": {}}, days) == {}
    assert missing_inputs({}, days) == {}


def test_a_gap_in_the_history_is_missing_where_the_window_forbids_it(ledger: Ledger) -> None:
    publish(ledger, "raw.a", D1, D1)
    publish(ledger, "raw.a", D3, D3)
    day = Interval(D3, D3 + DAY)
    assert missing_inputs({"raw.a": {"days_before": "all"}}, day) == {}
    assert missing_inputs({"raw.a": {"days_before": "all", "without_gaps": True}}, day) == {"raw.a": ["2026-03-02"]}


def test_the_sensor_passes_at_once_where_all_is_published(ledger: Ledger, forget_settings: Any) -> None:
    publish(ledger, "raw.a", D1, D1)
    PublicationSensor(task_id="wait", pipeline="p", tables={"raw.a": {}}).execute(context(at(D1), at(D2)))


def test_the_sensor_waits_without_a_worker_for_what_is_missing(ledger: Ledger, forget_settings: Any) -> None:
    sensor = PublicationSensor(task_id="wait", pipeline="p", tables={"raw.a": {}}, poke_interval=0.05)
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context(at(D1), at(D2)))
    path, arguments = deferred.value.trigger.serialize()
    assert path == "headline.operators.publication.PublicationTrigger"
    assert arguments == {"tables": {"raw.a": {}}, "interval": ["2026-03-01", "2026-03-02"], "poke_interval": 0.05}
    assert hasattr(sensor, deferred.value.method_name)


async def first_event(trigger: PublicationTrigger, meanwhile: Callable[[], None]) -> Any:
    waiting = asyncio.ensure_future(anext(trigger.run()))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    meanwhile()
    return await asyncio.wait_for(waiting, 10)


def test_the_trigger_fires_when_the_last_day_is_published(ledger: Ledger) -> None:
    trigger = PublicationTrigger({"raw.a": {}}, ["2026-03-01", "2026-03-03"], 0.05)
    publish(ledger, "raw.a", D1, D1)
    assert asyncio.run(first_event(trigger, lambda: publish(ledger, "raw.a", D2, D2))).payload == "published"


def test_the_trigger_outlives_a_ledger_that_is_away(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    from headline.ledger.engine import _engine

    publish(ledger, "raw.a", D1, D1)
    with monkeypatch.context() as away:
        away.setenv(
            "AIRFLOW_CONN_HEADLINE_LEDGER",
            '{"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "login": "x", "schema": "x"}',
        )
        _engine.cache_clear()
        trigger = PublicationTrigger({"raw.a": {}}, ["2026-03-01", "2026-03-02"], 0.05)

        def back() -> None:
            away.undo()
            _engine.cache_clear()

        assert asyncio.run(first_event(trigger, back)).payload == "published"


def test_the_operators_run_the_steps_and_show_what_they_did(project: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "orders_2026-03-01.csv").write_text("order_id,amount\na,1.00\n")
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DROP", f'{{"conn_type": "fs", "extra": {{"path": "file://{folder}"}}}}')
    ingest = IngestOperator(task_id="ingest", pipeline="shop", landing="orders")
    transform = TransformOperator(task_id="transform", pipeline="shop", table="orders")
    audit = AuditOperator(task_id="audit", pipeline="shop", table="orders")
    publish_ = PublishOperator(task_id="publish", pipeline="shop")
    for operator in (ingest, transform, audit, publish_):
        operator.execute(context(at(D1), at(D2), run_id="scheduled__2026-03-02"))
    assert ingest.ingested == {"days": ["[2026-03-01, 2026-03-02)"], "files": 1, "rows": 1, "new_or_changed_files": 1}
    assert "READ_PARQUET" in transform.compiled_sql.upper()
    assert transform.transformed == {"days": ["[2026-03-01, 2026-03-02)"], "rows": 1}
    assert set(audit.checks.values()) == {"passed"}
    assert publish_.published == ["raw.orders [2026-03-01, 2026-03-02) complete"]
    assert project.query("select order_id from raw.orders") == [("a",)]
    for operator in (ingest, transform, audit, publish_):
        assert set(operator.template_fields) <= set(vars(operator))
        assert operator.overwrite_rtif_after_execution


def test_an_ingest_that_a_run_is_not_for_does_nothing_or_says_what_has_yet_to_arrive(project: Any, tmp_path: Any) -> None:
    """There is no connection that could be read."""
    ingest = IngestOperator(task_id="ingest", pipeline="shop", landing="orders")
    with pytest.raises(
        BadRequest, match=r"landing.orders has not arrived for 1 day\(s\) from 2026-03-01 on: this run, .* nothing"
    ):
        ingest.execute(context(at(D1), at(D2), landings=[]))
    project.arrive({D1: [("a", "1.00")]})
    ingest.execute(context(at(D1), at(D2), landings=["others"]))
    assert ingest.ingested == {"days": [], "files": 0, "rows": 0, "new_or_changed_files": 0}


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
