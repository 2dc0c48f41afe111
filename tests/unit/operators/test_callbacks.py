"""What a failed task means, and whom it concerns."""

from __future__ import annotations

import asyncio
import pickle
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferralTimeout
from tests.unit.paging.people import Team

from headline.errors import BadData, BadRequest, NotEvaluated, SpecError, Transient
from headline.incidents.kinds import KINDS, days_of, failed_days
from headline.intervals import DAY, Interval
from headline.ledger import CheckResult, ColumnChange, Ledger, SchemaChange, SchemaChanges, StagingTable
from headline.ledger.incidents import Incidents
from headline.operators.callbacks import finding_of, landing_missed, run_failed, task_failed, watch_failed
from headline.operators.landing_deadline import LandingDeadline, landing_deadline
from headline.paging import people
from headline.specs import Catalog

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - DAY
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def team(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "load", lambda _moment: Team())


def context(error: Any = None, task_id: str = "publish", run_type: str = "scheduled", day: date = YESTERDAY, **more: Any) -> Any:
    """What Airflow hands to a callback."""
    start = datetime.combine(day, datetime.min.time(), UTC)
    run_id, end = more.pop("run_id", "r"), start + DAY
    run = SimpleNamespace(run_type=run_type, run_id=run_id, data_interval_start=start, data_interval_end=end, run_after=end)
    instance = SimpleNamespace(dag_id="core_shop", run_id=run_id, try_number=4)
    params = more.pop("params", {"from": None, "to": None})
    return {
        "task": SimpleNamespace(task_id=task_id, **more),
        "ti": instance,
        "dag_run": run,
        "params": params,
        "exception": error,
    }


@pytest.mark.parametrize(
    ("error", "more", "kind"),
    [
        (Transient("locked"), {}, "task_failed"),
        (SpecError(["x: y"]), {}, "task_failed"),
        (None, {}, "task_failed"),
        ("killed", {}, "task_failed"),
        (BadData("2 of 3 checks failed"), {"table": "order_lines"}, "contract_failed"),
        (NotEvaluated("no check was evaluated"), {"table": "order_lines"}, "contract_not_evaluated"),
        (Transient("HTTP 503"), {"landing": "orders"}, "source_missing"),
        (BadData("no list of records"), {"landing": "orders"}, "source_missing"),
        (SpecError(["no extract"]), {"landing": "orders"}, "task_failed"),
    ],
)
def test_the_kind_follows_from_what_failed(error: Any, more: dict[str, Any], kind: str, catalog: Catalog, ledger: Ledger) -> None:
    found = finding_of(context(error, **more), NOW)
    assert found is not None
    assert (found.kind, found.pipeline, found.ds) == (kind, "core_shop", YESTERDAY)
    assert (found.facts["run_id"], found.facts["task_id"], found.facts["try_number"]) == ("r", "publish", 4)


@pytest.mark.parametrize(
    ("case", "concerns"),
    [
        ({}, True),
        ({"run_type": "manual"}, True),
        ({"day": TODAY - 4 * DAY}, False),
        ({"params": {"from": str(YESTERDAY), "to": str(YESTERDAY)}, "day": TODAY - 30 * DAY, "run_type": "manual"}, True),
        ({"params": {"from": "2026-01-01", "to": "2026-01-31"}}, False),
        ({"params": {"from": "2026-01-01", "to": "2026-01-31"}, "run_type": "manual", "run_id": "repair__orders__x__2"}, False),
        ({"params": {"from": "nonsense", "to": None}, "run_type": "manual"}, False),
        ({"error": BadRequest("ends before it begins")}, False),
        ({"error": TaskDeferralTimeout("its inputs did not come")}, False),
        ({"error": TimeoutError()}, True),
    ],
)
def test_old_days_and_wrong_requests_concern_nobody(
    case: dict[str, Any], concerns: bool, catalog: Catalog, ledger: Ledger
) -> None:
    assert (finding_of(context(**({"error": Transient("x")} | case)), NOW) is not None) == concerns


