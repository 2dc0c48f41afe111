"""What is wrong at a moment, judged by data alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.company import TABLES, publication

from headline import specs
from headline.incidents.days import end_of
from headline.incidents.judge import findings, is_over
from headline.incidents.world import World
from headline.intervals import DAY, Interval, business_day
from headline.ledger import Attempt, ColumnChange, HeldDay, SchemaChange
from headline.ledger.evidence import Evidence, HeldBack, Publication
from headline.ledger.incident import Finding, Incident, joined
from headline.specs import Catalog
from headline.specs.models import due_at

YESTERDAY = date(2026, 11, 19)
MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
# When each table usually has its day: minutes after midnight, those of the app first.
USUALLY = {
    "raw.events": 5,
    "raw.orders": 10,
    "core.user_days": 15,
    "core.order_lines": 30,
    "profit.lines": 50,
    "profit.summary": 60,
}
HELD = HeldBack(
    "core.order_lines",
    [Interval(YESTERDAY, YESTERDAY + DAY)],
    "failed",
    "run",
    MIDNIGHT + 30 * MINUTE,
    [{"name": "no duplicates", "measured": "1", "threshold": "0", "sample": [{"order_id": "O1"}]}],
)


def at(clock: str) -> datetime:
    hour, minute = clock.split(":")
    return MIDNIGHT.replace(hour=int(hour), minute=int(minute))


def landed(day: date, tables: set[str] = TABLES, late: timedelta = timedelta()) -> list[Publication]:
    """The publications of one day, at the usual times."""
    return [publication(table, day, end_of(day, "UTC") + USUALLY[table] * MINUTE + late) for table in sorted(tables)]


def history(days: int = 20) -> list[Publication]:
    return [one for number in range(1, days + 1) for one in landed(YESTERDAY - DAY * number)]


def world(catalog: Catalog, now: datetime, published: list[Publication], **more: Any) -> World:
    evidence = Evidence(
        YESTERDAY - DAY * 28, sorted(published, key=lambda one: one.published_at, reverse=True), **more.pop("evidence", {})
    )
    return World(catalog, evidence, now, more.pop("start_date", date(2026, 1, 1)), "UTC", **more)


def named(found: list[Finding]) -> dict[str, tuple[str, str | None]]:
    """By pipeline: kind and the pipeline and kind of the cause; of yesterday."""
    return {one.pipeline: (one.kind, one.cause and f"{one.cause[0]} {one.cause[1]}") for one in found if one.ds == YESTERDAY}


def incident(finding: Finding, opened_at: datetime, **changes: Any) -> Incident:
    known = Incident(1, finding.kind, finding.pipeline, finding.ds, "open", None, finding.since, opened_at, facts=finding.facts)
    return replace(known, **changes)


@pytest.mark.parametrize(
    ("lands_at", "zone", "due"),
    [
        ("04:00", "UTC", "2026-11-20T04:00+00:00"),
        ("04:00", "Europe/Berlin", "2026-11-20T04:00+00:00"),  # the day ended at 23:00
        ("04:00", "America/New_York", "2026-11-21T04:00+00:00"),  # the day ends at 05:00
        ("23:30", "Europe/Berlin", "2026-11-19T23:30+00:00"),
    ],
)
def test_a_day_is_due_at_the_first_landing_time_after_its_end(lands_at: str, zone: str, due: str) -> None:
    clock = datetime.strptime(lands_at, "%H:%M").replace(tzinfo=UTC).time()
    assert due_at(clock, YESTERDAY, zone) == datetime.fromisoformat(due)
    assert business_day(end_of(YESTERDAY, zone), zone) == YESTERDAY + DAY


def test_all_is_well(catalog: Catalog) -> None:
    assert findings(world(catalog, at("23:59"), [*history(), *landed(YESTERDAY)])) == []
    assert findings(world(catalog, at("00:00"), history())) == []


def test_what_is_missing_at_its_deadline_is_told_whether_or_not_there_was_a_run(catalog: Catalog) -> None:
    published = [*history(), *landed(YESTERDAY, TABLES - {"core.order_lines", "profit.lines", "profit.summary"})]
    assert [one for one in findings(world(catalog, at("02:59"), published)) if one.facts["phase"] == "missed"] == []
    [only] = findings(world(catalog, at("03:00"), published))[:1]
    assert (only.pipeline, only.kind, only.ds, only.since) == ("core_shop", "landing_missed", YESTERDAY, at("03:00"))
    assert only.facts["missing"] == ["core.order_lines"]
    assert only.facts["waits_for"] == []


def test_what_waits_hangs_on_what_it_waits_for(catalog: Catalog) -> None:
    published = [*history(), *landed(YESTERDAY, {"raw.events", "core.user_days"})]
    found = findings(world(catalog, at("04:00"), published))
    assert named(found) == {
        "shop": ("landing_missed", None),
        "core_shop": ("landing_missed", "shop landing_missed"),
        "unit_profit": ("landing_missed", "shop landing_missed"),
        "investor_profit": ("landing_missed", "shop landing_missed"),
    }
    assert {one.pipeline: one.facts["waits_for"] for one in found}["unit_profit"] == ["core_shop"]


def test_a_day_in_part_has_landed_and_is_told_for_itself(catalog: Catalog) -> None:
    missed = Finding("core_shop", "landing_missed", YESTERDAY, at("03:00"), {"phase": "missed"})
    part = publication("core.order_lines", YESTERDAY, at("03:05"), coverage="0.94")
    published = [*history(), *landed(YESTERDAY, TABLES - {"core.order_lines"}), part]
    [found] = findings(world(catalog, at("03:06"), published))
    assert (found.pipeline, found.kind, found.facts) == ("core_shop", "data_partial", {"partial": {"core.order_lines": 0.94}})
    told = incident(found, at("03:06"))
    in_part = world(catalog, at("03:06"), published)
    assert is_over(incident(missed, at("03:00")), in_part, {found.key}) == "published at 2026-11-20 03:05 UTC"
    assert is_over(told, in_part, {found.key}) == ""
    healed = [*published, publication("core.order_lines", YESTERDAY, at("03:10"))]
    assert findings(world(catalog, at("03:10"), healed)) == []
    assert is_over(told, world(catalog, at("03:10"), healed), set()) == "the day is complete"


def test_what_is_partial_further_on_hangs_on_where_it_began(catalog: Catalog) -> None:
    parts = [publication(name, YESTERDAY, at("00:55"), coverage="0.94") for name in ("core.order_lines", "profit.lines")]
    found = findings(world(catalog, at("06:00"), [*history(), *landed(YESTERDAY), *parts]))
    assert named(found) == {"core_shop": ("data_partial", None), "unit_profit": ("data_partial", "core_shop data_partial")}


def test_an_old_day_in_part_is_told_once(catalog: Catalog, forget_settings: Callable[[], None]) -> None:
    """No table that sums up days tells of it again, and the incident ends by itself when the day concerns nobody any more."""
    catalog = with_coverage(catalog, forget_settings)
    parts = [publication(name, YESTERDAY, at("00:55"), coverage="0.94") for name in ("core.order_lines", "profit.lines")]
    found = findings(world(catalog, at("04:00"), [*history(), *landed(YESTERDAY), *parts]))
    assert named(found) == {"core_shop": ("data_partial", None), "unit_profit": ("data_partial", "core_shop data_partial")}
    for days in range(1, 4):
        later = [one for number in range(1, days + 1) for one in landed(YESTERDAY + DAY * number)]
        # The lines sum up all days until theirs, so that none of them is whole any more.
        later = [
            replace(one, is_complete=False, coverage=Decimal("0.99")) if one.table == "profit.lines" else one for one in later
        ]
        now = world(catalog, at("12:00") + DAY * days, [*history(), *landed(YESTERDAY), *parts, *later])
        assert {one.key for one in findings(now)} == ({one.key for one in found} if days < 3 else set())
        assert [bool(is_over(incident(one, at("03:00")), now, set())) for one in found] == [days == 3] * 2, days


def with_coverage(catalog: Catalog, forget_settings: Callable[[], None]) -> Catalog:
    """The catalog anew, with contracts of the lines, in core and of profit, that say how much of a day is there."""
    columns = [
        "{name: ds, data_type: date, description: Business day.}",
        "{name: coverage, data_type: decimal, numeric_precision: 18, numeric_scale: 6, description: How much is there.}",
        "{name: is_partial, data_type: boolean, description: Whether rows are missing.}",
    ]
    for name in ("core.order_lines", "profit.lines"):
        place = name.replace(".", "/")
        head = f"dataset: warehouse/{place}\ndescription: What somebody needs.\nchecks: [row_count: ]\ncolumns:\n"
        catalog.tables[name].contract_file.write_text(head + "".join(f"  - {column}\n" for column in columns))
    forget_settings()
    found = specs.load()
    assert all(specs.load_contract(found.tables[name]).tells_coverage for name in ("core.order_lines", "profit.lines"))
    return found


def test_a_backfill_that_failed_is_over_when_all_its_days_are_published(catalog: Catalog) -> None:
    first, last = YESTERDAY - DAY * 20, YESTERDAY - DAY * 19
    facts = {f"failed {first}": "one", f"failed {last}": "two", "run_id": "two"}
    failed = incident(Finding("core_shop", "backfill_failed", YESTERDAY, at("03:00"), facts), at("03:00"))
    mended = publication("core.order_lines", first, at("03:10"))
    published = [*history(), *landed(YESTERDAY), mended]
    assert is_over(failed, world(catalog, at("04:00"), published), set()) == ""
    published.append(publication("core.order_lines", last, at("03:20")))
    assert is_over(failed, world(catalog, at("04:00"), published), set()) == "its days were published since"


def test_of_a_backfill_only_the_days_are_told_that_are_still_failed(catalog: Catalog) -> None:
    days = [YESTERDAY - DAY * ago for ago in (20, 19, 18)]
    known = {"run_id": "two", "task_id": "ingest", "error": "Transient: locked", "try_number": 4}
    facts = known | {f"failed {day}": run for day, run in zip(days, ("one", "two", "one"), strict=True)}
    failed = incident(Finding("core_shop", "backfill_failed", YESTERDAY, at("03:00"), facts), at("03:00"))
    published = [*history(), *landed(YESTERDAY)]

    def still(*mended: date) -> dict[str, Any]:
        since = [publication("core.order_lines", day, at("03:10")) for day in mended]
        found = [one for one in findings(world(catalog, at("04:00"), [*published, *since]), [failed]) if one.key == failed.key]
        return joined(facts, found[0]) if found else facts

    assert still() == facts
    assert still(days[0]) == known | {f"failed {days[1]}": "two", f"failed {days[2]}": "one"}
    assert still(days[1]) == {"run_id": "one", f"failed {days[0]}": "one", f"failed {days[2]}": "one"}
    assert still(*days) == facts, "it is over as it was"


def test_a_failed_gate_is_over_when_its_own_day_has_passed(catalog: Catalog) -> None:
    """Another day of the pipeline tells nothing of it; the same content, computed again, does."""
    held = incident(Finding("core_shop", "contract_failed", YESTERDAY - DAY, at("03:00"), {}), at("03:00"))
    published = [*history(), *landed(YESTERDAY, late=timedelta(hours=3))]
    assert is_over(held, world(catalog, at("05:00"), published), set()) == ""
    again = [
        replace(one, computed_at=at("04:30")) if (one.table, one.interval.start) == ("core.order_lines", held.ds) else one
        for one in published
    ]
    assert is_over(held, world(catalog, at("05:00"), again), set()) != ""


def test_waiting_failed_late_and_behind_are_told_apart(catalog: Catalog) -> None:
    published = [*history(), *landed(YESTERDAY, {"raw.events", "raw.orders", "core.user_days"})]

    def why(**more: Any) -> dict[str, str]:
        found = findings(world(catalog, at("04:00"), published, **more))
        return {one.pipeline: one.facts["cause"] for one in found if one.kind == "landing_missed"}

    behind = {"unit_profit": "waits", "investor_profit": "waits"}
    assert why() == {"core_shop": "late", **behind}
    assert why(evidence={"held_back": [HELD]}) == {"core_shop": "failed", **behind}
    stale = world(catalog, at("04:00"), [*history(), *landed(YESTERDAY)], stale={"core_shop": {YESTERDAY}})
    assert [one.kind for one in findings(stale)] == ["data_stale"], "it is behind, and neither late nor failed"


def test_what_could_not_be_checked_is_over_when_it_is_known_to_be_bad(catalog: Catalog) -> None:
    published = [*history(), *landed(YESTERDAY, {"raw.events", "raw.orders", "core.user_days"})]
    here = world(catalog, at("02:00"), published, evidence={"held_back": [HELD]})
    unknown = incident(Finding("core_shop", "contract_not_evaluated", YESTERDAY, at("00:40")), at("00:40"))
    still = {one.key for one in findings(here, [unknown])}
    assert ("core_shop", "contract_failed", YESTERDAY) in still
    assert "the data are bad" in is_over(unknown, here, still)
    assert is_over(unknown, here, set()) == ""


def test_days_before_the_start_and_long_ago_concern_nobody(catalog: Catalog) -> None:
    recent = [one for one in history() if one.interval.start > YESTERDAY - DAY * 2]
    published = [*recent, *landed(YESTERDAY)]
    assert {one.ds for one in findings(world(catalog, at("04:00"), published))} == {YESTERDAY - DAY * 2}
    assert findings(world(catalog, at("04:00"), published, start_date=YESTERDAY - DAY)) == []
    assert findings(world(catalog, at("04:00"), [], start_date=YESTERDAY + DAY)) == []


def test_days_that_nobody_looked_at_hang_on_the_newest(catalog: Catalog) -> None:
    found = findings(world(catalog, at("12:00"), [one for one in history() if one.interval.start < YESTERDAY - DAY * 2]))
    assert len(found) == 3 * 6
    roots = {finding.key for finding in found if finding.cause is None}
    assert roots == {("shop", "landing_missed", YESTERDAY), ("app", "landing_missed", YESTERDAY)}
    known = [incident(one, at("04:00")) for one in found if one.ds == YESTERDAY - DAY]
    again = findings(world(catalog, at("12:00"), []), known)
    shop = [one for one in again if one.pipeline == "shop"]
    assert {one.ds: one.cause for one in shop}[YESTERDAY - DAY] is None, "it was told when it was missed"


def test_a_pipeline_that_this_deployment_does_without_is_not_missed(catalog: Catalog) -> None:
    without = frozenset({"raw.events"})
    published = [one for one in [*history(), *landed(YESTERDAY)] if one.table not in ("raw.events", "core.user_days")]
    assert findings(world(catalog, at("04:00"), published, without=without)) == []
    assert "app" in named(findings(world(catalog, at("04:00"), published)))


def test_a_broken_contract_is_the_cause_of_what_is_late(catalog: Catalog) -> None:
    published = [*history(), *landed(YESTERDAY, {"raw.events", "raw.orders", "core.user_days"})]
    found = findings(world(catalog, at("04:00"), published, evidence={"held_back": [HELD]}))
    by_key = {(one.pipeline, one.kind): one for one in found}
    broken = by_key["core_shop", "contract_failed"]
    assert (broken.cause, broken.since) == (None, HELD.at)
    assert broken.facts == {
        "table": "core.order_lines",
        "run_id": "run",
        "task_id": "write_audit_publish",
        "checks": HELD.checks,
        "from": str(YESTERDAY),
        "to": str(YESTERDAY),
    }
    assert {one.cause for one in found if one.kind == "landing_missed"} == {broken.key}


@pytest.mark.parametrize(
    ("changes", "published_again", "kinds"),
    [
        ({}, False, ["contract_failed"]),
        ({}, True, []),
        ({"intervals": [Interval(date(2026, 10, 1), date(2026, 10, 9))]}, False, []),  # a backfill
        ({"run_id": "ranged_backfill__1__2"}, False, []),  # whoever started it sees it
        ({"state": "not_evaluated"}, False, []),  # it is still being tried
        ({"state": "not_evaluated", "at": MIDNIGHT - 30 * MINUTE}, False, ["contract_not_evaluated"]),
    ],
    ids=["broken", "published since", "old days", "a range", "not checked yet", "not checked for long"],
)
def test_a_contract_holds_back_until_something_newer_is_published(
    changes: dict[str, Any], published_again: bool, kinds: list[str], catalog: Catalog
) -> None:
    published = [*history(), *landed(YESTERDAY, {"raw.events", "raw.orders"})]
    published += [publication("core.order_lines", YESTERDAY, at("00:40"))] if published_again else []
    found = findings(world(catalog, at("00:45"), published, evidence={"held_back": [replace(HELD, **changes)]}))
    assert [one.kind for one in found if one.pipeline == "core_shop"] == kinds


def test_it_is_said_before_the_deadline_when_the_usual_time_no_longer_fits(catalog: Catalog) -> None:
    published = [*history(), *landed(YESTERDAY, {"raw.events", "core.user_days"})]
    # From the orders' arrival: 20 minutes for core, 20 for units, 10 for investors: 03:10 + 50 = 04:00.
    assert {one.pipeline for one in findings(world(catalog, at("01:30"), published))} == {"shop"}, "it should be there long since"
    found = {one.pipeline: one for one in findings(world(catalog, at("02:41"), published))}
    assert (found["shop"].facts["phase"], found["core_shop"].facts["phase"]) == ("missed", "at_risk")
    assert found["core_shop"].facts["expected_at"] == at("03:01").isoformat()
    assert found["core_shop"].cause == found["shop"].key
    assert found["core_shop"].since == at("03:00"), "when it will be true"
    assert "investor_profit" not in found
    assert "investor_profit" in {one.pipeline for one in findings(world(catalog, at("03:11"), published))}


def test_what_takes_much_longer_than_usual_is_said(catalog: Catalog) -> None:
    published = [*history(), *landed(YESTERDAY, {"raw.events", "core.user_days", "raw.orders"})]
    assert findings(world(catalog, at("01:10"), published)) == []  # the orders are there since 00:10
    [found] = [one for one in findings(world(catalog, at("01:11"), published)) if one.pipeline == "core_shop"]
    assert found.facts["at_it_since"] == at("00:10").isoformat()
    assert found.facts["usual_minutes"] == 20


def test_a_slow_task_is_named(catalog: Catalog) -> None:
    slow = [{"task_id": "transform.order_lines", "since": at("00:10").isoformat(), "usual_minutes": 3}]
    published = [*history(2), *landed(YESTERDAY, {"raw.events", "core.user_days", "raw.orders"})]
    [found] = findings(world(catalog, at("00:40"), published, slow={("core_shop", YESTERDAY): slow}))
    assert (found.pipeline, found.facts["phase"], found.facts["slow"]) == ("core_shop", "at_risk", slow)


def test_nothing_is_forecast_without_history(catalog: Catalog) -> None:
    assert findings(world(catalog, at("01:59"), history(4), start_date=YESTERDAY)) == []
    backfilled = [replace(one, published_at=at("00:20")) for one in history()]
    assert findings(world(catalog, at("01:59"), backfilled)) == [], "what came much later says nothing about what is usual"


def test_a_forecast_that_was_wrong_is_over(catalog: Catalog) -> None:
    published = [*history(), *landed(YESTERDAY, {"raw.events", "core.user_days"})]
    [found] = [one for one in findings(world(catalog, at("02:41"), published)) if one.pipeline == "core_shop"]
    caught_up = [*published, *landed(YESTERDAY, {"raw.orders"}, late=timedelta(hours=2, minutes=20))]
    later = world(catalog, at("02:35"), caught_up)
    still = {one.key for one in findings(later)}
    assert is_over(incident(found, at("02:41")), later, still) == "expected in time again"
    assert is_over(incident(found, at("02:41")), world(catalog, at("03:30"), caught_up), {found.key}) == ""


def test_stale_days_are_one_finding_that_keeps_its_day(catalog: Catalog) -> None:
    days = {YESTERDAY - DAY * number for number in range(3, 20)}
    here = world(catalog, at("04:00"), [*history(), *landed(YESTERDAY)], stale={"unit_profit": days, "core_shop": set()})
    [found] = findings(here)
    assert (found.pipeline, found.kind, found.ds) == ("unit_profit", "data_stale", YESTERDAY)
    assert (found.facts["day_count"], len(found.facts["days"])) == (17, 10)
    lasting = incident(found, at("04:00"), ds=YESTERDAY - DAY)
    [again] = findings(here, [lasting])
    assert again.key == lasting.key
    assert is_over(lasting, here, {again.key}) == ""
    assert is_over(lasting, here, set()) == "computed again from the newest inputs"


def test_an_escalated_repair_is_a_missing_source_until_it_comes(catalog: Catalog) -> None:
    gone = Attempt("shop", "landing.orders", YESTERDAY - DAY * 9, 3, "r", "nothing has been loaded", {}, at("01:00"))
    published = [*history(), *landed(YESTERDAY)]
    [found] = findings(world(catalog, at("04:00"), published, escalated=[gone]))
    assert (found.pipeline, found.kind, found.ds) == ("shop", "source_missing", gone.ds)
    assert found.facts["error"] == "nothing has been loaded; 3 attempts have failed"
    came = [*published, publication("raw.orders", gone.ds, at("05:00"))]
    assert findings(world(catalog, at("06:00"), came, escalated=[gone])) == []
    assert is_over(incident(found, at("04:00")), world(catalog, at("06:00"), came), set()).startswith("published at")


def test_a_pipelines_day_that_nobody_tries_to_compute_any_more_is_missed(catalog: Catalog) -> None:
    gone = Attempt("core_shop", "core_shop", YESTERDAY - DAY * 9, 3, "r", "it was never published", {}, at("01:00"))
    published = [
        one for one in [*history(), *landed(YESTERDAY)] if (one.table, one.interval.start) != ("core.order_lines", gone.ds)
    ]
    [found] = findings(world(catalog, at("04:00"), published, escalated=[gone]))
    assert (found.pipeline, found.kind, found.ds) == ("core_shop", "landing_missed", gone.ds)
    assert found.facts["missing"] == ["core.order_lines"]


def test_a_week_holds_the_days_whose_inputs_it_was_made_from(catalog: Catalog, forget_settings: Callable[[], None]) -> None:
    """It is published whole from its first day on, so that its days to come are in its interval and not in its figures."""
    folder = catalog.pipelines["core_shop"].folder.parents[1] / "growth" / "weekly"
    folder.mkdir(parents=True)
    table = "  weeks:\n    period: week\n    reads:\n      core.user_days: {}\n"
    (folder / "pipeline.yml").write_text(f'description: Weeks of users.\ntier: 2\nlands_at: "04:00"\ntables:\n{table}')
    (folder / "weeks.sql").write_text("select 1")
    (folder / "weeks.contract.yml").write_text("dataset: x")
    forget_settings()
    monday = Interval(date(2026, 11, 16), date(2026, 11, 23))
    days = [replace(one, version=10 + one.interval.start.day) for one in landed(YESTERDAY) + landed(YESTERDAY - DAY)]
    week = Publication(
        "growth.weeks", monday, 50, 10 + (YESTERDAY - DAY).day, True, Decimal(1), at("00:30") - DAY, "run", at("00:30") - DAY
    )
    here = world(specs.load(), at("04:00"), [*days, week], start_date=YESTERDAY - DAY)
    assert named(findings(here)) == {"weekly": ("landing_missed", None)}
    again = replace(week, version=60, as_of=59, published_at=at("03:50"))
    assert findings(world(specs.load(), at("04:00"), [*days, week, again], start_date=YESTERDAY - DAY)) == []


def test_a_day_that_its_source_has_lost_in_part_is_told_until_it_is_read_again(catalog: Catalog) -> None:
    day, gone = YESTERDAY - DAY * 5, "2 of 9 records are missing"
    names = ("landing.orders", "landing.nobody")
    held = [HeldDay(name, day, "file", "run", gone, at("02:00")) for name in names]
    published = [*history(), *landed(YESTERDAY)]
    here = world(catalog, at("04:00"), published, held=held)
    [told] = findings(here)
    assert (told.key, told.cause) == (("shop", "source_shrunk", day), None)
    assert told.facts["error"] == f"landing.orders: {gone}"
    assert is_over(incident(told, at("03:00")), here, {told.key}) == ""
    assert is_over(incident(told, at("03:00")), world(catalog, at("04:00"), published), set())


def test_other_columns_hold_back_or_are_only_told(catalog: Catalog) -> None:
    removed, new = ColumnChange("amount", "removed", "decimal"), ColumnChange("tip", "added", after="decimal")
    blocking = SchemaChange("landing.orders", YESTERDAY, "file", "run", {}, [removed], at("00:05"))
    published = [*history(), *landed(YESTERDAY, {"raw.events", "core.user_days"})]
    found = findings(world(catalog, at("03:00"), published, changed_schemas=[blocking]))
    [changed] = [one for one in found if one.kind == "schema_changed"]
    assert {one.cause for one in found if one.kind == "landing_missed"} == {changed.key}
    earlier = replace(blocking, ds=YESTERDAY - DAY * 5)
    found = findings(world(catalog, at("03:00"), published, changed_schemas=[earlier]))
    assert {one.cause for one in found if one.kind == "landing_missed"} == {("shop", "schema_changed", earlier.ds)}

    added = replace(blocking, changes=[new])
    found = findings(world(catalog, at("03:00"), published, changed_schemas=[added]))
    [told] = [one for one in found if one.kind == "schema_changed"]
    assert told.facts["blocking"] is False
    assert ("shop", "schema_changed", YESTERDAY) not in {one.cause for one in found}
    all_there = world(catalog, at("04:00"), [*history(), *landed(YESTERDAY)], changed_schemas=[added])
    assert [one.kind for one in findings(all_there)] == ["schema_changed"]
    assert is_over(incident(told, at("03:00")), all_there, {told.key}) == ""
    days_later = replace(all_there, now=at("04:00") + DAY * 3)
    assert is_over(incident(told, at("03:00")), days_later, set()) == "3 days have passed"


def test_a_failed_task_is_over_when_its_day_is_published_after_it(catalog: Catalog) -> None:
    failed = incident(Finding("core_shop", "task_failed", YESTERDAY, at("00:40")), at("00:40"))
    before, after = [*history(), *landed(YESTERDAY)], publication("core.order_lines", YESTERDAY, at("01:00"))
    assert is_over(failed, world(catalog, at("02:00"), before), set()) == "", "the day was there before it failed"
    assert is_over(failed, world(catalog, at("02:00"), [*before, after]), set()) == "published at 2026-11-20 01:00 UTC"
    assert is_over(replace(failed, pipeline="repair"), world(catalog, at("02:00"), before), set()) == ""


def test_what_an_alert_goes_through_is_one_finding_as_long_as_it_lasts(catalog: Catalog) -> None:
    here = world(catalog, at("04:00"), [*history(), *landed(YESTERDAY)], down={"triggerer": "silent"})
    [found] = findings(here)
    assert (found.pipeline, found.kind, found.facts) == (
        "freshness_watch",
        "alert_path_failed",
        {"down": {"triggerer": "silent"}},
    )
    lasting = incident(found, at("04:00"), ds=YESTERDAY)
    [again] = findings(here, [lasting])
    assert again.key == lasting.key
    assert is_over(lasting, here, {again.key}) == ""
    assert is_over(lasting, here, set()) == "it works again"


def test_a_drill_is_over_when_it_was_acknowledged(catalog: Catalog) -> None:
    drill = incident(Finding("alert_drill", "alert_path_failed", YESTERDAY, at("09:00"), {"drill": True}), at("09:00"))
    here = world(catalog, at("10:00"), [])
    assert is_over(drill, here, set()) == ""
    assert is_over(replace(drill, state="acknowledged", acknowledged_by="ada"), here, set()) == "it reached ada"
