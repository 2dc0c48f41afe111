"""Days that an earlier version of the code made: told, left alone by the schedule, up to date once they are computed again."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from headline import specs
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, made_by_earlier_code, stale_states

D1, D2, D3 = (date(2026, 3, day) for day in (1, 2, 3))
SQL, CONTRACT = "core/core_shop/orders.sql", "core/core_shop/orders.contract.yml"


@pytest.fixture
def shop(project: Any) -> Any:
    """Two days are published, of a third one the orders have arrived."""
    project.arrive({D1: [("a", "1.00")], D2: [("b", "2.00")], D3: [("c", "3.00")]})
    project.publish("shop", D1, D3)
    project.publish("core_shop", D1, D2)
    assert earlier(project) == {}
    return project


def earlier(project: Any) -> dict[str, list[Interval]]:
    return made_by_earlier_code(specs.load().tables.values(), project.ledger)


def test_a_change_of_the_sql_marks_the_days_that_it_has_not_made(shop: Any) -> None:
    shop.replace(SQL, "amount < 0", "amount < 0 or amount is null")
    assert earlier(shop) == {"core.orders": [Interval(D1, D3)]}
    pipeline = specs.load().pipelines["core_shop"]
    table = pipeline.tables["orders"]
    assert stale_states(table, pipeline.reads_by_table(table), shop.ledger) == [], "no run takes them along"
    done = shop.publish("core_shop", D3)
    assert done["core.orders"].intervals == [Interval(D3, D3 + DAY)]
    assert earlier(shop) == {"core.orders": [Interval(D1, D3)]}


def test_who_computes_a_day_again_lifts_it_although_its_rows_are_the_same(shop: Any) -> None:
    before = {state.interval: state.version for state in shop.ledger.states(["core.orders"])}
    shop.replace(SQL, "amount < 0", "amount < 0 or amount is null")
    shop.publish("core_shop", D1)
    assert earlier(shop) == {"core.orders": [Interval(D2, D3)]}
    shop.publish("core_shop", D1, D2)
    assert earlier(shop) == {}
    assert {state.interval: state.version for state in shop.ledger.states(["core.orders"])} == before


def test_days_that_lack_a_column_of_the_contract_are_told(shop: Any) -> None:
    shop.replace(SQL, "    amount,\n", "    amount,\n    upper(order_id) as order_code,\n")
    column = "  - {name: order_code, data_type: varchar, description: The key in capitals.}\n"
    shop.replace(CONTRACT, "checks:\n  - schema:", f"{column}checks:\n  - schema:")
    shop.publish("core_shop", D3)
    assert shop.query("select ds, order_code from core.orders order by ds") == [(D1, None), (D2, None), (D3, "C")]
    assert earlier(shop) == {"core.orders": [Interval(D1, D3)]}
    shop.publish("core_shop", D1, D2)
    assert shop.query("select order_code from core.orders order by ds") == [("A",), ("B",), ("C",)]
    assert earlier(shop) == {}


def test_days_from_before_versions_were_kept_count_as_made_by_an_earlier_one(shop: Any, ledger: Ledger) -> None:
    with ledger._begin() as connection:
        connection.execute(text("update period_state set code_version = null where table_name = 'core.orders'"))
    assert earlier(shop) == {"core.orders": [Interval(D1, D3)]}
