"""What is published is compared with the ledger: each day that differs is named, and mended by the next run for it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update
from tests.unit.pipeline.test_histories import FILES, LIST

from headline import specs
from headline.intervals import DAY, Interval
from headline.ledger import PeriodState, tables
from headline.pipeline.fingerprints import Difference, Unknown, _by_period, adopt, verify_published
from headline.warehouse import Content

NOW = datetime(2026, 3, 4, tzinfo=UTC)
D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
TABLES = ["raw.orders", "core.orders", "core.running_totals", "core.prices", "profit.price_list"]


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    return once(project, three_days)


def three_days(project: Any) -> None:
    for path, text in FILES.items():
        project.write(path, text)
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00"), ("x", "-1.00")], D3: [("c", "100.00")]})
    for name in ("shop", "core_shop", "core_prices", "price_list"):
        project.publish(name, D1, D3)


def verify(project: Any, *names: str) -> list[Difference]:
    tables = specs.load().tables
    verified = verify_published([tables[name] for name in names or TABLES], project.ledger, project.warehouse)
    assert verified.unknown == []
    return verified.differences


def test_what_is_as_it_was_published_differs_nowhere(shop: Any) -> None:
    assert verify(shop) == []
    assert {state.table for state in shop.ledger.states(TABLES)} == set(TABLES), "there was something to compare"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            "update core.orders set amount = 11 where order_id = 'b'",
            Difference("core.orders", Interval(D2, D3), "other rows", 2, 2),
        ),
        (
            "delete from core.orders where ds = date '2026-03-03'",
            Difference("core.orders", Interval(D3, D3 + DAY), "other rows", 0, 1),
        ),
        (
            "insert into core.orders values (date '2026-02-01', 'z', 1)",
            Difference("core.orders", Interval(date(2026, 2, 1), date(2026, 2, 2)), "not known to the ledger", 1, 0),
        ),
        (
            "update quarantine.orders set quarantine_reason = 'another'",
            Difference("core.orders", Interval(D2, D3), "other rows", 2, 2),
        ),
        (
            "insert into core.orders select * from core.orders where order_id = 'a'",
            Difference("core.orders", Interval(D1, D2), "other rows", 2, 1),
        ),
        (
            "update core.orders set order_id = null where order_id = 'a'",
            Difference("core.orders", Interval(D1, D2), "other rows", 1, 1),
        ),
        (
            "update core.prices set amount = 2 where order_id = 'a'",
            Difference("core.prices", Interval(D1, D2), "other rows", 4, 4),
        ),
    ],
)
def test_what_was_edited_by_hand_is_named_with_its_day_and_mended_by_the_next_run(
    shop: Any, edit: str, expected: Difference
) -> None:
    before = shop.contents()
    with shop.warehouse.session() as session:
        session.query(edit)
    found = verify(shop)
    assert [(one.table, one.what, one.rows_published, one.rows_recorded) for one in found] == [
        (expected.table, expected.what, expected.rows_published, expected.rows_recorded)
    ]
    if expected.table != "core.prices":  # it has one content: its newest period stands for all of them
        assert found[0].interval == expected.interval
    assert verify(shop) != [], "looking mends nothing"
    if expected.what == "not known to the ledger":
        shop.arrive({found[0].interval.start: []})
        shop.publish("shop", found[0].interval.start)
    pipeline = specs.load().makers[expected.table].id
    shop.publish(pipeline, found[0].interval.start)
    assert verify(shop, *TABLES[:4]) == []
    assert {name: rows for name, rows in shop.contents().items() if rows != before[name]} == {}


@pytest.fixture
def migrated(shop: Any) -> Any:
    """The same, as a ledger of before fingerprints leaves it."""
    with shop.ledger._begin() as connection:
        connection.execute(
            update(tables.period_state).where(tables.period_state.c.table_name.in_(TABLES)).values(fingerprint=None)
        )
    return shop


def test_what_has_no_fingerprint_is_not_known_until_it_is_adopted(migrated: Any) -> None:
    known = specs.load().tables
    asked = [known[name] for name in TABLES]
    before = migrated.ledger.states(TABLES)
    verified = verify_published(asked, migrated.ledger, migrated.warehouse)
    assert verified.differences == []
    assert {one.table for one in verified.unknown} == set(TABLES)
    adopt(verified.unknown, migrated.ledger)
    assert verify(migrated) == []
    after = migrated.ledger.states(TABLES)
    assert [(one.version, one.as_of) for one in after] == [(one.version, one.as_of) for one in before]
    assert migrated.publish("core_shop", D1, D3)["core.orders"].published == []


def test_what_is_edited_after_it_was_adopted_differs(migrated: Any) -> None:
    table = specs.load().tables["core.orders"]
    adopt(verify_published([table], migrated.ledger, migrated.warehouse).unknown, migrated.ledger)
    with migrated.warehouse.session() as session:
        session.query("update core.orders set amount = 11 where order_id = 'b'")
    assert [(one.table, one.interval) for one in verify(migrated, "core.orders")] == [("core.orders", Interval(D2, D3))]


def test_adopting_changes_no_fingerprint_that_there_is(shop: Any) -> None:
    before = [one.fingerprint for one in shop.ledger.states(["core.orders"])]
    shop.ledger.adopt({("core.orders", D1): "other"})
    assert [one.fingerprint for one in shop.ledger.states(["core.orders"])] == before


def test_months_that_were_migrated_day_by_day_are_adopted_whole(project: Any) -> None:
    table = specs.load().tables["core.orders"].model_copy(update={"period": "month"})
    days = [
        PeriodState("core.orders", Interval(day, day + DAY), 1, 1, None, 5, "complete", Decimal(1), "r", NOW, NOW)
        for day in (D1, D2)
    ]
    contents = [Content(D1, 7, "7:1")]
    found = list(_by_period(table, days, contents))
    assert [(one.state.interval.start, one.fingerprint) for one in found if isinstance(one, Unknown)] == [
        (D1, "7:1"),
        (D2, "7:1"),
    ]
    assert list(_by_period(table, [replace(day, fingerprint="7:1") for day in days], contents)) == []


def test_a_scheduled_run_mends_what_was_found_in_the_restatement_window(shop: Any) -> None:
    before = shop.contents()
    with shop.warehouse.session() as session:
        session.query("update core.orders set amount = 11 where order_id = 'b'")
    assert len(verify(shop)) == 1
    shop.publish("core_shop", D3)
    assert verify(shop) == []
    assert shop.contents() == before


def test_readers_of_an_edited_history_are_computed_again_for_the_days_of_the_edit(shop: Any) -> None:
    """They may have read what was edited."""
    with shop.warehouse.session() as session:
        session.query("update core.prices set amount = 2 where order_id = 'b'")
    shop.publish("price_list", D2)
    assert dict(shop.query(LIST))[D2] == "a 1, b 2, x -1"
    [found] = verify(shop, "core.prices")
    shop.publish("core_prices", found.interval.start)
    shop.publish("price_list", D3)
    assert dict(shop.query(LIST))[D2] == "a 1, b 10, x -1"
    assert verify(shop) == []


def test_fingerprints_of_another_engine_are_not_compared_and_can_be_taken_over(shop: Any) -> None:
    """As after a warehouse was made anew on another engine."""
    [state] = [one for one in shop.ledger.states(["core.orders"]) if one.interval.start == D2]
    with shop.ledger._begin() as connection:
        mine = (tables.period_state.c.table_name == "core.orders") & (tables.period_state.c.start == D2)
        connection.execute(update(tables.period_state).where(mine).values(fingerprint="2:spark:77"))
    table = specs.load().tables["core.orders"]
    verified = verify_published([table], shop.ledger, shop.warehouse)
    assert (verified.differences, [one.state.interval.start for one in verified.unknown]) == ([], [D2])
    adopt(verified.unknown, shop.ledger)
    [now] = [one for one in shop.ledger.states(["core.orders"]) if one.interval.start == D2]
    assert (now.fingerprint, now.version) == (state.fingerprint, state.version)
    assert verify(shop, "core.orders") == []
