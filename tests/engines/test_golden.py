"""Saved fingerprints: equal for equal rows in any order and from any client, other for other rows."""

import os
from collections import Counter
from datetime import date, datetime
from decimal import Decimal

import pytest
from tests.engines import golden
from tests.faults.world import Table

from headline import specs
from headline.warehouse import Output

NAME = "core.expenses"
MOMENT = datetime.fromisoformat("2026-03-02 01:02:03.000004")


def rows(**changed: object) -> dict[str, Counter]:
    """Two rows of one table, and none of the others; `changed`: values of the second."""
    tables = {name: table for table in specs.load().tables.values() for name in table.outputs}
    first = {
        column: date(2026, 3, 2) if kind.lower() == "date" else None
        for column, kind in Output(NAME, tables[NAME]).columns.items()
    }
    return {name: Counter() for name in tables} | {NAME: Counter([tuple(first.values()), tuple((first | changed).values())])}


def test_the_order_of_rows_and_the_way_a_number_is_written_change_nothing() -> None:
    found = golden.fingerprints(rows(amount=Decimal("1.20")))
    other = rows(amount=Decimal("1.2000"))
    other[NAME] = Counter(dict(reversed(other[NAME].items())))
    assert golden.fingerprints(other) == found
    assert [one.split()[0] for one in found[NAME].values()] == ["2"]


@pytest.mark.parametrize("changed", [{}, {"amount": Decimal("1.21")}, {"amount": Decimal(-1)}, {"currency_code": "null"}])
def test_other_rows_are_other(changed: dict[str, object]) -> None:
    assert golden.fingerprints(rows(**changed)) != golden.fingerprints(rows(amount=Decimal("1.20")))


def test_values_have_one_text() -> None:
    values = (None, True, 7, Decimal("700.0"), Decimal("-0.00"), "7", date(2026, 3, 2), MOMENT)
    assert [*map(golden.text, values)] == ["null", "true", "7", "700", "0", '"7"', "2026-03-02", "2026-03-02 01:02:03.000004"]
    with pytest.raises(TypeError, match="has no text"):
        golden.text(b"7")


def test_what_differs_is_told_by_table_and_day(monkeypatch: pytest.MonkeyPatch) -> None:
    found = rows()
    monkeypatch.setattr(golden, "saved", lambda: golden.fingerprints(found))
    assert golden.other_than_saved(found) == {}
    [(day, (now, before))] = golden.other_than_saved(rows(amount=Decimal(1)))[NAME].items()
    assert (day, now.split()[0], before.split()[0]) == ("2026-03-02", "2", "2")
    gone = golden.other_than_saved({NAME: Counter()})
    assert gone == {NAME: {"2026-03-02": ("", before)}}


def test_duckdb_publishes_the_saved_rows(expected: dict[str, Table]) -> None:
    if os.environ.get("HEADLINE_TEST_GOLDEN") == "save":
        golden.save(golden.fingerprints(expected))
    assert golden.other_than_saved(expected) == {}, "if that is wanted: make golden"
    assert golden.saved().keys() == expected.keys()
    assert sum(map(len, golden.saved().values())) > 60
