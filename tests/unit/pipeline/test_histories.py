"""A slowly changing dimension is replaced whole, and only the days on which something else was valid are new to its readers."""

import time
from datetime import date
from threading import Thread
from typing import Any

import pytest
from tests.unit.pipeline.killing import Point, run_and_die

from headline import specs
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, stale_states
from headline.pipeline.fingerprints import verify_published
from headline.warehouse.duckdb.staging import DuckDBStaging

D1 = date(2026, 3, 1)
D2, D3, D4, D5, D6 = (D1 + n * DAY for n in range(1, 6))
FILES = {
    "core/core_prices/pipeline.yml": """
        description: What each thing costs, and since when.
        tier: 1
        lands_at: "03:00"
        tables:
          prices:
            key: [order_id, valid_from]
            period: all
            reads:
              raw.orders: {lookback_days: all}
        """,
    "core/core_prices/prices.sql": """
        select
            order_id,
            amount,
            cast(ds as timestamp) as valid_from,
            coalesce(
                cast(lead(ds) over (partition by order_id order by ds) as timestamp), timestamp '9999-12-31 00:00:00'
            ) as valid_to
        from raw.orders
        """,
    "core/core_prices/prices.contract.yml": """
        dataset: warehouse/core/prices
        description: One row per thing and price.
        columns:
          - {name: order_id, data_type: varchar, description: The thing.}
          - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What it costs.}
          - {name: valid_from, data_type: timestamp, description: First moment.}
          - {name: valid_to, data_type: timestamp, description: First moment at which it no longer holds.}
        checks: [{schema: }]
        """,
    "profit/price_list/pipeline.yml": """
        description: What each thing costs on each day.
        tier: 1
        lands_at: "04:00"
        tables:
          price_list:
            key: [ds, order_id]
            reads:
              calendar.days:
              core.prices:
        """,
    "profit/price_list/price_list.sql": """
        select days.ds, prices.order_id, prices.amount
        from calendar.days as days
        inner join core.prices as prices on days.ds >= prices.valid_from and days.ds < prices.valid_to
        where days.ds >= date '{{ start }}' and days.ds < date '{{ end }}'
        """,
    "profit/price_list/price_list.contract.yml": """
        dataset: warehouse/profit/price_list
        description: One row per day and thing.
        columns:
          - {name: ds, data_type: date, description: The day.}
          - {name: order_id, data_type: varchar, description: The thing.}
          - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What it costs on the day.}
        checks: [{schema: }]
        """,
}
LIST = (
    "select ds, string_agg(order_id || ' ' || cast(amount as integer), ', ' order by order_id) from profit.price_list group by ds"
)


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    """Of a thing the price on the first, the third and the fifth day; of another one on the first. Five days are published."""
    return once(project, five_days)


def five_days(project: Any) -> None:
    for path, text in FILES.items():
        project.write(path, text)
    for name in ("core/core_shop", "sources/shop"):
        assert (project.sql / name).is_dir()
    project.arrive({D1: [("a", "1"), ("b", "9")], D2: [], D3: [("a", "3")], D4: [], D5: [("a", "5")], D6: []})
    project.publish("shop", D1, D6)
    project.publish("core_prices", D1, D5)
    project.publish("price_list", D1, D5)


def new_days(project: Any, since: int) -> list[date]:
    return [state.interval.start for state in project.ledger.states(["core.prices"]) if state.version > since]


def stale(project: Any) -> list[date]:
    table = specs.load().tables["profit.price_list"]
    return [state.interval.start for state in stale_states(table, {"core.prices": table.reads["core.prices"]}, project.ledger)]


def prices(project: Any) -> dict[date, str]:
    return dict(project.query(LIST))