@pytest.mark.usefixtures("ledger")
def test_failed_runs_of_a_backfill_are_one_finding_that_wakes_nobody(catalog: Catalog) -> None:
    incidents = Incidents()
    for day in (TODAY - 30 * DAY, TODAY - 29 * DAY, TODAY - 30 * DAY):
        found = finding_of(context(Transient("x"), run_type="backfill", day=day), NOW)
        assert found is not None
        assert (found.kind, found.ds) == ("backfill_failed", TODAY)
        incidents.fire(found, NOW)
    [one] = incidents.open()
    assert failed_days(one.facts) == [TODAY - 30 * DAY, TODAY - 29 * DAY]
    assert not KINDS[one.kind].may_wake


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ({"run_type": "manual", "params": {"from": "2026-01-01", "to": "2026-01-03"}}, Transient("locked")),
        ({"run_type": "manual", "params": {"from": "2026-01-01", "to": "2026-01-03"}}, TaskDeferralTimeout("no inputs")),
        ({"run_type": "backfill"}, TaskDeferralTimeout("no inputs")),
    ],
)
def test_old_days_that_a_person_asks_for_are_a_backfill_also_where_they_wait_in_vain(
    case: dict[str, Any], error: Exception, catalog: Catalog, ledger: Ledger
) -> None:
    found = finding_of(context(error, **case), NOW)
    assert found is not None
    asked_for = [YESTERDAY] if case["run_type"] == "backfill" else [date(2026, 1, day) for day in (1, 2, 3)]
    assert (found.kind, failed_days(found.facts)) == ("backfill_failed", asked_for)
    assert found.facts["error"] == str(error)


def test_an_input_that_is_behind_is_named(catalog: Catalog, ledger: Ledger) -> None:
    error = pickle.loads(pickle.dumps(NotEvaluated("core.orders is behind its inputs", ["core_shop"])))
    found = finding_of(context(error), NOW)
    assert found is not None
    assert (found.kind, found.facts["behind"], found.facts["error"]) == (
        "contract_not_evaluated",
        ["core_shop"],
        "core.orders is behind its inputs",
    )


def test_without_a_run_in_the_context_it_was_yesterday(catalog: Catalog, ledger: Ledger) -> None:
    bare = context()
    del bare["params"], bare["dag_run"]
    found = finding_of(bare, NOW)
    assert found is not None
    assert (found.ds, found.facts["error"]) == (YESTERDAY, "its process was killed or lost")


def test_a_broken_contract_brings_its_checks(catalog: Catalog, ledger: Ledger) -> None:
    staging_table = StagingTable("k", "core.order_lines", [Interval(YESTERDAY, TODAY)], 1, 10, "transformed", "r")
    ledger.record_staging_table(staging_table)
    failed = CheckResult("checks.x", "no duplicates", "duplicate", "failed", None, "must be 0", sample=[{"order_id": "O1"}])
    ledger.record_audit(staging_table, [failed], "failed")
    task_failed(context(BadData("x"), task_id="audit.order_lines", table="order_lines"))
    [incident] = Incidents().open()
    assert incident.kind == "contract_failed"
    assert incident.facts["table"] == "core.order_lines"
    [check] = incident.facts["checks"]
    assert (check["name"], check["sample"]) == ("no duplicates", [{"order_id": "O1"}])
    assert days_of(incident) == Interval(YESTERDAY, TODAY)
    events = [(event.event, event.person) for event in Incidents().history(incident.id)]
    assert events[:2] == [("opened", None), ("told", "ada")], "at once"


def test_a_run_brings_its_own_checks_also_where_runs_of_other_dags_have_its_id(catalog: Catalog, ledger: Ledger) -> None:
    """As runs of one night have, and those that one click starts."""
    for key, table in (("a", "core.order_lines"), ("b", "profit.lines")):
        staging_table = StagingTable(key, table, [Interval(YESTERDAY, TODAY)], 1, 10, "transformed", "scheduled__1")
        ledger.record_staging_table(staging_table)
        ledger.record_audit(
            staging_table, [CheckResult("checks.x", f"check of {key}", "duplicate", "failed", None, "0")], "failed"
        )
    found = finding_of(context(BadData("x"), run_id="scheduled__1"), NOW)
    assert found is not None
    assert (found.facts["table"], [check["name"] for check in found.facts["checks"]]) == ("core.order_lines", ["check of a"])


