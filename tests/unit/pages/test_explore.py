"""Explore: a visitor's SELECT, its rows as a table and as CSV, and what it says where it cannot."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from httpx import Response
from tests.unit.pages.visitors import Somebody, server

from headline.ledger import Reads
from headline.pages import explore

D1 = date(2026, 3, 1)
SQL = "select order_id, amount, null as nothing from core.orders order by order_id desc"


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    return once(project, one_day)


def one_day(project: Any) -> None:
    project.arrive({D1: [("a", "1234.50"), ("=b", "2.00")]})
    project.publish("shop", D1)
    project.publish("core_shop", D1)


def sent(sql: str, who: Somebody | None = None, **fields: str) -> Response:
    return server(who or Somebody(), explore.router).post("/explore", data={"sql": sql} | fields)


def shown(found: Response, status: int = 200) -> str:
    assert found.status_code == status
    return " ".join(found.text.split())


def test_rows_are_shown_as_they_are(shop: Any) -> None:
    html = shown(sent(SQL))
    assert "2 rows." in html
    assert '<td>a</td><td class="amount">1,234.5000</td><td><span class="soft">NULL</span></td>' in html
    assert SQL in html, "the text stays in the form"
    assert [(one.reader, one.names, one.row_count) for one in Reads().newest()] == [("ada", ("core.orders",), 2)]


def test_all_rows_are_there_as_csv_which_no_spreadsheet_computes(shop: Any) -> None:
    found = sent(SQL, **{"as": "csv"})
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    assert found.headers["content-disposition"] == 'attachment; filename="query.csv"'
    assert found.text == "order_id,amount,nothing\r\na,1234.5000,\r\n'=b,2.0000,\r\n"


def test_of_many_rows_the_first_are_shown_in_their_order(shop: Any) -> None:
    many = "select x from range(2000) as numbers(x)"
    for sql in (f"{many} order by x desc", f"{many} order by x desc limit 1500"):
        html = shown(sent(sql))
        assert "The first 500 rows; the CSV has all of them." in html
        assert html.index("1,999</td>") < html.index("1,998</td>")
        assert html.count("<tr>") == 501
        assert Reads().newest(1)[0].row_count == 501
    assert "3 rows." in shown(sent(f"{many} limit 3"))
    assert sent(f"{many} order by x", **{"as": "csv"}).text.count("\r\n") == 2001


WRONG = {
    "": "Write a SELECT first",
    "drop table core.orders": "exactly one SELECT",
    "select nonsense from core.orders": "nonsense",
    "select * from core.nothing": "core.nothing is not published",
    "select 1 / (": "not valid SQL",
    "select * from read_csv('/etc/passwd')": "is a function",
    "select '<script>' from nowhere.x": "nowhere.x is not published",
}


def test_what_is_wrong_is_said_and_the_text_stays(shop: Any) -> None:
    for sql, told in WRONG.items():
        for form in ("", "csv"):
            html = shown(sent(sql, **{"as": form}), status=400)
            assert 'role="alert"' in html
            assert told in html
            assert "<script>'" not in html
    refused = [one.row_count for one in Reads().newest()]
    assert refused == [None] * 2 * (len(WRONG) - 1), "each is in the audit log, without rows"


def test_tables_are_those_of_dags_that_one_may_see(shop: Any) -> None:
    page = server(Somebody(sees={"shop"}), explore.router).get("/explore?table=core.orders").text
    assert "raw.orders" in page
    assert "core." not in page.split("<main")[1]
    assert "core.orders is not published" in shown(sent(SQL, Somebody(sees={"shop"})), status=400)
    own = server(Somebody(), explore.router).get("/explore?table=core.orders").text
    assert "select *\nfrom core.orders\nlimit 100</textarea>" in own


def test_personal_data_are_null_but_for_editors_of_the_dag(shop: Any) -> None:
    shop.replace("sources/shop/orders.contract.yml", "{name: order_id, ", "{name: order_id, attributes: {personal: true}, ")
    sql = "select order_id from raw.orders where amount > 100"
    assert '<td><span class="soft">NULL</span></td>' in shown(sent(sql))
    assert "<td>a</td>" in shown(sent(sql, Somebody(edits={"shop"})))


def test_a_link_with_a_query_asks_nothing_before_it_is_sent(shop: Any) -> None:
    page = server(Somebody(), explore.router).get("/explore", params={"sql": SQL}).text
    assert SQL in page
    assert "Result" not in page
    assert Reads().newest() == []


def test_a_form_of_another_site_is_refused(shop: Any) -> None:
    found = server(Somebody(), explore.router, authorization="", origin="http://evil").post("/explore", data={"sql": SQL})
    assert found.status_code == 403
    assert Reads().newest() == []
