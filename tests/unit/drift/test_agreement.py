"""What the mapping SQL says was agreed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headline import specs
from headline.drift.agreement import agreed_columns, agreed_with, origins
from headline.settings import PROJECT
from headline.specs import Source


def agreed(project: Any, select: str, reads: str = "landing.orders: {}") -> dict[str, set[str]]:
    file = "sources/shop/source.yml"
    tables = f"tables:\n  orders:\n    reads:\n      {reads}\n"
    project.replace(file, "tables:\n  orders:\n", tables)
    project.write("sources/shop/orders.sql", select)
    return agreed_columns(source("shop"), "orders")


def source(name: str) -> Source:
    found = specs.load().pipelines[name]
    assert isinstance(found, Source)
    return found


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("select ds, a, cast(b as integer) as c from landing.orders", {"a": set(), "b": {"integer"}}),
        ('select o."OrderNo" as a from landing.orders as o where o.ds > date \'{{ start }}\'', {"OrderNo": set()}),
        ("select cast(nullif(trim(a), '') as decimal(18, 4)) as a from landing.orders", {"a": {"decimal(18, 4)"}}),
        ("select cast(replace(replace(a, 'T', ' '), 'Z', '') as timestamp) as a from landing.orders", {"a": {"timestamp"}}),
        ("select cast(replace(a, ',', '.') as decimal(18, 4)) as a from landing.orders", {"a": set()}),
        ("select cast(cast(a as bigint) as varchar) as a from landing.orders", {"a": {"bigint"}}),
        ("select cast(a as varchar) as a from landing.orders where cast(a as integer) > 1", {"a": {"text", "integer"}}),
        ("select max(cast(a as date)) as a from landing.orders group by b order by c", {"a": {"date"}, "b": set(), "c": set()}),
        ("with x as (select a as b from landing.orders where c = 1) select b from x", {"a": set(), "c": set()}),
        ("select x.a, y.b, c, amount from raw.orders as y inner join landing.orders as x on x.k = y.order_id",
         {"a": set(), "k": set(), "c": set()}),
    ],
)  # fmt: skip
def test_columns_that_the_mapping_reads(project: Any, select: str, expected: dict[str, set[str]]) -> None:
    assert agreed(project, select) == expected


def test_what_tells_the_day_is_agreed_too(project: Any) -> None:
    project.replace(
        "sources/shop/source.yml", 'pattern: "orders_{{ ds }}.csv", format: csv', "pattern: o.csv, format: csv, day: paid_on"
    )
    assert agreed(project, "select ds, a from landing.orders") == {"a": set(), "paid_on": set()}


def test_other_peoples_names_need_no_declaration(monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> None:
    monkeypatch.setenv("HEADLINE_SOURCES", str(Path(PROJECT) / "examples" / "online_retail" / "sources"))
    forget_settings()
    assert agreed_columns(source("shop"), "retail_lines") == {
        "InvoiceNo": {"text"},
        "StockCode": {"text"},
        "Description": set(),
        "Quantity": {"integer", "text"},
        "InvoiceDate": {"timestamp"},
        "UnitPrice": {"decimal(18, 4)"},
        "CustomerID": {"bigint"},
        "Country": set(),
    }
    table = specs.load().table("raw.orders")
    found = origins(source("shop"), table, "retail_lines")
    assert (found["order_id"], found["customer_id"], found["sales_channel"]) == ({"InvoiceNo"}, {"CustomerID"}, set())


def test_every_source_of_the_repository_agrees_on_columns() -> None:
    sources = [one for one in specs.load().pipelines.values() if isinstance(one, Source)]
    found = {name: agreed_columns(one, name) for one in sources for name in one.ingest}
    assert len(found) == 9
    assert all(len(columns) >= 3 for columns in found.values())


@pytest.mark.parametrize(
    ("select", "ids"),
    [
        ("select ds, nullif(trim(a), '') as user_id, b from landing.orders", {"a"}),
        ("with x as (select cast(a as varchar) as n, b from landing.orders) select n as user_id, b from x", {"a"}),
        ("select coalesce(a, b) as order_id from landing.orders", {"a", "b"}),
        ("select cast(cast(a as decimal(18, 0)) as varchar) as user_id from landing.orders", set()),
        ("select concat(a, '-', b) as event_id, c as amount from landing.orders", set()),
    ],
)
def test_columns_that_the_mapping_takes_over_as_ids(project: Any, select: str, ids: set[str]) -> None:
    agreed(project, select)
    assert agreed_with(source("shop"), "orders").ids == ids


def test_an_id_of_a_stated_type_is_taken_as_it_comes(project: Any) -> None:
    project.replace("sources/shop/source.yml", "format: csv}", "format: csv, types: {a: text}}")
    agreed(project, "select a as user_id, b as order_id from landing.orders")
    assert agreed_with(source("shop"), "orders").ids == {"b"}
