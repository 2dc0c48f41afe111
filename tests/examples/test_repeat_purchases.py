"""What purchases become of which only customer and moment are known, on rows made up: needs no data."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from headline import settings, specs
from headline.intervals import Interval
from headline.rules.golden import case_faults
from headline.sources import read

FOLDER = settings.PROJECT / "examples" / "repeat_purchases"
GIVEN = """\
types: {ds: date, id: varchar, date: varchar}
rows:
  - {ds: 2014-03-08, id: "7", date: 2014-03-08 00:00:00}
  - {ds: 2014-03-08, id: "7", date: 2014-03-08 00:00:00}
  - {ds: 2014-03-08, id: "8", date: 2014-03-08 00:00:00}
  - {ds: 2014-03-08, id: "9", headline_refusal: unreadable_record, headline_text: "9;?"}
  - {ds: 2014-03-09, id: "7", date: 2014-03-09 00:00:00}
"""
EXPECTED = """\
interval: {start: 2014-03-08, end: 2014-03-09}
rows:
  - {event_id: 7-2014-03-08-1, user_id: "7", event_type: purchase, occurred_at: 2014-03-08 00:00:00, refusal: null}
  - {event_id: 7-2014-03-08-2, user_id: "7", event_type: purchase, occurred_at: 2014-03-08 00:00:00, refusal: null}
  - {event_id: 8-2014-03-08-1, user_id: "8", event_type: purchase, occurred_at: 2014-03-08 00:00:00, refusal: null}
  - {event_id: null, user_id: "9", event_type: purchase, occurred_at: null, refusal: unreadable_record}
"""


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, forget_settings: Callable[[], None]) -> specs.Catalog:
    monkeypatch.setenv("HEADLINE_SOURCES", str(FOLDER / "sources"))
    share = json.dumps({"conn_type": "fs", "extra": {"path": f"file://{tmp_path}"}})
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DATASHARE", share)
    forget_settings()
    return specs.load()


def test_what_a_purchase_becomes(catalog: specs.Catalog, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "landing.purchases.yml").write_text(GIVEN)
    (tmp_path / "expect.yml").write_text(EXPECTED)
    assert case_faults(catalog, catalog.table("raw.events"), tmp_path) == []


def test_its_file_is_told_apart_by_days(catalog: specs.Catalog, tmp_path: Path) -> None:
    (tmp_path / "purchases").mkdir()
    lines = "2014-03-08 00:00:00,7\n2014-03-09 00:00:00,8\n2014-03-08 00:00:00,9\n"
    (tmp_path / "purchases" / "example_transactions.csv").write_text(f"date,id\n{lines}")
    source = catalog.source("app")
    parts = read(source.ingest["purchases"], source.folder, Interval(date(2014, 3, 8), date(2014, 3, 9)))
    assert [(day, row["id"]) for day, rows in parts for row in rows.to_pylist()] == [
        (date(2014, 3, 8), "7"),
        (date(2014, 3, 8), "9"),
    ]


def test_its_contracts_are_those_of_the_original(catalog: specs.Catalog) -> None:
    original = settings.PROJECT / "include" / "sql" / "sources" / "app"
    assert {table.contract_file.parent for table in catalog.source("app").tables.values()} == {original}
