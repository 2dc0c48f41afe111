"""Something goes wrong under Airflow, and the right person is told the right thing once, within a minute of its moment."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.airflow.alerted import MINUTE, Alert, Guarded, Recipients
from tests.airflow.world import WRITE_AUDIT_PUBLISH, YESTERDAY, Deployment, process_titled, wait_for
from tests.conftest import forget

from headline.ledger import Ledger
from headline.ledger.incident import Incident
from headline.ledger.incidents import Incidents
from headline.local.alive import alive
from headline.local.postgres import Postgres
from headline.local.processes import Processes

pytestmark = pytest.mark.skipif(
    datetime.now(UTC).strftime("%H:%M") >= "23:40", reason="deadlines are put into the next minutes, which must be today's"
)
AT_MOST = 60.0  # seconds
DAY = f"{YESTERDAY:%m-%d}"


@pytest.fixture(scope="module")
def guarded(apart: Guarded) -> Iterator[Guarded]:
    """The deployment, whose warehouse and ledger the test's process sees too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in apart.deployment.environment.items():
            patch.setenv(name, value)
        forget()
        yield apart
    forget()


Measure = Callable[[str, datetime, Alert], None]


@pytest.fixture
def measure(record_property: Callable[[str, object], None]) -> Measure:
    """Say how long after its moment somebody was told; the summary prints it."""

    def took(what: str, moment: datetime, alert: Alert) -> None:
        seconds = (alert.at - moment).total_seconds()
        record_property("alert", [what, alert.person, alert.channel, seconds])
        assert seconds <= AT_MOST, f"{what}: {alert.person} was told after {seconds} s"

    return took


@pytest.fixture
def airflow(guarded: Guarded) -> Deployment:
    return guarded.deployment


@pytest.fixture
def people(guarded: Guarded) -> Recipients:
    return guarded.people


def open_incident(pipeline: str, kind: str) -> Incident:
    return next(one for one in Incidents().open() if (one.pipeline, one.kind) == (pipeline, kind))


def is_over(pipeline: str, kind: str) -> bool:
    return (pipeline, kind) not in {(one.pipeline, one.kind) for one in Incidents().open()}


def test_a_failing_gate(guarded: Guarded, airflow: Deployment, people: Recipients, measure: Measure) -> None:
    file = airflow.rates_file(YESTERDAY)
    whole = file.read_text()
    file.write_text(whole.replace(str(YESTERDAY), "2026-01-01"))
    run_id = guarded.scheduled_run("finance")
    tasks = airflow.finish("finance", run_id, "failed")
    failed = datetime.fromisoformat(tasks[WRITE_AUDIT_PUBLISH]["end_date"])
    alert = people.wait_until_told(f"raw.exchange_rates {DAY} failed its checks")
    measure("a failing gate", failed, alert)
    assert (alert.channel, alert.person) == ("sns", guarded.chain("sources")[0])
    incident = open_incident("finance", "contract_failed")
    assert f"/headline/incidents/{incident.id}" in alert.text

    Incidents().acknowledge(incident.id, alert.person)
    file.write_text(whole)
    airflow.api.clear("finance", run_id, only_failed=False)
    airflow.in_state("finance", run_id, WRITE_AUDIT_PUBLISH, "success")


