"""Rules over every table: its SQL is portable and says what its spec and contract say; its contract checks what it must.

A rule is a function from a table to its faults, so that each can be shown a broken table too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, get_args

import pytest
from sqlglot import exp, parse_one
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.qualify import qualify
from tests.repository.written import ROOT, Written, tables

from headline.specs import CheckKind, Column, Window, load_contract
from headline.sql import parse, personal_columns_shown, tables_read, write
from headline.sql.rules import violations
from headline.steps.soda import contract_faults

TABLES = tables()
KINDS_REQUIRED = get_args(CheckKind)
ALWAYS_THERE = "calendar.days"
TYPES = {
    "date": "date",
    "timestamp": "timestamp",
    "truth": "boolean",
    "money": "decimal(18, 4)",
    "exchange rate": "decimal(18, 8)",
    "ratio": "decimal(18, 6)",
    "minutes": "decimal(18, 4)",
    "squares": "decimal(38, 8)",
    "count": "bigint",
    "text": "varchar",
}
# DOMAIN: same quantity, same name, everywhere; and a name says what kind of thing it is. The first that matches counts.
NAMES = [
    ("truth", r"(is|has)_\w+"),
    ("date", r"ds|week|month|\w+_ds|\w+_on|\w+_date"),
    ("timestamp", r"\w+_at|valid_from|valid_to"),
    ("exchange rate", r"rate_to_\w+"),
    ("ratio", r"coverage|stickiness|\w+_margin|\w+_ratio|\w+_rate|\w+_change_on_\w+|mean_\w+|\w+_per_user"),
    ("minutes", r"(\w+_)?minutes"),
    ("squares", r"\w+_(sum_of_squares|product_sum)"),
    ("count", r"\w+_(count|users)|unit_count_sum"),
    (
        "money",
        r"amount|amount_in_\w+|pool_driver|driver|cost_of_goods|(\w+_)?(revenue|amount|profit|expense|cost|price)(_in_\w+|_sum)?|covariate_sum",
    ),
    ("text", r"\w+_id|\w+_code|\w+_name|category|sales_channel|entry|\w+_type|\w+_status|email"),
]


def reads_are_stated(written: Written) -> Iterator[str]:
    """Airflow parses pipeline.yml, not SQL: what it does not state is not waited for, nor computed again."""
    read, stated = tables_read(written.query), set(written.table.reads)
    if read - stated:
        yield f"reads {sorted(read - stated)} without stating it"
    if stated - read:
        yield f"states {sorted(stated - read)} without reading it"


def checks_read_what_is_there(written: Written) -> Iterator[str]:
    """An audit follows its own transform alone: of its pipeline it may read only what its table is made of, and itself."""
    outputs = {output: table for table in written.catalog.tables.values() for output in table.outputs}
    mine = {output: table for table in written.pipeline.tables.values() for output in table.outputs}
    before = set(written.table.outputs)
    for table in reversed(written.pipeline.ordered_tables):
        if before & set(table.outputs):
            before |= {output for read in table.reads if read in mine for output in mine[read].outputs}
    for name, query in written.checks.items():
        for read in sorted(tables_read(query)):
            if read not in outputs and read != ALWAYS_THERE:
                yield f"check «{name}» reads {read}, which nobody makes"
            elif read in mine and read not in before:
                yield f"check «{name}» reads {read}, which may not be computed yet when the check runs"


def sql_is_portable(written: Written) -> Iterator[str]:
    yield from violations(written.query)
    for name, query in written.checks.items():
        yield from (f"check «{name}»: {violation}" for violation in violations(query))


def columns_are_those_of_the_contract(written: Written) -> Iterator[str]:
    """On DuckDB and, since Athena resolves names more strictly, on Athena's own text."""
    expected = written.contract.column_names + (["quarantine_reason"] if written.table.quarantine else [])
    found = [column.alias_or_name for column in written.query.selects]
    if found != expected:
        yield f"the SELECT gives {found}, the contract says {expected}"
    for dialect in ("duckdb", "athena"):
        for name, query in {"": written.query, **written.checks}.items():
            text = write(query, dialect)
            try:
                qualify(
                    parse_one(text, dialect=dialect),
                    schema=schema_of(written, query),
                    dialect=dialect,
                    expand_alias_refs=dialect == "duckdb",
                    quote_identifiers=False,
                )
            except OptimizeError as error:
                yield f"{f'check «{name}»: ' if name else ''}{dialect}: {error}"


