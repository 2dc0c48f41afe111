"""What landed is in the table that takes it over, row for row and to the last digit of its money."""

import json
from datetime import date
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from headline.errors import BadData
from headline.intervals import DAY, Interval
from headline.sources.agreed import Agreed
from headline.sources.intact import manifest_of
from headline.sources.landing import LandingWriter
from headline.sources.storage import path_of, sha256_of
from headline.sources.text import batch

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture
def landed(project: Any) -> Any:
    """The project after two days have landed, with one row and with three."""
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00"), ("c", "20.00"), ("d", "30.00")]})
    return project


@pytest.mark.parametrize(
    "how", ["and amount <> '20.00'", "and order_id <> 'a' union all select ds, order_id, 7 from landing.orders"]
)
def test_a_mapping_that_drops_or_doubles_rows_is_held(landed: Any, how: str) -> None:
    landed.replace("sources/shop/orders.sql", "< date '{{ end }}'", f"< date '{{{{ end }}}}' {how}")
    with pytest.raises(BadData, match=r"orders\.sql drops or duplicates rows: if that is intended, list the table's `reads` in"):
        landed.publish("shop", D1, D2)


def test_a_mapping_that_states_its_reads_may_leave_rows_out(landed: Any) -> None:
    landed.replace("sources/shop/orders.sql", "< date '{{ end }}'", "< date '{{ end }}' and amount <> '20.00'")
    landed.replace("sources/shop/source.yml", "orders:\n", "orders: {reads: {landing.orders: {}}}\n")
    landed.publish("shop", D1, D2)
    assert landed.query("select count(*) from raw.orders") == [(3,)]


def test_refused_records_may_be_left_out_by_a_mapping_that_does_not_ask_for_them(project: Any) -> None:
    land(project, {D1: [("a", "1.00"), ("b", "one")]})
    project.publish("shop", D1)
    assert project.query("select order_id from raw.orders") == [("a",)]


@pytest.fixture
def agreed_money(project: Any) -> Any:
    """The project after two days have landed whose manifests keep the sum of what was agreed as money."""
    land(project, {D1: [("a", "1.00")], D2: [("b", "10.00"), ("c", "20.00"), ("d", "30.00"), ("e", "thirty")]})
    add = "as amount,\n    headline_refusal as refusal"
    project.replace("sources/shop/orders.sql", "as amount", add)
    refusal = "  - {name: refusal, data_type: varchar, description: Why it cannot be read.}\nchecks:"
    project.replace("sources/shop/orders.contract.yml", "checks:\n  - schema", f"{refusal}\n  - schema")
    return project


def land(project: Any, days: dict[date, list[tuple[str, str]]], kinds: dict[str, set[str]] | None = None) -> None:
    writer = LandingWriter("shop", "landing.orders", "test", Agreed(kinds or {"amount": {"decimal(18, 4)"}}))
    parts = [(day, batch({"order_id": key, "amount": amount} for key, amount in rows)) for day, rows in days.items()]
    project.ledger.record_loads(writer.write(parts, days), "arrival")


def test_money_that_landed_is_taken_over_with_refused_records_beside_it(agreed_money: Any) -> None:
    agreed_money.publish("shop", D1, D2)
    assert agreed_money.query("select sum(amount), count(refusal) from raw.orders") == [(61, 1)]


@pytest.mark.parametrize(
    ("how", "total"),
    [
        ("cast(amount as decimal(18, 4)) * 2", "120.0000"),
        ("case when order_id = 'c' then 21 else cast(amount as decimal(18, 4)) end", "61.0000"),
    ],
)
def test_a_mapping_that_changes_money_is_held_though_no_row_is_lost(agreed_money: Any, how: str, total: str) -> None:
    agreed_money.replace("sources/shop/orders.sql", "cast(amount as decimal(18, 4))", how)
    told = rf"differs from the landed money.*\n.*2026-03-02: amount of 4 rows sums to 60.0000 by the manifest.*, to {total} in"
    with pytest.raises(BadData, match=told) as raised:
        agreed_money.publish("shop", D2)
    assert "headline compile raw.orders" in str(raised.value)


def test_a_landed_value_that_was_altered_with_its_checksum_is_found_by_the_sum(agreed_money: Any) -> None:
    """Whoever can write to the landing zone can write the manifest's digest too."""
    [load] = agreed_money.ledger.current_loads("landing.orders", [Interval(D2, D2 + DAY)])
    file = path_of(load.file)
    rows = pq.ParquetFile(file).read()
    place = rows.schema.get_field_index("amount")
    altered = pc.if_else(pc.equal(rows.column(place), "20.00"), "2000.00", rows.column(place))
    pq.write_table(rows.set_column(place, "amount", altered), file)
    manifest = json.loads(manifest_of(file).read_text())
    manifest_of(file).write_text(json.dumps(manifest | {"sha256": sha256_of(file)}))
    with pytest.raises(
        BadData, match=r"amount of 4 rows sums to 60.0000 by the manifest of .*, to 2,040.0000 in the staging table"
    ):
        agreed_money.publish("shop", D2)


def test_a_manifest_from_before_sums_were_kept_counts_rows(agreed_money: Any) -> None:
    [load] = agreed_money.ledger.current_loads("landing.orders", [Interval(D2, D2 + DAY)])
    manifest = json.loads(manifest_of(path_of(load.file)).read_text())
    assert manifest.pop("sums") == {"amount": "60.0000"}
    manifest_of(path_of(load.file)).write_text(json.dumps(manifest))
    agreed_money.replace("sources/shop/orders.sql", "cast(amount as decimal(18, 4))", "cast(amount as decimal(18, 4)) * 2")
    agreed_money.publish("shop", D2)


def test_what_can_be_read_of_a_refused_record_is_taken_over(project: Any) -> None:
    """The money of a record with another fault counts in quarantine by its size, and not as a usual one."""
    project.replace("sources/shop/orders.sql", "cast(order_id as varchar)", "cast(order_id as integer)")
    project.replace("sources/shop/orders.sql", "as amount", "as amount,\n    headline_refusal as refusal")
    project.replace("sources/shop/orders.contract.yml", "order_id, data_type: varchar", "order_id, data_type: integer")
    refusal = "  - {name: refusal, data_type: varchar, description: Why it cannot be read.}\nchecks:"
    project.replace("sources/shop/orders.contract.yml", "checks:\n  - schema", f"{refusal}\n  - schema")
    rows = [("1", "10.00"), ("two", "5000.00"), ("3", "three"), ("four", "four")]
    land(project, {D1: rows}, {"order_id": {"integer"}, "amount": {"decimal(18, 4)"}})
    project.publish("shop", D1)
    assert project.query("select order_id, cast(amount as int), refusal from raw.orders order by 1 nulls last, 2 nulls last") == [
        (1, 10, None),
        (3, None, "invalid_amount"),
        (None, 5000, "invalid_order_id"),
        (None, None, "invalid_order_id"),
    ]
