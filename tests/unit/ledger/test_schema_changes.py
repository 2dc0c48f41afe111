"""The memory of what sources sent, on a real PostgreSQL."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from headline.intervals import DAY
from headline.ledger import ColumnChange, Ledger, Load, SchemaChange, SchemaChanges

D1 = date(2026, 3, 1)
ADDED = ColumnChange("coupon", "added", after="text")
RENAMED = ColumnChange("id", "renamed", "text", "text", "number", "same type")


def found(*changes: ColumnChange, landing: str = "landing.x", ds: date = D1) -> SchemaChange:
    return SchemaChange(landing, ds, "file:///x", "run", {"id": "string"}, list(changes))


def test_what_is_remembered_comes_back_as_it_was(ledger: Ledger) -> None:
    store = SchemaChanges()
    for one in (found(ADDED), found(RENAMED, ADDED), found(), found(ADDED, landing="landing.y")):
        store.record(one)
    rows = store.of("landing.x")
    assert [replace(row, found_at=None) for row in rows] == [found(ADDED), found(RENAMED, ADDED), found()]
    assert [row.is_blocking for row in rows] == [False, True, False]
    assert all(row.found_at for row in rows)


def test_the_newest_is_how_things_stand(ledger: Ledger) -> None:
    store = SchemaChanges()
    assert store.newest("landing.x") is None
    store.record(found(ADDED))
    store.record(found(RENAMED))
    newest, agreed = store.newest("landing.x"), store.newest("landing.x", agreed=True)
    assert newest is not None
    assert agreed is not None
    assert (newest.changes, agreed.changes) == ([RENAMED], [ADDED])


def test_the_same_again_is_remembered_once(ledger: Ledger) -> None:
    store = SchemaChanges()
    for one in (found(RENAMED), replace(found(RENAMED), run_id="another"), found(RENAMED, ds=D1 + DAY), found(RENAMED)):
        store.record(one)
    assert [row.ds for row in store.of("landing.x")] == [D1, D1 + DAY, D1]


def load(day: date, checksum: str, rows: int, *columns: str) -> Load:
    return Load(
        "landing.x", day, checksum, rows, checksum, dict.fromkeys(columns, "string"), "test", datetime(2026, 1, 1, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("day", "expected"), [(D1, None), (D1 + DAY, "first, again"), (D1 + 2 * DAY, "first, again"), (date.max, "last")]
)
def test_a_day_is_compared_with_the_newest_load_of_itself_or_the_nearest_before(
    ledger: Ledger, day: date, expected: str | None
) -> None:
    days = [(D1 + DAY, "first", 1), (D1 + DAY, "first, again", 1), (D1 + 2 * DAY, "empty", 0), (D1 + 9 * DAY, "last", 1)]
    for ds, checksum, rows in days:
        ledger.record_loads([load(ds, checksum, rows, "a")], "run")
    before = SchemaChanges().load_before("landing.x", day)
    assert (before and before.checksum) == expected


def test_columns_of_all_loads(ledger: Ledger) -> None:
    ledger.record_loads([load(D1, "1", 1, "a", "b"), load(D1 + DAY, "2", 1, "a", "c")], "run")
    assert SchemaChanges().columns_seen("landing.x") == {"a", "b", "c"}
    assert SchemaChanges().columns_seen("landing.x", after=D1) == {"a", "c"}
    assert SchemaChanges().columns_seen("landing.y") == set()
