"""The current state of periods, on a real PostgreSQL."""

from datetime import date

from tests.unit.records import days_of, record

from headline.intervals import DAY, Interval
from headline.ledger import Change, Ledger, Published
from headline.specs import Window

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)

WHOLE = Interval(D1, D3 + DAY)


def test_a_new_period_takes_the_place_of_all_that_was_known_of_its_days(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1, D3))
    record(ledger, Published("core.x", WHOLE, "1:a", 1))
    assert [state.interval for state in ledger.states(["core.x"])] == [WHOLE]


def test_states_are_read_by_range_of_days(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1, D3), Published("core.w", WHOLE, "1:a", 1))
    assert [state.interval.start for state in ledger.states(["core.x"], Interval(D2, D3))] == [D2]
    assert [state.interval.start for state in ledger.states(["core.x"], Interval(D1, D2), Interval(D3, D3 + DAY))] == [D1, D3]
    assert [state.interval for state in ledger.states(["core.w"], Interval(D2, D3))] == [WHOLE], (
        "a period is met by any of its days"
    )
    assert ledger.newest_days(["core.x", "core.w", "core.absent"]) == {"core.x": D3, "core.w": D1}
    assert ledger.days_until(["core.x", "core.w"], D3) == {"core.x": (D1, 2), "core.w": (D1, 3)}


def test_days_before_the_interval_are_one_change_where_a_window_has_no_bound(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1))
    record(ledger, *days_of("core.x", D2))
    last = Interval(D3, D3 + DAY)
    assert ledger.changes({"core.x": Window(lookback_days="all")}, last) == [Change("core.x", Interval(date.min, D3), 2)]
    assert ledger.changes({"core.x": Window(lookback_days=1)}, last) == [Change("core.x", Interval(D2, D3), 2)]
    assert ledger.changes({"core.x": Window(lookback_days="all")}, last, since=2) == []


def test_the_changes_of_the_inputs_of_several_tables_are_told_apart(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1, D2), *days_of("core.w", D3))
    record(ledger, *days_of("core.x", D3))
    last = Interval(D3, D3 + DAY)
    asked = {
        "profit.of_the_day": ({"core.x": Window()}, last, 0),
        "profit.of_all_days": ({"core.x": Window(lookback_days="all"), "core.w": Window()}, last, 0),
        "profit.seen": ({"core.x": Window(lookback_days="all")}, last, 100),
        "profit.of_nothing": ({}, last, 0),
    }
    together = ledger.changes_of(asked)
    assert {name: set(found) for name, found in together.items()} == {
        name: set(ledger.changes(*one)) for name, one in asked.items()
    }
    assert [change.interval for change in together["profit.of_the_day"]] == [last]
    assert {(change.table, change.interval.start) for change in together["profit.of_all_days"]} == {
        ("core.x", date.min),
        ("core.x", D3),
        ("core.w", D3),
    }
    assert together["profit.seen"] == together["profit.of_nothing"] == []
    assert ledger.changes_of({}) == {}


def test_days_that_other_code_made_are_told_until_they_are_computed_again(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1, D3), *days_of("core.w", D1, D2), code="old")
    assert ledger.made_by_other_code({"core.x": "old", "core.w": "old", "core.z": "old"}) == {}
    two_days = Interval(D1, D3)
    assert ledger.made_by_other_code({"core.x": "new"}) == {"core.x": [Interval(D1, D3 + DAY)]}
    record(ledger, *days_of("core.x", D1, content="b"), unchanged={"core.x": [D2]}, code="new")
    assert ledger.made_by_other_code({"core.x": "new"}) == {"core.x": [Interval(D3, D3 + DAY)]}, "changed or not"
    # The newest computation of what is replaced whole made all of it.
    assert ledger.made_by_other_code({"core.w": "new"}, {"core.w"}) == {"core.w": [two_days]}
    record(ledger, unchanged={"core.w": [D2]}, code="new")
    assert ledger.made_by_other_code({"core.w": "new"}, {"core.w"}) == {}
    assert ledger.made_by_other_code({}) == {}