def schema_of(written: Written, query: exp.Query) -> dict[str, dict[str, dict[str, str]]]:
    """The columns of what is read; what landed has whatever names are asked of it, for no contract holds it."""
    schema: dict[str, dict[str, dict[str, str]]] = {"calendar": {"days": {"ds": "date"}}}
    makers = {output: table for table in written.catalog.tables.values() for output in table.outputs}
    for read in tables_read(query):
        area, name = read.split(".")
        if area == "landing":
            columns = dict.fromkeys((column.name for column in query.find_all(exp.Column)), "varchar")
        elif read in makers:
            columns = {column.name: column.sql_type for column in load_contract(makers[read]).columns}
            columns |= {"quarantine_reason": "varchar"} if area == "quarantine" else {}
        else:
            continue
        schema.setdefault(area, {})[name] = columns
    return schema


def names_say_the_type(written: Written) -> Iterator[str]:
    for column in written.contract.columns:
        kind = next((kind for kind, pattern in NAMES if re.fullmatch(pattern, column.name)), None)
        if kind and column.sql_type != TYPES[kind]:
            yield f"{column.name} is {column.sql_type}, but its name says {kind}: {TYPES[kind]}"
        if kind is None and column.sql_type in (TYPES["money"], TYPES["truth"], TYPES["date"], TYPES["timestamp"]):
            yield f"{column.name} is {column.sql_type}: its name should say so, as those of other columns do"
        if re.fullmatch(r"double|float|real|hugeint|json|.*\[\]|struct.*", column.sql_type):
            yield f"{column.name} is {column.sql_type}: money is exact, and values are scalar"


def period_column_is_there(written: Written) -> Iterator[str]:
    column = written.table.period_column
    if column and written.contract.column_names[0] != column:
        yield f"is replaced by {column}, which must be its first column"


def coverage_says_whether_it_is_partial(written: Written) -> Iterator[str]:
    """DOMAIN: the state of a figure; what is published takes its own from both."""
    if len(found := {"coverage", "is_partial"} & set(written.contract.column_names)) == 1:
        yield f"has {found.pop()} alone: coverage and is_partial go together"


def everything_is_described(written: Written) -> Iterator[str]:
    if "one row" not in written.contract.description.lower():
        yield "its description does not say what a row is: «one row per …»"
    for column in written.contract.columns:
        if not re.fullmatch(r"[^a-z].{9,}\.", column.description, re.DOTALL):
            yield f"the description of {column.name} is no sentence: {column.description!r}"


def checks_are_enough(written: Written) -> Iterator[str]:
    """Soda's own check of the columns, every kind or the reason why not, and something that blocks."""
    listed, exempt = written.contract.listed_checks, written.table.exempt
    if not any(check.type == "schema" for check in listed):
        yield "has no check of Soda's type schema"
    for kind in KINDS_REQUIRED:
        if kind not in written.contract.kinds and kind not in exempt:
            yield f"has no check of the kind {kind}: add one, or state the reason under `exempt` beside its key"
    for kind in set(exempt) & set(written.contract.kinds):
        yield f"is exempt from {kind}, but has a check of that kind"
    if all(check.warns for check in listed):
        yield "has no check that blocks"
    names = [check.body.get("name") for check in listed if check.type == "failed_rows"]
    if None in names or len(set(names)) < len(names):
        yield "has failed_rows checks that do not each have a name of their own, which says what must be true"


def key_tells_rows_apart(written: Written) -> Iterator[str]:
    key, columns = written.table.key, set(written.contract.column_names)
    if not key:
        yield "states no key: the columns that tell one row from another"
    if set(key) - columns:
        yield f"its key has {sorted(set(key) - columns)}, which its contract does not have"
    unique = [check.body.get("columns", [check.column]) for check in written.contract.listed_checks if check.type == "duplicate"]
    if unique and key not in unique:
        yield f"its key is {key}, but its duplicate check says {unique}"


