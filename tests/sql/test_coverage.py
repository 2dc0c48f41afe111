"""A share of valid rows is compared with its limits exactly: not as the rounded share that is shown."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from headline.intervals import DAY, Interval
from headline.sql import render

DAY_ONE = Interval(date(2026, 1, 5), date(2026, 1, 5) + DAY)
TEMPLATE = "{% from 'macros/coverage.jinja' import is_below with context %}{{ is_below(limit) }}"


@pytest.mark.parametrize(
    ("accepted", "refused", "limit", "expected"),
    [
        (99, 1, "0.99", False),
        (98, 1, "0.99", True),
        (9_999_999_999, 1, "1", True),
        (9_999_999_999, 1, "0.9999999999", False),
        (8, 2, "0.8", False),
        (0, 1, "0", False),
        (0, 0, "1", False),
    ],
)
def test_limits_are_exact(accepted: int, refused: int, limit: str, expected: bool) -> None:
    condition = render(TEMPLATE, DAY_ONE, "test", limit=limit)
    counts = f"select cast({accepted} as bigint) as accepted_count, cast({refused} as bigint) as refused_count"
    with duckdb.connect() as connection:
        assert connection.execute(f"select {condition} from ({counts}) as counts").fetchall() == [(expected,)]
