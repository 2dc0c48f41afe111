"""Which days should be there and are not, on a real ledger and with a clock that stands still."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from tests.unit.records import days_of, record

from headline import specs
from headline.gaps.completeness import LONGEST_HOLE, Missing, expected_days, take_stock
from headline.intervals import DAY, Interval
from headline.ledger import CheckResult, Ledger, Load, Published, StagingTable

D1 = date(2026, 3, 1)
D2, D3, D4, D5 = (D1 + DAY * n for n in range(1, 5))
NOTHING = {"files": 0, "rows": 0, "checksum": None}
LANDING, SHOP, CORE = "landing.orders", "shop", "core_shop"


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), UTC)


@pytest.mark.parametrize(
    ("there", "first", "last", "expected"),
    [
        ([], D1, D3, [D1, D2, D3]),
        ([D2], D1, D3, [D1, D2, D3]),
        ([], D4, D3, []),
        ([D1, D2], D4, D3, []),
        ([D1, D3], D4, D3, [D2]),
        ([D1, D4], D5, D4, [D2, D3]),
        ([D1, D3, D5], D4, D4, [D2, D4]),
        ([D1, D1 + LONGEST_HOLE + DAY], D1 + 99 * DAY, D5, [D1 + n * DAY for n in range(1, 8)]),
        ([D1, D1 + LONGEST_HOLE + 2 * DAY], D1 + 99 * DAY, D5, []),
    ],
)
def test_the_schedule_owes_days_and_so_do_short_holes(there: list[date], first: date, last: date, expected: list[date]) -> None:
    assert sorted(expected_days(there, first, last)) == expected


@pytest.fixture
def world(project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The schedule of the throw-away shop began with the second day."""
    monkeypatch.setenv("HEADLINE_START_DATE", str(D2))
    project.forget()
    return project


def load(ledger: Ledger, *days: date, rows: int = 5, landing: str = LANDING) -> None:
    loads = [Load(landing, day, f"{day}", rows, f"{day} {rows}", {}, "test", at(day, 23)) for day in days]
    ledger.record_loads(loads, "run")


def publish(ledger: Ledger, table: str, *days: date, status: str = "complete") -> None:
    record(ledger, *(one for day in days for one in days_of(table, day, status=status)))


def audited(ledger: Ledger, table: str, *days: date, kind: str = "completeness", sample: bool = True) -> None:
    """A staging table of these days was refused by a check of that kind, which names the days."""
    staging_table = StagingTable(
        str(days), table, [Interval(day, day + DAY) for day in days], ledger.newest_version(), 0, "failed", "r"
    )
    keys = [{"ds": str(day)} for day in days] if sample else []
    ledger.record_staging_table(staging_table)
    ledger.record_audit(staging_table, [CheckResult("p", "every day", "failed_rows", "failed", None, "", kind, keys)], "failed")


def missing(ledger: Ledger, now: datetime, of: str | None = None) -> list[Missing]:
    found = [one for stock in take_stock(specs.load(), ledger, now) for one in stock.missing(now)]
    return [one for one in found if of in (None, one.landing)]


def days(ledger: Ledger, now: datetime, of: str) -> list[date]:
    return [one.ds for one in missing(ledger, now, of)]


def test_a_day_is_due_when_its_landing_time_has_passed(world: Any, ledger: Ledger) -> None:
    assert missing(ledger, at(D3, 1, 59)) == []
    [first] = missing(ledger, at(D3, 2))
    assert first == Missing(SHOP, LANDING, D2, at(D3, 2), "nothing has been loaded", NOTHING)
    assert days(ledger, at(D5, 1), LANDING) == [D2, D3]
    load(ledger, D2, D4)
    assert days(ledger, at(D5, 1), LANDING) == [D3]


