"""A shop whose days and months are reported: what was paid, and by whom it is approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from headline import specs
from headline.errors import RestatementWaiting
from headline.figures.gate import FiguresGate
from headline.figures.issuing import issue, request_issue
from headline.intervals import DAY, Interval
from headline.ledger import FigureRequest, FigureRequests, FigureRow, IssuedFigures
from headline.pipeline import PipelineRun, write_audit_publish

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
MARCH = Interval(date(2026, 3, 1), date(2026, 4, 1))
METRICS = """
    causes: {orders: [raw.orders]}
    metrics:
      daily_paid:
        description: What was paid on the day.
        table: daily_sales
        column: paid
        unit: reporting_currency
        segments: [kind]
        materiality: 5
      daily_given_back:
        description: What was given back on the day.
        table: daily_sales
        column: given_back
        unit: reporting_currency
        direction: down
        materiality: 5
      monthly_net:
        description: What was paid and not given back.
        table: monthly_sales
        column: net
        unit: reporting_currency
        materiality: 10
        sum_of: [daily_paid]
        less: [daily_given_back]
"""
FILES = {
    "core/core_shop/pipeline.yml": """
        description: Clean orders and what they sum up to.
        tier: 1
        lands_at: "03:00"
        coverage: {complete: 0.8, partial: 0.1}
        tables:
          daily_sales:
            key: [ds, kind]
            reads: {raw.orders: {}}
          monthly_sales:
            key: [month]
            period: month
            reads: {core.daily_sales: {}}
        """,
    "core/core_shop/daily_sales.sql": """
        select
            ds,
            case when order_id like 'b%' then 'books' else 'toys' end as kind,
            cast(sum(greatest(amount, 0)) as decimal(18, 4)) as paid,
            cast(sum(greatest(-amount, 0)) as decimal(18, 4)) as given_back,
            cast(case when max(amount) = 999 then 0.5 else 1 end as decimal(18, 6)) as coverage,
            max(amount) = 999 as is_partial
        from raw.orders
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        group by ds, case when order_id like 'b%' then 'books' else 'toys' end
        """,
    "core/core_shop/daily_sales.contract.yml": """
        dataset: warehouse/core/daily_sales
        description: One row per day and kind.
        columns:
          - {name: ds, data_type: date, description: Business day.}
          - {name: kind, data_type: varchar, description: What was sold.}
          - {name: paid, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What was paid.}
          - {name: given_back, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What was given back.}
          - {name: coverage, data_type: decimal, numeric_precision: 18, numeric_scale: 6, description: Share that was valid.}
          - {name: is_partial, data_type: boolean, description: Whether it is too low.}
        checks:
          - schema:
        """,
    "core/core_shop/monthly_sales.sql": """
        select
            cast(date_trunc('month', ds) as date) as month,
            cast(sum(paid - given_back) as decimal(18, 4)) as net
        from core.daily_sales
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        group by cast(date_trunc('month', ds) as date)
        """,
    "core/core_shop/monthly_sales.contract.yml": """
        dataset: warehouse/core/monthly_sales
        description: One row per month.
        columns:
          - {name: month, data_type: date, description: Month.}
          - {name: net, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: Paid and not given back.}
        checks:
          - schema:
        """,
    "core/core_shop/metrics.yml": METRICS,
}
ORDERS = {D1: [("b1", "100.00"), ("t1", "20.00")], D2: [("b2", "50.00"), ("t2", "-7.00")], D3: [("b3", "30.00")]}


@dataclass(frozen=True)
class Reported:
    """The shop, and what people do with its figures."""

    project: Any

    @property
    def figures(self) -> IssuedFigures:
        return IssuedFigures()

    @property
    def requests(self) -> FigureRequests:
        return FigureRequests()

    def arrive(self, days: Mapping[date, list[tuple[str, str]]]) -> None:
        """Orders arrive, and raw has them."""
        self.project.arrive(days)
        self.project.publish("shop", min(days), max(days))

    def run(self, first: date, last: date | None = None, requester: str = "", **more: Any) -> FiguresGate:
        """A run of the days, with the gate; raises what it raises."""
        gate = FiguresGate(requester)
        write_audit_publish(self.project.run("core_shop", first, last, **more), gate=gate)
        return gate

    def held(self, first: date, last: date | None = None, requester: str = "", **more: Any) -> FigureRequest:
        """The request of a run that publishes nothing."""
        before = self.project.contents(), self.project.ledger.newest_version()
        with pytest.raises(RestatementWaiting) as waiting:
            self.run(first, last, requester, **more)
        assert (self.project.contents(), self.project.ledger.newest_version()) == before
        return self.requests.get(waiting.value.request_id)

    def ask(self, days: Interval, requester: str = "ann", **more: Any) -> FigureRequest:
        return request_issue(*self._place(days, requester), **more)

    def issue(self, days: Interval) -> list[FigureRow]:
        """Ann asks, Ben approves."""
        asked = self.ask(days)
        self.requests.approve(asked.id, "ben", "approval")
        return self.issue_approved(asked)

    def issue_approved(self, asked: FigureRequest) -> list[FigureRow]:
        run: PipelineRun = self.project.run("core_shop", D1)
        return list(issue(asked.id, "approval", run.catalog, run.ledger, run.warehouse))

    def _place(self, days: Interval, requester: str) -> tuple[Any, ...]:
        catalog = specs.load()
        return (
            *(catalog.pipelines["core_shop"], days, requester, "approval"),
            *(catalog, self.project.ledger, self.project.warehouse),
        )

    def issued(self, metric: str) -> dict[tuple[date, str], Any]:
        """The newest issued values of a metric, by period and segment."""
        return {(row.start, row.segment): row.value for row in self.figures.most_recent(metric=metric)}


@pytest.fixture
def reported(project: Any, once: Any) -> Reported:
    """March is published, with orders on three days; nothing is issued."""
    for name in ("orders", "running_totals"):
        for kind in ("sql", "contract.yml"):
            (project.sql / f"core/core_shop/{name}.{kind}").unlink()
    for path, text in FILES.items():
        project.write(path, text)
    return Reported(once(project, march))


def march(project: Any) -> None:
    made = Reported(project)
    made.arrive({day: ORDERS.get(day, []) for day in MARCH})
    made.run(D1, MARCH.end - DAY)


@pytest.fixture
def issued(reported: Reported) -> Reported:
    """All of March is issued."""
    reported.issue(MARCH)
    return reported
