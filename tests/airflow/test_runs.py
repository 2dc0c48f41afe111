"""Runs of all DAGs join through the ledger: in order, at once, and with nothing to do where nothing changed."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from tests.airflow.world import (
    COMPANY,
    DAGS,
    FIRST,
    LAST,
    OPENING,
    SOURCES,
    TODAY,
    WRITE_AUDIT_PUBLISH,
    YESTERDAY,
    Airflow,
    Deployment,
)

from headline import specs
from headline.airflow_api import Refused
from headline.backfill import make_plan, read_request
from headline.demo import datashare
from headline.incidents.stranded import STRANDED_AFTER, stranded_runs
from headline.intervals import DAY, Interval
from headline.ledger import Backfills, Ledger, behind
from headline.ledger.incidents import Incidents
from headline.operators.backfill import DAG_ID as BACKFILL
from headline.warehouse import open_warehouse

CHAIN = ("shop", "core_shop", "unit_profit", "investor_profit")
A_LATER_ORDER = f"select max(order_id) from orders where cast(ordered_at as date) = date '{FIRST}'"
# Seconds from the publication of the last input to the start of the run that waits; by polls alone it would be up to 20.
# `make bench` measures what a quiet machine needs.
AT_MOST = 5.0


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
    """Of all DAGs the tests of backfills and tests/properties show it."""
    version, rows = Ledger().newest_version(), publications(*DAGS)
    runs = {dag_id: airflow.start(dag_id, YESTERDAY) for dag_id in ("daily_growth", *reversed(CHAIN))}
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
    for number in (1, 2):
        task = airflow.finish("core_finance", run_id)[WRITE_AUDIT_PUBLISH]
        assert task["try_number"] == number
        shown = task["rendered_fields"]["tables"]
        assert {name: one["days"] for name, one in shown.items()} == dict.fromkeys(shown, days)
        if number == 1:
            airflow.api.clear("core_finance", run_id, only_failed=False)


def backfilled(airflow: Deployment, dag_ids: list[str], first: date, last: date) -> dict[str, dict[str, str]]:
    """The state of each run by DAG and logical date, after a backfill of each DAG as the form proposes it."""
    ids = [airflow.api.backfill(dag_id, first, last) for dag_id in dag_ids]
    for backfill in ids:
        airflow.backfilled(backfill, 400)
    return {
        dag_id: {
            run["logical_date"][:10]: run["state"]
            for run in airflow.api.runs(dag_id, run_type="backfill", limit=100)
            if str(first) <= run["logical_date"][:10] <= str(last)
        }
        for dag_id in dag_ids
    }


def test_a_backfill_of_all_dags_at_once_ends_as_one_range_would(
    airflow: Deployment, record_property: Callable[[str, object], None]
) -> None:
    """The first of the four days is new to all but finance; readers are started before their sources.

    Meanwhile a correction arrives at the shop, and the last of them is asked for by hand.
    """
    first = FIRST - DAY
    before = Ledger().newest_version()
    moment = time.monotonic()
    assert airflow.in_shop(
        f"update order_items set quantity = quantity + 1 where order_id = ({A_LATER_ORDER}) returning order_id"
    )
    urgent = airflow.start("core_finance", LAST)
    states = backfilled(airflow, sorted(DAGS), first, LAST)
    asked_for = airflow.finish("core_finance", urgent)[WRITE_AUDIT_PUBLISH]
    seconds = time.monotonic() - moment
    days = [str(day) for day in Interval(first, YESTERDAY)]
    assert states == {dag_id: dict.fromkeys(days, "success") for dag_id in DAGS}
    instances = [one for dag_id in DAGS for one in tasks_of_backfill(airflow, dag_id)]
    assert {one["try_number"] for one in instances if one["state"] != "skipped"} == {1}, "nothing failed on the way either"
    weights = {one["dag_id"]: one["priority_weight"] for one in instances}
    assert asked_for["priority_weight"] > weights["core_finance"] + max(weights.values()), "who waits for a run goes first"
    assert weights["unit_profit"] > weights["daily_growth"], "then the more important tier"
    ended = Counter(one["state"] for one in instances)
    assert set(ended) == {"success", "skipped"}
    assert ended["success"] < len(instances) / 2, "most days are computed together with the first of them"
    noted = [run for dag_id in DAGS for run in airflow.api.runs(dag_id, run_type="backfill", limit=100) if run["note"]]
    assert len(noted) > len(DAGS) * len(days) / 2, "and their runs end with its run, which their note names"
    assert {run["note"].partition(" backfill__")[0] for run in noted} == {"computed together with"}
    assert {day for row in publications("core_shop") if row.version > before for day in Interval(row.start, row.end)} >= set(
        Interval(first, FIRST)
    )
    assert behind(specs.load(), Ledger()) == {}

    record_property("backfill", seconds)
    airflow.nothing_changes(first, LAST)


def tasks_of_backfill(airflow: Deployment, dag_id: str) -> list[dict[str, Any]]:
    runs = airflow.api.runs(dag_id, run_type="backfill", limit=100)
    return [task for run in runs for task in airflow.api.task_instances(dag_id, run["dag_run_id"])]


def test_dags_that_are_run_again_together_wait_for_each_other(airflow: Deployment) -> None:
    """What arrived since is in every figure, though the readers were started first, and each table is published once."""
    assert airflow.in_shop(
        f"update order_items set quantity = quantity + 1 where order_id = ({A_LATER_ORDER}) returning order_id"
    )
    version = Ledger().newest_version()
    runs = {dag_id: airflow.start(dag_id, FIRST) for dag_id in sorted(CHAIN)}
    for dag_id, run_id in runs.items():
        tasks = airflow.finish(dag_id, run_id)
        assert {one["try_number"] for one in tasks.values()} == {1}
    made = [row for row in publications(*CHAIN) if row.version > version]
    assert {row.pipeline for row in made} == set(CHAIN)
    assert max(Counter((row.table_name, row.start) for row in made).values()) == 1
    order = [row.pipeline for row in made]
    assert sorted(order, key=CHAIN.index) == order
    mine = {table for dag_id in CHAIN for table in specs.load().pipelines[dag_id].outputs}
    assert behind(specs.load(), Ledger(), Interval(FIRST, FIRST + DAY), names=mine) == {}


def test_a_logical_date_is_the_business_day_and_a_day_before_all_data_is_refused(airflow: Deployment) -> None:
    moment = datetime(FIRST.year, FIRST.month, FIRST.day, 17, tzinfo=UTC)
    run = airflow.api.trigger_day("finance", moment)
    assert run["dag_run_id"].startswith(f"manual__{FIRST}__")
    shown = airflow.finish("finance", run["dag_run_id"])[WRITE_AUDIT_PUBLISH]["rendered_fields"]["tables"]
    assert {day for one in shown.values() for day in one["days"]} == {str(Interval(FIRST, FIRST + DAY))}
    old = airflow.start("core_finance", date(1999, 12, 31))
    task = airflow.finish("core_finance", old, state="failed")[WRITE_AUDIT_PUBLISH]
    assert task["try_number"] == 1
    log = airflow.api.task_log("core_finance", old, WRITE_AUDIT_PUBLISH)
    assert "1999-12-31 lies before 2000-01-01, the first day that there is data for" in log
    assert "deprecated" not in log


def test_a_backfill_has_one_pair_of_dates_and_begins_with_the_first_data(airflow: Deployment) -> None:
    params = airflow.api.get("/dags/core_finance/details")["params"]
    assert "In the Backfill form leave it empty: its own dates name the days" in params["from"]["description"]
    with pytest.raises(Refused, match="No runs to create"):
        airflow.api.backfill("core_finance", date(1999, 12, 1), date(1999, 12, 31))
    begun, day = datetime.now(UTC), OPENING - 60 * DAY
    backfill = airflow.api.backfill_with("core_finance", day, day, dag_run_conf={"from": str(FIRST), "to": str(FIRST)})
    airflow.backfilled(backfill, 90)
    [run] = [one for one in airflow.api.runs("core_finance", run_type="backfill") if one["logical_date"][:10] == str(day)]
    try:
        task = airflow.finish("core_finance", run["dag_run_id"], state="failed")[WRITE_AUDIT_PUBLISH]
        assert task["try_number"] == 1
        log = airflow.api.task_log("core_finance", run["dag_run_id"], WRITE_AUDIT_PUBLISH)
        assert "leave the params «from» and «to» of the form empty" in log
        assert [one for one in Incidents().open() if one.opened_at >= begun] == [], "nobody is told of a form filled in wrongly"
    finally:
        airflow.api.delete_run("core_finance", run["dag_run_id"])  # other tests look at all runs of backfills


def test_the_assets_page_shows_what_is_made_from_what(airflow: Deployment) -> None:
    assets = {one["name"]: one for one in airflow.api.get("/assets", limit=200)["assets"]}
    made = {name: {one["dag_id"] for one in asset["producing_tasks"]} for name, asset in assets.items()}
    read = {name: {one["dag_id"] for one in asset["consuming_tasks"]} for name, asset in assets.items()}
    pipelines = specs.load().pipelines
    assert len(pipelines) == len(DAGS)
    for pipeline in pipelines.values():
        assert all(made[name] == {pipeline.id} for name in pipeline.outputs)
        assert pipeline.inputs
        assert all(pipeline.id in read[name] for name in pipeline.inputs if name != "calendar.days")


def test_a_range_is_planned_shown_and_computed_by_one_run_which_another_may_not_cross(
    airflow: Deployment, headline: Callable[..., tuple[object, str, str]]
) -> None:
    """The ledger's record is what counts: an open request of somebody else refuses it, and nobody is told."""
    airflow.api.unpause(BACKFILL)
    reason, begun = "the rates of these days were published late", datetime.now(UTC)
    said = ("core_finance+1", "--from", str(FIRST), "--to", str(YESTERDAY), "--reason", reason)
    catalog, ledger = specs.load(), Ledger()
    fields = {"select": "core_finance", "from": str(FIRST), "reason": reason}
    request = read_request(catalog, ledger, fields, "somebody else")
    plan = make_plan(catalog, ledger, open_warehouse(), request)
    other = Backfills().request("elsewhere", request, plan.chunks, "", plan.before)
    code, _, told = headline("backfill", "run", *said)
    assert code == 1
    assert f"backfill {other.id} of somebody else" in told
    assert headline("backfill", "cancel", str(other.id))[0] == 0

    version = Ledger().newest_version()
    code, _, told = headline("backfill", "run", *said)
    assert code == 0, told
    [done] = [one for one in Backfills().newest() if one.requested_at > begun and one.id != other.id]
    assert (done.state, done.request.requested_by, done.request.reason) == ("succeeded", "admin", reason)
    assert {chunk.run_id for chunk in done.chunks} == {done.run_id}
    assert done.totals_before == done.totals_after
    assert Ledger().newest_version() == version, "nothing had changed"
    tasks = airflow.api.tasks(BACKFILL, done.run_id)
    assert "| 1 | core_finance |" in tasks["plan"]["rendered_fields"]["plan"]
    assert {one["state"] for one in tasks["run"]["rendered_fields"]["chunks"]} == {"done"}
    assert [one for one in Incidents().open() if one.opened_at >= begun] == [], "nobody is told of a backfill that was refused"
    assert "unit_profit" in headline("backfill", "status", str(done.id))[1]


