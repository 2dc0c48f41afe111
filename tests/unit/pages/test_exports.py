"""The pages of exports: those of DAGs that one may see, and nothing else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.unit.conftest import Project
from tests.unit.exports.conftest import CHANGES, CHANGES_SQL, DUMP, DUMP_SQL, RECEIVERS
from tests.unit.pages.test_listings import Somebody

from headline.ledger import DeadLetter, Delivered, ExportRun, Exports
from headline.pages import errors, exports
from headline.pages.visitor import visitor

DAY = date(2026, 3, 2)


@pytest.fixture
def known(project: Project) -> Project:
    project.write("exports/receivers.yml", RECEIVERS)
    for name, spec, sql in (("orders", DUMP, DUMP_SQL), ("told", CHANGES, CHANGES_SQL)):
        project.write(f"exports/{name}/export.yml", spec)
        project.write(f"exports/{name}/{name}.sql", sql)
    ledger, days = Exports(), (DAY, date(2026, 3, 3))
    ledger.record(ExportRun("orders", *days, "k", "failed", "r1", error="<b>the bucket is gone</b>"))
    ledger.record(ExportRun("told", *days, "k", "delivered", "r2", row_count=12345, sent_count=7, refused_count=1, place="crm"))
    letter = DeadLetter("h2", {"order_id": "O-2"}, "r", "no such customer", 2, "r2")
    ledger.settle("told", [Delivered("h1", {"order_id": "O-1"}, "r", "d")], [letter])
    return project


def get(path: str, *sees: str) -> Any:
    app = FastAPI(exception_handlers=errors.HANDLERS)
    app.include_router(exports.router)
    app.dependency_overrides[visitor] = lambda: Somebody(sees={*sees})
    return TestClient(app).get(path)


def test_exports_are_those_of_dags_that_one_may_see(known: Project) -> None:
    text = get("/exports", "orders", "told").text
    assert "orders" in text
    assert "12,345" in text
    assert ">failed<" in text
    assert "told" not in get("/exports", "orders").text
    assert "no export that you may see" in get("/exports").text
    rows = get("/api/exports", "told").json()["rows"]
    assert [(row[0], row[5], row[7], row[9]) for row in rows] == [("told", "delivered", 12345, 1)]


def test_an_export_shows_its_runs_and_dead_letters(known: Project) -> None:
    text = get("/exports/told", "told").text
    for shown in ("O-2", "no such customer", "headline exports replay told", "decimal(18, 4)"):
        assert shown in text
    assert "&lt;b&gt;the bucket is gone" in get("/exports/orders", "orders").text
    runs, letters = get("/api/exports/told", "told").json()
    assert runs["rows"][0][:4] == ["2026-03-02", "2026-03-02", "delivered", 12345]
    assert letters["rows"][0][:3] == ["order_id O-2", "no such customer", 2]
    for path in ("/exports/told", "/api/exports/told"):
        assert get(path, "orders").status_code == 403
    assert get("/exports/nothing", "nothing").status_code == 404
