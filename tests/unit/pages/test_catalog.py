"""The pages of the catalog: who sees which tables, and what stands on them."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from typing import Any

import pytest
from tests.unit.pages.visitors import Somebody, server

from headline.errors import Transient
from headline.ledger import Ledger
from headline.pages import catalog
from headline.pages.app import contract

D1 = date(2026, 3, 1)


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    return once(project, one_day)


def one_day(project: Any) -> None:
    project.arrive({D1: [("a", "1.50"), ("x", "-1.00")]})
    project.publish("shop", D1)
    project.publish("core_shop", D1)


def shown(path: str = "", who: Somebody | None = None, status: int = 200) -> str:
    found = server(who or Somebody(), catalog.router, accept="text/html").get(f"/catalog{path}")
    assert found.status_code == status
    return " ".join(found.text.split())


def links(html: str) -> set[str]:
    return set(map(unescape, re.findall(r'href="([^"]+)"', html)))


def test_the_catalog_lists_what_the_visitor_may_see(shop: Any) -> None:
    assert "3 tables" in shown()
    assert {"catalog/raw.orders", "catalog/core.orders", "catalog/core.running_totals"} <= links(shown())
    own = shown(who=Somebody(sees={"shop"}))
    assert 'role="status">1 table<' in own
    assert "core." not in own.split("<main")[1]
    assert 'role="status">0 tables<' in shown(who=Somebody(sees=set()))


def test_a_search_finds_tables_by_their_columns(shop: Any) -> None:
    html = shown("?q=totals+paid")
    assert "1 of 3 tables" in html
    assert "catalog/core.running_totals#column-amount" in links(html)
    nothing = shown("?q=%3Cscript%3E")
    assert "0 of 3 tables" in nothing
    assert "<script>" not in nothing


def test_a_table_tells_what_it_promises_and_how_it_stands(shop: Any) -> None:
    html = shown("/core.orders")
    for told in (
        "One row per valid order.",
        'published until <span class="number">2026-03-01</span>',
        "one row per <code>order_id</code>",
        "core, tier 1",
        "quarantine.orders",
        "raw = core + quarantine",
        '<span class="passed">passed</span>',
        '<tr id="column-amount">',
        "<code>decimal(18, 4)</code>",
    ):
        assert told in html, told
    assert {"../../dags/core_shop", "../runbooks/core_shop", "../explore?table=core.orders"} <= links(html)
    assert {"raw.orders", "core.running_totals", "raw.orders?column=amount#lineage"} <= links(html)


def test_a_quarantine_leads_to_the_table_that_fills_it(shop: Any) -> None:
    assert "<h1>core.orders</h1>" in shown("/quarantine.orders")


def test_a_lineage_is_a_picture_and_a_text(shop: Any) -> None:
    near, whole = shown("/core.orders"), shown("/core.orders?all=true")
    assert '<svg viewBox="' in near
    assert 'aria-label="Lineage of core.orders"' in near
    assert near.count("<rect") == 3
    assert "Show 1 more" in near
    assert whole.count("<rect") == 4
    assert 'Computed from</dt><dd><ol class="steps"><li><a href="raw.orders">' in near
    column = shown("/core.orders?column=amount&all=true")
    assert column.count("<rect") == 4
    assert "core.running_totals?column=amount#lineage" in links(column)


def test_of_tables_of_other_dags_only_the_names_are_told(shop: Any) -> None:
    own = Somebody(sees={"core_shop"})
    html = shown("/core.orders?all=true", own)
    assert "<code>raw.orders</code>" in html
    assert not [link for link in links(html) if "raw.orders" in link]
    assert not [link for link in links(shown("/core.orders?column=amount&all=true", own)) if "raw.orders" in link]
    assert "One row per order that arrived" not in shown("/raw.orders", own, status=403)
    shown("/core.nothing", status=404)
    shown("/core.orders?column=nothing", status=404)


def test_personal_data_are_named_and_not_offered_to_be_queried(shop: Any) -> None:
    shop.replace("sources/shop/orders.contract.yml", "{name: order_id, ", "{name: order_id, attributes: {personal: true}, ")
    html = shown("/raw.orders")
    assert "Personal data</dt><dd><code>order_id</code>" in html
    assert "explore?table" not in html


def test_metrics_and_exports_stand_with_the_table(shop: Any) -> None:
    metric = "{description: All that was paid., table: orders, column: amount, unit: reporting_currency, materiality: 1 %}"
    shop.write("core/core_shop/metrics.yml", f"metrics:\n  paid: {metric}\n")
    shop.write("exports/partner/export.yml", "description: For the partner.\n")
    shop.write("exports/partner/partner.sql", "select * from core.orders")
    html = shown("/core.orders")
    assert "../metrics/paid" in links(html)
    assert "<code>partner</code>" in html
    assert '<td data-label="Unit">EUR</td>' in html


def test_a_ledger_out_of_reach_leaves_what_is_declared(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_reach(*_: Any) -> None:
        raise Transient("the ledger is out of reach")

    for name in ("newest_days", "latest_audits", "states", "newest_version"):
        monkeypatch.setattr(Ledger, name, out_of_reach)
    for path in ("", "/core.orders"):
        html = shown(path)
        assert "the ledger is out of reach" in html
        assert "One row per valid order." in html


def test_sql_that_cannot_be_read_leaves_the_rest(shop: Any) -> None:
    shop.write("core/core_shop/running_totals.sql", "select from where")
    html = shown("/core.running_totals")
    assert "core_shop/running_totals.sql" in html
    assert "Paid up to this day" in html


def test_the_address_of_a_contract_leads_to_the_catalog(shop: Any) -> None:
    assert contract("core_shop", "orders").headers["location"] == "../../catalog/core.orders"
