"""Every folder becomes a DAG of its name, and a faulty one takes no other with it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, RetryAction
from airflow.sdk._shared.module_loading import import_string
from airflow.sdk.exceptions import ParamValidationError, TaskDeferralTimeout
from airflow.serialization.serialized_objects import BaseSerialization, DagSerialization
from airflow.timetables.base import TimeRestriction
from airflow.utils.types import DagRunType
from tests.repository.written import ROOT, folders

from headline.dag import pipeline_dag
from headline.errors import BadData, BadRequest, NotEvaluated, SpecError, Transient
from headline.export_dag import export_dag
from headline.intervals import business_day
from headline.local.dag_files import of_operations
from headline.operators import callbacks
from headline.operators.inputs import InputsTrigger
from headline.operators.priority import BY_HAND, IN_THE_BACKGROUND, SCHEDULED, Urgency, kind_of_run
from headline.operators.steps import TIME_TO_COMPUTE, TIME_TO_WAIT
from headline.report_dag import investor_report_dag
from headline.specs import load_pipeline
from headline.specs.exports import load_export
from headline.timetable import BEFORE_ALL_DATA, DailyTimetable

DAGS = ROOT / "dags"
FIRST_DATA = date(2026, 2, 1)
WATCHES = ("freshness_watch", "alert_drill")


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return DagBag(DAGS, safe_mode=True)


@pytest.fixture
def broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> Callable[[str, str, str], DagBag]:
    """The DAGs of a copy of include/ in which one file is changed."""
    shutil.copytree(ROOT / "include", tmp_path / "include")
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path / "include"))

    def change(path: str, old: str, new: str) -> DagBag:
        file = tmp_path / "include" / "sql" / path
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new, 1))
        forget_settings()
        return DagBag(DAGS, safe_mode=True)

    return change


def upstream(dag: Any) -> dict[str, set[str]]:
    return {task.task_id: set(task.upstream_task_ids) for task in dag.tasks}


def test_all_folders_load_and_nothing_else(bag: DagBag) -> None:
    """In Airflow's safe mode too, which passes over files without the words dag and airflow."""
    assert bag.import_errors == {}
    assert len(bag.dags) >= 6
    assert set(bag.dags) == {folder.name for folder in folders()} | set(of_operations())


def test_repair_finds_brings_and_records(bag: DagBag) -> None:
    dag = bag.dags["repair"]
    assert upstream(dag) == {"find_missing": set(), "bring": {"find_missing"}, "record": {"bring"}}
    assert (dag.catchup, dag.max_active_runs, dag.tags) == (False, 1, {"operations"})
    assert dag.get_task("record").trigger_rule == "all_done", "also where a run could not be triggered, or did not succeed"


def test_every_source_is_reconciled_once_a_week(bag: DagBag) -> None:
    dag = bag.dags["reconciliation"]
    assert upstream(dag) == {"app": set(), "finance": set(), "shop": set()}
    assert {(task.source, task.days) for task in dag.tasks} == {("app", 90), ("finance", 90), ("shop", 90)}


def test_exports_have_a_schedule_of_their_own_and_wait_for_what_they_read(bag: DagBag) -> None:
    exports = {dag_id: dag for dag_id, dag in bag.dags.items() if "export" in dag.tags}
    assert {"customer_value", "experiment_units", "partner_sales"} <= set(exports)
    for dag_id, dag in exports.items():
        spec = load_export(dag_id)
        assert upstream(dag) == {"deliver": set()}
        assert (dag.catchup, dag.max_active_runs, dag.tags) == (False, 1, {spec.area, "export"})
        assert dag.timetable.expression == spec.schedule
        task = dag.get_task("deliver")
        assert task.start_trigger_args is not None
        assert set((task.start_trigger_args.trigger_kwargs or {})["inputs"]) == set(spec.reads) - {"calendar.days"}
        assert {"from", "to", "replay"} == set(dag.params)


def test_a_broken_export_becomes_a_failing_dag_of_its_name(broken: Callable[[str, str, str], DagBag]) -> None:
    bag = broken("exports/customer_value/export.yml", "receiver: crm", "receiver: nobody")
    assert bag.import_errors == {}
    [task] = bag.dags["customer_value"].tasks
    with pytest.raises(SpecError, match=r"receivers\.yml has no nobody"):
        task.execute({})
    assert "faulty" not in bag.dags["partner_sales"].tags


