"""A contract as it is written, and the contract that conventions and templates make of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from headline import specs
from headline.errors import SpecError
from headline.intervals import Interval
from headline.specs import Contract, load_contract
from headline.sql import check_queries, code_version, soda_contract

CONTRACT = "core/core_shop/orders.contract.yml"
MARCH = Interval(date(2026, 3, 1), date(2026, 3, 2))
CONVENTIONS = """
types:
  date: {type: date, names: ds}
  text: {type: varchar, names: '\\w+_id'}
  money: {type: 'decimal(18, 4)', min: 0, names: amount}
columns:
  ds: {nullable: false, description: Business day.}
  order_id: Key of the order.
  amount: {max: 100, description: 'Paid in the {period}.'}
checks:
  'orders of the {period} are worth something': {dimension: schema, severity: warning, expression: amount = 0}
"""
DUPLICATES = "{% macro twice(by) %}select {{ by | join(', ') }} from {{ table }} where {{ by[0] }} is null{% endmacro %}\n"


@pytest.fixture
def shop(project: Any) -> Any:
    project.write("conventions.yml", CONVENTIONS)
    project.write("checks/duplicates.jinja", DUPLICATES)
    project.replace("core/core_shop/pipeline.yml", "orders:\n", "orders:\n    key: [ds, order_id]\n")
    return project


def written(project: Any, text: str, path: str = CONTRACT) -> None:
    project.write(path, f"description: One row per order.\n{text}")


def contract(name: str = "core.orders") -> Contract:
    return load_contract(specs.load().table(name))


def promised(found: Contract) -> dict[str, dict[str, Any] | None]:
    """By path what each check holds a row to."""
    return {check.path: check.body or None for check in found.listed_checks}


def faults(project: Any, text: str) -> str:
    written(project, text)
    with pytest.raises(SpecError) as caught:
        contract()
    return "\n".join(caught.value.faults)


def test_what_is_not_written_follows_from_names_and_from_the_key(shop: Any) -> None:
    written(shop, "columns:\n  ds:\n  order_id:\n  amount:\n")
    found = contract()
    assert found.ddl() == "ds date, order_id varchar, amount decimal(18, 4)"
    assert [column.description for column in found.columns] == ["Business day.", "Key of the order.", "Paid in the day."]
    assert promised(found) == {
        "columns.ds.checks.missing": None,
        "columns.order_id.checks.missing": None,
        "columns.amount.checks.missing": None,
        "columns.amount.checks.invalid": {"valid_min": 0, "valid_max": 100},
        "checks.schema": None,
        "checks.duplicate": {"columns": ["ds", "order_id"]},
    }


def test_what_is_written_goes_before_what_follows(shop: Any) -> None:
    written(
        shop,
        "columns:\n  ds: Day of the order.\n  order_id: {nullable: true, unique: true, severity: warning}\n"
        "  amount: {type: bigint, min: null, max: 7}\n",
    )
    found = contract()
    warning = {"threshold": {"level": "warn", "must_be": 0}}
    assert found.ddl() == "ds date, order_id varchar, amount bigint"
    assert found.columns[0].description == "Day of the order."
    assert promised(found) == {
        "columns.ds.checks.missing": None,
        "columns.order_id.checks.duplicate": warning,
        "columns.amount.checks.missing": None,
        "columns.amount.checks.invalid": {"valid_max": 7},
        "checks.schema": None,
    }, "a key that may be NULL is not asked for"
    written(shop, "duplicates: warning\ncolumns:\n  ds:\n  order_id: {nullable: true}\n  amount:\n")
    assert promised(contract())["checks.duplicate"] == {"columns": ["ds", "order_id"], **warning}, "unless it is stated"


def test_what_arrives_may_be_anything_but_what_is_stated(shop: Any) -> None:
    written(shop, "columns:\n  ds:\n  order_id:\n  amount: {min: 1}\n", "sources/shop/orders.contract.yml")
    assert promised(contract("raw.orders")) == {
        "columns.ds.checks.missing": None,
        "columns.amount.checks.invalid": {"valid_min": 1},
        "checks.schema": None,
    }


def test_a_template_goes_before_conventions_and_its_words_fit_the_period(shop: Any) -> None:
    shop.write("templates/paid.yml", "columns:\n  amount: {nullable: true, description: 'Paid a {period}.'}\n")
    written(shop, "like: paid\ncolumns:\n  ds:\n  order_id:\n  amount:\nchecks:\n  orders of the day are worth something:\n")
    found = contract()
    assert found.columns[2].description == "Paid a day."
    assert "columns.amount.checks.missing" not in promised(found)
    [check] = [check for check in found.listed_checks if check.type == "failed_rows"]
    assert (check.name, check.dimension, check.warns) == ("orders of the day are worth something", "schema", True)


def test_numbers_say_over_what_they_sum_once_for_all(shop: Any) -> None:
    written(
        shop,
        "additive_over: [ds]\ncolumns:\n  ds:\n  order_id:\n  amount:\n"
        "  fee: {type: bigint, additive_over: all, description: Cents.}\n",
    )
    assert [column.attributes.additive_over for column in contract().columns] == [None, None, ("ds",), "all"]


COLUMNS = "columns:\n  ds:\n  order_id:\n  amount:\nchecks:\n"


def test_a_check_is_a_macro_with_arguments_or_a_file(shop: Any) -> None:
    written(
        shop,
        COLUMNS
        + "  no order comes twice: {twice: {by: [order_id, ds]}}\n"
        + "  no order is free: {dimension: schema, description: Ask the shop whether they were a gift., sql: free}\n"
        + "  every order is dear: {dimension: reconciliation, severity: warning, sql: cheap}\n",
    )
    shop.write("core/core_shop/orders.free.sql", "select order_id from {{ table }} where amount = 0")
    shop.write("checks/cheap.sql", "select order_id from {{ table }} where amount < 9")
    table, found = specs.load().table("core.orders"), contract()
    queries = {path.rpartition(".")[2]: query.sql() for path, query in check_queries(table, [MARCH]).items()}
    assert queries == {
        "no_order_comes_twice": "SELECT order_id, ds FROM core.orders WHERE order_id IS NULL",
        "no_order_is_free": "SELECT order_id FROM core.orders WHERE amount = 0",
        "every_order_is_dear": "SELECT order_id FROM core.orders WHERE amount < 9",
    }
    assert [(one.dimension, one.warns, one.description) for one in found.listed_checks[-3:]] == [
        ("duplicates", False, None),
        ("schema", False, "Ask the shop whether they were a gift."),
        ("reconciliation", True, None),
    ]
    assert [file.name for file in found.sql_files.values()] == ["orders.free.sql", "cheap.sql"]


def test_whatever_a_contract_is_made_of_is_read_again_when_it_changes(shop: Any) -> None:
    written(shop, COLUMNS + "  no order is free: {dimension: schema, sql: free}\n")
    shop.write("core/core_shop/orders.free.sql", "select order_id from {{ table }} where amount = 0")
    table = specs.load().table("core.orders")
    before = code_version(table)
    shop.write("core/core_shop/orders.free.sql", "select order_id from {{ table }} where amount = 1")
    check = code_version(table)
    shop.write("conventions.yml", CONVENTIONS.replace("max: 100", "max: 99"))
    assert len({before, check, code_version(table)}) == 3
    shop.write("conventions.yml", CONVENTIONS.replace("Paid in", "Got in"))
    assert code_version(table) == check, "what a column means changes no verdict"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("columns:\n  weight: In grams.\n", "columns.weight: its name tells no type that conventions.yml knows; state `type`"),
        ("columns:\n  customer_id:\n", "columns.customer_id: say what it means; conventions.yml does not"),
        ("columns:\n  ds: {nulable: true}\n", "columns.ds.nulable: Extra inputs are not permitted"),
        ("like: nothing\ncolumns:\n  ds:\n", "like: nothing.yml: cannot be read"),
        (COLUMNS + "  a: {dimension: schema}\n", "checks.a: has nothing; give one of sql, expression, or the name of a macro"),
        (COLUMNS + "  a: {dimension: schema, sql: a, expression: b}\n", "checks.a: has sql, expression; give one of"),
        (COLUMNS + "  a: {expression: amount < 0}\n", "checks.a: say the dimension; there are schema, "),
        (COLUMNS + "  a: {thrice: {by: [ds]}}\n", "checks.a: no macro is called thrice; include/sql/checks has twice"),
        (COLUMNS + "  a: {twice: [ds]}\n", "checks.a.twice: give its arguments by name"),
        (
            COLUMNS + "  a: {dimension: schema, sql: b}\n",
            "checks.a.sql: the folder has no orders.b.sql, and include/sql/checks no b",
        ),
        (COLUMNS + "  a: {dimension: beauty, expression: b}\n", "checks.a.dimension: Input should be 'schema', "),
    ],
)
def test_what_is_not_understood_is_told_where_it_stands(shop: Any, text: str, fault: str) -> None:
    assert f"core_shop/orders.contract.yml: {fault}" in faults(shop, text)


def test_conventions_that_are_wrong_are_told(shop: Any) -> None:
    shop.write("conventions.yml", "types:\n  money: {type: bigint, names: '('}\n")
    assert "conventions.yml: types.money: Value error, names: '(' is no regular expression" in faults(shop, "columns:\n  ds:\n")


def test_all_of_it_is_a_contract_of_soda(shop: Any) -> None:
    written(shop, COLUMNS + "  no order comes twice: {twice: {by: [order_id]}}\n  orders of the day are worth something:\n")
    found = soda_contract(specs.load().table("core.orders"), MARCH, "duckdb")
    assert found["filter"] == "ds >= date '2026-03-01' and ds < date '2026-03-02'"
    assert found["columns"][2] == {
        "name": "amount",
        "data_type": "decimal",
        "numeric_precision": 18,
        "numeric_scale": 4,
        "description": "Paid in the day.",
        "checks": [{"missing": None}, {"invalid": {"valid_min": 0, "valid_max": 100}}],
    }
    assert found["checks"][2]["failed_rows"] == {
        "name": "no order comes twice",
        "attributes": {"dimension": "duplicates"},
        "query": "SELECT\n  order_id\nFROM core.orders\nWHERE\n  order_id IS NULL",
        "qualifier": "no_order_comes_twice",
    }
