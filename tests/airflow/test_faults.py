"""What goes wrong under Airflow is retried where that helps, and stops at once where it does not."""

from __future__ import annotations

import os
import signal
from contextlib import closing

import duckdb
import pytest
from tests.airflow.world import FIRST, OPENING, TODAY, YESTERDAY, Deployment, process_titled, wait_for

from headline.intervals import DAY, Interval
from headline.ledger import Ledger


def test_killed_task_is_tried_again_and_the_run_succeeds(airflow: Deployment) -> None:
    """The transform is killed while it waits for the warehouse, which another program holds."""
    before = airflow.published("profit")
    with closing(duckdb.connect(airflow.home.path / "warehouse.duckdb")):
        run_id = airflow.start("unit_profit", YESTERDAY)
        task = airflow.in_state("unit_profit", run_id, "transform.expense_allocation", "running")
        process = wait_for(lambda: process_titled(f"airflow worker -- {task['id']}"), 30)
        os.kill(process.pid, signal.SIGKILL)
        airflow.in_state("unit_profit", run_id, "transform.expense_allocation", "up_for_retry", "scheduled", "queued")
    tasks = airflow.finish("unit_profit", run_id)
    assert tasks["transform.expense_allocation"]["try_number"] == 2
    assert {task["try_number"] for name, task in tasks.items() if name != "transform.expense_allocation"} == {1}
    assert airflow.published("profit") == before


def test_failed_audit_stops_at_once_and_the_mended_file_heals(airflow: Deployment) -> None:
    day = FIRST - DAY
    file = airflow.rates_file(day)
    whole = file.read_text()
    file.write_text(whole.replace(",USD,", ",USD,-"))
    before = airflow.published("raw")
    run_id = airflow.start("finance", day)
    tasks = airflow.finish("finance", run_id, "failed")
    assert (tasks["audit.exchange_rates"]["state"], tasks["audit.exchange_rates"]["try_number"]) == ("failed", 1)
    assert tasks["audit.expenses"]["state"] == "success"
    assert tasks["publish"]["state"] == "upstream_failed"
    log = airflow.api.task_log("finance", run_id, "audit.exchange_rates")
    assert "raw.exchange_rates: 1 of" in log
    assert "rate_to_reporting" in log
    assert airflow.published("raw") == before
    failed = [row for row in Ledger().latest_audits(["raw.exchange_rates"]) if row.outcome == "failed"]
    assert [(row.measured, row.run_id) for row in failed] == [(1, run_id)]

    file.write_text(whole)
    airflow.api.clear("finance", run_id, only_failed=False)
    airflow.in_state("finance", run_id, "publish", "success")
    airflow.finish("finance", run_id)
    [(rows, lowest)] = airflow.query(f"select count(*), min(rate_to_reporting) from raw.exchange_rates where ds = date '{day}'")
    assert rows == 6
    assert lowest > 0


BROKEN = "failed_rows: {name: of another table, attributes: {kind: schema}, query: select no_such_column from core.expenses}"


def test_audit_that_could_not_run_is_tried_again(airflow: Deployment) -> None:
    mend = airflow.edit(
        "core/core_finance/expenses.contract.yml",
        "checks:\n  - schema:",
        f"checks:\n  - {BROKEN}\n  - schema:",
    )
    try:
        run_id = airflow.start("core_finance", YESTERDAY)
        airflow.in_state("core_finance", run_id, "audit.expenses", "up_for_retry")
    finally:
        mend()
    tasks = airflow.finish("core_finance", run_id)
    assert tasks["audit.expenses"]["try_number"] >= 2
    assert {name for name, task in tasks.items() if task["try_number"] > 1} == {"audit.expenses"}
    assert "the audit could not run" in airflow.api.task_log("core_finance", run_id, "audit.expenses")


