"""A day of which a share was refused: below the limit it is published and labelled in every layer, above it nothing is."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date

import pytest
from tests.faults.world import COMPANY, D1, D3, D4, D5, PIPELINES, World, differences

from headline import specs
from headline.demo import finance_api
from headline.demo.company import Company
from headline.demo.finance import Expense, expenses
from headline.errors import BadData
from headline.intervals import Interval
from headline.ledger import Ledger, partial_days
from headline.pipeline import held_staging_table, inspect
from headline.warehouse import open_warehouse

SPOTLESS = replace(COMPANY, blemish_share=0.0)
LINES = (
    "line_number = 1 and order_id in (select order_id from orders where cast(ordered_at as date) = date '{}' order by 1 limit {})"
)


@pytest.fixture(scope="module")
def spotless(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A company whose rows are all valid; nothing was computed yet, the sources know the first three days."""
    with finance_api.server(SPOTLESS, today=lambda: D5) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        folder = tmp_path_factory.mktemp("spotless")
        world = World(folder, postgres, service.server_port, folder.name, company=SPOTLESS).create()
        world.days_pass(D1, D3)
        yield world
        service.shutdown()


def one_amount_is_missing(company: Company, day: date, *, corrected: bool = False) -> list[Expense]:
    entries = expenses(company, day, corrected=corrected)
    return [entries[0]._replace(amount=None), *entries[1:]] if day == D3 else entries


def without_user(line: bytes) -> bytes:
    return json.dumps(json.loads(line) | {"user_id": None}).encode()


def all_partial_days() -> dict[str, list[date]]:
    catalog = specs.load()
    states = Ledger().states(catalog.tables)
    pipelines = catalog.pipelines.values()
    return {name: days for pipeline in pipelines for name, days in partial_days(pipeline, states).items()}


def labels(world: World, table: str, period: str = "ds") -> dict[date, bool]:
    """Whether the rows of each day (week, month) are partial; all of one day say the same."""
    rows = world.query(f"select distinct {period}, is_partial, coverage < 1 from {table} order by 1")
    assert len({row[0] for row in rows}) == len(rows)
    assert all(
        is_below for _, is_partial, is_below in rows if is_partial and period == "ds" and table != "engagement.daily_engagement"
    )
    return {row[0]: row[1] for row in rows}


def test_partial_day_is_labelled_everywhere_and_healed_by_the_next_run(
    spotless: World, enter: Callable[[World], World], monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = enter(spotless)
    lines = LINES.format(D3, 3)
    world.in_shop(f"create table was as select * from order_items where {lines}")
    world.in_shop(f"update order_items set unit_price = null where {lines}")
    batch = max((world.folder / "datashare" / "events" / f"arrived={D3}").iterdir(), key=lambda file: file.stat().st_size)
    events = gzip.decompress(batch.read_bytes()).splitlines()
    batch.write_bytes(gzip.compress(b"\n".join([*map(without_user, events[:40]), *events[40:]])))
    with monkeypatch.context() as patch:
        patch.setattr(finance_api, "expenses", one_amount_is_missing)
        world.complete(PIPELINES, D1, D3)

    days = {day: day == D3 for day in Interval(D1, D4)}
    for table in ("unit_profit", "expense_allocation", "daily_profit_summary", "experiment_profit"):
        assert labels(world, f"profit.{table}") == days, table
    for table in ("growth.daily_growth", "engagement.daily_engagement"):
        assert labels(world, table) == days, table
    for table, period in (
        ("profit.monthly_profit_trends", "month"),
        ("growth.weekly_growth", "week"),
        ("growth.monthly_growth", "month"),
        ("engagement.monthly_engagement", "month"),
    ):
        assert list(labels(world, table, period).values()) == [True], table
    [(coverage,)] = world.query(f"select distinct coverage from profit.daily_profit_summary where ds = date '{D3}'")
    assert coverage == min(
        world.query(f"select coverage from core.{name}_coverage where ds = date '{D3}'")[0][0] for name in ("shop", "finance")
    )
    told = all_partial_days()
    for table in ("core.order_lines", "core.expenses", "core.user_days", "profit.daily_profit_summary", "growth.daily_growth"):
        assert told[table] == [D3], table
    assert len(told["profit.monthly_profit_trends"]) == 31
    assert not {name for name in told if name.startswith("raw.")} | {"core.products", "core.customers"} & told.keys()
    [published] = [one for one in Ledger().publications(["profit.daily_profit_summary"]) if one.status == "partial"]
    assert (published.start, published.end, published.coverage) == (D3, D4, coverage)

    world.in_shop(
        "update order_items set unit_price = was.unit_price from was "
        "where order_items.order_id = was.order_id and order_items.line_number = was.line_number"
    )
    batch.write_bytes(gzip.compress(b"\n".join(events)))
    world.days_pass(D4, D4)
    world.complete(PIPELINES)
    assert all_partial_days().keys() == {
        "profit.monthly_profit_trends",
        "growth.weekly_growth",
        "growth.monthly_growth",
        "engagement.monthly_engagement",
    }, "they have ended, and lack days"
    healed = world.published()

    fresh = spotless.copy(tmp_path_factory.mktemp("fresh"))
    with fresh.entered():
        fresh.days_pass(D4, D4)
        fresh.complete(PIPELINES, D1, D4)
        assert not differences(healed, fresh.published())


def test_a_day_beyond_the_limit_is_held_and_its_reasons_are_named(
    fourth_day_arrived: World, enter: Callable[[World], World]
) -> None:
    world = enter(fourth_day_arrived)
    world.in_shop(f"update order_items set unit_price = null where {LINES.format(D4, 12)}")
    world.complete(("shop",))
    before = world.published()
    with pytest.raises(BadData) as raised:
        world.complete(("core_shop",))
    message = str(raised.value)
    assert "core.shop_coverage: 1 of" in message
    assert f"ds {D4}, table_name order_lines, quarantine_reason missing_unit_price, row_count 12" in message
    assert not differences(world.published(), before)

    *_, key = message.split()
    table = specs.load().table("core.shop_coverage")
    found = inspect(table, held_staging_table(table, key, Ledger()), open_warehouse())
    [refused] = [one.after for one in found if (one.what, one.column, one.before) == ("total", "refused_count", None)]
    assert refused >= 12
