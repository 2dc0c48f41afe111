"""A ledger in which a month of the repository's own metrics is issued."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.unit.report.rows import OCTOBER, issued_rows

from headline.ledger import FigureRow, IssuedFigures, Ledger


@pytest.fixture
def issued(ledger: Ledger, forget_settings: Callable[[], None]) -> list[FigureRow]:
    """October and September are issued, all of them; the rows as they were recorded."""
    rows = [one.row for one in issued_rows(OCTOBER, months=2)]
    IssuedFigures().record(rows)
    return rows


@pytest.fixture
def restate(issued: list[FigureRow]) -> Callable[[str, str], FigureRow]:
    """Issue another value of a metric of October, as if a second person had approved it."""

    def restating(metric: str, value: str) -> FigureRow:
        row = next(one for one in issued if one.metric == metric and one.start == OCTOBER.start)
        changed = replace(row, value=Decimal(value), reason="a refund came late", requester="ann", approver="ben")
        IssuedFigures().record([changed])
        return changed

    return restating
