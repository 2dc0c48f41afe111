"""Every fault, then some in pairs: the check that must catch it does and says so, and one fault does not hide the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from tests.faults.injected import FAULTS, Fault
from tests.faults.matrix import FirstHours, live_through
from tests.faults.world import World

from headline import specs
from headline.figures.values import metric_values
from headline.intervals import Interval
from headline.specs.metrics import load_metrics
from headline.warehouse import open_warehouse

ALL = "HEADLINE_TEST_ALL_PAIRS" in os.environ  # as `make faults` sets it: each alone, and every pair there is
# One of each source or of each of its tables, and of what is let through row by row several, each of which happens to other rows
# or columns: none of them can hide another. To live through a day costs the same with one fault or with five.
TOGETHER = (
    ("late file", "missing file", "truncated file", "dropped column"),
    ("stale file", "retyped column", "renamed column", "missing day"),
    ("silent service", "silent source", "tenfold price", "halved volume", "order without a product"),
    ("added column", "expense without a rate", "duplicate file", "duplicated rows", "null revenue", "negative revenue"),
)
AS_ONE = [tuple(fault for fault in FAULTS if fault.name in group) for group in TOGETHER]
# The second one can be seen no sooner than the first is mended.
ONE_BEHIND_THE_OTHER = [tuple(fault for fault in FAULTS if fault.name in ("dropped column", "halved volume"))]
PAIRS = list(combinations(FAULTS, 2)) if ALL else ONE_BEHIND_THE_OTHER


def test_every_fault_has_its_day() -> None:
    assert sorted(fault.name for group in AS_ONE for fault in group) == sorted(fault.name for fault in FAULTS)


def test_figures_of_a_closed_month_never_change(day: FirstHours) -> None:
    """What investors were told of March, to the last digit: by month, by week, and of three of its days."""
    march, known = Interval(date(2026, 3, 1), date(2026, 4, 1)), {}
    with day({fault.source for fault in AS_ONE[0]}).before.entered(), open_warehouse().session(read_only=True) as session:
        for pipeline in specs.load().pipelines.values():
            for metric in load_metrics(pipeline).metrics.values():
                found = metric_values(session, metric.of, metric.of.full_name, [metric], [march], "duckdb")
                known |= {
                    f"{name} {segment} {start}".replace("  ", " "): f"{value}" for (name, segment, start), value in found.items()
                }
    golden = yaml.safe_load((Path(__file__).parent / "march.yml").read_text())
    assert len(golden) > 100
    assert {name: known.get(name) for name in golden} == golden


def names(faults: Sequence[Fault]) -> str:
    return " and ".join(fault.name for fault in faults)


@pytest.mark.parametrize("faults", [(fault,) for fault in FAULTS] if ALL else AS_ONE, ids=names)
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
