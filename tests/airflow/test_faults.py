"""What goes wrong under Airflow is retried where that helps, and stops at once where it does not."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pytest
from tests.airflow.world import (
    COMPANY,
    FIRST,
    OPENING,
    TODAY,
    WRITE_AUDIT_PUBLISH,
    YESTERDAY,
    Deployment,
    process_titled,
    wait_for,
)

from headline.demo import datashare
from headline.incidents.kinds import failed_days
from headline.intervals import DAY
from headline.ledger import Ledger
from headline.ledger.incidents import Incidents


def test_killed_task_is_tried_again_and_the_run_succeeds(airflow: Deployment) -> None:
    """The task is killed while it waits for the warehouse, which another program holds."""
    airflow.complete("unit_profit", YESTERDAY)  # takes in what tests before this one have brought
    before = airflow.published("profit")
    with closing(duckdb.connect(airflow.home.path / "warehouse.duckdb")):
        run_id = airflow.start("unit_profit", YESTERDAY)
        task = airflow.in_state("unit_profit", run_id, WRITE_AUDIT_PUBLISH, "running")
        process = wait_for(lambda: process_titled(f"airflow worker -- {task['id']}"), 30)
        os.kill(process.pid, signal.SIGKILL)
        airflow.in_state("unit_profit", run_id, WRITE_AUDIT_PUBLISH, "up_for_retry", "scheduled", "queued", "deferred")
    tasks = airflow.finish("unit_profit", run_id)
    assert tasks[WRITE_AUDIT_PUBLISH]["try_number"] == 2
    assert airflow.published("profit") == before


def test_failed_audit_stops_at_once_and_the_mended_file_heals(airflow: Deployment) -> None:
    day = FIRST - DAY
    file = airflow.rates_file(day)
    whole = file.read_text()
    file.write_text(whole.replace(str(day), "2026-01-01"))
    before = airflow.published("raw")
    run_id = airflow.start("finance", day)
    tasks = airflow.finish("finance", run_id, "failed")
    assert tasks["ingest"]["state"] == "success"
    assert (tasks[WRITE_AUDIT_PUBLISH]["state"], tasks[WRITE_AUDIT_PUBLISH]["try_number"]) == ("failed", 1)
    shown = tasks[WRITE_AUDIT_PUBLISH]["rendered_fields"]["tables"]
    assert (shown["raw.exchange_rates"]["state"], shown["raw.expenses"]["state"]) == ("failed", "passed")
    log = airflow.api.task_log("finance", run_id, WRITE_AUDIT_PUBLISH)
    assert "raw.exchange_rates: 1 of" in log
    assert "every file is of its day" in log
    assert airflow.published("raw") == before
    failed = [row for row in Ledger().latest_audits(["raw.exchange_rates"]) if row.outcome == "failed"]
    assert [(row.measured, row.run_id) for row in failed] == [(1, run_id)]

    file.write_text(whole)
    airflow.api.clear("finance", run_id, only_failed=False)
    airflow.in_state("finance", run_id, WRITE_AUDIT_PUBLISH, "success")
    airflow.finish("finance", run_id)
    [(rows, lowest)] = airflow.query(f"select count(*), min(rate_to_reporting) from raw.exchange_rates where ds = date '{day}'")
    assert rows == 6
    assert lowest > 0


def test_a_bad_day_of_a_backfill_fails_alone_and_is_one_incident(airflow: Deployment) -> None:
    """Its days are computed together where that is possible; where it is not, each of the others alone."""
    bad = OPENING - 40 * DAY
    days = [bad - DAY, bad, bad + DAY]
    datashare.drop(airflow.home.path / "datashare", days[0], days[-1], COMPANY)
    file = airflow.rates_file(bad)
    whole = file.read_text()
    file.write_text(whole.replace(str(bad), "2026-01-01"))
    begun = datetime.now(UTC)
    airflow.api.backfill("finance", days[0], days[-1])
    try:
        runs = wait_for(lambda: ended if len(ended := ended_of_backfill(airflow, "finance", begun)) == len(days) else None, 120)
        assert [runs[day]["state"] for day in days] == ["success", "failed", "success"]
        [found] = [one for one in Incidents().open() if (one.pipeline, one.kind) == ("finance", "backfill_failed")]
        assert set(days) & set(failed_days(found.facts)) == {bad}
        file.write_text(whole)
        airflow.api.clear("finance", runs[bad]["dag_run_id"], only_failed=False)
        wait_for(lambda: ended_of_backfill(airflow, "finance", begun).get(bad, {}).get("state") == "success", 60)
        Incidents().resolve(found.id, datetime.now(UTC), "the test is over")
    finally:
        file.write_text(whole)
        for run in ended_of_backfill(airflow, "finance", begun).values():  # other tests count the tries of theirs
            airflow.api.delete_run("finance", run["dag_run_id"])


def ended_of_backfill(airflow: Deployment, dag_id: str, begun: datetime) -> dict[date, Any]:
    """The runs that a backfill has made or cleared since then and that have ended, by day."""
    ended = {"state": ["success", "failed"], "end_date_gte": begun.isoformat()}
    runs = airflow.api.runs(dag_id, run_type="backfill", **ended)
    return {date.fromisoformat(run["logical_date"][:10]): run for run in runs}


BROKEN = "of another table: {differences: {by: [no_such_column], sides: [core.expenses]}}"


def test_audit_that_could_not_run_is_tried_again(airflow: Deployment) -> None:
    mend = airflow.edit(
        "core/core_finance/expenses.contract.yml",
        "checks:\n",
        f"checks:\n  {BROKEN}\n",
    )
    try:
        run_id = airflow.start("core_finance", YESTERDAY)
        airflow.in_state("core_finance", run_id, WRITE_AUDIT_PUBLISH, "up_for_retry")
    finally:
        mend()
    tasks = airflow.finish("core_finance", run_id)
    assert tasks[WRITE_AUDIT_PUBLISH]["try_number"] >= 2
    assert "the audit could not run" in airflow.api.task_log("core_finance", run_id, WRITE_AUDIT_PUBLISH)


def test_waiting_holds_no_worker_and_ends_when_the_input_is_published(airflow: Deployment) -> None:
    day = OPENING - DAY
    run_id = airflow.start("core_finance", day)
    airflow.in_state("core_finance", run_id, WRITE_AUDIT_PUBLISH, "deferred")
    reason = f"raw.exchange_rates lacks 1 day(s) from {day}"
    wait_for(lambda: reason in airflow.api.task_log("core_finance", run_id, WRITE_AUDIT_PUBLISH), 30)
    airflow.complete("finance", day)
    tasks = airflow.finish("core_finance", run_id)
    assert tasks[WRITE_AUDIT_PUBLISH]["try_number"] == 1
    assert airflow.query(f"select count(*) > 0 from core.expenses where ds = date '{day}'") == [(True,)]


@pytest.mark.parametrize(
    ("begin", "end", "complaint"),
    [
        (YESTERDAY, FIRST, f"the range ends on {FIRST}, before it begins on {YESTERDAY}"),
        (YESTERDAY, TODAY, f"{TODAY} has not ended yet"),
    ],
    ids=["backwards", "open"],
)
def test_bad_range_fails_at_once(begin: object, end: object, complaint: str, airflow: Deployment) -> None:
    version = Ledger().newest_version()
    run_ids = {dag_id: airflow.start(dag_id, begin, end) for dag_id in ("finance", "core_finance")}  # type: ignore[arg-type]
    first_tasks = {"finance": "ingest", "core_finance": WRITE_AUDIT_PUBLISH}
    for dag_id, run_id in run_ids.items():
        tasks = airflow.finish(dag_id, run_id, "failed")
        first = tasks.pop(first_tasks[dag_id])
        assert (first["state"], first["try_number"]) == ("failed", 1)
        assert complaint in airflow.api.task_log(dag_id, run_id, first["task_id"])
        assert {task["state"] for task in tasks.values()} <= {"upstream_failed"}
    assert Ledger().newest_version() == version


def test_broken_spec_fails_with_its_text_and_the_others_are_fine(
    airflow: Deployment, headline: Callable[..., tuple[object, str, str]]
) -> None:
    mend = airflow.edit("profit/investor_profit/pipeline.yml", "tier: 1", "tier: 7\nowner: nobody")
    airflow.api.parse_again("investor_profit")
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
        for command in ("tables", "checks"):
            code, out, err = headline(command, "--format", "json")
            assert code == 0
            assert {row["table"].split(".")[0] for row in json.loads(out)} == {"raw", "core", "profit", "growth", "engagement"}
            assert "profit/investor_profit/pipeline.yml: tier: " in err
        code, _, err = headline("inspect", "core.expenses", "no such run")
        assert code == 1
        assert "core.expenses: no run begins with 'no such run'" in err
        assert "profit/investor_profit/pipeline.yml: tier: " in err
    finally:
        mend()
        airflow.api.parse_again("investor_profit")
    wait_for(lambda: WRITE_AUDIT_PUBLISH in [task["task_id"] for task in tasks_of(airflow, "investor_profit")], 60)


def tasks_of(airflow: Deployment, dag_id: str) -> list[dict[str, object]]:
    return airflow.api.get(f"/dags/{dag_id}/tasks")["tasks"]  # type: ignore[no-any-return]