def test_a_run_is_told_to_the_lineage_service(airflow: Deployment) -> None:
    """The run of `finance` above, which failed and then succeeded, as the provider's listener has sent it."""
    folder = Path(json.loads(airflow.environment["AIRFLOW__OPENLINEAGE__TRANSPORT"])["log_file_path"]).parent

    def told(job: str) -> dict[str, Any]:
        """The newest event of each type."""
        found = {}
        for file in sorted(folder.iterdir()):
            with suppress(ValueError):  # it is being written
                event = json.loads(file.read_text())
                if event["job"]["name"] == job:
                    found[event["eventType"]] = event
        return found

    table, job = "warehouse.raw.exchange_rates", f"finance.{WRITE_AUDIT_PUBLISH}"
    wait_for(lambda: told(job).keys() >= {"START", "FAIL", "COMPLETE"} and "START" in told("finance"), 60)
    begun, failed, done = (told(job)[kind] for kind in ("START", "FAIL", "COMPLETE"))
    assert begun["run"]["runId"] == done["run"]["runId"] != failed["run"]["runId"]
    assert done["run"]["facets"]["parent"]["job"]["name"] == "finance"
    assert table in {one["name"] for one in begun["outputs"]}
    assert failed["outputs"] == []
    [output] = [one for one in done["outputs"] if one["name"] == table]
    assert output["namespace"] == f"duckdb://{airflow.home.path}/warehouse.duckdb"
    assert output["outputFacets"]["outputStatistics"]["rowCount"] > 0
    assert {"ds", "rate_to_reporting"} <= {one["name"] for one in output["facets"]["schema"]["fields"]}
    [rate] = output["facets"]["columnLineage"]["fields"]["rate_to_reporting"]["inputFields"]
    assert (rate["name"].endswith("/landing/finance/exchange_rates"), rate["field"]) == (True, "rate_to_reporting")
    for event, has_failed in ((failed, True), (done, False)):
        [judged] = [one for one in event["inputs"] if one["name"] == table]
        checks = judged["inputFacets"]["dataQualityAssertions"]["assertions"]
        assert len(checks) > 5
        assert any(not one["success"] and one["severity"] == "error" for one in checks) == has_failed


def test_a_worker_that_is_killed_at_every_try(
    guarded: Guarded, airflow: Deployment, people: Recipients, measure: Measure
) -> None:
    killed = "ingest"
    with closing(Postgres(airflow.home.postgres).connect("shop")) as shop, shop.cursor() as cursor:
        shop.autocommit = False
        cursor.execute("lock table orders")  # so that the task waits where it can be met
        run_id = guarded.scheduled_run("shop")
        for number in range(1, 5):
            task = wait_for(lambda number=number: running_try(airflow, run_id, killed, number), 120)
            worker = wait_for(lambda task=task: process_titled(f"airflow worker -- {task['id']}"), 30)
            os.kill(worker.pid, signal.SIGKILL)
    tasks = airflow.finish("shop", run_id, "failed")
    assert tasks[killed]["try_number"] == 4
    alert = people.wait_until_told(f"shop {DAY} failed: {killed}")
    measure("a worker killed at every try", datetime.fromisoformat(tasks[killed]["end_date"]), alert)
    assert (alert.channel, alert.person) == ("sns", guarded.chain("sources")[0])
    assert "its process was killed or lost" in alert.text

    Incidents().acknowledge(open_incident("shop", "task_failed").id, alert.person)
    airflow.api.clear("shop", run_id)
    airflow.in_state("shop", run_id, WRITE_AUDIT_PUBLISH, "success")


def running_try(airflow: Deployment, run_id: str, task_id: str, number: int) -> dict[str, object] | None:
    task = airflow.api.task("shop", run_id, task_id)
    return task if (task["state"], task["try_number"]) == ("running", number) else None


def test_a_missed_landing_while_nobody_watches_and_a_channel_is_dead(
    guarded: Guarded, airflow: Deployment, people: Recipients, measure: Measure
) -> None:
    """The DAG freshness_watch is paused: the deadline of core_app's waiting run tells, and what it waits for is the matter."""
    people.break_phones()
    due = guarded.make_due("sources/app", "core/core_app")
    airflow.in_state("core_app", guarded.scheduled_run("core_app"), WRITE_AUDIT_PUBLISH, "deferred")
    alert = people.wait_until_told(f"app {DAY} has not landed", seconds=240)
    measure("a missed landing, told by the triggerer", due, alert)
    assert (alert.channel, alert.person) == ("slack", guarded.chain("sources")[0])
    assert open_incident("core_app", "landing_missed").cause_id == open_incident("app", "landing_missed").id

    dead = people.wait_until_told("Alerts fail: sns")
    measure("a dead channel, told over the next one", due, dead)
    assert (dead.channel, dead.person) == ("slack", guarded.chain("operations")[0])


