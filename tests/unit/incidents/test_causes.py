"""What a finding follows from."""

from __future__ import annotations

from datetime import date

import pytest

from headline.incidents.causes import cause_of
from headline.intervals import DAY
from headline.specs import Catalog

YESTERDAY = date(2026, 11, 19)


def test_a_gate_that_fails_further_on_hangs_on_the_one_before(catalog: Catalog) -> None:
    before = ("core_shop", "contract_failed", YESTERDAY)
    inputs = {name: catalog.inputs_of(name) for name in catalog.pipelines}
    assert cause_of(("unit_profit", "contract_failed", YESTERDAY), {before}, inputs) == before
    assert cause_of(("unit_profit", "task_failed", YESTERDAY), {before}, inputs) == before
    assert cause_of(before, {before, ("unit_profit", "contract_failed", YESTERDAY)}, inputs) is None
    assert cause_of(("unit_profit", "contract_failed", YESTERDAY - DAY), {before}, inputs) is None
    assert cause_of(("investor_profit", "contract_failed", YESTERDAY), {before}, inputs) == before, "nothing is wrong in between"


@pytest.mark.parametrize(
    ("finding", "known", "root"),
    [
        (("unit_profit", "data_stale"), [("core_shop", "data_stale")], ("core_shop", "data_stale")),
        (("unit_profit", "contract_not_evaluated"), [("core_shop", "data_stale")], ("core_shop", "data_stale")),
        (("unit_profit", "contract_failed"), [("core_shop", "data_stale")], None),
        (("core_shop", "task_failed"), [("core_shop", "contract_failed")], ("core_shop", "contract_failed")),
        (("shop", "contract_not_evaluated"), [("shop", "source_missing")], ("shop", "source_missing")),
        (("shop", "source_missing"), [("shop", "schema_changed")], ("shop", "schema_changed")),
        (("unit_profit", "data_partial"), [("shop", "source_missing")], ("shop", "source_missing")),
        (("unit_profit", "backfill_failed"), [("shop", "backfill_failed")], ("shop", "backfill_failed")),
        (("unit_profit", "backfill_failed"), [("shop", "task_failed")], None),
        (("investor_profit", "profit_drop"), [("unit_profit", "data_stale")], None),
        (("investor_profit", "restatement_waiting"), [("unit_profit", "data_stale")], None),
    ],
)
def test_every_kind_finds_its_root(
    finding: tuple[str, str], known: list[tuple[str, str]], root: tuple[str, str] | None, catalog: Catalog
) -> None:
    inputs = {name: catalog.inputs_of(name) for name in catalog.pipelines}
    keys = {(*one, YESTERDAY) for one in known} | {(*finding, YESTERDAY)}
    assert cause_of((*finding, YESTERDAY), keys, inputs) == (root and (*root, YESTERDAY))


def test_what_is_stale_is_the_root_whatever_day_it_was_found_on(catalog: Catalog) -> None:
    inputs = {name: catalog.inputs_of(name) for name in catalog.pipelines}
    stale = ("core_shop", "data_stale", YESTERDAY - DAY)
    assert cause_of(("unit_profit", "data_stale", YESTERDAY), {stale}, inputs) == stale