def test_sensor_holds_no_worker_and_goes_on_when_its_input_is_published(airflow: Deployment) -> None:
    day = OPENING - DAY
    run_id = airflow.start("core_finance", day)
    airflow.in_state("core_finance", run_id, "wait_for_inputs", "deferred")
    assert f"raw.exchange_rates lacks 1 day(s) from {day}" in airflow.api.task_log("core_finance", run_id, "wait_for_inputs")
    airflow.complete("finance", day)
    tasks = airflow.finish("core_finance", run_id)
    assert tasks["wait_for_inputs"]["try_number"] == 1
    assert airflow.query(f"select count(*) > 0 from core.expenses where ds = date '{day}'") == [(True,)]


@pytest.mark.parametrize(
    ("first", "last", "complaint"),
    [
        (YESTERDAY, FIRST, f"the range ends on {FIRST}, before it begins on {YESTERDAY}"),
        (YESTERDAY, TODAY, f"{TODAY} has not ended yet"),
    ],
    ids=["backwards", "open"],
)
def test_bad_range_fails_at_once(first: object, last: object, complaint: str, airflow: Deployment) -> None:
    version = Ledger().newest_version()
    run_ids = {dag_id: airflow.start(dag_id, first, last) for dag_id in ("finance", "core_finance")}  # type: ignore[arg-type]
    first_tasks = {"finance": ["ingest.exchange_rates", "ingest.expenses"], "core_finance": ["wait_for_inputs"]}
    for dag_id, run_id in run_ids.items():
        tasks = airflow.finish(dag_id, run_id, "failed")
        for name in first_tasks[dag_id]:
            assert (tasks[name]["state"], tasks[name]["try_number"]) == ("failed", 1)
            assert complaint in airflow.api.task_log(dag_id, run_id, name)
        assert {task["state"] for name, task in tasks.items() if name not in first_tasks[dag_id]} == {"upstream_failed"}
    assert Ledger().newest_version() == version


def test_broken_spec_fails_with_its_text_and_the_others_are_fine(airflow: Deployment) -> None:
    mend = airflow.edit("profit/investor_profit/pipeline.yml", "tier: 1", "tier: 7\nowner: nobody")
    try:
        wait_for(lambda: [task["task_id"] for task in tasks_of(airflow, "investor_profit")] == ["read_specification"], 60)
        assert airflow.api.import_errors() == []
        run_id = airflow.start("investor_profit", YESTERDAY)
        other = airflow.start("core_finance", YESTERDAY)
        tasks = airflow.finish("investor_profit", run_id, "failed")
        assert tasks["read_specification"]["try_number"] == 1
        log = airflow.api.task_log("investor_profit", run_id, "read_specification")
        assert "profit/investor_profit/pipeline.yml: tier: " in log
        assert "owner: unknown key" in log
        airflow.finish("core_finance", other)
    finally:
        mend()
    wait_for(lambda: "publish" in [task["task_id"] for task in tasks_of(airflow, "investor_profit")], 60)


def tasks_of(airflow: Deployment, dag_id: str) -> list[dict[str, object]]:
    return airflow.api.get(f"/dags/{dag_id}/tasks")["tasks"]  # type: ignore[no-any-return]


def test_backfill_equals_the_range(airflow: Deployment) -> None:
    """Three days that core_shop has not computed yet: a run a day, all three at once, as the Backfill form starts them."""
    days = list(Interval(OPENING, FIRST))
    before = airflow.published("core", "quarantine")
    backfill = airflow.api.backfill("core_shop", days[0], days[-1])
    wait_for(lambda: airflow.api.get(f"/backfills/{backfill}")["completed_at"], 150)
    runs = {run["dag_run_id"]: run["state"] for run in airflow.api.runs("core_shop", run_type="backfill")}
    assert list(runs.values()) == ["success"] * len(days)
    published = [row for row in Ledger().publications(["core.order_lines"]) if row.run_id in runs]
    assert {row.run_id for row in published} == set(runs)
    assert {day for row in published for day in Interval(row.start, row.end)} >= set(days)
    filled = airflow.published("core", "quarantine")
    assert filled["core.order_lines"].total() > before["core.order_lines"].total() + 30 * len(days)

    airflow.complete("core_shop", days[0], days[-1])
    assert airflow.published("core", "quarantine") == filled
