from datetime import date
from typing import Any

import pytest

from headline.errors import SpecError
from headline.intervals import Interval
from headline.sql import render

MARCH = Interval(date(2026, 3, 1), date(2026, 4, 1))


def test_the_interval_and_the_settings_are_filled_in(forget_settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_REPORTING_CURRENCY", "GBP")
    monkeypatch.setenv("HEADLINE_REPORTING_ZONE", "Europe/London")
    text = "{{ start }} {{ end }} {{ ds }} {{ reporting_currency }} {{ reporting_zone }}\n"
    assert render(text, MARCH, "x.sql") == "2026-03-01 2026-04-01 2026-03-01 GBP Europe/London\n"


@pytest.mark.parametrize(
    "text",
    [
        "select {{ today }}",
        "select {{ start",
        "{% if %}",
        "{% include 'macros/absent.jinja' %}",
        "{{ ''.__class__.__mro__ }}",
        "{{ start + 1 }}",
        "{% macro twice(x) %}{{ x }}{% endmacro %}{{ twice(1, 2) }}",
    ],
)
def test_a_broken_template_is_told_with_its_file_and_what_may_be_used(text: str) -> None:
    with pytest.raises(SpecError, match=r"core/orders\.sql: .*start, end, ds, reporting_currency, reporting_zone"):
        render(text, MARCH, "core/orders.sql")


def test_macros_are_found_below_include_sql(project: Any) -> None:
    project.write("macros/cents.jinja", "{% macro cents(x) -%} round({{ x }} * 100) {%- endmacro %}")
    text = "{% from 'macros/cents.jinja' import cents %}select {{ cents('amount') }}"
    assert render(text, MARCH, "x.sql") == "select round(amount * 100)"