def test_other_columns_are_the_incident_that_the_watch_finds_too(catalog: Catalog, ledger: Ledger) -> None:
    removed = ColumnChange("amount", "removed", "decimal")
    SchemaChanges().record(SchemaChange("landing.orders", YESTERDAY - DAY, "file", "r", {"tip": "text"}, [removed]))
    found = finding_of(context(BadData("amount: removed"), landing="orders"), NOW)
    assert found is not None
    assert (found.kind, found.ds) == ("schema_changed", YESTERDAY - DAY)
    assert found.facts["changes"] == ["amount: removed (was decimal)"]


def test_a_failed_task_says_no_secrets(catalog: Catalog, ledger: Ledger) -> None:
    found = finding_of(context(Transient("postgresql://ada:s3cret@db is down")), NOW)
    assert found is not None
    assert found.facts["error"] == "postgresql://…@db is down"


def test_a_deadline_that_passes_makes_the_watch_look(catalog: Catalog, ledger: Ledger) -> None:
    asyncio.run(landing_missed(context={"dag_run": {}, "deadline": {}}))
    due = [one for one in Incidents().open() if one.kind == "landing_missed"]
    assert {one.ds for one in due} >= {YESTERDAY - DAY}, "whose deadline has passed, whatever the hour"


def test_a_watch_that_fails_is_told_too(catalog: Catalog, ledger: Ledger) -> None:
    watch_failed(context(ValueError("a bug")))
    [incident] = Incidents().open()
    assert (incident.pipeline, incident.kind) == ("freshness_watch", "alert_path_failed")
    assert incident.facts == {"down": {"freshness_watch": "ValueError: a bug"}}


MIDNIGHT = datetime(2026, 11, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("run_type", "start", "now", "due"),
    [
        ("scheduled", MIDNIGHT, MIDNIGHT + DAY, "2026-11-20T04:00+00:00"),
        ("scheduled", MIDNIGHT, MIDNIGHT + DAY + timedelta(hours=4), None),  # a run that comes late, or old
        ("backfill", MIDNIGHT, MIDNIGHT + DAY, None),
        ("manual", MIDNIGHT, MIDNIGHT + DAY, None),
        ("asset_triggered", None, MIDNIGHT, None),
        ("scheduled", None, MIDNIGHT, None),
    ],
)
def test_only_a_scheduled_run_has_a_deadline(run_type: str, start: datetime | None, now: datetime, due: str | None) -> None:
    found = LandingDeadline("04:00", "UTC").of(run_type, start, now)
    assert found == (due and datetime.fromisoformat(due))


def test_the_deadline_survives_airflows_serialization(catalog: Catalog) -> None:
    alert = landing_deadline(catalog.pipelines["core_shop"], "Europe/Berlin")
    again = LandingDeadline.deserialize_reference(alert.reference.serialize_reference())
    assert (again.lands_at, again.zone) == ("03:00", "Europe/Berlin")
    assert alert.callback.path == "headline.operators.callbacks.landing_missed"


def test_a_run_that_failed_is_told_where_its_task_could_not(catalog: Catalog, ledger: Ledger) -> None:
    run_failed({"dag": None, "run_id": "r"})
    assert Incidents().open() == [], "nothing is known of it"
    run_failed(context())
    [incident] = Incidents().open()
    assert (incident.kind, incident.facts["error"]) == ("task_failed", "its process was killed or lost")


def test_a_run_whose_task_has_told_is_not_told_again(catalog: Catalog, ledger: Ledger) -> None:
    task_failed(context(BadData("x"), task_id="audit.order_lines", table="order_lines"))
    run_failed(context(task_id="audit.order_lines", table="order_lines"))
    [incident] = Incidents().open()
    assert incident.kind == "contract_failed"
