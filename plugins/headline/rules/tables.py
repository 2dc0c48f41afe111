"""Rules over every table: its SQL is portable and says what its spec and contract say; its contract checks what it must.

A rule is a function from a table to its faults. What it needs of a file that cannot be read raises SpecError, with that fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import get_args

from headline.rules.casts import numbers_are_rounded_alike, numbers_in_checks_are_rounded_alike
from headline.rules.meaning import keys_come_from_content, sums_in_checks_keep_their_meaning, sums_keep_their_meaning
from headline.rules.reads import checks_read_what_is_there, names_are_known, names_in_checks_are_known, reads_are_stated
from headline.rules.scans import scans_are_few
from headline.rules.written import Written, listed
from headline.specs import Dimension, read_contract
from headline.specs.soda_schema import contract_faults
from headline.specs.written import load_conventions
from headline.sql import personal_columns_shown, tables_read
from headline.sql.rules import violations

DIMENSIONS_REQUIRED = get_args(Dimension)
# What arrives, and what it is brought into: events and states, of which figures are made.
WITHOUT_FIGURES = ("sources", "core")
NUMBERS = ("integer", "bigint", "decimal")
# Kinds of column (conventions.yml) whose type no column has that is not called so.
NAMED_ALONE = ("money", "truth", "date", "timestamp")


def sql_is_portable(written: Written) -> Iterator[str]:
    yield from violations(written.query)


def checks_are_portable(written: Written) -> Iterator[str]:
    yield from written.check_faults
    for name, query in written.checks.items():
        yield from (f"check «{name}»: {violation}" for violation in violations(query))


def columns_are_those_of_the_contract(written: Written) -> Iterator[str]:
    """In the contract's order, the reason of quarantine last."""
    expected = written.contract.column_names + (["quarantine_reason"] if written.table.quarantine else [])
    found = [column.alias_or_name for column in written.query.selects]
    if set(found) == set(expected) and len(found) == len(expected):
        if found != expected:
            yield f"the SELECT gives the columns in the order {listed(found)}, the contract in the order {listed(expected)}"
        return
    if lacking := [name for name in expected if name not in found]:
        yield f"the SELECT lacks {listed(lacking)}, which the contract says"
    if surplus := [name for name in found if name not in expected]:
        yield f"the SELECT gives {listed(surplus)}, which the contract does not have"
    if twice := {name for name in found if found.count(name) > 1}:
        yield f"the SELECT gives {listed(twice)} more than once"


def names_say_the_type(written: Written) -> Iterator[str]:
    conventions = load_conventions()
    named_alone = {conventions.types[kind].type for kind in NAMED_ALONE if kind in conventions.types}
    for column in written.contract.columns:
        kind = conventions.kind_of(column.name)
        if kind and column.sql_type != (type_ := conventions.types[kind].type):
            yield f"{column.name} is {column.sql_type}, but its name says {kind}: {type_}"
        if kind is None and column.sql_type in named_alone:
            yield f"{column.name} is {column.sql_type}: its name should say so, as those of other columns do"
        if re.fullmatch(r"double|float|real|hugeint|json|.*\[\]|struct.*", column.sql_type):
            yield f"{column.name} is {column.sql_type}: money is exact, and values are scalar"


def period_column_is_there(written: Written) -> Iterator[str]:
    column = written.table.period_column
    if column and written.contract.column_names[0] != column:
        yield f"is replaced by {column}, which must be its first column"


def figures_tell_their_coverage(written: Written) -> Iterator[str]:
    """DOMAIN: the state of a figure; what is published takes its own from both."""
    found = {"coverage", "is_partial"} & set(written.contract.column_names)
    if len(found) == 1:
        yield f"has {found.pop()} alone: coverage and is_partial go together"
    if not found and written.pipeline.area not in WITHOUT_FIGURES and written.table.period != "all":
        yield "lacks coverage and is_partial, which every figure has: covered_days of macros/coverage.jinja gives both"


def sums_are_stated(written: Written) -> Iterator[str]:
    """A sum counts users or orders twice that several rows count: of every number of a figure the contract says over what."""
    if written.pipeline.area in WITHOUT_FIGURES:
        return
    key = {*written.table.key, written.table.period_column}
    for column in written.contract.columns:
        over, name = column.attributes.additive_over, column.name
        is_ratio = load_conventions().kind_of(name) == "ratio"
        if name in key or is_ratio or column.data_type not in NUMBERS:
            if over:
                yield f"{name}: additive_over says that it can be summed, but it is {'a ratio' if is_ratio else 'no figure'}"
        elif over is None:
            yield f"{name}: say over which columns of the key it can be summed: additive_over: all, some or []"
        elif over != "all" and (others := set(over) - key):
            yield f"{name}: additive_over has {listed(others)}, which is not in the key"


