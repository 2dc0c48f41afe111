"""A day that is read again may lose up to a limit of its keys and of its money; beyond that it stays as it was loaded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from headline.intervals import DAY, Interval
from headline.ledger import HeldDays, Ledger, Load
from headline.pipeline.closed_days import let_through
from headline.sources.landing import LandingWriter
from headline.specs import DatabaseIngest

CLOSED, TODAY = date(2026, 3, 1), date(2026, 3, 2)
AMOUNTS = {f"O{number}": 10 for number in range(200)}


class Orders:
    """A landing of 200 orders worth 10 each, of a day that was loaded before."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self._folder = folder
        self.run: Any = SimpleNamespace(
            run_id="later", requested=Interval(TODAY, TODAY + DAY), ledger=ledger, pipeline=SimpleNamespace(id="shop")
        )
        self.before = self.load(AMOUNTS)

    def load(self, amounts: dict[str, int], day: date = CLOSED) -> Load:
        rows = pa.RecordBatch.from_pydict({"id": list(amounts), "amount": pa.array(map(str, amounts.values()))})
        [load] = LandingWriter("shop", "landing.orders", "test", root=self._folder).write([(day, rows)], [day])
        return load

    def counts(self, amounts: dict[str, int], key: Sequence[str] = ("id",), requested: date = TODAY) -> bool:
        """Whether the day counts as it is read now."""
        spec = DatabaseIngest(kind="database", connection="x", extract="x.extract.sql", key=list(key), measures=["amount"])
        self.run.requested = Interval(requested, requested + DAY)
        return bool(let_through(self.run, spec, [self.load(amounts)], {CLOSED: self.before}))


@pytest.fixture
def orders(tmp_path: Path, ledger: Ledger) -> Orders:
    return Orders(tmp_path, ledger)


def without(count: int) -> dict[str, int]:
    return dict(list(AMOUNTS.items())[count:])


def test_up_to_the_limit_keys_may_go_and_beyond_it_the_day_stays_as_it_was(orders: Orders) -> None:
    assert orders.counts(without(2))
    assert not HeldDays().open()
    assert not orders.counts(without(3))
    [held] = HeldDays().open()
    assert (held.landing, held.ds) == ("landing.orders", CLOSED)
    assert held.found == "3 of 200 records are missing (such as O0, O1, O2); amount moved by 30 of 2,000"
    assert orders.counts(AMOUNTS | {"new": 1}), "what comes in addition takes nothing away"
    assert not HeldDays().open(), "and the day agrees with its source again"


@pytest.mark.parametrize(("amount", "counts"), [(30, True), (31, False), (-10, True), (-11, False)])
def test_up_to_the_limit_money_may_move(orders: Orders, amount: int, counts: bool) -> None:
    assert orders.counts(AMOUNTS | {"O7": amount}) is counts


def test_the_limit_is_a_setting(orders: Orders, monkeypatch: pytest.MonkeyPatch, forget_settings: Any) -> None:
    monkeypatch.setenv("HEADLINE_CLOSED_DAY_LIMIT", "0")
    forget_settings()
    assert not orders.counts(without(1))
    assert orders.counts(AMOUNTS)
    monkeypatch.setenv("HEADLINE_CLOSED_DAY_LIMIT", "0.5")
    forget_settings()
    assert orders.counts(without(100))


def test_a_day_that_a_run_is_asked_for_counts_whatever_is_gone(orders: Orders) -> None:
    assert orders.counts({"new": 1}, requested=CLOSED)


def test_without_a_key_nobody_can_say_what_is_gone(orders: Orders) -> None:
    assert orders.counts({"new": 1}, key=())
