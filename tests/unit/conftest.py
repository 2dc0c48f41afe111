"""A throw-away repository: a shop's orders, what core makes of them, and homes for what runs leave behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import uuid4

import pytest
from tests.unit.once import Once

from headline import specs
from headline.intervals import DAY, Interval
from headline.ledger import CheckResult, Ledger
from headline.pipeline import PipelineRun, TableRun, Waiver, write_audit_publish
from headline.pipeline.audit import audit
from headline.pipeline.plan import Plan
from headline.pipeline.transform import Staged
from headline.pipeline.write_audit_publish import planned_run, transform_all
from headline.warehouse import Staging, Warehouse

FILES = {
    "sources/shop/source.yml": """
        description: The shop's orders, as they arrive.
        tier: 1
        lands_at: "02:00"
        tables:
          orders:
        ingest:
          orders: {kind: files, connection: headline_drop, pattern: "orders_{{ ds }}.csv", format: csv}
        """,
    "sources/shop/orders.sql": """
        select
            ds,
            cast(order_id as varchar) as order_id,
            cast(amount as decimal(18, 4)) as amount
        from landing.orders
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        """,
    "sources/shop/orders.contract.yml": """
        dataset: warehouse/raw/orders
        description: One row per order that arrived.
        columns:
          - {name: ds, data_type: date, description: Business day., checks: [{missing: }]}
          - {name: order_id, data_type: varchar, description: Key of the order.}
          - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What was paid.}
        checks:
          - schema:
        """,
    "core/core_shop/pipeline.yml": """
        description: Clean orders and what they sum up to.
        tier: 1
        lands_at: "03:00"
        tables:
          running_totals:
            key: [ds]
            reads:
              calendar.days:
              core.orders: {lookback_days: all}
          orders:
            key: [order_id]
            quarantine: true
            reads:
              raw.orders:
        """,
    "core/core_shop/orders.sql": """
        select
            ds,
            order_id,
            amount,
            case when amount < 0 then 'negative_amount' end as quarantine_reason
        from raw.orders
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        """,
    "core/core_shop/orders.contract.yml": """
        dataset: warehouse/core/orders
        description: One row per valid order.
        columns:
          - {name: ds, data_type: date, description: Business day., checks: [{missing: }]}
          - {name: order_id, data_type: varchar, description: Key of the order.}
          - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What was paid.}
        checks:
          - schema:
          - duplicate: {columns: [order_id]}
          - failed_rows:
              name: raw = core + quarantine
              attributes: {kind: reconciliation}
              query: |
                select ds, sum(side) as difference
                from (
                    select ds, 1 as side from raw.orders
                    union all
                    select ds, -1 as side from core.orders
                    union all
                    select ds, -1 as side from quarantine.orders
                ) as sides
                where ds >= date '{{ start }}' and ds < date '{{ end }}'
                group by ds
                having sum(side) <> 0
        """,
    "core/core_shop/running_totals.sql": """
        select
            days.ds,
            cast(sum(orders.amount) as decimal(18, 4)) as amount
        from calendar.days as days
        inner join core.orders as orders on orders.ds <= days.ds
        where days.ds >= date '{{ start }}' and days.ds < date '{{ end }}'
        group by days.ds
        """,
    "core/core_shop/running_totals.contract.yml": """
        dataset: warehouse/core/running_totals
        description: One row per day.
        columns:
          - {name: ds, data_type: date, description: Business day.}
          - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: Paid up to this day.}
        checks:
          - schema:
          - duplicate: {columns: [ds]}
        """,
}

# A table that says of every day how much of its orders was valid.
COVERAGE = {
    "core/core_shop/orders_coverage.sql": """
        with counts as (
            select ds, 1.0 as valid from core.orders where ds >= date '{{ start }}' and ds < date '{{ end }}'
            union all
            select ds, 0.0 as valid from quarantine.orders where ds >= date '{{ start }}' and ds < date '{{ end }}'
        )
        select
            ds,
            cast(avg(valid) as decimal(18, 6)) as coverage,
            avg(valid) < {{ coverage.complete }} as is_partial
        from counts
        group by ds
        """,
    "core/core_shop/orders_coverage.contract.yml": """
        dataset: warehouse/core/orders_coverage
        description: One row per day.
        columns:
          - {name: ds, data_type: date, description: Business day.}
          - {name: coverage, data_type: decimal, numeric_precision: 18, numeric_scale: 6, description: Share that was valid.}
          - {name: is_partial, data_type: boolean, description: Whether it is too low.}
        checks:
          - schema:
        """,
}


@dataclass(frozen=True)
class Project:
    """The throw-away repository, and the few things that a test does with it."""

    sql: Path
    ledger: Ledger
    warehouse: Warehouse
    forget: Callable[[], None]

    @property
    def folder(self) -> Path:
        """All that this repository and its runs have on disk."""
        return self.sql.parents[1]

    def write(self, path: str, text: str) -> Path:
        """Write a file below include/sql; specs are read again afterwards."""
        file = self.sql / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text).lstrip("\n"))
        self.forget()
        return file

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.sql / path).read_text()
        assert old in text
        self.write(path, text.replace(old, new))

    def run(
        self,
        pipeline: str,
        first: date,
        last: date | None = None,
        run_id: str | None = None,
        waiver: Waiver | None = None,
    ) -> PipelineRun:
        """A run of days, both included; a new one unless it is named."""
        catalog = specs.load()
        interval = Interval(first, (last or first) + DAY)
        where = (catalog, self.ledger, self.warehouse, waiver)
        return PipelineRun(catalog.pipelines[pipeline], run_id or uuid4().hex, interval, *where)

    def arrive(self, days: dict[date, list[tuple[str, str]]]) -> None:
        """Orders (order_id, amount) land as text, a file a day, also where it brings none."""
        from headline.sources.landing import LandingWriter
        from headline.sources.text import batch

        parts = [(day, batch({"order_id": key, "amount": amount} for key, amount in rows)) for day, rows in days.items()]
        self.ledger.record_loads(LandingWriter("shop", "landing.orders", "test").write(parts, days), "arrival")

    def publish(self, pipeline: str, first: date, last: date | None = None) -> dict[str, TableRun]:
        """Run a pipeline for these days; by table, what it did."""
        return {one.table: one for one in write_audit_publish(self.run(pipeline, first, last))}

    @contextmanager
    def stage(self, run: PipelineRun) -> Iterator[tuple[Plan, dict[str, Staged], Staging]]:
        """What a run computes, neither audited nor published: its plan, its staged tables, and the session that holds them."""
        with run.warehouse.staging(run.key) as session:
            planned = planned_run(run, session)
            yield planned, transform_all(planned, session), session

    def audit(self, run: PipelineRun, table: str) -> list[CheckResult]:
        """Compute a run's staging tables and audit one of them (schema.table); nothing is published."""
        with self.stage(run) as (planned, staged, session):
            return audit(planned, {table: staged[table]}, session)[table]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.session() as session:
            return session.query(sql).rows

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every published row, by table, in one session: to open one takes longer than to read them all."""
        names = [output for table in specs.load().tables.values() for output in table.outputs]
        with self.warehouse.session() as session:
            return {name: session.query(f"select * from {name} order by all").rows for name in names}


@pytest.fixture
def project(
    tmp_path: Path, ledger: Ledger, warehouse: Warehouse, forget_settings: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> Project:
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path / "include"))
    made = Project(tmp_path / "include" / "sql", ledger, warehouse, forget_settings)
    for path, text in FILES.items():
        made.write(path, text)
    return made


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Once:
    """Computes what a fixture needs for the first of its tests, and puts it back for the others."""
    return Once(tmp_path_factory.mktemp("once"), postgres)


@pytest.fixture
def telling(project: Project) -> Project:
    """The throw-away repository with core.orders_coverage; a day is complete with four valid orders of five."""
    for path, text in COVERAGE.items():
        project.write(path, text)
    project.replace(
        "core/core_shop/pipeline.yml",
        "tables:",
        "coverage: {complete: 0.8, partial: 0.1}\ntables:\n  orders_coverage: {reads: {core.orders: {}, quarantine.orders: {}}}",
    )
    return project
