"""What the server lists for commands elsewhere: only of DAGs that one may see, and personal data only for their editors."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.unit.pages.visitors import Somebody, server

from headline.errors import BadRequest, Transient
from headline.ledger import Read, Reads
from headline.pages import errors, listings

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    return once(project, two_days)


def two_days(project: Any) -> None:
    project.arrive({D1: [("a", "1.50"), ("x", "-1.00")], D2: [("b", "12345.25")]})
    project.publish("shop", D1, D2)
    project.publish("core_shop", D1, D2)


def answer(who: Somebody, path: str, **sent: Any) -> Any:
    client = server(who, listings.router)
    found = client.post(f"/api/{path}", json=sent) if sent else client.get(f"/api/{path}")
    return found.json() if found.is_success else (found.status_code, found.json()["detail"])


def test_tables_are_those_of_dags_that_one_may_see(shop: Any) -> None:
    assert {row[0] for row in answer(Somebody(), "tables")["rows"]} == {"raw.orders", "core.orders", "core.running_totals"}
    assert [row[0] for row in answer(Somebody(sees={"shop"}), "tables")["rows"]] == ["raw.orders"]
    shop.replace("core/core_shop/orders.sql", "amount < 0", "amount < 0.00")
    [stale] = answer(Somebody(), "tables?stale=true")["rows"]
    assert stale[:3] == ["core.orders", "", "2026-03-01 to 2026-03-02"]
    assert answer(Somebody(sees={"shop"}), "tables?stale=true")["rows"] == []


def test_audits_are_those_of_dags_that_one_may_see(shop: Any) -> None:
    assert {row[0] for row in answer(Somebody(), "audits")["rows"]} == {"raw.orders", "core.orders", "core.running_totals"}
    assert {row[0] for row in answer(Somebody(sees={"shop"}), "audits")["rows"]} == {"raw.orders"}
    assert {row[3] for row in answer(Somebody(), "audits?table=core.orders")["rows"]} == {"passed"}
    assert answer(Somebody(), "audits?failed=true")["rows"] == []
    assert answer(Somebody(sees={"shop"}), "audits?table=core.orders") == (403, "no")


def test_a_query_reads_tables_of_dags_that_one_may_see(shop: Any) -> None:
    sql = "select ds, order_id, amount from core.orders order by ds"
    found = answer(Somebody(), "query", sql=sql)
    assert (found["columns"], found["decimals"]) == (["ds", "order_id", "amount"], [2])
    assert found["rows"] == [["2026-03-01", "a", "1.5000"], ["2026-03-02", "b", "12345.2500"]]
    status, told = answer(Somebody(sees={"shop"}), "query", sql=sql)
    assert (status, "core.orders is not published" in told) == (400, True)
    status, told = answer(Somebody(sees={"shop"}), "query", sql="select * from (select * from raw.orders), core.orders")
    assert status == 400
    for wrong, why in (("drop table core.orders", "exactly one SELECT"), ("select nonsense from core.orders", "nonsense")):
        status, told = answer(Somebody(), "query", sql=wrong)
        assert (status, why in told) == (400, True)


def test_every_query_is_in_the_audit_log_with_who_asked_and_what(shop: Any) -> None:
    sql = "select order_id from core.orders"
    answer(Somebody(), "query", sql=sql)
    answer(Somebody(sees={"shop"}, name="mara"), "query", sql=sql)
    answer(Somebody(), "query", sql="select \0 from")
    told = [replace(one, read_at=None) for one in Reads().newest(3)]
    assert told == [
        Read("ada", "query", (), "select   from", None),
        Read("mara", "query", ("core.orders",), sql, None),
        Read("ada", "query", ("core.orders",), sql, 2),
    ]


def test_nobody_is_given_rows_that_are_not_recorded(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_reach(*_: Any) -> None:
        raise Transient("the ledger is out of reach")

    monkeypatch.setattr(Reads, "record", out_of_reach)
    assert answer(Somebody(), "query", sql="select order_id from core.orders") == (503, "the ledger is out of reach")


def test_personal_data_are_for_editors_of_the_dag_alone(shop: Any) -> None:
    shop.replace("sources/shop/orders.contract.yml", "{name: order_id, ", "{name: order_id, attributes: {personal: true}, ")
    sql = "select count(*) as n from raw.orders"
    status, told = answer(Somebody(), "query", sql=sql)
    assert (status, "raw.orders is not published" in told) == (400, True)
    assert answer(Somebody(edits={"shop"}), "query", sql=sql)["rows"] == [[3]]


def test_a_query_that_another_site_has_sent_with_our_cookie_is_refused(shop: Any) -> None:
    found = server(Somebody(), listings.router).post(
        "/api/query", json={"sql": "select 1"}, headers={"authorization": "", "origin": "http://evil"}
    )
    assert found.status_code == 403


def test_more_queries_than_the_server_has_room_for_are_asked_to_wait(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_QUERY_SECONDS", "0.1")
    listings.settings.load.cache_clear()
    with listings.QUERIES, listings.QUERIES:
        status, told = answer(Somebody(), "query", sql="select 1")
    assert (status, "try again" in told) == (503, True)
    assert answer(Somebody(), "query", sql="select 1 as one")["rows"] == [[1]], "and the room is given back"


def test_why_needs_the_right_to_the_table_and_names_no_more_than_a_root_cause_elsewhere(shop: Any) -> None:
    assert answer(Somebody(), "why/core.orders/2026-03-01")[0].startswith("core.orders 2026-03-01: complete.")
    assert answer(Somebody(sees={"shop"}), "why/core.orders/2026-03-01") == (403, "no")
    status, told = answer(Somebody(), "why/core.nothing/2026-03-01")
    assert (status, told) == (400, "no table is called core.nothing: headline tables lists them")
    shop.arrive({D1: [("a", "9.99")]})
    shop.publish("shop", D1)
    all_of_it, own = (
        answer(Somebody(sees=sees), "why/core.orders/2026-03-01") for sees in ({"shop", "core_shop"}, {"core_shop"})
    )
    assert own[0] == all_of_it[0]
    [root] = [line for line in all_of_it if line.startswith("Root cause: ")]
    [hidden] = [line for line in own if line.startswith("Root cause: ")]
    name = root.split(",")[0]
    assert root != hidden
    assert hidden.startswith(name)
    assert hidden.endswith(": its owners know more")


def test_backfills_are_for_those_who_may_see_their_dag_and_plans_for_those_who_may_run_it(shop: Any) -> None:
    assert answer(Somebody(), "backfills/all")["rows"] == []
    assert answer(Somebody(), "backfills/7/chunks")[0] == 400
    fields = {"select": "core_shop", "from": "2026-03-01", "to": "2026-03-02", "downstream": False, "days": "everything"}
    assert "core.running_totals" in answer(Somebody(), "backfills/plan", **fields)
    for path in ("backfills/all", "backfills/7/chunks"):
        assert answer(Somebody(sees={"shop"}), path) == (403, "no")
    assert answer(Somebody(sees={"shop"}), "backfills/plan", **fields) == (403, "no")


def test_the_json_of_rows_is_read_as_they_were() -> None:
    from decimal import Decimal

    from headline.show import Rows

    rows = Rows(["a", "b", "c"], [["x", Decimal("1.10"), None], ["1", None, 2.5]], "title", ["note"])
    assert Rows.of(json.loads(rows.to_json())) == rows


def test_what_cannot_be_done_is_answered_400() -> None:
    app = FastAPI(exception_handlers=errors.HANDLERS)

    @app.get("/")
    def refuse() -> None:
        raise BadRequest("no such day")

    found = TestClient(app).get("/")
    assert (found.status_code, found.json()) == (400, {"detail": "no such day"})
