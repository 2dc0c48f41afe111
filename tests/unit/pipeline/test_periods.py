"""How a week or month stands: open until it has ended, complete when all of its days are there, and partial otherwise."""

import json
import sys
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from headline import cli
from headline.intervals import DAY, Interval
from headline.ledger import partial_days

FEBRUARY = [date(2026, 2, 1) + DAY * n for n in range(28)]
FILES = {
    "profit/monthly/pipeline.yml": """
        description: What was paid in a month.
        tier: 1
        lands_at: "04:00"
        tables:
          months:
            key: [month]
            period: month
            reads: {core.orders: {lookback_days: 31}}
        """,
    "profit/monthly/months.sql": """
        select
            cast(date_trunc('month', ds) as date) as month,
            cast(sum(amount) as decimal(18, 4)) as amount,
            cast(cast(count(distinct ds) as double) / 28 as decimal(18, 6)) as coverage,
            false as is_partial,
            count(distinct ds) < 28 as is_provisional
        from core.orders
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        group by cast(date_trunc('month', ds) as date)
        """,
    "profit/monthly/months.contract.yml": """
        dataset: warehouse/profit/months
        description: One row per month.
        columns:
          - {name: month, data_type: date, description: First day of the month.}
          - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What was paid.}
          - {name: coverage, data_type: decimal, numeric_precision: 18, numeric_scale: 6, description: Share of days.}
          - {name: is_partial, data_type: boolean, description: Whether rows are missing.}
          - {name: is_provisional, data_type: boolean, description: Whether days are missing.}
        checks:
          - schema:
        """,
}
Publish = Callable[[date, date, date], str]


@pytest.fixture
def publish(project: Any, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Publishes the month on some day for a range of its days, and says how it stands."""
    for path, text in FILES.items():
        project.write(path, text)

    def on(today: date, first: date, last: date) -> str:
        monkeypatch.setattr("headline.ledger.period._today", lambda: today)
        project.arrive({day: [(f"o{day}", "1.00")] for day in Interval(first, last + DAY)})
        for name in ("shop", "core_shop", "monthly"):
            project.publish(name, first, last)
        return str(standing(project))

    return on


def standing(project: Any) -> str:
    [state] = project.ledger.states(["profit.months"])
    return str(state.status)


def test_a_month_is_open_until_it_has_ended_and_complete_when_all_of_its_days_are_there(project: Any, publish: Publish) -> None:
    assert publish(FEBRUARY[1], FEBRUARY[0], FEBRUARY[0]) == "open"
    assert publish(FEBRUARY[27], FEBRUARY[1], FEBRUARY[26]) == "open"
    assert publish(FEBRUARY[27] + DAY, FEBRUARY[27], FEBRUARY[27]) == "complete"
    assert partial_days(*pipeline_and_states(project)) == {}


def test_a_month_that_has_ended_and_lacks_days_is_partial(project: Any, publish: Publish) -> None:
    assert publish(date(2026, 5, 1), FEBRUARY[0], FEBRUARY[0]) == "partial"
    assert partial_days(*pipeline_and_states(project)) == {"profit.months": FEBRUARY}
    assert publish(date(2026, 5, 1), FEBRUARY[1], FEBRUARY[27]) == "complete"


def test_a_month_that_stays_as_it_was_published_is_partial_from_its_end_on(
    project: Any, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert publish(FEBRUARY[11], FEBRUARY[0], FEBRUARY[10]) == "open"
    monkeypatch.setattr("headline.ledger.period._today", lambda: FEBRUARY[27])
    assert standing(project) == "open", "its last day has not ended"
    monkeypatch.setattr("headline.ledger.period._today", lambda: FEBRUARY[27] + DAY)
    assert standing(project) == "partial"
    assert partial_days(*pipeline_and_states(project)) == {"profit.months": FEBRUARY}


def test_the_list_of_tables_says_so(
    project: Any, publish: Publish, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(FEBRUARY[11], FEBRUARY[0], FEBRUARY[10])
    found = []
    for today in (FEBRUARY[27], FEBRUARY[27] + DAY):
        monkeypatch.setattr("headline.ledger.period._today", lambda today=today: today)
        monkeypatch.setattr(sys, "argv", ["headline", "tables", "--format", "json"])
        capsys.readouterr()
        with pytest.raises(SystemExit):
            cli.main()
        rows = {row["table"]: row for row in json.loads(capsys.readouterr().out)}
        found.append((rows["profit.months"]["status"], rows["profit.months"]["partial_days"], rows["core.orders"]["status"]))
    assert found == [("open", "", "complete"), ("partial", "2026-02-01 to 2026-02-28", "complete")]


def pipeline_and_states(project: Any) -> tuple[Any, Any]:
    return project.run("monthly", FEBRUARY[0]).pipeline, project.ledger.states(["profit.months"])
