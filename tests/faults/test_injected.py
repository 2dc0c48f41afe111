"""Each fault alone: the check that must catch it does, and says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.faults.injected import FAULTS, Fault
from tests.faults.matrix import FirstHours, live_through
from tests.faults.world import World


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_caught_and_mended(
    fault: Fault, day: FirstHours, enter: Callable[[World], World], record_property: Callable[[str, object], None]
) -> None:
    today = day([fault.source])
    [finding] = live_through(today, enter(today.morning), [fault]).values()
    record_property("fault", [fault.name, fault.source, finding.where, finding.outcome])
