"""The catalog: what a search finds, the units that are told, freshness by the ledger, and who reads a table."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from tests.unit.records import days_of, record

from headline import specs
from headline.intervals import DAY
from headline.serving.catalog import entries, exports_of, freshness, read_by, search

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
ALL = {"shop", "core_shop"}


def found(text: str, readable: set[str] = ALL) -> dict[str, list[str]]:
    matches = search(entries(specs.load(), readable), text)
    return {match.entry.name: [column.name for column in match.columns] for match in matches}


def test_a_search_finds_names_first_and_shows_the_columns_that_match(project: Any) -> None:
    project.replace("core/core_shop/orders.contract.yml", "What was paid.", "What was paid out of joy.")
    assert list(found("")) == ["core.orders", "core.running_totals", "raw.orders"]
    assert found("Orders") == {"core.orders": [], "raw.orders": []}
    assert found("totals amount") == {"core.running_totals": ["amount"]}
    assert found("joy") == {"core.orders": ["amount"]}
    assert found("valid core") == {"core.orders": []}
    assert list(found("order")) == ["core.orders", "raw.orders"]
    assert found("orders nonsense") == {}


def test_only_what_may_be_read_is_found(project: Any) -> None:
    assert list(found("", {"shop"})) == ["raw.orders"]
    assert found("totals", {"shop"}) == {}


@pytest.mark.parametrize(
    ("told", "unit"),
    [
        ("What was paid, in reporting currency.", "EUR"),
        ("Share of the day, 0 to 1.", "share, 0 to 1"),
        ("Time on the page, in minutes.", "minutes"),
        ("What was paid.", ""),
    ],
)
def test_a_unit_is_what_the_contract_tells(project: Any, told: str, unit: str) -> None:
    project.replace("core/core_shop/orders.contract.yml", "What was paid.", f'"{told}"')
    [entry] = [one for one in entries(specs.load(), ALL) if one.name == "core.orders"]
    assert entry.units == ({"amount": unit} if unit else {})


def test_a_metric_tells_the_unit_of_its_column(project: Any) -> None:
    metric = "{description: All that was paid., table: orders, column: amount, unit: reporting_currency, materiality: 1 %}"
    project.write("core/core_shop/metrics.yml", f"metrics:\n  paid: {metric}\n")
    [entry] = [one for one in entries(specs.load(), ALL) if one.name == "core.orders"]
    assert (entry.metrics, entry.units) == (["paid"], {"amount": "EUR"})


def test_freshness_follows_from_the_current_state(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_START_DATE", str(D1))
    project.forget()
    among = entries(specs.load(), ALL)

    def standing(moment: datetime) -> dict[str, tuple[str, date | None]]:
        return {name: (one.standing, one.until) for name, one in freshness(among, project.ledger, moment).items()}

    before, after = datetime(2026, 3, 2, 2, 30, tzinfo=UTC), datetime(2026, 3, 2, 12, tzinfo=UTC)
    never = ("Never published", None)
    assert standing(before)["core.orders"] == never
    assert standing(after)["core.orders"] == ("Late", None)
    record(project.ledger, *days_of("core.orders", D1, D1))
    assert standing(after)["core.orders"] == ("Landed", D1)
    assert standing(before + DAY)["core.orders"] == ("Waiting", D1)
    assert standing(after + DAY)["core.orders"] == ("Late", D1)
    record(project.ledger, *days_of("core.orders", D2, D2, "partial"))
    assert standing(after + DAY)["core.orders"] == ("Partial", D2)
    assert freshness([], project.ledger) == {}


def test_readers_are_tables_and_exports(telling: Any) -> None:
    assert read_by(specs.load(), "core.orders") == ["core.orders_coverage", "core.running_totals"]
    assert read_by(specs.load(), "core.running_totals") == []
    assert exports_of("core.orders") == []
    telling.write("exports/partner/export.yml", "description: For the partner.\n")
    telling.write("exports/partner/partner.sql", "select * from core.orders where ds >= date '{{ start }}'")
    telling.write("exports/broken/export.yml", "description: For nobody.\n")
    telling.write("exports/broken/broken.sql", "select from core.orders {{")
    assert exports_of("core.orders") == ["partner"]
    assert exports_of("raw.orders") == []
