"""Two readings of a day, compared by the key of their records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headline.ledger import Load
from headline.sources.landing import LandingWriter
from headline.sources.refused import REFUSAL
from headline.sources.rereading import Difference, difference

DAY = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: object) -> None:
    monkeypatch.setenv("HEADLINE_LANDING", f"file://{tmp_path}/landing")


def load(rows: Sequence[dict[str, Any]], **kinds: pa.DataType) -> Load:
    columns = {
        name: pa.array([row.get(name) for row in rows], kinds.get(name, pa.string())) for name in dict.fromkeys(_names(rows))
    }
    [landed] = LandingWriter("shop", "landing.orders", origin="test").write([(DAY, pa.RecordBatch.from_pydict(columns))], [DAY])
    return landed


def _names(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [name for row in rows for name in row] or ["id", "amount"]


def compared(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]], **kinds: pa.DataType) -> Difference:
    return difference(load(before, **kinds), load(after, **kinds), ["id"], ["amount"])


def test_records_that_are_gone_are_named_and_those_that_came_do_not_count() -> None:
    found = compared([{"id": "a", "amount": "10"}, {"id": "b", "amount": "30"}], [{"id": "a", "amount": "10"}, {"id": "c"}])
    assert (found.record_count, found.gone_count, found.example) == (2, 1, ["b"])
    assert (found.measures["amount"].before, found.measures["amount"].moved, found.share) == (40, 30, Decimal("0.75"))
    assert str(found) == "1 of 2 records are missing (such as b); amount moved by 30 of 40"


def test_a_record_whose_currency_changes_is_another_one() -> None:
    """Its number is the same, its money is not."""
    before = [{"id": "a", "currency": "EUR"}, {"id": "b", "currency": None}, {"id": "c", "currency": "EUR"}]
    after = [{"id": "a", "currency": "SEK"}, {"id": "b", "currency": None}, {"id": "c", "currency": "EUR"}]
    found = difference(load(before), load(after), ["id"], [], ["currency"])
    assert (found.record_count, found.gone_count, found.example) == (3, 1, ["a, EUR"])
    assert difference(load(before), load(after), ["id"], []).share == 0


def test_more_records_alone_are_no_difference() -> None:
    assert compared([{"id": "a", "amount": "10"}], [{"id": "a", "amount": "10"}, {"id": "b", "amount": "99"}]).share == 0


def test_repeated_records_count_once_with_the_sum_of_their_measures() -> None:
    found = compared([{"id": "a", "amount": "10"}] * 2, [{"id": "a", "amount": "10"}])
    assert (found.record_count, found.gone_count, found.measures["amount"].moved) == (1, 0, 10)


def test_money_that_moves_up_and_down_does_not_cancel_out() -> None:
    found = compared(
        [{"id": "a", "amount": "10"}, {"id": "b", "amount": "10"}], [{"id": "a", "amount": "5"}, {"id": "b", "amount": "15"}]
    )
    assert (found.gone_count, found.share) == (0, Decimal("0.5"))


def test_numbers_of_a_database_are_compared_as_they_are() -> None:
    kinds = {"amount": pa.decimal128(18, 4)}
    found = compared([{"id": "a", "amount": Decimal("-1.5")}], [{"id": "a", "amount": Decimal("1.5")}], **kinds)
    assert (found.measures["amount"].before, found.measures["amount"].moved, found.share) == (Decimal("1.5"), 3, 2)


def test_what_is_no_number_or_has_no_key_is_left_out() -> None:
    found = compared([{"id": "a", "amount": "1,5"}, {"id": None, "amount": "7"}], [{"id": "a", "amount": "NaN"}])
    assert (found.record_count, found.share) == (1, 0)


def test_a_value_where_there_was_none_is_no_loss() -> None:
    assert compared([{"id": "a", "amount": None}], [{"id": "a", "amount": "5"}]).share == 0
    assert compared([{"id": "a", "amount": "5"}], [{"id": "a", "amount": None}]).share == 1


def test_a_day_that_comes_back_empty_has_lost_everything() -> None:
    found = compared([{"id": "a", "amount": "10"}], [])
    assert (found.gone_count, found.share) == (1, 1)


def test_what_was_refused_is_missed_by_nobody() -> None:
    """A record without a day has found its own; another has a number now."""
    before = [
        {"id": "a", "amount": "10"},
        {"id": "b", "amount": "30", REFUSAL: "missing_business_day"},
        {"id": "c", "amount": "x", REFUSAL: "invalid_amount"},
    ]
    assert compared(before, [{"id": "a", "amount": "10"}, {"id": "c", "amount": "5"}]).share == 0
    assert compared([{"id": "a", "amount": "10"}], [{"id": "a", "amount": None, REFUSAL: "invalid_amount"}]).share == 1


def test_a_number_too_large_to_be_added_is_left_out() -> None:
    before = [{"id": "a", "amount": "1e500"}, {"id": "b", "amount": "9" * 50}, {"id": "c", "amount": "5"}]
    found = compared(before, [{"id": "a"}, {"id": "b"}, {"id": "c", "amount": "5"}])
    assert (found.share, found.measures["amount"].before) == (0, 5)
    odd = [{"id": "a", "amount": float("nan")}, {"id": "b", "amount": 5.0}]
    assert compared(odd, odd, amount=pa.float64()).measures["amount"].before == 5
