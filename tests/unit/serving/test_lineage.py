"""Where tables and columns come from, by what their SQL says."""

from __future__ import annotations

from typing import Any

import pytest

from headline import specs
from headline.errors import SpecError
from headline.serving.lineage import column_graph, table_graph
from headline.sql import column_lineage, lineage


def origins(table: str) -> dict[str, list[str]]:
    catalog = specs.load()
    found = column_lineage(catalog.table(table), catalog.filled_by)
    return {name: [".".join(origin) for origin in told] for name, told in found.items()}


def test_columns_come_from_those_whose_values_go_into_them(project: Any) -> None:
    assert origins("core.orders") == {
        "ds": ["raw.orders.ds"],
        "order_id": ["raw.orders.order_id"],
        "amount": ["raw.orders.amount"],
        "quarantine_reason": ["raw.orders.amount"],
    }
    assert origins("raw.orders")["amount"] == ["landing.orders.amount"]
    assert origins("core.running_totals") == {"ds": ["calendar.days.ds"], "amount": ["core.orders.amount"]}


def test_the_way_leads_through_subqueries_stars_and_both_sides_of_a_union(project: Any) -> None:
    project.write(
        "core/core_shop/running_totals.sql",
        """
        with both as (select * from core.orders union all select ds, quarantine_reason, 0 - 1 from quarantine.orders),
        named as (select ds, order_id || '!' as name, amount * 2 as twice from both)
        select ds, cast(sum(twice) over (partition by name) as decimal(18, 4)) as amount
        from (select * from named) as inner_query
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        """,
    )
    assert origins("core.running_totals") == {
        "ds": ["core.orders.ds", "quarantine.orders.ds"],
        "amount": ["core.orders.amount", "core.orders.order_id", "quarantine.orders.quarantine_reason"],
    }


def test_it_is_kept_until_the_code_changes(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    compute = lineage._column_lineage
    monkeypatch.setattr(lineage, "_column_lineage", lambda *given: taken.append(given[0].full_name) or compute(*given))
    monkeypatch.setattr(lineage, "_KNOWN", {})
    assert origins("core.running_totals") == origins("core.running_totals")
    assert taken == ["core.running_totals"]
    project.replace("core/core_shop/orders.sql", "amount < 0", "amount < 0.00")
    origins("core.running_totals")
    assert taken == ["core.running_totals"] * 2, "a table that it reads may have other columns now"
    project.replace("core/core_shop/running_totals.sql", "sum(orders.amount)", "sum(length(orders.order_id))")
    assert origins("core.running_totals")["amount"] == ["core.orders.order_id"]


def test_sql_that_cannot_be_read_is_named(project: Any) -> None:
    project.write("core/core_shop/running_totals.sql", "select from where")
    with pytest.raises(SpecError, match=r"running_totals\.sql"):
        origins("core.running_totals")
    assert table_graph(specs.load_sound(), "core.orders").below == [["core.running_totals"]]
    assert column_graph(specs.load_sound(), "core.orders", "amount").below == []


def test_tables_are_told_by_how_far_they_are(project: Any) -> None:
    graph = table_graph(specs.load(), "core.running_totals")
    assert graph.above == [["core.orders"], ["raw.orders"], ["landing.orders"]]
    assert graph.below == []
    assert graph.near(1).edges == {("core.orders", "core.running_totals")}
    assert table_graph(specs.load(), "core.orders").near(1).edges == {
        ("raw.orders", "core.orders"),
        ("core.orders", "core.running_totals"),
    }


def test_a_column_is_followed_through_all_tables_both_ways(project: Any) -> None:
    graph = column_graph(specs.load(), "core.orders", "amount")
    assert graph.above == [["raw.orders.amount"], ["landing.orders.amount"]]
    assert graph.below == [["core.running_totals.amount"]]
    assert column_graph(specs.load(), "core.orders", "order_id").below == []


def test_a_quarantine_counts_as_its_table(telling: Any) -> None:
    assert table_graph(specs.load(), "core.orders_coverage").above[0] == ["core.orders"]
    assert table_graph(specs.load(), "core.orders").below == [["core.orders_coverage", "core.running_totals"]]