def everything_is_described(written: Written) -> Iterator[str]:
    if "one row" not in written.contract.description.lower():
        yield "its description does not say what a row is: «one row per …»"
    for column in written.contract.columns:
        if not re.fullmatch(r"[^a-z].{9,}\.", column.description, re.DOTALL):
            yield f"the description of {column.name} is no sentence: {column.description!r}"


def checks_are_enough(written: Written) -> Iterator[str]:
    """Soda's own check of the columns, every dimension or the reason why not, and something that blocks."""
    listed, exempt = written.contract.listed_checks, written.table.exempt
    if not any(check.type == "schema" for check in listed):
        yield "has no check of Soda's type schema"
    for dimension in DIMENSIONS_REQUIRED:
        if dimension not in written.contract.dimensions and dimension not in exempt:
            yield f"has no check of the dimension {dimension}: add one, or state the reason under `exempt` beside its key"
    for dimension in set(exempt) & set(written.contract.dimensions):
        yield f"is exempt from {dimension}, but has a check of that dimension"
    if all(check.warns for check in listed):
        yield "has no check that blocks"
    names = [check.body.get("name") for check in listed if check.type == "failed_rows"]
    if None in names or len(set(names)) < len(names):
        yield "has failed_rows checks that do not each have a name of their own, which says what must be true"


def key_tells_rows_apart(written: Written) -> Iterator[str]:
    key, columns = written.table.key, set(written.contract.column_names)
    if not key:
        yield f"tables.{written.table.name}: states no key: the columns that tell one row from another"
    if set(key) - columns:
        yield f"tables.{written.table.name}.key: has {listed(set(key) - columns)}, which its contract does not have"
    unique = [check.body.get("columns", [check.column]) for check in written.contract.listed_checks if check.type == "duplicate"]
    if unique and key not in unique:
        yield f"tables.{written.table.name}.key: is {listed(key)}, but the duplicate check says {'; '.join(map(listed, unique))}"


def checks_name_the_rows(written: Written) -> Iterator[str]:
    """What a check selects is kept with its result as the rows that it found."""
    for path, query in written.checks.items():
        names = [item.alias_or_name for item in query.selects]
        if names[0] not in written.contract.column_names or len(set(names)) < len(names):
            yield f"check «{path}» selects {listed(names)}: begin with the columns of the table that tell the row, each name once"


def personal_data_stays(written: Written) -> Iterator[str]:
    """Not even a sample holds it: no key, and nothing that a check selects."""
    makers = written.catalog.filled_by
    if personal := written.contract.personal_columns & set(written.table.key):
        yield f"its key has {listed(personal)}, which is personal data"
    for path, query in written.checks.items():
        read = {name for name in tables_read(query) if name in makers}
        contracts = [contract for name in read if (contract := read_contract(makers[name])[0])]
        personal = {column for contract in contracts for column in contract.personal_columns}
        if shown := personal_columns_shown(query, personal):
            yield f"check «{path}» selects {listed(shown)}, which is personal data"


def soda_understands_the_contract(written: Written) -> Iterator[str]:
    """Soda passes over a threshold that it does not know, and takes its default instead."""
    yield from contract_faults(written.contract.content)


Rule = Callable[[Written], Iterator[str]]
# By what fixes a fault: an edit of pipeline.yml, of the SELECT or of the contract.
SPEC_RULES: tuple[Rule, ...] = (reads_are_stated, key_tells_rows_apart)
SQL_RULES: tuple[Rule, ...] = (
    sql_is_portable,
    columns_are_those_of_the_contract,
    names_are_known,
    numbers_are_rounded_alike,
    sums_keep_their_meaning,
    keys_come_from_content,
    scans_are_few,
)
CONTRACT_RULES: tuple[Rule, ...] = (
    soda_understands_the_contract,
    everything_is_described,
    names_say_the_type,
    period_column_is_there,
    figures_tell_their_coverage,
    sums_are_stated,
    sums_in_checks_keep_their_meaning,
    checks_are_enough,
    checks_are_portable,
    names_in_checks_are_known,
    numbers_in_checks_are_rounded_alike,
    checks_read_what_is_there,
    checks_name_the_rows,
    personal_data_stays,
)
RULES = (*SPEC_RULES, *SQL_RULES, *CONTRACT_RULES)
# Those that need no spec.
SQL_ALONE: tuple[Rule, ...] = (sql_is_portable,)
CONTRACT_ALONE: tuple[Rule, ...] = (
    soda_understands_the_contract,
    everything_is_described,
    names_say_the_type,
    checks_are_portable,
)
