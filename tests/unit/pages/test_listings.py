"""What the server lists for commands elsewhere: only of DAGs that one may see, and personal data only for their editors."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.unit.pages.visitors import Somebody, server

from headline.errors import BadRequest, Transient
from headline.ledger import Reads
from headline.pages import errors, listings, reads

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    return once(project, two_days)


def two_days(project: Any) -> None:
    project.arrive({D1: [("a", "1.50"), ("x", "-1.00")], D2: [("b", "12345.25")]})
    project.publish("shop", D1, D2)
    project.publish("core_shop", D1, D2)


def answer(who: Somebody, path: str, **sent: Any) -> Any:
    client = server(who, listings.router, reads.router)
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


def test_nobody_is_given_rows_that_are_not_recorded(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_reach(*_: Any) -> None:
        raise Transient("the ledger is out of reach")

    monkeypatch.setattr(Reads, "record", out_of_reach)
    assert answer(Somebody(), "query", sql="select order_id from core.orders") == (503, "the ledger is out of reach")


def test_personal_data_are_null_for_whoever_may_not_see_them(shop: Any) -> None:
    shop.replace("sources/shop/orders.contract.yml", "{name: order_id, ", "{name: order_id, attributes: {personal: true}, ")
    who = {"blind": Somebody(), "editor": Somebody(edits={"shop"}), "entitled": Somebody(personal={"shop"})}
    for sql in (
        "select distinct order_id is null as is_null from raw.orders",
        "with found as (select o.* from RAW.orders as o) select distinct order_id is null from found",
        "select distinct (select max(order_id) from raw.orders) is null from core.orders",
        "select count(order_id) = 0 from raw.orders where order_id is not null",
    ):
        found = {name: answer(one, "query", sql=sql)["rows"] for name, one in who.items()}
        assert found == {"blind": [[True]], "editor": [[False]], "entitled": [[False]]}, sql
    assert answer(Somebody(), "query", sql="select sum(orders.amount) as amount from raw.orders")["rows"] == [["12345.7500"]]


def test_who_has_asked_what_is_recorded_and_listed_for_editors(shop: Any) -> None:
    answer(Somebody(), "query", sql="select count(*) from core.orders")
    answer(Somebody(name="bob"), "query", sql="select nonsense from core.orders")
    answer(Somebody(sees={"shop"}, name="eve"), "query", sql="select * from core.orders, raw.orders")
    found = answer(Somebody(edits={"shop", "core_shop"}), "reads")
    assert [row[1:] for row in found["rows"]] == [
        ["eve", "query", "core.orders, raw.orders", None, "select * from core.orders, raw.orders"],
        ["bob", "query", "core.orders", None, "select nonsense from core.orders"],
        ["ada", "query", "core.orders", 1, "select count(*) from core.orders"],
    ]
    editor = Somebody(edits={"core_shop"})
    assert [row[1] for row in answer(editor, "reads")["rows"]] == ["bob", "ada"], "of all that was read one must be an editor"
    assert [row[1] for row in answer(editor, "reads?reader=ada&name=core.orders")["rows"]] == ["ada"]
    assert answer(editor, "reads?name=raw.orders")["rows"] == []
    assert answer(Somebody(), "reads")[0] == 403
    assert b"select count(*) from core.orders" in server(editor, reads.router).get("/reads").content
    assert server(Somebody(), reads.router).get("/reads").status_code == 403


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