def checks_name_the_rows(written: Written) -> Iterator[str]:
    """What a check selects is kept with its result as the rows that it found."""
    for path, query in written.checks.items():
        names = [item.alias_or_name for item in query.selects]
        if names[0] not in written.contract.column_names or len(set(names)) < len(names):
            yield f"check «{path}» selects {names}: begin with the columns of the table that tell the row, each name once"


def personal_data_stays(written: Written) -> Iterator[str]:
    """Not even a sample holds it: no key, and nothing that a check selects."""
    makers = {output: table for table in written.catalog.tables.values() for output in table.outputs}
    if personal := written.contract.personal_columns & set(written.table.key):
        yield f"its key has {sorted(personal)}, which is personal data"
    for path, query in written.checks.items():
        read = {name for name in tables_read(query) if name in makers}
        personal = {column for name in read for column in load_contract(makers[name]).personal_columns}
        if shown := personal_columns_shown(query, personal):
            yield f"check «{path}» selects {sorted(shown)}, which is personal data"


def soda_understands_the_contract(written: Written) -> Iterator[str]:
    """Soda passes over a threshold that it does not know, and takes its default instead."""
    return contract_faults(written.content)


Rule = Callable[[Written], Iterator[str]]
RULES: list[Rule] = [
    reads_are_stated,
    checks_read_what_is_there,
    sql_is_portable,
    columns_are_those_of_the_contract,
    names_say_the_type,
    period_column_is_there,
    coverage_says_whether_it_is_partial,
    everything_is_described,
    checks_are_enough,
    key_tells_rows_apart,
    checks_name_the_rows,
    personal_data_stays,
    soda_understands_the_contract,
]


def test_there_are_tables_to_look_at() -> None:
    assert len(TABLES) >= 24
    assert {written.pipeline.folder.relative_to(ROOT).parts[0] for written in TABLES} == {"include", "examples"}
    assert len([check for written in TABLES for check in written.checks]) >= 20


@pytest.mark.parametrize("written", TABLES, ids=str)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_tables_obey(rule: Rule, written: Written) -> None:
    assert list(rule(written)) == []


def test_a_column_has_one_type_everywhere() -> None:
    assert type_clashes(TABLES) == []
    orders = named("core.order_lines")
    assert type_clashes([*TABLES, with_column(orders, "customer_id", data_type="bigint")]) != []


def type_clashes(tables: list[Written]) -> list[str]:
    types: dict[str, set[str]] = {}
    for written in tables:
        for column in written.contract.columns:
            types.setdefault(column.name, set()).add(column.sql_type)
    return [f"{name}: {sorted(kinds)}" for name, kinds in types.items() if len(kinds) > 1]


def test_a_pipeline_lands_after_what_it_waits_for() -> None:
    seen = 0
    for written in TABLES:
        for read in written.pipeline.inputs:
            if read in written.catalog.tables:
                maker = written.catalog.makers[read]
                assert maker.lands_at < written.pipeline.lands_at, f"{written.pipeline.id} lands no later than {maker.id}"
                assert maker.tier <= written.pipeline.tier, f"{maker.id} matters less than {written.pipeline.id}, which needs it"
                seen += 1
    assert seen


# One deliberately broken table for every rule.


def named(name: str) -> Written:
    return next(written for written in TABLES if written.table.full_name == name)


def with_column(written: Written, name: str, /, **changes: Any) -> Written:
    columns = [column.model_copy(update=changes) if column.name == name else column for column in written.contract.columns]
    return replace(written, contract=written.contract.model_copy(update={"columns": columns}))


def with_checks(written: Written, checks: list[dict[str, Any]]) -> Written:
    contract = written.contract.model_copy(update={"checks": checks})
    return replace(written, contract=contract, content={**written.content, "checks": checks})


def with_query(written: Written, sql: str, **checks: str) -> Written:
    return replace(written, query=parse(sql, "broken"), checks={name: parse(check, name) for name, check in checks.items()})


def with_table(written: Written, **changes: Any) -> Written:
    return replace(written, table=written.table.model_copy(update=changes))


def with_reads(written: Written, name: str) -> Written:
    return with_table(written, reads={**written.table.reads, name: Window()})


