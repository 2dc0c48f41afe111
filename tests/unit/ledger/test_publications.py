"""Publications and the order of versions, on a real PostgreSQL."""

from datetime import date
from threading import Event, Thread

import pytest
from tests.unit.records import days_of, load_of, record

from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.ledger.versions import next_versions
from headline.specs import Window

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)

WHOLE = Interval(D1, D3 + DAY)


def test_loads_and_publications_share_one_order(ledger: Ledger) -> None:
    reads = {"landing.x": Window(), "core.x": Window()}
    ledger.record_loads([load_of("landing.x", D1)], "run")
    record(ledger, *days_of("core.x", D1))
    ledger.record_loads([load_of("landing.x", D2)], "run")
    found = {(change.table, change.version) for change in ledger.changes(reads, WHOLE)}
    assert found == {("landing.x", 1), ("core.x", 2), ("landing.x", 3)}
    assert [(state.table, state.version, state.as_of) for state in ledger.states(reads)] == [
        ("core.x", 2, 2),
        ("landing.x", 1, 1),
        ("landing.x", 3, 3),
    ]
    assert [change.version for change in ledger.changes(reads, WHOLE, since=2)] == [3]
    assert ledger.changes({}, WHOLE) == []


def test_periods_beside_each_other_share_a_version_and_all_that_was_computed_is_as_of_the_record(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1, D3))
    assert [state.version for state in ledger.states(["core.x"])] == [1, 1, 1]
    record(ledger, *days_of("core.x", D1), *days_of("core.x", D3), *days_of("core.y", D1), unchanged={"core.x": [D2]})
    assert [(state.version, state.as_of) for state in ledger.states(["core.x"])] == [(2, 4), (1, 4), (3, 4)]
    assert [(state.version, state.as_of) for state in ledger.states(["core.y"])] == [(4, 4)]
    record(ledger, unchanged={"core.x": [D1]})
    assert ledger.newest_version() == 4, "unchanged periods take no version"


def test_a_lifted_period_keeps_the_time_of_its_change(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1, D2))
    before = ledger.states(["core.x"])
    record(ledger, unchanged={"core.x": [D1]})
    after = ledger.states(["core.x"])
    assert [state.changed_at for state in after] == [state.changed_at for state in before]
    assert [new.computed_at > old.computed_at for new, old in zip(after, before, strict=True)] == [True, False]


def test_versions_appear_in_the_order_of_commits(ledger: Ledger) -> None:
    """A writer that has its version waits to commit; the next one must not commit a higher version before it."""
    has_version, may_commit = Event(), Event()

    def slow() -> None:
        with ledger._begin() as connection:
            next_versions(connection, 1)
            has_version.set()
            may_commit.wait(10)

    first = Thread(target=slow)
    first.start()
    assert has_version.wait(10)
    second = Thread(target=ledger.record_loads, args=([load_of("landing.x", D1)], "run"))
    second.start()
    second.join(0.3)
    assert second.is_alive()
    assert ledger.newest_version() == 0
    may_commit.set()
    first.join(10)
    second.join(10)
    assert ledger.newest_version() == 2


def test_nobody_is_given_a_version_while_a_publication_is_recorded(ledger: Ledger) -> None:
    """Between the last look at the inputs and the record nothing may change unseen."""
    with ledger.recording() as recording:
        other = Thread(target=ledger.record_loads, args=([load_of("landing.x", D1)], "run"))
        other.start()
        other.join(0.3)
        assert other.is_alive()
        assert recording.changed_since(["landing.x"], 0) == []
    other.join(10)
    assert ledger.newest_version() == 1


def test_the_right_to_a_version_falls_free_with_a_failure(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), ledger.recording():
        raise ZeroDivisionError
    record(ledger, *days_of("core.x", D1))
    assert ledger.newest_version() > 0