def test_an_acknowledgement_that_comes_too_late(
    guarded: Guarded, airflow: Deployment, people: Recipients, measure: Measure
) -> None:
    first = people.told(f"app {DAY} has not landed")[0]
    airflow.api.unpause("freshness_watch")
    second = people.wait_until_told(f"app {DAY} has not landed", times=2, seconds=160)
    measure("nobody acknowledged for a minute", first.at + MINUTE, second)
    assert [alert.person for alert in (first, second)] == guarded.chain("sources")[:2]
    page = f"/headline/incidents/{open_incident('app', 'landing_missed').id}"
    assert airflow.api.act(f"{page}/acknowledge").status_code == 200
    assert "acknowledged" in airflow.api.page(page).text
    Incidents().acknowledge(open_incident("freshness_watch", "alert_path_failed").id, "aoife")


def test_a_stale_pipeline_whose_dag_is_paused(
    guarded: Guarded, airflow: Deployment, people: Recipients, measure: Measure
) -> None:
    """Its inputs changed yesterday evening, and the run that should have taken that in was never made."""
    run_id = guarded.scheduled_run("core_finance")
    airflow.finish("core_finance", run_id)
    airflow.api.pause("core_finance")
    known = Ledger().newest_version()
    file = airflow.rates_file(YESTERDAY)
    [rate] = re.findall(r",USD,([\d.]+)", whole := file.read_text())
    file.write_text(whole.replace(rate, str(Decimal(rate) + Decimal("0.001"))))
    airflow.complete("finance", YESTERDAY)
    assert Ledger().newest_version() > known
    evening = datetime.combine(YESTERDAY, datetime.min.time(), UTC) + timedelta(hours=20)
    with closing(Postgres(airflow.home.postgres).connect("ledger")) as ledger, ledger.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")  # history is kept by triggers
        for table in ("publication", "period_state"):  # an expense without a rate would be another trouble
            cursor.execute(f"update {table} set status = 'complete'")
        for what in ("publication set published_at", "load set extracted_at"):
            cursor.execute(f"update {what} = %s where version > %s", (evening, known))
    due = guarded.make_due("core/core_finance")
    guarded.look()
    alert = people.wait_until_told("core_finance is stale", seconds=240)
    measure("a stale pipeline whose DAG is paused", due, alert)
    assert (alert.channel, alert.person) == ("email", guarded.chain("core")[0])
    Incidents().acknowledge(open_incident("core_finance", "data_stale").id, alert.person)


def test_a_dead_triggerer(guarded: Guarded, airflow: Deployment, people: Recipients, measure: Measure) -> None:
    manager = Processes(airflow.home).manager()
    assert manager
    processes = [one for one in manager.children(recursive=True) if alive(one) and "triggerer" in " ".join(one.cmdline())]
    assert processes
    try:
        for process in processes:
            process.suspend()
        wait_for(lambda: airflow.api.health()["triggerer"]["status"] == "unhealthy", 90)
        moment = datetime.now(UTC)
        guarded.look()
        alert = people.wait_until_told("triggerer", seconds=90)
        measure("a dead triggerer", moment, alert)
        assert (alert.channel, alert.person) == ("slack", guarded.chain("operations")[0])
        assert "Alerts fail: sns, triggerer" in alert.text
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()
    Incidents().acknowledge(open_incident("freshness_watch", "alert_path_failed").id, alert.person)
    wait_for(lambda: airflow.api.health()["triggerer"]["status"] == "healthy", 60)


def test_what_has_landed_ends_by_itself_and_nobody_was_told_twice(
    guarded: Guarded, airflow: Deployment, people: Recipients
) -> None:
    run_id = guarded.scheduled_run("app")
    airflow.finish("app", run_id)
    airflow.finish("core_app", airflow.api.runs("core_app")[0]["dag_run_id"])
    airflow.api.unpause("core_finance")
    airflow.complete("core_finance", YESTERDAY)
    guarded.look()
    over = [("finance", "contract_failed"), ("shop", "task_failed"), ("app", "landing_missed"), ("core_app", "landing_missed")]
    wait_for(lambda: all(is_over(*key) for key in [*over, ("core_finance", "data_stale")]), 60)
    on_call, primary = guarded.chain("sources")[:2]
    expected = {
        f"raw.exchange_rates {DAY} failed its checks": [on_call],
        f"shop {DAY} failed: ingest": [on_call],
        f"app {DAY} has not landed": [on_call, primary],
        "core_finance is stale": [guarded.chain("core")[0]],
    }
    assert {words: [alert.person for alert in people.told(words)] for words in expected} == expected
