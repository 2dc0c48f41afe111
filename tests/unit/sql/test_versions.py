"""A table's version follows from all that makes its rows, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headline import specs
from headline.sql import code_version, code_versions

SQL, CONTRACT, PIPELINE = (f"core/core_shop/{name}" for name in ("orders.sql", "orders.contract.yml", "pipeline.yml"))
MACRO = "{% macro is_refused(amount) %}{{ amount }} < 0{% endmacro %}\n"


@pytest.fixture
def version(project: Any) -> Callable[[], str]:
    """The version of core.orders as its files say now; its SELECT includes a macro."""
    project.write("macros/rules.jinja", MACRO)
    project.replace(SQL, "select\n    ds", "{% from 'macros/rules.jinja' import is_refused %}\nselect\n    ds")
    project.replace(SQL, "when amount < 0 then", "when {{ is_refused('amount') }} then")
    return lambda: code_version(specs.load().table("core.orders"))


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (SQL, "'negative_amount'", "'negative  amount'"),
        (SQL, "    amount,", "    amount * 2 as amount,"),
        ("macros/rules.jinja", "< 0", "<= 0"),
        (CONTRACT, "numeric_scale: 4", "numeric_scale: 2"),
        (CONTRACT, "columns: [order_id]", "columns: [ds, order_id]"),
        (CONTRACT, "having sum(side) <> 0", "having sum(side) > 0"),
        (PIPELINE, "key: [order_id]", "key: [ds, order_id]"),
    ],
)
def test_what_changes_rows_or_checks_is_another_version(project: Any, version: Any, path: str, old: str, new: str) -> None:
    before = version()
    project.replace(path, old, new)
    after = version()
    project.replace(path, new, old)
    assert (after != before, version()) == (True, before), "and back again is the same one"


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (SQL, "    amount,\n", "    amount,  -- what's paid\n\n"),
        (SQL, "select\n", "/* one row\n per order */ select\n"),
        ("macros/rules.jinja", "{% macro", "{# the shop's rules #}{% macro"),
        (CONTRACT, "description: What was paid.", "description: What was paid in the end."),
        (PIPELINE, "description: Clean orders", "description: All clean orders"),
        ("core/core_shop/running_totals.sql", "sum(", "avg("),
    ],
)
def test_what_changes_no_row_is_the_same_version(project: Any, version: Any, path: str, old: str, new: str) -> None:
    before = version()
    project.replace(path, old, new)
    assert version() == before


def test_a_setting_counts_where_a_template_asks_for_it(project: Any, version: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_zones() -> list[str]:
        found = []
        for zone in ("UTC", "Asia/Tokyo"):
            monkeypatch.setenv("HEADLINE_REPORTING_ZONE", zone)
            project.forget()
            found.append(version())
        return found

    assert len(set(in_zones())) == 1
    project.replace(SQL, "where ds >=", "where '{{ reporting_zone }}' <> '' and ds >=")
    assert len(set(in_zones())) == 2


def test_a_faulty_table_has_no_version_and_hides_no_other(project: Any, version: Any) -> None:
    project.replace(CONTRACT, "description: Key of the order.", "meaning: Key of the order.")
    assert set(code_versions(specs.load().tables.values())) == {"raw.orders", "core.running_totals"}