def test_a_dag_may_be_read_by_the_roles_that_see_it(monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> None:
    monkeypatch.setenv("HEADLINE_AREA_ROLES", "true")
    forget_settings()
    made = (pipeline_dag("profit/investor_profit"), export_dag("partner_sales"), investor_report_dag())
    assert {dag.dag_id: set(dag.access_control or ()) for dag in made} == {
        "investor_profit": {"profit", "investor_relations", "analyst"},
        "partner_sales": {"profit", "analyst"},
        "investor_report": {"investor_relations"},
    }


def test_what_nobody_needs_is_removed_once_a_day(bag: DagBag) -> None:
    dag = bag.dags["retention"]
    assert upstream(dag) == {"remove": set()}
    assert (dag.catchup, dag.max_active_runs, dag.tags) == (False, 1, {"operations"})


def test_a_source_can_be_asked_for_some_of_its_landings(bag: DagBag) -> None:
    assert bag.dags["finance"].params["landings"] is None
    assert "landings" not in bag.dags["core_finance"].params
    for chosen in (["exchange_rates"], ["exchange_rates", "expenses"], [], None):
        assert bag.dags["finance"].params.get_param("landings").resolve(chosen) == chosen
    for refused in (["rates"], "exchange_rates"):
        with pytest.raises(ParamValidationError):
            bag.dags["finance"].params.get_param("landings").resolve(refused)


def test_a_pipeline_is_one_task_that_waits_for_what_it_reads(bag: DagBag) -> None:
    assert upstream(bag.dags["investor_profit"]) == {"write_audit_publish": set()}
    assert list(waited_for(bag, "investor_profit")) == [
        "core.finance_coverage",
        "core.shop_coverage",
        "profit.expense_allocation",
        "profit.unit_profit",
    ]


def waited_for(bag: DagBag, dag_id: str) -> dict[str, Any]:
    task = bag.dags[dag_id].get_task("write_audit_publish")
    assert task.start_from_trigger
    assert task.start_trigger_args is not None
    inputs: dict[str, Any] = (task.start_trigger_args.trigger_kwargs or {})["inputs"]
    return inputs


def test_growth_waits_for_a_history_without_gaps(bag: DagBag) -> None:
    windows = waited_for(bag, "investor_growth")
    assert {name for name, window in windows.items() if window["without_gaps"]} == {"core.user_days", "core.first_activity"}
    assert len(windows) == 4


def test_nobody_waits_for_what_a_deployment_does_not_have(
    monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("HEADLINE_WITHOUT", "core.exposures core.customers")
    forget_settings()
    assert list(waited_for(DagBag(DAGS, safe_mode=True), "daily_growth")) == [
        "core.app_coverage",
        "core.first_activity",
        "core.user_days",
    ]


def test_a_source_ingests_everything_before_it_maps_anything(bag: DagBag) -> None:
    assert upstream(bag.dags["finance"]) == {"ingest": set(), "write_audit_publish": {"ingest"}}
    assert not bag.dags["finance"].get_task("write_audit_publish").start_from_trigger, "its own run has landed what it maps"


def test_what_begins_deferred_comes_so_out_of_the_metadata_database(bag: DagBag) -> None:
    """A wait is bounded by its own timeout alone: the scheduler would cut it short to an execution_timeout."""
    seen = 0
    for dag in bag.dags.values():
        again = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        for task in again.tasks:
            if task.task_id == "write_audit_publish" and "ingest" not in task.upstream_task_ids:
                seen += 1
                assert task.start_from_trigger
                assert task.start_trigger_args.timeout == TIME_TO_WAIT
                assert task.execution_timeout is None
                kwargs = BaseSerialization.deserialize(task.start_trigger_args.trigger_kwargs)
                assert kwargs == {"inputs": waited_for(bag, dag.dag_id)}
                assert import_string(task.start_trigger_args.trigger_cls) is InputsTrigger
    assert seen >= 6


def test_the_watch_looks_every_ten_minutes_whatever_its_last_look_does(bag: DagBag) -> None:
    dag = bag.dags["freshness_watch"]
    assert upstream(dag) == {"watch": set(), "look_at_figures": set()}, "a locked warehouse keeps nobody from being told"
    assert (dag.catchup, dag.max_active_runs, dag.tags) == (False, 3, {"operations"})
    assert [task.pool for task in dag.tasks] == ["default_pool"] * 2
    assert dag.get_task("watch").on_failure_callback == [callbacks.watch_failed]
    assert upstream(bag.dags["alert_drill"]) == {"drill": set()}


def test_every_pipeline_has_its_landing_deadline_and_tells_of_failures(bag: DagBag) -> None:
    for folder in folders():
        dag, pipeline = bag.dags[folder.name], load_pipeline(folder)
        assert dag.deadline is not None
        [deadline] = dag.deadline
        assert (deadline.reference.lands_at, deadline.interval) == (f"{pipeline.lands_at:%H:%M}", timedelta(0))
        assert deadline.callback.path == "headline.operators.callbacks.landing_missed"
        assert import_string(deadline.callback.path) is callbacks.landing_missed, "as the triggerer finds it"
        assert dag.on_failure_callback == [callbacks.run_failed] or dag.on_failure_callback is callbacks.run_failed
        assert all(task.on_failure_callback == [callbacks.task_failed] for task in dag.tasks)


def test_every_task_retries_by_the_same_policy(bag: DagBag) -> None:
    seen = 0
    for dag in bag.dags.values():
        if dag.dag_id in WATCHES:
            continue
        for task in dag.tasks:
            seen += 1
            assert (task.retries, bool(task.retry_exponential_backoff)) == (3, True)
            assert (getattr(task, "compute_timeout", None) or task.execution_timeout) == TIME_TO_COMPUTE
            assert task.retry_policy is not None
            file = dag.fileloc.rsplit("/", 1)[-1].removesuffix(".py")
            assert task.owner == (load_export(dag.dag_id).area if file == "exports" else file)
            assert task.pool == "default_pool"
    assert seen >= 17


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (BadData("the data"), RetryAction.FAIL),
        (SpecError(["a fault"]), RetryAction.FAIL),
        (BadRequest("a range"), RetryAction.FAIL),
        (TaskDeferralTimeout("a day"), RetryAction.FAIL),
        (Transient("for now"), RetryAction.DEFAULT),
        (NotEvaluated("nothing known"), RetryAction.DEFAULT),
        (RuntimeError("whatever"), RetryAction.DEFAULT),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_what_a_retry_can_cure_is_tried_again(bag: DagBag, error: Exception, action: RetryAction) -> None:
    policy = bag.dags["unit_profit"].get_task("write_audit_publish").retry_policy
    assert policy is not None
    assert policy.evaluate(error, try_number=1, max_tries=3).action == action


def test_every_dag_says_what_it_is(bag: DagBag) -> None:
    for folder in folders():
        dag = bag.dags[folder.name]
        assert dag.tags == {folder.parent.name, f"tier {load_pipeline(folder).tier}"}
        assert dag.doc_md is not None
        assert f"/headline/runbooks/{folder.name}" in dag.doc_md
        assert str(ROOT) not in dag.doc_md
        assert f"include/sql/{folder.parent.name}/{folder.name}" in dag.doc_md
        assert {"from", "to", "accept", "figures"} <= set(dag.params)


def test_dags_survive_the_way_through_the_metadata_database(bag: DagBag) -> None:
    for dag in bag.dags.values():
        serialized = DagSerialization.to_dict(dag)
        again = DagSerialization.from_dict(serialized)
        assert {task.task_id for task in again.tasks} == {task.task_id for task in dag.tasks}
        if dag.dag_id not in of_operations():
            assert again.timetable.serialize() == dag.timetable.serialize()


@pytest.mark.parametrize(
    ("path", "old", "new", "fault"),
    [
        ("profit/unit_profit/pipeline.yml", "tier: 1", "tear: 1", "tear: unknown key"),
        ("profit/unit_profit/pipeline.yml", "tables:", "tables: [", "not valid YAML"),
        ("profit/unit_profit/pipeline.yml", "core.expenses: {}", "profit.unit_profit: {}", "in a circle"),
    ],
)
def test_a_broken_spec_becomes_a_failing_dag_of_its_name_while_the_others_load(
    broken: Callable[[str, str, str], DagBag], path: str, old: str, new: str, fault: str
) -> None:
    bag = broken(path, old, new)
    assert bag.import_errors == {}
    assert set(bag.dags) == {folder.name for folder in folders()} | set(of_operations())
    dag = bag.dags["unit_profit"]
    assert "faulty" in dag.tags
    assert fault in (dag.doc_md or "")
    [task] = dag.tasks
    with pytest.raises(SpecError, match=fault):
        task.execute({})
    assert all("faulty" not in other.tags for other in bag.dags.values() if other is not dag)


def timetable_runs(
    first_day: date, earliest: pendulum.DateTime, count: int, zone: str = "UTC", latest: pendulum.DateTime | None = None
) -> list[str]:
    """The days of the first runs; of a backfill where there is a last moment."""
    timetable = DailyTimetable.deserialize(DailyTimetable(first_day, zone, FIRST_DATA).serialize())
    runs: list[str] = []
    last = None
    for _ in range(count):
        restriction = TimeRestriction(earliest=earliest, latest=latest, catchup=True)
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
        if info is None:
            break
        last = info.data_interval
        assert last is not None
        assert info.run_after == (last.start if latest else last.end), "it names a backfill's run"
        assert last.end - last.start == timedelta(days=1)
        runs.append(last.start.in_timezone(zone).to_date_string())
    return runs


def test_the_scheduler_begins_with_the_first_day_and_a_backfill_where_it_likes() -> None:
    first = date(2026, 3, 10)
    assert timetable_runs(first, BEFORE_ALL_DATA, 3) == ["2026-03-10", "2026-03-11", "2026-03-12"]
    assert timetable_runs(first, BEFORE_ALL_DATA, 2, "Europe/Berlin") == ["2026-03-10", "2026-03-11"]
    assert timetable_runs(first, BEFORE_ALL_DATA, 2, latest=pendulum.datetime(2026, 2, 2)) == ["2026-02-01", "2026-02-02"]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("written_in", ["UTC", "here"])
def test_a_backfill_makes_a_run_for_each_day_that_it_names(zone: str, written_in: str) -> None:
    """Whether the form is filled in at midnight UTC or of the zone of business days."""
    form = zone if written_in == "here" else "UTC"
    first, last = (pendulum.datetime(2026, 4, day, tz=form).in_timezone("UTC") for day in (7, 9))
    for late in (last, pendulum.datetime(2026, 4, 9, 19, tz=zone)):
        assert timetable_runs(date(2026, 5, 1), first, 9, zone, late) == ["2026-04-07", "2026-04-08", "2026-04-09"]
    assert timetable_runs(date(2026, 5, 1), pendulum.datetime(2026, 1, 1), 9, zone, pendulum.datetime(2026, 1, 31)) == []


# Clocks change at midnight: in Cairo the 24th of April begins at 01:00, in Havana the 1st of November has two midnights.
AT_MIDNIGHT = [("Africa/Cairo", date(2026, 4, 24)), ("Africa/Cairo", date(2026, 10, 30)), ("America/Havana", date(2026, 11, 1))]
CHANGES = [
    *AT_MIDNIGHT,
    ("Europe/Berlin", date(2026, 3, 29)),
    ("America/New_York", date(2026, 11, 1)),
    ("Asia/Tokyo", date(2026, 3, 1)),
]


@pytest.mark.parametrize(("zone", "day"), CHANGES, ids=[f"{zone} {day}" for zone, day in CHANGES])
def test_every_business_day_has_one_run_where_clocks_change(zone: str, day: date) -> None:
    """Scheduled, backfilled with bounds at midnight UTC or of the zone, and triggered."""
    days = [day + timedelta(days=step) for step in range(-2, 3)]
    names = [str(one) for one in days]
    timetable = DailyTimetable(days[0], zone, FIRST_DATA)
    last, intervals = None, []
    for _ in days:
        restriction = TimeRestriction(earliest=BEFORE_ALL_DATA, latest=None, catchup=True)
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
        assert info is not None
        last = info.data_interval
        intervals.append(last)
    assert [business_day(one.start, zone) for one in intervals] == days
    assert all(one.end == other.start for one, other in pairwise(intervals))
    for form in ("UTC", zone):
        bounds = [pendulum.datetime(one.year, one.month, one.day, tz=form).in_timezone("UTC") for one in (days[0], days[-1])]
        found, last = [], None
        while info := timetable.next_dagrun_info(
            last_automated_data_interval=last, restriction=TimeRestriction(*bounds, catchup=True)
        ):
            last = info.data_interval
            found.append(last)
        assert [str(business_day(one.start, zone)) for one in found] == names
        for one in days:
            triggered = timetable.infer_manual_data_interval(run_after=pendulum.datetime(one.year, one.month, one.day, tz=form))
            assert triggered == intervals[days.index(one)]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_a_logical_date_is_the_business_day(zone: str) -> None:
    timetable = DailyTimetable(date(2026, 1, 1), zone)
    moments = (
        pendulum.datetime(2025, 11, 10),
        pendulum.datetime(2025, 11, 10, tz=zone),
        pendulum.datetime(2025, 11, 10, 17, 5, tz=zone),
    )
    for moment in moments:
        interval = timetable.infer_manual_data_interval(run_after=moment)
        assert interval.start == pendulum.datetime(2025, 11, 10, tz=zone)
        assert interval.end == pendulum.datetime(2025, 11, 11, tz=zone)
        run_id = timetable.generate_run_id(run_type=DagRunType.MANUAL, run_after=pendulum.now(), data_interval=interval)
        assert run_id.startswith("manual__2025-11-10__")
        scheduled = timetable.generate_run_id(run_type=DagRunType.SCHEDULED, run_after=interval.end, data_interval=interval)
        assert scheduled == "scheduled__2025-11-10"
    now = pendulum.now("UTC")
    today = now.in_timezone(zone)
    assert timetable.infer_manual_data_interval(run_after=now).end == pendulum.datetime(
        today.year, today.month, today.day, tz=zone
    ), "what the form proposes is the newest day that has ended"


@pytest.mark.parametrize(
    ("run_id", "weight"),
    [
        ("scheduled__2026-03-09", SCHEDULED),
        ("scheduled__2026-03-09T00:00:00+00:00", SCHEDULED),
        ("scheduled__2026-03-01", IN_THE_BACKGROUND),
        ("backfill__2026-03-09T00:00:00+00:00", IN_THE_BACKGROUND),
        ("manual__2026-03-09__2026-03-10T07:00:00+00:00", BY_HAND),
        ("range__2026-03-01__2026-03-09", BY_HAND),
    ],
)
def test_a_run_is_as_urgent_as_whoever_waits_for_it(run_id: str, weight: int) -> None:
    assert kind_of_run(run_id, date(2026, 3, 10)) == weight


def test_the_more_important_tier_goes_first_among_runs_of_a_kind(bag: DagBag) -> None:
    weights: dict[int, set[int]] = {1: set(), 2: set()}
    for folder in folders():
        dag = DagSerialization.from_dict(DagSerialization.to_dict(bag.dags[folder.name]))
        for task in dag.tasks:
            assert isinstance(task.weight_rule, Urgency)
            weighed = SimpleNamespace(run_id="backfill__2026-03-09", task=task)
            weights[load_pipeline(folder).tier].add(task.weight_rule.get_weight(weighed))  # type: ignore[arg-type]
    assert weights == {1: {20}, 2: {10}}
    assert max(weights[1]) < BY_HAND - IN_THE_BACKGROUND <= SCHEDULED - BY_HAND


def test_every_task_says_what_it_reads_and_fills(bag: DagBag) -> None:
    filled: set[str] = set()
    read: set[str] = set()
    for folder in folders():
        for task in bag.dags[folder.name].tasks:
            assert task.outlets, task.task_id
            assert task.inlets or task.task_id == "ingest"
            filled |= {asset.name for asset in task.outlets}
            read |= {asset.name for asset in task.inlets}
    assert len(read) > 25
    assert read <= filled


def test_a_dag_is_called_like_its_folder(bag: DagBag) -> None:
    from headline.dag import pipeline_dag

    dag: DAG = pipeline_dag("core/nothing_there")
    assert dag.dag_id == "nothing_there"
    assert "pipeline.yml: cannot be read" in (dag.doc_md or "")
