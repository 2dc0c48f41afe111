"""The files that arrived, on a real PostgreSQL."""

from dataclasses import replace
from datetime import UTC, date, datetime

from tests.unit.records import load_of

from headline.intervals import DAY, Interval
from headline.ledger import Change, Ledger, Load
from headline.specs import Window

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)

WHOLE = Interval(D1, D3 + DAY)


def test_only_days_whose_content_changed_are_recorded(ledger: Ledger) -> None:
    assert ledger.record_loads([load_of("landing.x", D1, "a"), load_of("landing.x", D2, "b")], "run 1") == 2
    version = ledger.newest_version()
    assert ledger.record_loads([load_of("landing.x", D1, "a"), load_of("landing.x", D2, "b")], "run 2") == 0
    assert ledger.newest_version() == version
    assert ledger.record_loads([load_of("landing.x", D1, "a"), load_of("landing.x", D2, "c")], "run 3") == 1
    assert ledger.changes({"landing.x": Window()}, WHOLE, version) == [Change("landing.x", Interval(D2, D3), version + 1)]
    assert ledger.record_loads([], "run 4") == 0


def test_content_that_comes_back_is_a_change_too(ledger: Ledger) -> None:
    for checksum in ("a", "b", "a"):
        assert ledger.record_loads([load_of("landing.x", D1, checksum)], "run") == 1
    assert [load.checksum for load in ledger.current_loads("landing.x")] == ["a"]


def test_of_two_readings_of_a_day_the_later_one_counts_whichever_ends_first(ledger: Ledger) -> None:
    def record(checksum: str, hour: int) -> int:
        read = replace(load_of("landing.x", D1, checksum), extracted_at=datetime(2026, 3, 2, hour, tzinfo=UTC))
        return ledger.record_loads([read], "run")

    assert record("corrected", 9) == 1
    assert record("as it was", 8) == 0, "it began before the other, and took longer"
    assert record("corrected", 11) == 0
    assert record("as it was", 10) == 0, "since then the day was read again, and had not changed"
    assert [load.checksum for load in ledger.current_loads("landing.x")] == ["corrected"]
    assert record("corrected again", 12) == 1


def test_the_newest_file_of_each_day_is_current(ledger: Ledger) -> None:
    ledger.record_loads([load_of("landing.x", day, "a") for day in (D3, D1, D2)], "run")
    ledger.record_loads([load_of("landing.x", D2, "b"), load_of("landing.y", D2, "y")][:1], "run")
    ledger.record_loads([load_of("landing.y", D2, "y")], "run")
    assert [(load.ds, load.checksum) for load in ledger.current_loads("landing.x")] == [(D1, "a"), (D2, "b"), (D3, "a")]
    assert [load.ds for load in ledger.current_loads("landing.x", [Interval(D1, D2), Interval(D3, D3 + DAY)])] == [D1, D3]
    assert ledger.current_loads("landing.x", []) == []
    [kept] = ledger.current_loads("landing.y")
    assert kept == load_of("landing.y", D2, "y")


def test_a_load_is_given_back_as_it_was(ledger: Ledger) -> None:
    load: Load = load_of("landing.x", D1, "a", rows=0)
    ledger.record_loads([load], "run")
    assert ledger.current_loads("landing.x", [WHOLE]) == [load]
