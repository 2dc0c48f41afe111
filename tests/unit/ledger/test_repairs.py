"""The record of repairs on a real PostgreSQL."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from headline.ledger import Attempt, Ledger, Repairs

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
NOTHING = {"files": 0, "rows": 0, "checksum": None}
FIRST = Attempt("shop", "landing.x", D1, 1, "repair__x__2026-03-01__1", "nothing has been loaded", NOTHING, NOON)


def test_an_attempt_belongs_to_who_records_it_first(ledger: Ledger) -> None:
    repairs = Repairs()
    assert repairs.begin([FIRST]) == [FIRST]
    other_day = replace(FIRST, ds=D2)
    assert repairs.begin([replace(FIRST, run_id="of somebody else"), other_day]) == [other_day]
    assert repairs.begin([]) == []
    assert repairs.all() == [FIRST, other_day]


def test_an_end_is_recorded_once(ledger: Ledger) -> None:
    repairs, later = Repairs(), NOON + timedelta(hours=1)
    repairs.begin([FIRST, replace(FIRST, ds=D2)])
    assert repairs.close(FIRST, "failed", NOTHING, later)
    assert not repairs.close(FIRST, "repaired", {"files": 1}, later), "what was read is no longer so"
    assert repairs.newest()[FIRST.key] == replace(FIRST, outcome="failed", after=NOTHING, finished_at=later)
    assert repairs.newest()["landing.x", D2].outcome == "started"


def test_the_newest_attempt_of_each_day_counts(ledger: Ledger) -> None:
    repairs = Repairs()
    second = replace(FIRST, attempt=2, run_id="repair__x__2026-03-01__2")
    others = [replace(FIRST, ds=D2), replace(FIRST, landing="landing.y")]
    repairs.begin([FIRST, second, *others])
    assert repairs.newest() == {attempt.key: attempt for attempt in (second, *others)}
