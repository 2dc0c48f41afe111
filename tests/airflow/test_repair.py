"""Airflow itself ingests again what is missing, and what has waited for it goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.airflow.world import COMPANY, OPENING, TODAY, WRITE_AUDIT_PUBLISH, Deployment, wait_for

from headline.demo import datashare
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Repairs
from headline.specs import Window

LACKING = OPENING - 2 * DAY  # between days that are there


@pytest.fixture
def paused_afterwards(airflow: Deployment) -> Iterator[None]:
    """Nobody looks for what is missing before the test wants it, nor after."""
    yield
    airflow.api.pause("repair")


def test_a_file_that_comes_late_is_ingested_by_itself_and_published_everywhere(
    airflow: Deployment, paused_afterwards: None
) -> None:
    datashare.drop(airflow.home.path / "datashare", LACKING - DAY, LACKING, COMPANY)
    late = airflow.rates_file(LACKING).rename(airflow.home.path / "on-its-way")
    waiting = airflow.start("core_finance", LACKING)
    failing = airflow.start("finance", LACKING)
    others = [airflow.start("finance", day) for day in (LACKING - DAY, LACKING + DAY)]
    for run_id in others:
        airflow.finish("finance", run_id)
    tasks = airflow.finish("finance", failing, "failed")
    assert {name for name, task in tasks.items() if task["state"] == "failed"} == {"ingest"}
    airflow.in_state("core_finance", waiting, WRITE_AUDIT_PUBLISH, "deferred")
    version = Ledger().newest_version()

    late.rename(airflow.rates_file(LACKING))
    airflow.api.unpause("repair")
    key = ("landing.exchange_rates", LACKING)
    attempt = wait_for(lambda: found if (found := Repairs().newest().get(key)) and found.outcome == "repaired" else None, 150)
    run_id = f"repair__exchange_rates__{LACKING}__1"
    assert (attempt.source, attempt.run_id, attempt.reason) == ("finance", run_id, "nothing has been loaded")
    assert (attempt.before["files"], attempt.after["files"], attempt.after["rows"]) == (0, 1, 6)
    run = airflow.api.run("finance", run_id)
    assert run is not None
    assert (run["state"], run["run_type"], run["conf"]) == (
        "success",
        "operator_triggered",
        {"from": str(LACKING), "to": str(LACKING), "landings": ["exchange_rates"]},
    )
    assert "not ingested, this run ingests exchange_rates" in airflow.api.task_log("finance", run_id, "ingest")
    reads = dict.fromkeys(("landing.exchange_rates", "landing.expenses"), Window())
    loaded = Ledger().changes(reads, Interval(OPENING - 30 * DAY, TODAY), since=version)
    assert [(change.table, change.interval) for change in loaded] == [(key[0], Interval(LACKING, LACKING + DAY))]

    airflow.finish("core_finance", waiting)
    assert airflow.query(f"select count(*) from raw.exchange_rates where ds = date '{LACKING}'") == [(6,)]
    assert airflow.query(f"select count(*) > 0 from core.expenses where ds = date '{LACKING}'") == [(True,)]
    look = wait_for(lambda: next((run for run in airflow.api.runs("repair") if run["state"] == "success"), None), 60)
    tasks = {task["task_id"]: task for task in airflow.api.task_instances("repair", look["dag_run_id"])}
    assert {name: task["state"] for name, task in tasks.items()} == dict.fromkeys(("find_missing", "bring", "record"), "success")
    assert tasks["bring"]["rendered_map_index"] == run_id
