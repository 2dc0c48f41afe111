"""Runs of all DAGs join through the ledger: in order, at once, and with nothing to do where nothing changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.airflow.world import (
    COMPANY,
    DAGS,
    FIRST,
    OPENING,
    SOURCES,
    TODAY,
    WRITE_AUDIT_PUBLISH,
    YESTERDAY,
    Deployment,
    wait_for,
)

from headline import specs
from headline.demo import datashare
from headline.intervals import DAY, Interval
from headline.ledger import Ledger

AT_MOST = 2.0  # seconds from the publication of the last input to the start of the run that waits for it


def publications(*dag_ids: str) -> list[Any]:
    return [row for row in Ledger().publications(specs.load().tables) if row.pipeline in dag_ids]


def test_a_day_goes_through_in_the_order_of_what_is_read(airflow: Deployment, runs_of_day: dict[str, str]) -> None:
    """The readers were triggered first."""
    tasks = [task for dag_id, run_id in runs_of_day.items() for task in airflow.api.task_instances(dag_id, run_id)]
    assert {(task["state"], task["try_number"]) for task in tasks} == {("success", 1)}
    assert len(tasks) == len(DAGS) + len(SOURCES)
    versions = defaultdict(list)
    for row in publications(*DAGS):
        if row.run_id == runs_of_day[row.pipeline]:
            versions[row.pipeline].append(row.version)
    assert set(versions) == set(DAGS)
    owners = {name: pipeline.id for pipeline in specs.load().pipelines.values() for name in pipeline.outputs}
    edges = {
        (owners[name], pipeline.id) for pipeline in specs.load().pipelines.values() for name in pipeline.inputs if name in owners
    }
    assert len(edges) > len(DAGS)
    assert [(read, reader) for read, reader in sorted(edges) if max(versions[read]) > min(versions[reader])] == []


def test_the_same_day_again_publishes_nothing(airflow: Deployment) -> None:
    version, rows = Ledger().newest_version(), publications(*DAGS)
    runs = {dag_id: airflow.start(dag_id, YESTERDAY) for dag_id in reversed(DAGS)}
    for dag_id, run_id in runs.items():
        tasks = airflow.finish(dag_id, run_id)
        shown = tasks[WRITE_AUDIT_PUBLISH]["rendered_fields"]["tables"]
        assert {name: one["published"] for name, one in shown.items()} == {name: [] for name in shown}
        assert sum(one["rows"] for one in shown.values()) > 0
    assert [row.version for row in publications(*DAGS)] == [row.version for row in rows]
    assert Ledger().newest_version() == version


def test_a_run_that_waits_starts_when_its_last_input_is_published(
    airflow: Deployment, record_property: Callable[[str, object], None]
) -> None:
    """The fastest of three: whatever else the machine does delays a start, but nothing hurries it."""
    took = []
    for day in (OPENING - number * DAY for number in (4, 5, 6)):
        datashare.drop(airflow.home.path / "datashare", day, day, COMPANY)
        waiting = airflow.start("core_finance", day)
        airflow.in_state("core_finance", waiting, WRITE_AUDIT_PUBLISH, "deferred")
        source = airflow.start("finance", day)
        airflow.finish("finance", source)
        airflow.finish("core_finance", waiting)
        published = max(row.published_at for row in publications("finance") if row.run_id == source)
        took.append(first_step(airflow, "core_finance", waiting) - published)
        if took[-1].total_seconds() <= AT_MOST:
            break
    record_property("start", min(took).total_seconds())
    assert timedelta(0) < min(took) <= timedelta(seconds=AT_MOST), took


def first_step(airflow: Deployment, dag_id: str, run_id: str) -> datetime:
    """When the task of a run began to compute, as its log says."""
    path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{WRITE_AUDIT_PUBLISH}/logs/1"
    events = airflow.api.get(path)["content"]
    begun = [event["timestamp"] for event in events if f"{event['event']}".startswith("::group::transform")]
    return datetime.fromisoformat(begun[0])


def test_a_run_that_is_cleared_computes_its_own_days(airflow: Deployment) -> None:
    """It was made two days ago without a range, so it is for the day before; that it runs today changes nothing."""
    days = [str(Interval(TODAY - 3 * DAY, TODAY - 2 * DAY))]
    run_id, made = f"made_earlier__{datetime.now(UTC):%H%M%S}", datetime.now(UTC) - 2 * DAY
    airflow.api.create_run("core_finance", run_id, made)
    for _ in range(2):
        tasks = airflow.finish("core_finance", run_id)
        shown = tasks[WRITE_AUDIT_PUBLISH]["rendered_fields"]["tables"]
        assert {name: one["days"] for name, one in shown.items()} == dict.fromkeys(shown, days)
        airflow.api.clear("core_finance", run_id, only_failed=False)
        wait_for(lambda: airflow.api.run("core_finance", run_id)["state"] not in ("success", "failed"), 30)  # type: ignore[index]


@pytest.fixture(scope="module")
def earlier_days(running: Deployment, runs_of_day: dict[str, str]) -> list[date]:
    """Three days that the shop's DAG has ingested and no other has computed."""
    days = list(Interval(OPENING, FIRST))
    running.complete("shop", days[0], days[-1])
    return days


def test_backfill_of_the_first_reader_beside_a_run_of_the_schedule(airflow: Deployment, earlier_days: list[date]) -> None:
    try:
        backfill_beside_a_run(airflow, "core_shop", earlier_days, "core.order_lines", "core", "quarantine")
    finally:
        airflow.complete("core_shop", earlier_days[0], earlier_days[-1])


def backfill_beside_a_run(airflow: Deployment, dag_id: str, days: list[date], table: str, *schemas: str) -> None:
    """A run a day, all at once, as the Backfill form starts them, and yesterday's; the rows are those of one ranged run."""
    before = airflow.published(*schemas)
    backfill = airflow.api.backfill(dag_id, days[0], days[-1])
    beside = airflow.start(dag_id, YESTERDAY)
    wait_for(lambda: airflow.api.get(f"/backfills/{backfill}")["completed_at"], 150)
    airflow.finish(dag_id, beside)
    runs = [run["dag_run_id"] for run in airflow.api.runs(dag_id, run_type="backfill")]
    assert len(runs) == len(days)
    for run_id in runs:
        airflow.finish(dag_id, run_id)
    published = [row for row in publications(dag_id) if row.table_name == table and row.run_id in runs]
    assert {row.run_id for row in published} == set(runs)
    assert {day for row in published for day in Interval(row.start, row.end)} >= set(days)
    filled = airflow.published(*schemas)
    assert filled[table].total() > before[table].total() + 30 * len(days)

    airflow.complete(dag_id, days[0], YESTERDAY)
    assert airflow.published(*schemas) == filled
