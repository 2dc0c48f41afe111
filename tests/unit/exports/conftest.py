"""The throw-away repository with exports of its orders, and the few things that a test does with them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from tests.unit.conftest import Project
from tests.unit.once import Once

from headline import specs
from headline.exports.result import Work, periods_of
from headline.exports.run import run_export
from headline.intervals import DAY, Interval
from headline.ledger import ExportRun, Exports
from headline.specs.exports import load_export

D1, D2 = date(2026, 3, 2), date(2026, 3, 3)
RECEIVERS = """
    partners: {who: Somebody who buys figures., areas: [core]}
    trusted: {who: Somebody who may have all of it., areas: [core, sources], personal: true}
    """
DUMP = """
    description: The orders of a day for a partner.
    area: core
    receiver: partners
    period: day
    schedule: "30 6 * * *"
    reads: {core.orders: }
    key: [order_id]
    columns:
      order_id: {type: varchar, description: Key of the order.}
      amount: {type: "decimal(18, 4)", description: What was paid.}
    to: {kind: files, connection: headline_partners, keep_days: 30}
    """
DUMP_SQL = """
    select order_id, amount
    from core.orders
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
    """
CHANGES = (
    DUMP.replace("period: day", "period: all")
    .replace("core.orders: ", "core.orders: {lookback_days: all}")
    .replace(
        "{kind: files, connection: headline_partners, keep_days: 30}",
        "{kind: webhook, connection: headline_crm, path: crm, rows_per_request: 3}",
    )
)
CHANGES_SQL = "select order_id, amount from core.orders where ds < date '{{ end }}'"


@dataclass(frozen=True)
class Exporting:
    """The repository, and where its partner reads."""

    project: Project
    place: Path

    def define(self, name: str, spec: str, sql: str) -> None:
        self.project.write(f"exports/{name}/export.yml", spec)
        self.project.write(f"exports/{name}/{name}.sql", sql)

    def run(self, name: str = "orders", day: date = D1, *, run_id: str = "run", replay: bool = False) -> ExportRun:
        work = Work(load_export(name), run_id, specs.load(), self.project.ledger, self.project.warehouse, replay)
        [period] = periods_of(work.export, Interval(day, day + DAY), date.max)
        return run_export(work, period)

    def killed(self, **options: Any) -> None:
        """The same in a process of its own, which a patch kills."""
        process = get_context("fork").Process(target=self.run, kwargs=options)
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL

    def manifest(self, name: str = "orders", day: date = D1) -> dict[str, Any] | None:
        with suppress(FileNotFoundError):
            return dict(json.loads((self.place / name / str(day) / "manifest.json").read_text()))
        return None

    def runs(self, name: str = "orders") -> list[ExportRun]:
        return Exports().newest([name], limit=100)

    def arrive(self, day: date, *rows: tuple[str, str]) -> None:
        """Orders of a day (order_id, amount) arrive and are published up to core."""
        self.project.arrive({day: list(rows)})
        for pipeline in ("shop", "core_shop"):
            self.project.publish(pipeline, day)


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying_after(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, after whose end the process is killed."""

    def call(*args: Any, **options: Any) -> None:
        function(*args, **options)
        die()

    return call


def first_orders(project: Project) -> None:
    Exporting(project, project.folder).arrive(D1, ("a", "1.5"), ("b", "2"), ("c", "-1"))


@pytest.fixture
def exporting(project: Project, tmp_path: Path, once: Once, monkeypatch: pytest.MonkeyPatch) -> Exporting:
    place = tmp_path / "partners"
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_PARTNERS", json.dumps({"conn_type": "fs", "extra": {"path": f"file://{place}"}}))
    once(project, first_orders)
    project.write("exports/receivers.yml", RECEIVERS)
    made = Exporting(project, place)
    made.define("orders", DUMP, DUMP_SQL)
    return made
