"""Each fault alone, then in pairs: the check that must catch it does and says so, and one fault does not hide the other."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import combinations

import pytest
from tests.faults.injected import FAULTS, Fault
from tests.faults.matrix import FirstHours, live_through
from tests.faults.world import World

# Some around a circle; `make faults` takes every pair there is.
IN_A_CIRCLE = [(fault, FAULTS[(n + 7) % len(FAULTS)]) for n, fault in enumerate(FAULTS)][::7]
PAIRS = list(combinations(FAULTS, 2)) if os.environ.get("HEADLINE_TEST_ALL_PAIRS") else IN_A_CIRCLE


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_caught_and_mended(
    fault: Fault, day: FirstHours, enter: Callable[[World], World], record_property: Callable[[str, object], None]
) -> None:
    today = day([fault.source])
    [finding] = live_through(today, enter(today.morning), [fault]).values()
    record_property("fault", [fault.name, fault.source, finding.where, finding.outcome])


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0].name} and {pair[1].name}")
def test_two_faults_are_caught_and_mended(
    pair: tuple[Fault, Fault], day: FirstHours, enter: Callable[[World], World], record_property: Callable[[str, object], None]
) -> None:
    today = day([fault.source for fault in pair])
    live_through(today, enter(today.morning), pair)
    record_property("pair", [fault.name for fault in pair])
