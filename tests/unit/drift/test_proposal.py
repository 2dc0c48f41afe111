"""The edit of a contract that agrees to what a source sends: as small as the change, in the style of the file."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from headline import specs
from headline.drift.proposal import _Contract, propose
from headline.errors import BadRequest, SpecError
from headline.ledger import ColumnChange, Load, SchemaChange, SchemaChanges
from headline.specs import load_contract

D1 = date(2026, 3, 1)
CONTRACT = """\
# Agreed with the shop's team.
description: One row per order that arrived.
columns:
  ds: Business day.   # in one line
  order_id:
    nullable: false
    severity: warning
    description: 'Key of the order.'   # theirs
  amount: {min: 0, description: What was paid.}
checks:
  every order_id is worth something: {dimension: schema, expression: amount = 0 and order_id_2 is null}
  an order_id comes once: {repeated: {by: [ds, order_id]}}
"""


@pytest.fixture
def shop(project: Any) -> Any:
    project.write("sources/shop/orders.contract.yml", CONTRACT)
    return project


def told(*changes: ColumnChange, columns: tuple[str, ...] = ()) -> None:
    SchemaChanges().record(
        SchemaChange("landing.orders", D1, "file:///x", "run", dict.fromkeys(columns, "string"), list(changes))
    )


def edited(*changes: ColumnChange) -> list[str]:
    """The lines of the proposed edit."""
    told(*changes, columns=tuple(change.column for change in changes))
    diff = propose(specs.load(), "raw.orders").diff.splitlines()
    assert diff[0] == "--- a/sources/shop/orders.contract.yml"
    return [line for line in diff[2:] if line[0] in "+-"]


def test_an_added_column_is_appended_to_be_described(shop: Any) -> None:
    assert edited(ColumnChange("CouponCode", "added", after="text"), ColumnChange("fee", "added", after="decimal(9, 2)")) == [
        "+  coupon_code: To be written. What it means, and in which unit.",
        "+  fee: {type: 'decimal(9, 2)', description: 'To be written. What it means, and in which unit.'}",
    ]


def test_a_column_that_is_gone_is_removed(shop: Any) -> None:
    assert edited(ColumnChange("order_id", "removed", "text")) == [
        "-  order_id:",
        "-    nullable: false",
        "-    severity: warning",
        "-    description: 'Key of the order.'   # theirs",
    ]


def test_a_renamed_column_is_renamed_in_the_checks_too(shop: Any) -> None:
    assert edited(ColumnChange("order_id", "renamed", "text", "text", "orderNumber", "same type")) == [
        "-  order_id:",
        "+  order_number:",
        "+    type: varchar",
        "-  an order_id comes once: {repeated: {by: [ds, order_id]}}",
        "+  an order_id comes once: {repeated: {by: [ds, order_number]}}",
    ]


def test_a_retyped_column_changes_its_type(shop: Any) -> None:
    assert edited(
        ColumnChange("amount", "retyped", "decimal(18, 4)", "text"), ColumnChange("order_id", "retyped", "text", "integer")
    ) == [
        "+    type: bigint",
        "-  amount: {min: 0, description: What was paid.}",
        "+  amount: {type: varchar, min: 0, description: What was paid.}",
    ]


def test_a_type_that_the_name_says_is_not_stated(shop: Any) -> None:
    shop.replace("sources/shop/orders.contract.yml", "{min: 0,", "{type: varchar, min: 0,")
    assert edited(ColumnChange("amount", "retyped", "text", "decimal")) == [
        "-  amount: {type: varchar, min: 0, description: What was paid.}",
        "+  amount: {min: 0, description: What was paid.}",
    ]


def test_a_contract_in_the_format_of_soda_is_left_to_its_author(shop: Any) -> None:
    text = (shop.sql / "core/core_shop/orders.contract.yml").read_text().replace("core/orders", "raw/orders")
    shop.write("sources/shop/orders.contract.yml", text)
    told(ColumnChange("amount", "removed", "decimal"))
    found = propose(specs.load(), "raw.orders")
    assert (found.diff, found.notes[-1]) == ("", "orders.contract.yml is written as Soda reads it: edit it by hand")


def test_other_files_that_name_the_column_are_told(shop: Any) -> None:
    told(ColumnChange("amount", "removed", "decimal"))
    assert propose(specs.load(), "raw.orders").notes == [
        "amount: do without it in orders.sql",
        "amount: mentioned in sources/shop/orders.sql (line 4), core/core_shop/orders.sql (line 4, 5), "
        "core/core_shop/orders.contract.yml (line 6), sources/shop/orders.contract.yml (line 10)",
    ]


def test_what_the_mapping_makes_otherwise_leaves_the_contract_as_it_is(shop: Any) -> None:
    shop.replace("sources/shop/orders.sql", "cast(order_id as varchar)", '"OrderNo"')
    told(ColumnChange("OrderNo", "renamed", "text", "text", "OrderNumber", "same type"))
    found = propose(specs.load(), "raw.orders")
    assert found.diff == ""
    assert found.notes[-1] == "the contract can stay as it is"


def test_news_are_proposed_as_long_as_they_come_and_nobody_reads_them(shop: Any) -> None:
    load = Load(
        "landing.orders",
        D1,
        "f",
        1,
        "c",
        {"ds": "", "order_id": "", "amount": "", "coupon": "", "fee": ""},
        "",
        datetime.now(UTC),
    )
    told(ColumnChange("coupon", "added", after="text"), columns=("coupon",))
    told(ColumnChange("fee", "added", after="integer"), ColumnChange("gone_again", "added", after="text"), columns=("fee",))
    shop.ledger.record_loads([load], "run")
    assert [change.column for change in propose(specs.load(), "raw.orders").changes] == ["coupon", "fee"]
    shop.replace("sources/shop/orders.sql", "    ds,", "    ds,\n    coupon,")
    assert [change.column for change in propose(specs.load(), "raw.orders").changes] == ["fee"]


def test_nothing_that_ever_changed_is_nothing_to_propose(shop: Any) -> None:
    found = propose(specs.load(), "raw.orders")
    assert (found.changes, found.diff, found.notes) == ([], "", [])


def test_a_table_that_no_source_fills_is_refused(shop: Any) -> None:
    with pytest.raises(BadRequest, match=r"core\.orders is made of other tables"):
        propose(specs.load(), "core.orders")
    with pytest.raises(SpecError, match=r"no table is called raw\.oders"):
        propose(specs.load(), "raw.oders")


def test_no_contract_of_the_repository_changes_by_being_read_and_written() -> None:
    tables = list(specs.load().tables.values())
    assert len(tables) > 20
    assert [table.full_name for table in tables if _Contract(table).diff()] == []
    assert all(Path(table.contract_file).read_text() == _Contract(table).edited() for table in tables)
    assert all(load_contract(table) for table in tables)
