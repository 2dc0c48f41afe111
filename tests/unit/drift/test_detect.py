"""Columns that arrived beside those that were agreed, and guesses at new names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headline.drift.detect import column_changes
from headline.drift.renames import guess_renames
from headline.ledger import ColumnChange, SchemaChange
from headline.sources.columns import Columns, kind_of

D1 = date(2026, 3, 1)
IDS = [f"C-{number:04}" for number in range(100)]
MOMENTS = [datetime(2026, 3, 1) + timedelta(minutes=14 * number) for number in range(100)]  # noqa: DTZ001


def columns(**values: Sequence[Any]) -> Columns:
    arrays = {name: pa.chunked_array([pa.array(list(those))]) for name, those in values.items()}
    kinds = {name: kind_of(str(array.type)) for name, array in arrays.items()}
    return Columns(kinds, max(map(len, arrays.values()), default=0), lambda name: arrays[name])


def changes(agreed: dict[str, set[str]], arrived: Columns, before: Columns | None = None, **more: Any) -> list[str]:
    known = before.kinds if before else ()
    return [f"{one.column} {one.change}" for one in column_changes(agreed, arrived, before, lambda: known, **more)]


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("s")])
def test_a_moment_that_no_calendar_has_stops_no_guess(kind: pa.DataType) -> None:
    def booked(*days: int) -> pa.ChunkedArray:
        numbers = [20_513 + number % 10 for number in range(100)] + list(days)
        seconds = pa.array(numbers, pa.int64()) if kind == pa.date32() else pa.array([86_400 * one for one in numbers])
        return pa.chunked_array([seconds.cast(pa.int32()).cast(kind) if kind == pa.date32() else seconds.cast(kind)])

    before, after = (
        Columns({name: kind_of(str(kind))}, 100, lambda _, rows=rows: rows)
        for name, rows in (
            ("paid_at", booked()),
            ("booked_at", booked(-(2**31), 2**31 - 1)),
        )
    )
    assert guess_renames(["paid_at"], ["booked_at"], after, before).keys() == {"paid_at"}


@settings(max_examples=50)
@given(st.permutations(["id", "paid_at", "amount", "note"]))
def test_the_order_of_columns_makes_no_difference(order: list[str]) -> None:
    table = {"id": IDS, "paid_at": MOMENTS, "amount": ["1.50"] * 100, "note": ["x"] * 100}
    arrived = columns(**{name: table[name] for name in order})
    agreed: dict[str, set[str]] = {"id": {"text"}, "paid_at": {"timestamp"}, "amount": {"decimal(18, 4)"}}
    assert changes(agreed, arrived, columns(**table)) == []


def test_nor_does_the_case_of_their_names() -> None:
    assert changes({"kind": {"text"}, "CustomerID": {"text"}}, columns(Kind=["a"], customerid=["b"])) == []


def test_what_arrives_first_must_have_what_the_mapping_reads() -> None:
    arrived = columns(id=[1, 2], amount=["about 5", "6?"], extra=["x", "y"])
    agreed = {"id": {"text"}, "gone": set(), "amount": {"decimal(18, 4)"}}
    assert changes(agreed, arrived) == ["gone removed", "amount retyped", "extra added"]


@pytest.mark.parametrize(
    ("agreed", "before", "arrived", "is_change"),
    [
        ({"text"}, ["a", "b"], [1, 2], True),
        (set(), [1, 2], ["a", "b"], True),
        ({"integer"}, [1, 2], ["1", "2"], True),
        ({"text", "integer"}, ["a", "b"], [1, 2], False),
        ({"text"}, [1, 2], [3, 4], False),
        (set(), MOMENTS, [one.date() for one in MOMENTS], True),
        ({"decimal(18, 4)"}, [Decimal("1.50")], [Decimal("1.505")], False),
        ({"decimal(18, 4)"}, [Decimal("1.50")], [Decimal("1.500005")], True),
        ({"decimal(18, 4)"}, [Decimal("1.50")], [1.5], True),
        ({"decimal(18, 4)"}, [1.5], [2.5], False),
        ({"integer"}, [1, 2], [1.0, None, float("nan")], False),
        ({"integer"}, [1, 2], [1.5, 2.0], True),
        ({"integer"}, [None, None], [1, 2], False),
        ({"integer"}, [1, 2], [None, None], False),
        ({"decimal(18, 4)"}, ["1.5", "2"], ["1,5", "2,0"], True),
        ({"decimal(18, 4)"}, ["1,5", "2,0"], ["1,5", "2,0"], False),
        ({"decimal(18, 4)"}, ["1.5", "2"], ["1.5", "2", "3", "4,0"], False),
        ({"timestamp"}, ["2026-03-01T08:00:00Z"], ["2026-03-01"], True),
        ({"timestamp"}, ["2026-03-01"], ["2026-03-02"], False),
        ({"text"}, ["C-1"], ["17"], False),
        (set(), ["C-1"], ["17"], False),
        ({"date"}, ["2026-03-01"], ["", None], False),
    ],
)
def test_a_column_is_retyped_where_it_fits_neither_the_mapping_nor_what_came_before(
    agreed: set[str], before: list[Any], arrived: list[Any], is_change: bool
) -> None:
    found = changes({"x": agreed}, columns(x=arrived), columns(x=before))
    assert found == (["x retyped"] if is_change else [])


def test_what_changed_is_told_in_words() -> None:
    before = columns(amount=["1.50"] * 20, channel=["web", "app"] * 10)
    arrived = columns(amount=["EUR 1"] * 11 + ["2"] * 9, sold_on=["web", "app", "tv", "web"] * 5, coupon=[None] * 20)
    found = column_changes({"amount": {"decimal(18, 4)"}, "channel": {"text"}}, arrived, before, lambda: ())
    assert [str(one) for one in found] == [
        "amount: was decimal(18, 4), arrives as text; 55 % of its values cannot be read as decimal(18, 4)",
        "channel: removed (was text), perhaps renamed to sold_on (a guess: same type, 75 % of its values were seen before)",
        "coupon: added (empty); no SQL reads it",
    ]
    assert [one.is_blocking for one in found] == [True, True, False]
    assert found[2] == ColumnChange("coupon", "added", after="empty")


RENAMED: list[tuple[str, Sequence[Any], str, Sequence[Any]]] = [
    ("customer_id", IDS, "client", [f"C-{number}" for number in range(5000, 5100)]),
    ("country_code", ["DE", "FR", "DE"], "ship_to", ["FR", "DE", "FR"]),
    ("unit_price", [Decimal("1.5"), Decimal("99")], "price", [Decimal("2"), Decimal("90")]),
    ("amount", ["1.5", "99"], "amount_gross", ["2", "90"]),
    ("quantity", [1, 2, 3, 1], "qty", [3, 1, 1, 2]),
    ("ordered_at", MOMENTS, "placed_on", [one + timedelta(days=1) for one in MOMENTS]),
    ("is_new", [True, False], "is_first", [False, True]),
    ("OrderNo", ["A1", "A2"], "order_number", ["A7", "A8"]),
]
UNRELATED: list[tuple[str, Sequence[Any], str, Sequence[Any]]] = [
    ("customer_id", IDS, "amount", [Decimal("1.5")]),
    ("category", ["toys", "garden"], "supplier", ["ACME", "Smith & Sons"]),
    ("discount", [Decimal("0"), Decimal("5")], "weight_grams", [Decimal("200"), Decimal("9000")]),
    ("customer_id", IDS, "tracking", [f"{number}/DHL/x" for number in range(100)]),
    ("birthday", [date(1980, 1, 1), date(1990, 1, 1)], "paid_on", [date(2026, 3, 1), date(2026, 3, 2)]),
]


@pytest.mark.parametrize(("old", "before", "new", "after"), RENAMED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_new_name_is_guessed(old: str, before: Sequence[Any], new: str, after: Sequence[Any]) -> None:
    [(name, (guess, evidence))] = guess_renames([old], [new], columns(**{new: after}), columns(**{old: before})).items()
    assert (name, guess) == (old, new)
    assert evidence.startswith("same type, ")


@pytest.mark.parametrize(("old", "before", "new", "after"), UNRELATED, ids=lambda value: value if isinstance(value, str) else "")
def test_an_unrelated_column_is_not_taken_for_a_new_name(old: str, before: Sequence[Any], new: str, after: Sequence[Any]) -> None:
    assert guess_renames([old], [new], columns(**{new: after}), columns(**{old: before})) == {}


def test_of_several_columns_each_gets_the_likeliest() -> None:
    before = columns(unit_price=[1.5, 9.0], unit_cost=[0.5, 4.0], channel=["web", "app"])
    arrived = columns(cost_per_unit=[0.6, 4.1], price_per_unit=[1.4, 9.1], source=["app", "tv"])
    found = guess_renames(list(before.kinds), list(arrived.kinds), arrived, before)
    assert {old: new for old, (new, _) in found.items()} == {"unit_price": "price_per_unit", "unit_cost": "cost_per_unit"}


def test_records_that_switch_to_a_new_name_in_mid_day_have_renamed_it() -> None:
    before = columns(user_id=IDS)
    arrived = columns(user_id=[*IDS[:60], *[None] * 40], uid=[*[None] * 60, *IDS[60:]])
    assert changes({"user_id": set()}, arrived, before, is_sparse=True) == ["user_id renamed"]
    both = columns(user_id=IDS, uid=[*[None] * 60, *IDS[60:]])
    assert changes({"user_id": set()}, both, before, is_sparse=True) == ["uid added"]


def test_a_column_that_few_records_have_may_be_missing_by_chance() -> None:
    before = columns(sparse=["x", *[None] * 99], full=["x"] * 100)
    arrived = columns(other=["y"] * 50)
    assert changes({"sparse": set(), "full": set()}, arrived, before, is_sparse=True) == ["full removed", "other added"]
    assert changes({"sparse": set()}, arrived, before) == ["sparse removed", "other added"]
    assert changes({"sparse": set()}, columns(other=["y"] * 1000), before, is_sparse=True) == ["sparse removed", "other added"]


def test_thousands_of_new_columns_are_read_once_each_and_told_in_a_line() -> None:
    """Keys that are data: a column is read a number of times that does not grow with the others."""
    news = {f"flag_{number:05}": ["on", None, None] for number in range(2_000)}
    before = columns(id=IDS[:3], kind=["a", "b", "c"], paid_at=MOMENTS[:3])
    arrived = columns(id=IDS[3:6], kind=["a", "b", "c"], **news)
    reads: Counter[str] = Counter()

    def counted(name: str) -> pa.ChunkedArray:
        reads[name] += 1
        return arrived.read(name)

    agreed: dict[str, set[str]] = {"id": {"text"}, "kind": {"text"}, "paid_at": {"timestamp"}}
    watched = Columns(arrived.kinds, arrived.row_count, counted)
    found = column_changes(agreed, watched, before, lambda: list(before.kinds), is_sparse=True)
    assert max(reads.values()) <= 6
    told = SchemaChange("landing.events", D1, "", "run", dict(arrived.kinds), found).told
    assert told == [
        "paid_at: removed (was timestamp)",
        "2,000 new columns, such as flag_00000, flag_00001 and flag_00002; no SQL reads them",
    ]


def test_a_name_of_any_length_is_told_short() -> None:
    change = ColumnChange("x" * 10_000, "added", after="text")
    assert str(change) == "x" * 60 + "… (10,000 letters): added (text); no SQL reads it"