def test_a_run_that_is_cleared_after_its_backfill_was_cancelled_is_found_and_freed(
    airflow: Deployment, headline: Callable[..., tuple[object, str, str]]
) -> None:
    """Airflow queues it and starts it never; the watch may see that with the rights of its own login."""
    day = OPENING - 30 * DAY
    airflow.api.cancel_backfill(airflow.api.backfill("core_finance", day, day + DAY))
    runs = [
        run for run in airflow.api.runs("core_finance", run_type="backfill", state="failed") if run["logical_date"] < str(OPENING)
    ]
    try:
        run_id = runs[0]["dag_run_id"]
        airflow.api.clear("core_finance", run_id, only_failed=False)
        soon = datetime.now(UTC) + STRANDED_AFTER + timedelta(minutes=1)
        with Airflow.from_connection("headline_airflow") as watch:
            assert [(one.dag_id, one.run_id) for one in stranded_runs(watch, soon, "UTC")] == [("core_finance", run_id)]
        with patch("headline.incidents.stranded.STRANDED_AFTER", timedelta(0)):
            code, told, _ = headline("backfill", "free", "core_finance")
        assert (code, f"{run_id} is freed" in told) == (0, True)
        assert airflow.api.run("core_finance", run_id)["state"] == "failed"  # type: ignore[index]
    finally:
        for run in runs:
            airflow.api.delete_run("core_finance", run["dag_run_id"])  # other tests look at all runs of backfills