SUMMARY = named("profit.daily_profit_summary")
CUSTOMERS = named("raw.customers")
SELECT = write(SUMMARY.query, "duckdb")
ROW_COUNT = {"row_count": {"threshold": {"level": "warn"}}}
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
    (sql_is_portable, with_query(SUMMARY, SELECT, clock="select now() as n"), "check «clock»: NOW(): a transform reads no clock"),
    (columns_are_those_of_the_contract, with_query(SUMMARY, "select ds from profit.unit_profit"), "the contract says"),
    (columns_are_those_of_the_contract, with_query(SUMMARY, SELECT.replace("entries.category", "entries.kategory")), "duckdb: "),
    (columns_are_those_of_the_contract, with_query(SUMMARY, SELECT, wrong="select nonsense from core.products"), "check «wrong»"),
    (
        columns_are_those_of_the_contract,
        with_query(SUMMARY, SELECT, alias="select quantity + 1 as more from core.order_lines where more > 1"),
        "athena: ",
    ),
    (names_say_the_type, with_column(SUMMARY, "net_revenue", numeric_scale=2), "name says money"),
    (names_say_the_type, with_column(SUMMARY, "order_count", name="orders", data_type="double"), "money is exact"),
    (names_say_the_type, with_column(SUMMARY, "net_revenue", name="takings"), "its name should say so"),
    (period_column_is_there, with_column(SUMMARY, "ds", name="day"), "first column"),
    (coverage_says_whether_it_is_partial, with_column(SUMMARY, "coverage", name="covered_share"), "go together"),
    (everything_is_described, with_column(SUMMARY, "ds", description="day"), "no sentence"),
    (checks_are_enough, with_checks(SUMMARY, [{"duplicate": {"columns": ["ds"]}}]), "no check of Soda's type schema"),
    (checks_are_enough, with_checks(SUMMARY, [{"schema": None}]), "no check of the kind duplicates"),
    (checks_are_enough, with_table(SUMMARY, exempt={"duplicates": "it has none"}), "is exempt from duplicates, but has"),
    (checks_are_enough, with_checks(SUMMARY, [{"schema": None}, {"failed_rows": {"query": "select 1"}}]), "a name of their own"),
    (key_tells_rows_apart, with_table(SUMMARY, key=[]), "states no key"),
    (key_tells_rows_apart, with_table(SUMMARY, key=["ds", "product_id"]), "['product_id'], which its contract does not have"),
    (
        key_tells_rows_apart,
        with_table(SUMMARY, key=["ds"]),
        "but its duplicate check says [['ds', 'category']]",
    ),
    (checks_name_the_rows, with_query(SUMMARY, SELECT, total="select sum(net_profit) as total from core.x"), "check «total»"),
    (checks_name_the_rows, with_query(SUMMARY, SELECT, twice="select ds, ds from core.x"), "check «twice»"),
    (
        personal_data_stays,
        with_query(CUSTOMERS, SELECT, hidden="select customer_id, lower(email) as who from raw.customers"),
        "check «hidden» selects ['email'], which is personal data",
    ),
    (personal_data_stays, with_table(CUSTOMERS, key=["ds", "email"]), "its key has ['email']"),
    (
        soda_understands_the_contract,
        with_checks(SUMMARY, [{"row_count": {"threshold": {"must_be_greater": 1}}}]),
        "must_be_greater",
    ),
]


@pytest.mark.parametrize(("rule", "written", "fault"), BROKEN, ids=[f"{rule.__name__}: {fault}" for rule, _, fault in BROKEN])
def test_a_broken_table_is_caught(rule: Rule, written: Written, fault: str) -> None:
    assert fault in "\n".join(rule(written))


def test_a_table_without_a_blocking_check_is_caught() -> None:
    quiet = [Column(**{**column.model_dump(), "checks": []}) for column in SUMMARY.contract.columns]
    written = with_checks(SUMMARY, [ROW_COUNT])
    written = replace(written, contract=written.contract.model_copy(update={"columns": quiet}))
    assert "has no check that blocks" in list(checks_are_enough(written))


def test_every_rule_has_a_broken_table() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(RULES)
