"""Faults in pairs: one must not hide the other."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import combinations

import pytest
from tests.faults.injected import FAULTS, Fault
from tests.faults.matrix import Day, live_through
from tests.faults.world import World

# Every fault with two others; `make faults` takes every pair there is.
NEIGHBOURS = [(fault, FAULTS[(n + 7) % len(FAULTS)]) for n, fault in enumerate(FAULTS)]
PAIRS = list(combinations(FAULTS, 2)) if os.environ.get("HEADLINE_TEST_ALL_PAIRS") else NEIGHBOURS


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0].name} and {pair[1].name}")
def test_two_faults_are_caught_and_mended(
    pair: tuple[Fault, Fault], day: Day, enter: Callable[[World], World], record_property: Callable[[str, object], None]
) -> None:
    live_through(day, enter(day.morning), pair)
    record_property("pair", [fault.name for fault in pair])
