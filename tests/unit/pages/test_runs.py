"""Which runs are told as failed or waiting, and why."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.unit.pages.airflow import FakeAirflow, run, task
from tests.unit.records import days_of, record

from headline import specs
from headline.intervals import DAY, Interval
from headline.pages.runs import LOGS_READ, RunGroup, failed_and_waiting
from headline.pages.runs import days_of as days_of_run

NOW = datetime.now(UTC)
EARLIER = NOW - timedelta(hours=2)
D1, D3 = date(2026, 3, 1), date(2026, 3, 3)
RANGE = {"from": str(D1), "to": str(D3)}
TABLES = ("core.orders", "core.running_totals")


def told(project: Any, airflow: FakeAirflow) -> list[RunGroup]:
    return failed_and_waiting(airflow.api, specs.load(), project.ledger, NOW)


def failed(run_id: str, day: date, **more: Any) -> list[dict[str, Any]]:
    return [
        run("core_shop", run_id, "failed", EARLIER, conf={"from": str(day)}, **more),
        task("core_shop", run_id, "failed", EARLIER),
    ]


def test_a_failed_run_is_told_with_the_first_line_of_its_error(project: Any) -> None:
    one, its_task = failed("manual__1", D1)
    airflow = FakeAirflow([one], [its_task], errors={"manual__1": "core.orders fails «no duplicates»: 3 found\nand more"})
    [group] = told(project, airflow)
    assert (group.dag_id, group.state, group.name, group.days) == ("core_shop", "failed", "run", str(D1))
    assert group.reason == "write_audit_publish: core.orders fails «no duplicates»: 3 found"
    assert group.path == "/dags/core_shop/runs/manual__1"


def test_runs_of_a_backfill_that_fail_alike_are_one_line(project: Any) -> None:
    parts = [failed(f"backfill__{n}", D1 + DAY * n, run_type="backfill") for n in range(3)] + [failed("manual__1", D1)]
    errors = dict.fromkeys(("backfill__0", "backfill__1", "manual__1"), "bad") | {"backfill__2": "worse"}
    groups = told(project, FakeAirflow([one for one, _ in parts], [one for _, one in parts], errors=errors))
    assert {(group.name, group.days, group.reason) for group in groups} == {
        ("backfill, 2 runs", "2026-03-01 to 2026-03-02", "write_audit_publish: bad"),
        ("backfill, 1 run", "2026-03-03", "write_audit_publish: worse"),
        ("run", "2026-03-01", "write_audit_publish: bad"),
    }


def test_few_logs_are_read_however_many_runs_failed(project: Any) -> None:
    parts = [failed(f"backfill__{n}", D1 + DAY * n, run_type="backfill") for n in range(30)]
    airflow = FakeAirflow([one for one, _ in parts], [one for _, one in parts], errors={})
    assert sum(len(group.runs) for group in told(project, airflow)) == 30
    assert airflow.logs_read == LOGS_READ


def test_a_failed_run_is_told_until_all_its_days_were_computed_since(project: Any) -> None:
    one, its_task = failed("manual__1", D1)
    one["conf"] = RANGE
    airflow = FakeAirflow([one], [its_task], errors={"manual__1": "bad"})
    for table in TABLES:
        record(project.ledger, *days_of(table, D1, D3 - DAY))
    assert len(told(project, airflow)) == 1
    record(project.ledger, *days_of(TABLES[0], D3))
    assert len(told(project, airflow)) == 1, "a table lacks the last day"
    record(project.ledger, *days_of(TABLES[1], D3))
    assert told(project, airflow) == []
    one["end_date"] = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    assert len(told(project, airflow)) == 1, "what was published before it failed makes nothing good"


def test_a_dag_that_publishes_nothing_is_told_until_it_has_succeeded(project: Any) -> None:
    runs = [
        run("repair", "scheduled__1", "failed", EARLIER),
        run("repair", "scheduled__0", "success", EARLIER - timedelta(hours=1)),
    ]
    [group] = told(project, FakeAirflow(runs))
    assert group.reason == "no task of it failed by itself: it was marked as failed, or took too long"
    later = run("repair", "scheduled__2", "success", EARLIER + timedelta(minutes=15))
    assert told(project, FakeAirflow([later, *runs])) == []


def test_a_log_that_one_may_not_read_hides_only_the_reason(project: Any) -> None:
    one, its_task = failed("manual__1", D1)
    [group] = told(project, FakeAirflow([one], [its_task], errors={"manual__1": "forbidden"}))
    assert group.reason == "write_audit_publish failed"


def test_waiting_runs_say_which_days_of_which_input_are_missing(project: Any) -> None:
    record(project.ledger, *days_of("raw.orders", D1))
    runs = [
        run("core_shop", f"backfill__{n}", "running", EARLIER, conf={"from": str(D1 + DAY * n)}, run_type="backfill")
        for n in (1, 2)
    ]
    tasks = [task("core_shop", f"backfill__{n}", "deferred", EARLIER) for n in (1, 2)]
    [group] = told(project, FakeAirflow(runs, tasks))
    assert (group.state, group.name, group.reason) == (
        "waiting",
        "backfill, 2 runs",
        "waits for raw.orders 2026-03-02 to 2026-03-03",
    )


def test_a_run_whose_inputs_are_there_waits_for_what_changes_them(project: Any) -> None:
    record(project.ledger, *days_of("raw.orders", D1, D3))
    waiting = run("core_shop", "manual__1", "running", EARLIER, conf=RANGE)
    deferred = task("core_shop", "manual__1", "deferred", EARLIER)
    upstream = run("shop", "manual__2", "running", EARLIER, conf={"from": str(D3)})
    [group] = told(project, FakeAirflow([waiting, upstream], [deferred]))
    assert group.reason == "waits for runs of shop on these days"
    elsewhere = run("shop", "manual__2", "running", EARLIER, conf={"from": str(D3 + DAY)})
    [group] = told(project, FakeAirflow([waiting, elsewhere], [deferred]))
    assert group.reason == "its inputs are there: it is about to begin"


def test_other_reasons_to_wait(project: Any) -> None:
    queued = run("core_shop", "manual__1", "queued", EARLIER)
    at_work = run("core_shop", "manual__2", "running", EARLIER)
    [group] = told(project, FakeAirflow([queued], dags=["core_shop"], paused=["core_shop"]))
    assert group.reason == "the DAG is paused: unpause it"
    [group] = told(project, FakeAirflow([queued, at_work]))
    assert (len(group.runs), group.reason) == (1, "1 run of this DAG must end first")
    retried = task("core_shop", "manual__2", "up_for_retry", EARLIER)
    [group] = told(project, FakeAirflow([at_work], [retried], errors={"manual__2": "the shop is out of reach"}))
    assert group.reason == "will be tried again after try 1; write_audit_publish: the shop is out of reach"
    [group] = told(project, FakeAirflow([at_work], [task("core_shop", "manual__2", "scheduled", EARLIER)]))
    assert group.reason == "waits for a worker"
    assert told(project, FakeAirflow([at_work])) == [], "it is being computed"


def test_the_days_of_a_run_are_its_params_its_interval_or_the_day_before_it() -> None:
    at = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)
    assert days_of_run(run("x", "1", "failed", at, conf=RANGE), "UTC") == Interval(D1, D3 + DAY)
    dated = {"data_interval_start": "2026-03-07T00:00:00Z", "data_interval_end": "2026-03-08T00:00:00Z"}
    assert days_of_run(run("x", "1", "failed", at, **dated), "UTC") == Interval(date(2026, 3, 7), date(2026, 3, 8))
    assert days_of_run(run("x", "1", "failed", at), "UTC") == Interval(date(2026, 3, 9), date(2026, 3, 10))
    assert days_of_run(run("x", "1", "failed", at, conf=None), "Europe/Lisbon") == Interval(date(2026, 3, 9), date(2026, 3, 10))
    assert days_of_run(run("x", "1", "failed", at), "Asia/Tokyo") == Interval(date(2026, 3, 10), date(2026, 3, 11))
    wrong = {"from": "2026-03-09", "to": "2026-03-01"}
    assert days_of_run(run("x", "1", "failed", at, conf=wrong), "UTC") == Interval(date(2026, 3, 9), date(2026, 3, 10))
