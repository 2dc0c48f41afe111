"""Rules over every table: its SQL is portable and says what its spec and contract say; its contract checks what it must.

A rule is a function from a table to its faults, so that each can be shown a broken table too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.repository.written import ROOT, tables

from headline.rules.casts import numbers_are_rounded_alike, numbers_in_checks_are_rounded_alike
from headline.rules.meaning import keys_come_from_content, sums_in_checks_keep_their_meaning, sums_keep_their_meaning
from headline.rules.reads import checks_read_what_is_there, names_are_known, names_in_checks_are_known, reads_are_stated
from headline.rules.scans import scans, scans_are_few
from headline.rules.tables import (
    RULES,
    Rule,
    checks_are_enough,
    checks_are_portable,
    checks_name_the_rows,
    columns_are_those_of_the_contract,
    everything_is_described,
    figures_tell_their_coverage,
    key_tells_rows_apart,
    names_say_the_type,
    period_column_is_there,
    personal_data_stays,
    soda_understands_the_contract,
    sql_is_portable,
    sums_are_stated,
)
from headline.rules.written import Written
from headline.specs import Column, Contract, Window
from headline.specs.contract import ColumnAttributes
from headline.sql import parse, write

TABLES = tables()


def test_there_are_tables_to_look_at() -> None:
    assert len(TABLES) >= 24
    assert {written.pipeline.folder.relative_to(ROOT).parts[0] for written in TABLES} == {"include", "examples"}
    assert len([check for written in TABLES for check in written.checks]) >= 20


# A test for each rule and table would take longer than the rules.
@pytest.mark.parametrize("written", TABLES, ids=str)
def test_tables_obey(written: Written) -> None:
    assert len(RULES) >= 20
    assert {rule.__name__: faults for rule in RULES if (faults := list(rule(written)))} == {}


# One deliberately broken table for every rule.


def named(name: str) -> Written:
    return next(written for written in TABLES if written.table.full_name == name)


def altered(contract: Contract, **changes: Any) -> Contract:
    """Another contract, without what the first has worked out of its fields."""
    return Contract.model_construct(**{**dict(contract), **changes})


def with_column(written: Written, name: str, /, **changes: Any) -> Written:
    columns = [column.model_copy(update=changes) if column.name == name else column for column in written.contract.columns]
    return replace(written, found_contract=altered(written.contract, columns=columns))


def without_columns(written: Written, *names: str) -> Written:
    columns = [column for column in written.contract.columns if column.name not in names]
    return replace(written, found_contract=altered(written.contract, columns=columns))


def with_checks(written: Written, checks: list[dict[str, Any]]) -> Written:
    contract = altered(written.contract, checks=checks)
    contract._content = {**written.contract.content, "checks": checks}
    return replace(written, found_contract=contract)


def with_query(written: Written, sql: str, **checks: str) -> Written:
    return replace(written, found_query=parse(sql, "broken"), checks={name: parse(check, name) for name, check in checks.items()})


def with_table(written: Written, **changes: Any) -> Written:
    return replace(written, table=written.table.model_copy(update=changes))


def with_reads(written: Written, name: str) -> Written:
    return with_table(written, reads={**written.table.reads, name: Window()})


SUMMARY = named("profit.daily_profit_summary")
CUSTOMERS = named("raw.customers")
ORDER_ITEMS = named("raw.order_items")
SELECT = write(SUMMARY.query, "duckdb")
ROW_COUNT = {"row_count": {"threshold": {"level": "warn"}}}
# Each CTE reads the one before twice.
DOUBLED = (
    "with a0 as (select ds from core.expenses), "
    + ", ".join(
        f"a{n} as (select one.ds from a{n - 1} as one inner join a{n - 1} as other on one.ds = other.ds)" for n in range(1, 7)
    )
    + " select ds from a6"
)
BROKEN: list[tuple[Rule, Written, str]] = [
    (reads_are_stated, with_query(SUMMARY, SELECT.replace("profit.expense_allocation", "core.expenses")), "without stating"),
    (reads_are_stated, with_reads(SUMMARY, "core.products"), "without reading"),
    (checks_read_what_is_there, with_query(SUMMARY, SELECT, lost="select ds from core.absent"), "nobody makes"),
    (
        checks_read_what_is_there,
        with_query(SUMMARY, SELECT, early="select month from profit.monthly_profit_trends"),
        "not be computed yet",
    ),
    (sql_is_portable, with_query(SUMMARY, "select * from profit.unit_profit"), "name the columns"),
    (
        checks_are_portable,
        with_query(SUMMARY, SELECT, clock="select now() as n"),
        "check «clock»: NOW(): a transform reads no clock",
    ),
    (columns_are_those_of_the_contract, with_query(SUMMARY, "select ds from profit.unit_profit"), "lacks category, "),
    (columns_are_those_of_the_contract, with_query(SUMMARY, "select ds, ds from profit.unit_profit"), "gives ds more than once"),
    (columns_are_those_of_the_contract, with_column(SUMMARY, "ds", name="day"), "gives ds, which the contract does not have"),
    (names_are_known, with_query(SUMMARY, SELECT.replace("entries.category", "entries.kategory")), "duckdb: "),
    (names_in_checks_are_known, with_query(SUMMARY, SELECT, wrong="select nonsense from core.products"), "check «wrong»"),
    (
        names_in_checks_are_known,
        with_query(SUMMARY, SELECT, alias="select quantity + 1 as more from core.order_lines where more > 1"),
        "athena: ",
    ),
    (
        numbers_are_rounded_alike,
        with_query(SUMMARY, "select ds, cast(sum(net_revenue) as bigint) as units from profit.daily_profit_summary group by ds"),
        "Spark cuts off what others round",
    ),
    (
        numbers_are_rounded_alike,
        with_query(
            SUMMARY,
            "with means as (select ds, avg(cast(net_revenue as double)) as mean from profit.daily_profit_summary group by ds) "
            "select ds, cast(mean as decimal(18, 6)) as mean from means",
        ),
        "AS DECIMAL(18, 6)): engines round a double differently",
    ),
    (
        numbers_in_checks_are_rounded_alike,
        with_query(
            SUMMARY, SELECT, cents="select ds, round(cast(net_revenue as double), 2) as b from profit.daily_profit_summary"
        ),
        "check «cents»: ROUND(",
    ),
    (names_say_the_type, with_column(SUMMARY, "net_revenue", numeric_scale=2), "name says signed money"),
    (names_say_the_type, with_column(SUMMARY, "order_count", name="orders", data_type="double"), "money is exact"),
    (names_say_the_type, with_column(SUMMARY, "net_revenue", name="takings"), "its name should say so"),
    (period_column_is_there, with_column(SUMMARY, "ds", name="day"), "first column"),
    (figures_tell_their_coverage, with_column(SUMMARY, "coverage", name="covered_share"), "go together"),
    (figures_tell_their_coverage, without_columns(SUMMARY, "coverage", "is_partial"), "which every figure has"),
    (
        sums_are_stated,
        with_column(SUMMARY, "order_count", attributes=ColumnAttributes()),
        "order_count: say over which columns of the key",
    ),
    (
        sums_are_stated,
        with_column(SUMMARY, "order_count", attributes=ColumnAttributes(additive_over=("ds", "sales_channel"))),
        "order_count: additive_over has sales_channel, which is not in the key",
    ),
    (sums_are_stated, with_column(SUMMARY, "coverage", attributes=ColumnAttributes(additive_over="all")), "but it is a ratio"),
    (
        sums_keep_their_meaning,
        with_query(SUMMARY, "select ds, sum(order_count) as order_count from profit.daily_profit_summary group by ds"),
        "sum(order_count) of profit.daily_profit_summary adds up category, over which",
    ),
    (
        sums_in_checks_keep_their_meaning,
        with_query(
            SUMMARY,
            SELECT,
            users="select month, cast(coalesce(sum(day.active_users), 0) as bigint) as active_users from calendar.days as days "
            "inner join growth.daily_growth as day on days.ds = day.ds group by days.month",
        ),
        "check «users»: sum(active_users) of growth.daily_growth adds up ds, experiment_id, over which",
    ),
    (
        keys_come_from_content,
        with_query(
            ORDER_ITEMS,
            "with numbered as (select ds, order_id, sku, row_number() over (partition by ds, order_id order by sku) as position, "
            "quantity from landing.lines) select ds, order_id, cast(position as integer) as line_number from numbered",
        ),
        "line_number: row_number() gives it by an order that leaves quantity open",
    ),
    (scans_are_few, with_query(SUMMARY, DOUBLED), "reads tables 64 times, at most 60 are allowed"),
    (scans_are_few, with_query(SUMMARY, SELECT, grown=DOUBLED), "check «grown»: reads tables 64 times"),
    (everything_is_described, with_column(SUMMARY, "ds", description="day"), "no sentence"),
    (checks_are_enough, with_checks(SUMMARY, [{"duplicate": {"columns": ["ds"]}}]), "no check of Soda's type schema"),
    (checks_are_enough, with_checks(SUMMARY, [{"schema": None}]), "no check of the dimension duplicates"),
    (checks_are_enough, with_table(SUMMARY, exempt={"duplicates": "it has none"}), "is exempt from duplicates, but has"),
    (checks_are_enough, with_checks(SUMMARY, [{"schema": None}, {"failed_rows": {"query": "select 1"}}]), "a name of their own"),
    (key_tells_rows_apart, with_table(SUMMARY, key=[]), "states no key"),
    (
        key_tells_rows_apart,
        with_table(SUMMARY, key=["ds", "product_id"]),
        "key: has product_id, which its contract does not have",
    ),
    (
        key_tells_rows_apart,
        with_table(SUMMARY, key=["ds"]),
        "but the duplicate check says ds, category",
    ),
    (checks_name_the_rows, with_query(SUMMARY, SELECT, total="select sum(net_profit) as total from core.x"), "check «total»"),
    (checks_name_the_rows, with_query(SUMMARY, SELECT, twice="select ds, ds from core.x"), "check «twice»"),
    (
        personal_data_stays,
        with_query(CUSTOMERS, SELECT, hidden="select customer_id, lower(email) as who from raw.customers"),
        "check «hidden» selects email, which is personal data",
    ),
    (personal_data_stays, with_table(CUSTOMERS, key=["ds", "email"]), "its key has email"),
    (
        soda_understands_the_contract,
        with_checks(SUMMARY, [{"row_count": {"threshold": {"must_be_greater": 1}}}]),
        "must_be_greater",
    ),
]


@pytest.mark.parametrize(("rule", "written", "fault"), BROKEN, ids=[f"{rule.__name__}: {fault}" for rule, _, fault in BROKEN])
def test_a_broken_table_is_caught(rule: Rule, written: Written, fault: str) -> None:
    assert fault in "\n".join(rule(written))


ROUNDED = (
    "cast(round(net_revenue, 0) as bigint)",
    "cast(net_revenue * 1.5 as decimal(18, 2))",
    "cast(cast(net_revenue as double) / 7 as decimal(18, 6))",
    "cast(order_count as integer)",
    "round(net_revenue / nullif(cast(3 as double), 0), 0)",
)


def test_what_every_engine_rounds_alike_is_let_through() -> None:
    for one in ROUNDED:
        written = with_query(SUMMARY, f"select ds, {one} as found from profit.daily_profit_summary")
        assert list(numbers_are_rounded_alike(written)) == []


SUMS = {
    "by all that tells rows apart": "select ds, category, sum(order_count) as order_count from {} group by ds, category",
    "over what it may": "select category, sum(order_count) as order_count from {} group by category",
    "held to a value": "select ds, sum(order_count) as order_count from {} where (category = 'bags' and ds > 'x') group by ds",
    "what it is called": "select ds, sum(order_count) as order_category_count from {} group by ds",
    "can be summed": "select sum(net_revenue) as net_revenue from {}",
    "by way of another table": "select days.ds, one.category, sum(one.order_count) as order_count from calendar.days as days "
    "inner join {} as one on days.ds = one.ds group by days.ds, one.category",
}


@pytest.mark.parametrize("sql", SUMS.values(), ids=SUMS)
def test_a_sum_that_keeps_its_meaning_is_let_through(sql: str) -> None:
    assert list(sums_keep_their_meaning(with_query(SUMMARY, sql.format("profit.daily_profit_summary")))) == []


NUMBERS = {
    "over every column": "row_number() over (partition by ds, order_id order by sku, quantity)",
    "by content alone": "dense_rank() over (partition by ds, order_id order by sku)",
}


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
def test_a_key_that_follows_from_content_is_let_through(number: str) -> None:
    sql = f"select ds, order_id, sku, quantity, headline_refusal, {number} as line_number from landing.lines"
    assert list(keys_come_from_content(with_query(ORDER_ITEMS, sql))) == []


SCANS = {
    "select x from a.b": 1,
    "select x from own.t": 2,
    "with c as (select x from a.b) select c.x from c inner join c as d on c.x = d.x": 2,
    "with c as (select x from a.b), d as (select x from c union all select x from c) select x from d cross join d as e": 4,
    "with c as (select x from a.b) select s.x from (with c as (select x from own.t) select x from c) as s cross join c": 3,
}


@pytest.mark.parametrize(("sql", "count"), SCANS.items())
def test_a_cte_is_scanned_as_often_as_it_is_read(sql: str, count: int) -> None:
    assert scans(parse(sql, "scans"), {"own.t"}) == count


def test_a_table_without_a_blocking_check_is_caught() -> None:
    quiet = [Column(**{**column.model_dump(), "checks": []}) for column in SUMMARY.contract.columns]
    written = with_checks(SUMMARY, [ROW_COUNT])
    written = replace(written, found_contract=altered(written.contract, columns=quiet))
    assert "has no check that blocks" in list(checks_are_enough(written))


def test_every_rule_has_a_broken_table() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(RULES)
