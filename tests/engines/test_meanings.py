"""The expressions that `make engines` and `make trino` compare: portable, and one at least for each function of the subset."""

from __future__ import annotations

import sqlglot
from tests.engines import meanings

from headline.sql.rules import _ALLOWED_FUNCTIONS, violations

STATEMENTS = {one: sqlglot.parse_one(sql, read="duckdb") for one, sql in meanings.statements().items()}


def test_each_is_allowed() -> None:
    assert {one: told for one, tree in STATEMENTS.items() if (told := violations(tree))} == {}  # type: ignore[arg-type]


def test_each_function_of_the_subset_is_compared() -> None:
    compared = {type(node) for tree in STATEMENTS.values() for node in tree.walk()}
    assert [one.__name__ for one in _ALLOWED_FUNCTIONS - compared] == []
