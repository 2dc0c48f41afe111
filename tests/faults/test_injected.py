"""Each fault, then some in pairs: the check that must catch it does and says so, and one fault does not hide the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import combinations

import pytest
from tests.faults.injected import FAULTS, Fault
from tests.faults.matrix import FirstHours, live_through
from tests.faults.world import World

ALL = "HEADLINE_TEST_ALL_PAIRS" in os.environ  # as `make faults` sets it: each alone, and every pair there is
# What is let through row by row is told row by row: these happen on one day, to other rows or columns each.
TOGETHER = (("duplicated rows", "null revenue", "negative revenue"), ("added column", "expense without a rate"))
AS_ONE = [group for names in TOGETHER if not ALL and (group := tuple(fault for fault in FAULTS if fault.name in names))]
ALONE = [(fault,) for fault in FAULTS if not any(fault in group for group in AS_ONE)]
# Some around a circle.
IN_A_CIRCLE = [(fault, FAULTS[(n + 7) % len(FAULTS)]) for n, fault in enumerate(FAULTS)][::7]
PAIRS = list(combinations(FAULTS, 2)) if ALL else IN_A_CIRCLE


def names(faults: Sequence[Fault]) -> str:
    return " and ".join(fault.name for fault in faults)


@pytest.mark.parametrize("faults", [*ALONE, *AS_ONE], ids=names)
def test_fault_is_caught_and_mended(
    faults: Sequence[Fault], day: FirstHours, enter: Callable[[World], World], record_property: Callable[[str, object], None]
) -> None:
    today = day({fault.source for fault in faults})
    for fault, finding in live_through(today, enter(today.morning), faults).items():
        record_property("fault", [fault.name, fault.source, finding.where, finding.outcome])


@pytest.mark.parametrize("pair", PAIRS, ids=names)
def test_two_faults_are_caught_and_mended(
    pair: tuple[Fault, Fault], day: FirstHours, enter: Callable[[World], World], record_property: Callable[[str, object], None]
) -> None:
    today = day([fault.source for fault in pair])
    live_through(today, enter(today.morning), pair)
    record_property("pair", [fault.name for fault in pair])
