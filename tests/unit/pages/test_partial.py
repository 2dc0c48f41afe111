"""What the pages of a pipeline and of a table show besides their files."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.pages.visitors import Somebody
from tests.unit.records import days_of, record

from headline.errors import Transient
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Published
from headline.pages.app import runbook
from headline.pages.catalog import table

D1, D5 = date(2026, 3, 1), date(2026, 3, 5)


@pytest.fixture
def shop(telling: Any) -> Any:
    telling.write("core/core_shop/RUNBOOK.md", "# core_shop\n")
    return telling


def publish(project: Any, first: date, last: date, status: str) -> None:
    record(project.ledger, *days_of("core.orders_coverage", first, last, status, Decimal("0.93")))


def shown(page: Any) -> str:
    return " ".join(bytes(page.body).decode().split())


def test_readers_are_told_which_days_are_partial(shop: Any) -> None:
    publish(shop, D1, D5, "complete")
    publish(shop, D1, D1 + DAY, "partial")
    publish(shop, D5, D5, "partial")
    note = "3 days are partial: 2026-03-01 to 2026-03-02, 2026-03-05"
    assert f"{note} (core.orders, core.orders_coverage, core.running_totals)" in shown(runbook("core_shop"))
    assert f"{note} (core.orders)" in shown(table(Somebody(), "core.orders"))


def test_what_was_healed_is_told_no_more(shop: Any) -> None:
    publish(shop, D1, D5, "partial")
    publish(shop, D1, D5 - DAY, "complete")
    assert "1 day is partial: 2026-03-05 (core.orders" in shown(runbook("core_shop"))
    publish(shop, D5, D5, "complete")
    for page in (runbook("core_shop"), table(Somebody(), "core.orders")):
        assert "partial" not in shown(page).split("<body>")[1]


def test_a_ledger_out_of_reach_leaves_the_page_and_is_said(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_reach(*_arguments: Any) -> None:
        raise Transient("the ledger is out of reach")

    monkeypatch.setattr(Ledger, "states", out_of_reach)
    assert "Which days are partial is not known now: the ledger is out of reach" in shown(runbook("core_shop"))


def test_a_month_that_has_not_ended_is_open_and_not_partial(shop: Any) -> None:
    first, after = date.today().replace(day=1), date.today() + DAY * 40  # noqa: DTZ011
    with_rows_refused = Published("core.orders_coverage", Interval(first, after), "1:a", 1, "partial", Decimal("0.93"))
    record(shop.ledger, with_rows_refused)
    assert "partial" not in shown(runbook("core_shop")).split("<body>")[1]