def test_only_days_on_which_something_else_was_valid_are_new(shop: Any) -> None:
    version = shop.ledger.newest_version()
    shop.arrive({D3: [("a", "4")]})
    shop.publish("shop", D3)
    done = shop.publish("core_prices", D6)["core.prices"]
    assert done.published == [str(Interval(D3, D5)), str(Interval(D6, D6 + DAY))]
    assert new_days(shop, version) == [D3, D4, D6]
    assert stale(shop) == [D3, D4]
    assert shop.publish("price_list", D6)["profit.price_list"].intervals == [Interval(D3, D5), Interval(D6, D6 + DAY)]
    assert prices(shop)[D4] == "a 4, b 9"


def test_a_version_that_ends_later_or_earlier_is_new_where_its_days_were_another_ones(shop: Any) -> None:
    version = shop.ledger.newest_version()
    shop.arrive({D3: [], D4: [("a", "3")]})
    shop.publish("shop", D3, D4)
    shop.publish("core_prices", D6)
    assert new_days(shop, version) == [D3, D6]
    shop.publish("price_list", D6)
    assert prices(shop)[D3] == "a 1, b 9"


def test_a_history_that_came_out_the_same_is_new_to_nobody(shop: Any) -> None:
    version = shop.ledger.newest_version()
    shop.arrive({D3: [("a", "3.0")]})
    shop.publish("shop", D3)
    assert shop.publish("core_prices", D5)["core.prices"].published == []
    assert new_days(shop, version) == []
    assert stale(shop) == []
    table = specs.load().tables["core.prices"]
    assert stale_states(table, {"raw.orders": table.reads["raw.orders"]}, shop.ledger) == [], "it has seen what changed"
    assert shop.publish("core_prices", D6)["core.prices"].published == [str(Interval(D6, D6 + DAY))], "the new day alone"


POINTS = {
    "before the warehouse is written": Point(Ledger, "begin_publication", after=True),
    "before the ledger is written": Point(DuckDBStaging, "replace", after=True),
}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("what_comes", ["nothing", "what was there before"])
def test_readers_learn_of_the_days_that_a_killed_run_has_changed(shop: Any, point: str, what_comes: str) -> None:
    """After the kill the published rows may be the new ones already, so that nothing differs from them any more."""
    version = shop.ledger.newest_version()
    shop.arrive({D3: [("a", "4")]})
    shop.publish("shop", D3)
    run_and_die(shop.run("core_prices", D6), POINTS[point])
    if what_comes != "nothing":
        shop.arrive({D3: [("a", "3")]})
        shop.publish("shop", D3)
    shop.publish("core_prices", D6)
    assert new_days(shop, version) == [D3, D4, D6]
    shop.publish("price_list", D6)
    assert prices(shop)[D4] == ("a 4, b 9" if what_comes == "nothing" else "a 3, b 9")
    assert verify_published(specs.load().tables.values(), shop.ledger, shop.warehouse).differences == []
    assert stale(shop) == []


def test_an_input_that_changed_on_a_day_that_was_not_asked_for_outdates_the_history(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was computed from all days, however narrow the window that is stated."""
    shop.replace("core/core_prices/pipeline.yml", "raw.orders: {lookback_days: all}", "raw.orders:")
    original, calls = DuckDBStaging.changed_days, []
    other = Thread(target=shop.publish, args=("shop", D2))

    def meanwhile(session: DuckDBStaging, *arguments: Any) -> Any:
        calls.append(1)
        found = original(session, *arguments)
        if len(calls) == 1:
            shop.arrive({D2: [("b", "8")]})
            other.start()  # the run reads, and lets it publish before the audit
            while not session._locks.is_waited_for(session._warehouse.lock_name):
                assert other.is_alive()
                time.sleep(0.02)
        return found

    monkeypatch.setattr(DuckDBStaging, "changed_days", meanwhile)
    shop.arrive({D6: [("a", "6")]})
    shop.publish("shop", D6)
    shop.publish("core_prices", D6)
    assert len(calls) == 2
    shop.publish("price_list", D2, D6)
    assert (prices(shop)[D2], prices(shop)[D6]) == ("a 1, b 8", "a 6, b 8")
