"""Each fault alone: the check that must catch it does, and says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.faults.injected import FAULTS, Fault
from tests.faults.matrix import Day, live_through
from tests.faults.world import World


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_caught_and_mended(
    fault: Fault, day: Day, enter: Callable[[World], World], record_property: Callable[[str, object], None]
) -> None:
    [finding] = live_through(day, enter(day.morning), [fault]).values()
    record_property("fault", [fault.name, fault.source, finding.where, finding.outcome])
