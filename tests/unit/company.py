"""A small company: a shop and an app, what core makes of them, and two pipelines that read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from headline import specs
from headline.intervals import DAY, Interval
from headline.ledger.evidence import Publication
from headline.specs import Catalog

# id: (folder, tier, lands_at, table, reads)
PIPELINES = {
    "shop": ("sources/shop", 1, "02:00", "orders", []),
    "app": ("sources/app", 1, "02:00", "events", []),
    "core_shop": ("core/core_shop", 1, "03:00", "order_lines", ["raw.orders"]),
    "core_app": ("core/core_app", 2, "02:30", "user_days", ["raw.events"]),
    "unit_profit": ("profit/unit_profit", 2, "03:30", "lines", ["core.order_lines", "core.user_days"]),
    "investor_profit": ("profit/investor_profit", 1, "04:00", "summary", ["profit.lines"]),
}
TABLES = {"raw.orders", "raw.events", "core.order_lines", "core.user_days", "profit.lines", "profit.summary"}


@pytest.fixture
def catalog(tmp_path: Path, forget_settings: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Catalog:
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path / "include"))
    monkeypatch.setenv("HEADLINE_START_DATE", "2026-01-01")
    for place, tier, lands_at, table, reads in PIPELINES.values():
        folder = tmp_path / "include" / "sql" / place
        folder.mkdir(parents=True)
        lines = ["description: What somebody needs.", f"tier: {tier}", f'lands_at: "{lands_at}"', "tables:", f"  {table}:"]
        lines += ["    reads:", *(f"      {name}: {{}}" for name in reads)] if reads else []
        if place.startswith("sources"):
            lines += ["ingest:", f"  {table}: {{kind: files, connection: headline_x, pattern: '{{{{ ds }}}}.csv', format: csv}}"]
        (folder / f"{'source' if place.startswith('sources') else 'pipeline'}.yml").write_text("\n".join(lines))
        (folder / f"{table}.sql").write_text("select 1")
        (folder / f"{table}.contract.yml").write_text("dataset: x")
    forget_settings()
    found = specs.load()
    assert found.tables.keys() == TABLES
    return found


def publication(table: str, day: date, at: datetime, coverage: str = "1") -> Publication:
    share = Decimal(coverage)
    return Publication(table, Interval(day, day + DAY), 1, 1, share == 1, share, at, "run", at)