def test_the_landing_time_is_of_the_day_that_ended_in_the_reporting_zone(
    world: Any, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In New York the second day ends at 05:00 UTC of the third, three hours after that day's 02:00."""
    monkeypatch.setenv("HEADLINE_REPORTING_ZONE", "America/New_York")
    world.forget()
    assert missing(ledger, at(D4, 1, 59)) == []
    assert [(one.ds, one.since) for one in missing(ledger, at(D4, 2))] == [(D2, at(D4, 2))]
    monkeypatch.setenv("HEADLINE_REPORTING_ZONE", "Asia/Tokyo")
    world.forget()
    assert [(one.ds, one.since) for one in missing(ledger, at(D3, 2))] == [(D2, at(D3, 2))]


def test_days_before_the_schedule_are_missing_in_holes_alone(world: Any, ledger: Ledger) -> None:
    load(ledger, D1 - 4 * DAY, D1 - 2 * DAY)
    assert days(ledger, at(D2, 12), LANDING) == [D1 - 3 * DAY]
    load(ledger, D2)
    assert days(ledger, at(D3, 12), LANDING) == [D1 - 3 * DAY, D1 - DAY, D1]


def test_what_a_deployment_does_without_is_not_missing(world: Any, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(missing(ledger, at(D5, 12))) == 3
    monkeypatch.setenv("HEADLINE_WITHOUT", "raw.orders")
    world.forget()
    assert missing(ledger, at(D5, 12), LANDING) == []


def test_a_source_that_answers_with_nothing_is_missing_until_its_day_is_published(world: Any, ledger: Ledger) -> None:
    now = at(D5, 12)
    load(ledger, D2, D4)
    load(ledger, D3, rows=0)
    assert missing(ledger, now, LANDING) == [], "nobody has said that an empty day is wrong"
    audited(ledger, "raw.orders", D3, kind="schema")
    assert missing(ledger, now, LANDING) == []
    audited(ledger, "raw.orders", D3)
    [silent] = missing(ledger, now, LANDING)
    assert (silent.ds, silent.before["files"], silent.before["rows"]) == (D3, 1, 0)
    assert "«every day» has failed" in silent.reason
    publish(ledger, "raw.orders", D2, D4)
    publish(ledger, "raw.orders", D3, status="partial")
    assert days(ledger, now, LANDING) == [D3]
    publish(ledger, "raw.orders", D3)
    assert missing(ledger, now, LANDING) == []
    audited(ledger, "raw.orders", D3)
    assert days(ledger, now, LANDING) == [D3], "it was there, and is gone again"


def test_a_silent_day_before_the_schedule_is_missing_too(world: Any, ledger: Ledger) -> None:
    load(ledger, D1 - DAY, rows=0)
    audited(ledger, "raw.orders", D1 - DAY)
    assert days(ledger, at(D1, 1), LANDING) == []
    assert days(ledger, at(D1, 2), LANDING) == [D1 - DAY]


def test_of_several_landings_the_empty_one_is_to_blame(world: Any, ledger: Ledger) -> None:
    world.replace(
        "sources/shop/source.yml",
        "  orders:\ningest:",
        "  orders: {reads: {landing.orders: , landing.corrections: }}\ningest:\n"
        '  corrections: {kind: files, connection: headline_drop, pattern: "corrections_{{ ds }}.csv", format: csv}',
    )
    load(ledger, D2, D3)
    load(ledger, D2, D3, rows=0, landing="landing.corrections")
    audited(ledger, "raw.orders", D3)
    assert days(ledger, at(D4, 12), "landing.corrections") == [D3]
    assert days(ledger, at(D4, 12), LANDING) == []


def test_a_pipeline_lacks_a_day_only_when_all_that_it_reads_is_there(world: Any, ledger: Ledger) -> None:
    now = at(D4, 12)
    load(ledger, D2)
    assert [one.key for one in missing(ledger, now)] == [(LANDING, D3), (SHOP, D2)]
    publish(ledger, "raw.orders", D2)
    [found] = missing(ledger, now, CORE)
    assert found == Missing(CORE, CORE, D2, at(D3, 3), "all that it reads is there, but it was never published", {"tables": []})
    assert days(ledger, at(D3, 2, 59), CORE) == []
    publish(ledger, "core.orders", D2)
    assert missing(ledger, now, CORE) == [], "what is new in a pipeline does not make its history missing"


def test_a_day_waits_for_a_history_without_gaps(world: Any, ledger: Ledger) -> None:
    world.replace("core/core_shop/pipeline.yml", "raw.orders:", "raw.orders: {lookback_days: all, without_gaps: true}")
    publish(ledger, "raw.orders", D2, D4)
    assert days(ledger, at(D5, 12), CORE) == [D2]
    publish(ledger, "raw.orders", D3)
    assert days(ledger, at(D5, 12), CORE) == [D2, D3, D4]


def test_what_an_audit_refuses_is_not_computed_again_before_its_inputs_change(world: Any, ledger: Ledger) -> None:
    publish(ledger, "raw.orders", D2, D3)
    now = at(D4, 12)
    assert days(ledger, now, CORE) == [D2, D3]
    audited(ledger, "core.orders", D2, kind="reconciliation")
    assert days(ledger, now, CORE) == [D3]
    publish(ledger, "raw.orders", D2)
    assert days(ledger, now, CORE) == [D2, D3]


def test_a_week_holds_the_days_that_were_there_when_it_was_computed(world: Any, ledger: Ledger) -> None:
    """The second day is a Monday: its week is published as soon as it is, and again with each day that follows."""
    for name in ("running_totals", "orders"):
        world.replace("core/core_shop/pipeline.yml", f"  {name}:\n", f"  {name}:\n    period: week\n")
    publish(ledger, "raw.orders", D2)
    assert days(ledger, at(D4, 12), CORE) == [D2]
    for day in (D3, D4):
        record(ledger, Published("core.orders", Interval(D2, D2 + 7 * DAY), f"1:{day}", 1))
        assert days(ledger, at(D5, 12), CORE) == []
        publish(ledger, "raw.orders", day)
        assert days(ledger, at(D5, 12), CORE) == [day]


def test_a_broken_folder_does_not_hide_what_the_others_lack(world: Any, ledger: Ledger) -> None:
    world.write("core/core_shop/pipeline.yml", "tear: 1")
    found = [stock.landing for stock in take_stock(specs.load_sound(), ledger, at(D4, 12))]
    assert found == [LANDING, SHOP]
