"""Files by UTC date, days of another zone: every business day holds its own money, once, or it is not published."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from tests.repository.written import ROOT

from headline.errors import BadData, Transient
from headline.intervals import DAY
from headline.pipeline.ingest import ingest

D1, D2, D3, D4 = (date(2026, 5, 4) + DAY * n for n in range(4))
RAW = {
    "sources/shop/orders.sql": """
        select
            ds,
            cast(order_id as varchar) as order_id,
            cast(amount as decimal(18, 4)) as amount,
            cast(replace(replace(paid_at, 'T', ' '), 'Z', '') as timestamp) as paid_at
        from landing.orders
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        """,
    "sources/shop/orders.contract.yml": """
        dataset: warehouse/raw/orders
        description: One row per order that arrived.
        columns:
          - {name: ds, data_type: date, description: Business day., checks: [{missing: }]}
          - {name: order_id, data_type: varchar, description: Key of the order.}
          - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What was paid.}
          - {name: paid_at, data_type: timestamp, description: When it was paid.}
        checks:
          - schema:
          - failed_rows:
              name: every order stands on its day
              attributes: {kind: schema}
              query: |
                {% from 'checks/schema.jinja' import off_their_day with context %}
                {{ off_their_day('paid_at') }}
              threshold: {level: warn, must_be: 0}
          - failed_rows:
              name: days are cut in the reporting zone
              attributes: {kind: schema}
              query: |
                {% from 'checks/schema.jinja' import days_cut_wrong with context %}
                {{ days_cut_wrong('paid_at') }}
        """,
}
Drop = Callable[..., None]


@pytest.fixture
def shop(project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Reports in Denver, 6 hours behind UTC; its source tells the moment of a record."""
    monkeypatch.setenv("HEADLINE_REPORTING_ZONE", "America/Denver")
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DROP", json.dumps({"conn_type": "fs", "extra": {"path": f"file://{tmp_path}"}}))
    for folder in ("checks", "macros"):
        shutil.copytree(ROOT / "include/sql" / folder, project.sql / folder)
    for path, text in RAW.items():
        project.write(path, text)
    project.replace("sources/shop/source.yml", "format: csv}", "format: csv, moment: paid_at}")
    return project


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    def drop(day: date, *orders: tuple[str, str, str]) -> None:
        lines = ["order_id,amount,paid_at", *map(",".join, orders), ""]
        (tmp_path / f"orders_{day}.csv").write_text("\n".join(lines))

    return drop


def publish(project: Any, first: date, last: date | None = None) -> dict[str, Any]:
    ingest(project.run("shop", first, last))
    return dict(project.publish("shop", first, last))


def paid(project: Any) -> dict[date, int]:
    return {ds: int(amount) for ds, amount in project.query("select ds, sum(amount) from raw.orders group by ds order by ds")}


@pytest.mark.parametrize(
    "parts", [[(D1, D3)], [(D1, D2), (D3, D3)], *([(day, day) for day in order] for order in permutations((D1, D2, D3)))]
)
def test_money_stands_on_its_business_day_whatever_days_are_asked_for(
    shop: Any, drop: Drop, parts: list[tuple[date, date]]
) -> None:
    drop(D1, ("a", "1", f"{D1}T06:00:00Z"), ("b", "2", f"{D1}T23:00:00Z"))
    drop(D2, ("c", "4", f"{D2}T05:59:59Z"), ("d", "8", f"{D2}T06:00:00Z"))
    drop(D3, ("e", "16", f"{D3}T01:00:00-06:00"))
    drop(D4, ("f", "32", f"{D4}T05:00:00Z"), ("of the next day", "64", f"{D4}T07:00:00Z"))
    for first, last in parts:
        publish(shop, first, last)
    assert paid(shop) == {D1: 7, D2: 8, D3: 48}


def test_a_day_waits_for_the_file_that_holds_its_evening(shop: Any, drop: Drop) -> None:
    drop(D1, ("a", "1", f"{D1}T12:00:00Z"))
    with pytest.raises(Transient, match=rf"orders_{D2}\.csv: is not there yet, and {D1} is not complete without it"):
        publish(shop, D1)
    assert shop.ledger.states(["landing.orders", "raw.orders"]) == []
    drop(D2, ("b", "2", f"{D2}T04:00:00Z"))
    publish(shop, D1)
    assert paid(shop) == {D1: 3}


def test_files_whose_dates_are_taken_for_business_days_are_held(shop: Any, drop: Drop) -> None:
    """A quarter of the orders were paid in the evening of the day before."""
    shop.replace("sources/shop/source.yml", ", moment: paid_at", "")
    start = datetime(D1.year, D1.month, D1.day, tzinfo=UTC)
    drop(D1, *((f"o{hour}", "1", f"{start + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}") for hour in range(24)))
    ingest(shop.run("shop", D1))
    with pytest.raises(BadData, match="days are cut in the reporting zone"):
        shop.publish("shop", D1)
    assert shop.ledger.states(["raw.orders"]) == []


def test_a_single_order_off_its_day_is_told_and_stops_nothing(shop: Any, drop: Drop) -> None:
    drop(D1, *((f"o{number}", "1", f"{D1}T12:00:00Z") for number in range(9)))
    drop(D2, ("stray", "1", f"{D4}T12:00:00Z"), ("b", "1", f"{D2}T12:00:00Z"))
    drop(D3)
    done = publish(shop, D1, D2)["raw.orders"]
    assert [name.rpartition(": ")[2] for name, outcome in done.checks.items() if outcome != "passed"] == [
        "every order stands on its day"
    ]
    assert paid(shop) == {D1: 9, D2: 2}
