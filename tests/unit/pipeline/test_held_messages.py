"""What a publication that is held says: which days, how many there are, and the limit that was broken."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from headline.errors import BadData
from headline.intervals import DAY, in_few_words
from headline.ledger import Sample
from headline.pipeline.anomalies import described

D1 = date(2026, 3, 1)
CONTRACT = "core/core_shop/orders.contract.yml"
SQL = "core/core_shop/orders.sql"
NEGLIGIBLE = """
          - failed_rows:
              name: no order is negligible
              attributes: {kind: reconciliation}
              query: |
                select ds, order_id from core.orders
                where amount < 1 and ds >= date '{{ start }}' and ds < date '{{ end }}'
"""


def held(project: Any, amounts: dict[date, list[str]]) -> str:
    """What a run says that a check of negligible orders holds."""
    project.write(CONTRACT, (project.sql / CONTRACT).read_text() + NEGLIGIBLE.replace("\n        ", "\n").lstrip("\n"))
    days = sorted(amounts)
    project.arrive({day: [(f"{day}-{n}", amount) for n, amount in enumerate(some)] for day, some in amounts.items()})
    project.publish("shop", days[0], days[-1])
    with pytest.raises(BadData) as caught:
        project.publish("core_shop", days[0], days[-1])
    return str(caught.value)


def test_all_days_of_a_check_are_named_with_its_limit(project: Any) -> None:
    few = {D1: ["0.50"], D1 + DAY: ["5.00"], D1 + 2 * DAY: ["0.25", "7.00"]}
    text = held(project, few)
    assert "checks failed on 4 rows for 2026-03-01 to 2026-03-03:" in text
    assert "measured 2, must be 0, on 2026-03-01, 2026-03-03: ds 2026-03-01, order_id 2026-03-01-0" in text


def test_of_more_days_than_rows_are_shown_their_number_is_told(project: Any) -> None:
    """Only up to 20 rows are kept as a sample: the days behind them are counted all the same."""
    many = {D1 + n * DAY: ["0.50", "0.50"] if n % 2 == 0 else ["5.00"] for n in range(30)}
    text = held(project, many)
    assert "measured 30, must be 0, on 2026-03-01, 2026-03-03, 2026-03-05 and more (15 days)" in text


@pytest.mark.parametrize(("allowed", "limit"), [({"allowed": "30.000000"}, " ± 30"), ({}, "")])
def test_an_unusual_figure_says_what_would_have_passed(allowed: Sample, limit: str) -> None:
    outlier: Sample = {
        "ds": "2026-03-01",
        "measure": "amount",
        "value": "500",
        "expected": "100",
        "score": "9.25",
        "finding": "outlier",
    }
    assert described([outlier | allowed]) == f"2026-03-01, amount: 500, expected 100{limit}, score 9.25 (limit 3.5)"


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        ([], ""),
        ([(0, 1)], "2026-03-01"),
        ([(0, 3), (5, 6)], "2026-03-01 to 2026-03-03, 2026-03-06"),
        ([(0, 1), (2, 3), (4, 5), (6, 9)], "2026-03-01, 2026-03-03, 2026-03-05 and more (6 days)"),
    ],
)
def test_days_in_few_words(spans: list[tuple[int, int]], words: str) -> None:
    assert in_few_words(D1 + n * DAY for first, end in spans for n in range(first, end)) == words
