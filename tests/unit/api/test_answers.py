"""What the data API answers: in every form, page by page, unchanged where nothing has changed, and recorded."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.unit.api.conftest import D1, D2, D3, Client, Rights, figure

from headline import settings
from headline.api import answer, gate, rows
from headline.api.forms import ARROW, CSV, JSON, PARQUET, acceptable
from headline.ledger import IssuedFigures, Reads
from headline.pages.reads import decoded

ROWS = "/tables/core.orders/rows"


def test_rows_are_the_same_in_every_form_and_money_is_exact(shop: Any, client: Client) -> None:
    found = client().get(ROWS).json()
    assert found["data"] == [
        {"ds": "2026-03-01", "order_id": "a", "amount": "1.5000"},
        {"ds": "2026-03-02", "order_id": "=c", "amount": "0.0001"},
        {"ds": "2026-03-02", "order_id": "b", "amount": "12345.2500"},
    ]
    lines = list(csv.reader(io.StringIO(client(accept=CSV).get(ROWS).text)))
    assert lines[0] == ["ds", "order_id", "amount"]
    assert lines[2] == ["2026-03-02", "'=c", "0.0001"], "a spreadsheet would compute it"
    answers = {form: client(accept=form).get(ROWS) for form in (PARQUET, ARROW)}
    assert {form: one.headers["content-type"] for form, one in answers.items()} == {one: one for one in answers}
    tables = [parquet.read_table(io.BytesIO(answers[PARQUET].content)), pa.ipc.open_stream(answers[ARROW].content).read_all()]
    for table in tables:
        assert table.schema.field("amount").type == pa.decimal128(18, 4)
        assert table.column("amount").to_pylist() == [Decimal("1.5000"), Decimal("0.0001"), Decimal("12345.2500")]
        assert json.loads(table.schema.metadata[b"headline"]) == found["meta"]
    assert duckdb.sql("select sum(amount) from t", connection=registered(tables[0])).fetchall() == [(Decimal("12346.7501"),)]


def registered(table: Any) -> Any:
    connection = duckdb.connect()
    connection.register("t", table)
    return connection


def test_every_answer_says_what_it_is_of(shop: Any, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (ROWS, "/tables", "/tables/core.orders", "/tables/core.orders/columns", "/figures", "/incidents", "/freshness"):
        found = client().get(path)
        assert found.status_code == 200, found.text
        meta = found.json()["meta"]
        assert {"as_of", "version", "coverage", "commit"} <= meta.keys(), path
        assert found.headers["headline-version"] == str(meta["version"])
        assert int(meta["version"]) > 0
        assert found.headers["headline-commit"] == meta["commit"]
        assert found.headers["etag"]
        if meta["coverage"] is not None:
            assert found.headers["headline-coverage"] == meta["coverage"]
    assert client().get(ROWS).json()["meta"]["coverage"] == "1"
    assert client().get("/figures").json()["meta"]["coverage"] == "0.996"


def test_who_has_the_answer_is_told_so_without_a_look_at_the_warehouse(
    shop: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client().get(ROWS)

    def refuse(*_: Any) -> None:
        raise AssertionError("the warehouse was asked")

    with monkeypatch.context() as patched:
        patched.setattr(rows, "ask", refuse)
        patched.setattr(answer, "ANSWERS", answer.Answers())
        again = client(**{"if-none-match": f'"other", W/{first.headers["etag"]}'}).get(ROWS)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again.headers["headline-version"] == first.headers["headline-version"]
    assert [one.row_count for one in Reads().newest()] == [0, 3]


def test_an_answer_is_another_once_its_rows_are_and_not_before(shop: Any, client: Client) -> None:
    def tags() -> dict[str, str]:
        return {form: client(accept=form).get(ROWS).headers["etag"] for form in (JSON, CSV, PARQUET)}

    first, later = tags(), client().get(f"{ROWS}?from={D2}").headers["etag"]
    assert len(set(first.values())) == 3, "each form is an answer of its own"
    assert tags() == first
    shop.publish("core_shop", D1)
    assert tags() == first, "a run that changes nothing"
    shop.arrive({D1: [("a", "9.99")]})
    shop.publish("shop", D1)
    shop.publish("core_shop", D1)
    assert not set(tags().values()) & set(first.values())
    assert client().get(ROWS).json()["data"][0]["amount"] == "9.9900"
    assert client().get(f"{ROWS}?from={D2}").headers["etag"] == later, "other days than those asked for"


def test_pages_are_of_the_same_rows_or_refused(shop: Any, client: Client) -> None:
    whole = client().get(ROWS).json()["data"]
    found, path = [], f"{ROWS}?limit=1"
    while path:
        told = client().get(path)
        found += told.json()["data"]
        path = told.links["next"]["url"] if "next" in told.links else ""
        assert bool(path) == bool(told.json()["next"])
    assert found == whole
    cursor = client().get(f"{ROWS}?limit=2").json()["next"]
    shop.arrive({D3: [("d", "4.00")]})
    shop.publish("shop", D3)
    shop.publish("core_shop", D3)
    assert client().get(ROWS, params={"cursor": cursor, "limit": 2}).json()["data"] == whole[2:], "a new day is none of these"
    shop.arrive({D1: [("a", "9.99")]})
    shop.publish("shop", D1)
    shop.publish("core_shop", D1)
    refused = client().get(ROWS, params={"cursor": cursor, "limit": 2})
    assert (refused.status_code, "was published again" in refused.json()["detail"]) == (409, True)
    assert "first page" in refused.json()["next"]


@pytest.mark.parametrize("cursor", ["x", "W10", "!!!", "", "eyJhIjoxfQ", "W251bGwsbnVsbF0", "A" * 900])
def test_a_cursor_that_is_none_or_of_another_request_is_refused(shop: Any, client: Client, cursor: str) -> None:
    for path in (ROWS, "/tables", "/figures", "/incidents", "/freshness"):
        assert client().get(path, params={"cursor": cursor}).status_code == 400, path
    other = client().get("/tables?limit=1").json()["next"]
    assert client().get(ROWS, params={"cursor": other}).status_code == 400
    own = client().get(f"{ROWS}?limit=1").json()["next"]
    assert client().get(ROWS, params={"cursor": own, "from": str(D1)}).status_code == 400


def test_figures_as_first_reported_most_recent_and_as_of_a_day(shop: Any, client: Client) -> None:
    def values(**of: Any) -> list[str]:
        return [row["value"] for row in client().get("/figures", params=of).json()["data"]]

    assert values(metric="shop_orders") == ["-3.000000000000000000001"]
    assert values(metric="shop_orders", read="first") == ["10.50"]
    assert values(read="as_of", as_of="2000-01-01") == []
    assert values(read="as_of", as_of=str(datetime.now(UTC).date() + timedelta(days=1))) == ["-3.000000000000000000001"] * 2
    assert values(**{"from": str(D2)}) == []
    assert client().get("/figures?read=as_of").status_code == 400
    assert client().get("/figures?as_of=2026-01-01").status_code == 400
    told = client(accept=PARQUET).get("/figures?metric=shop_orders")
    assert parquet.read_table(io.BytesIO(told.content)).column("value").to_pylist() == [Decimal("-3.000000000000000000")]


def test_pages_of_figures_are_as_they_were_at_the_first_page(shop: Any, client: Client) -> None:
    IssuedFigures().record([figure("shop", "issued", str(n), start=date(2026, 4, n)) for n in range(1, 4)])
    first = client().get("/figures?metric=shop_orders&limit=2").json()
    IssuedFigures().record([figure("shop", "issued", "99", start=date(2026, 4, n)) for n in range(1, 5)])
    rest = client().get("/figures", params={"metric": "shop_orders", "cursor": first["next"]}).json()
    assert [row["value"] for row in (*first["data"], *rest["data"])] == ["-3.000000000000000000001", "1", "2", "3"]
    assert (rest["next"], rest["meta"]["version"]) == (None, first["meta"]["version"])


def test_incidents_tell_no_secret_and_lists_narrow(shop: Any, client: Client) -> None:
    found = client().get("/incidents").json()["data"]
    assert [one["pipeline"] for one in found] == ["core_shop", "shop"]
    assert all("secret1" not in one["likely_cause"] and "ingest failed" in one["likely_cause"] for one in found)
    assert client().get("/incidents?pipeline=shop&state=open").json()["data"] == found[1:]
    assert client().get("/incidents?state=resolved").json()["data"] == []
    page = client().get("/incidents?limit=1").json()
    assert page["data"] + client().get("/incidents", params={"limit": 1, "cursor": page["next"]}).json()["data"] == found
    assert client().get(f"/incidents/{found[0]['id']}").json()["data"] == found[0]
    assert client().get("/incidents/9223372036854775807").status_code == 404


def test_tables_and_freshness_say_what_is_there(shop: Any, client: Client) -> None:
    found = {one["name"]: one for one in client().get("/tables").json()["data"]}
    assert list(found) == ["core.orders", "core.running_totals", "raw.orders"]
    orders = found["core.orders"]
    assert (orders["first_day"], orders["last_day"], orders["grain"], orders["key"]) == (
        "2026-03-01",
        "2026-03-02",
        "day",
        ["order_id"],
    )
    assert client().get("/tables?area=sources").json()["data"] == [found["raw.orders"]]
    assert client().get("/tables/raw.orders").json()["data"] == found["raw.orders"]
    fresh = {one["table"]: one for one in client().get("/freshness").json()["data"]}
    assert fresh["core.orders"]["is_late"]
    assert fresh.keys() == found.keys()
    named = client().get("/tables/core.orders/columns").json()["data"]
    assert [one["name"] for one in named] == ["ds", "order_id", "amount"]
    assert client().get("/tables/quarantine.orders/rows").json()["data"][0]["quarantine_reason"] == "negative_amount"


def test_personal_data_are_empty_for_whoever_may_not_see_them(shop: Any, client: Client, rights: Rights) -> None:
    shop.replace("sources/shop/orders.contract.yml", "{name: order_id, ", "{name: order_id, attributes: {personal: true}, ")
    path = "/tables/raw.orders/rows"

    def keys(name: str) -> list[Any]:
        return [row["order_id"] for row in client(name).get(path).json()["data"]]

    assert sorted(keys("ada")) == ["=c", "a", "b", "x"], "who may edit the DAG"
    assert keys("bob") == [None] * 4
    assert client("bob").get(path).json()["meta"]["masked"] == ["order_id"]
    assert client("bob").get("/tables/raw.orders").json()["data"]["masked"] == ["order_id"]
    etags = {client(name).get(path).headers["etag"] for name in ("ada", "bob")}
    assert len(etags) == 2, "what one may see the other must not be told to have"
    assert client("bob", **{"if-none-match": ", ".join(etags)}).get(path).status_code == 304
    rights.personal.add("bob")
    assert sorted(keys("bob")) == ["=c", "a", "b", "x"], "who has the right to personal data"
    rights.sees["bob"] = set()
    assert client("bob").get(path).status_code == 403, "and to nothing else"


def test_an_address_is_recorded_as_people_write_it() -> None:
    assert decoded("/tables/x/rows?of=Ada%20L%C3%B6we%00&in=a+b") == "/tables/x/rows?of=Ada Löwe &in=a b"


def test_every_reading_is_recorded_before_it_is_answered(shop: Any, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client("bob").get("/figures?metric=shop_orders")
    client().get(f"{ROWS}?limit=1")
    client("bob").get(ROWS)
    client().get("/tables")
    found = [(one.reader, one.channel, one.names, one.detail, one.row_count) for one in Reads().newest()]
    assert found == [
        ("bob", "api", ("core.orders",), ROWS, None),
        ("ada", "api", ("core.orders",), f"{ROWS}?limit=1", 1),
        ("bob", "api", ("shop_orders",), "/figures?metric=shop_orders", 1),
    ]

    def refuse(*_: Any) -> None:
        raise settings.BadRequest("no audit log")

    monkeypatch.setattr(Reads, "record", refuse)
    told = client().get(ROWS)
    assert told.status_code == 400
    assert b"12345" not in told.content


def test_who_asks_too_often_is_told_when_to_ask_again(shop: Any, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_API_RATE", "2 per minute")
    settings.load.cache_clear()
    gate.rate.cache_clear()
    answers = [client("often").get("/tables") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert 0 < int(answers[2].headers["retry-after"]) <= 60
    assert "(HEADLINE_API_RATE)" in answers[2].json()["detail"]
    assert client("seldom").get("/tables").status_code == 200, "each user for themselves"


def test_a_problem_says_what_to_do(shop: Any, client: Client) -> None:
    cases = {
        "/tables/core.nothing/rows": 404,
        f"{ROWS}?from=2026-03-02&to=2026-03-01": 400,
        f"{ROWS}?limit=0": 422,
        "/figures?read=last": 422,
        "/nowhere": 404,
    }
    for path, status in cases.items():
        told = client().get(path)
        assert told.status_code == status, path
        assert told.headers["content-type"] == "application/problem+json"
        said = told.json()
        assert (said["status"], bool(said["detail"]), bool(said["next"])) == (status, True, True)
    assert client(accept="text/html").get("/tables").status_code == 406
    assert client().post("/tables").status_code == 405


def test_answers_are_compressed_for_who_takes_that(shop: Any, client: Client) -> None:
    plain, small = client(**{"accept-encoding": "identity"}).get("/openapi.json"), client().get(f"{ROWS}?limit=1")
    assert plain.status_code == 200
    assert small.headers["content-encoding"] == "gzip"
    listed = client().get("/tables")
    assert listed.headers["content-encoding"] == "gzip"
    alone = client(**{"accept-encoding": "gzip;q=0"}).get("/tables")
    assert "content-encoding" not in alone.headers
    assert alone.json() == listed.json()
    assert alone.headers["etag"] != listed.headers["etag"]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("text/*", CSV),
        ("text/html, application/json;q=0.5", JSON),
        ("application/json;q=0.5, text/csv", CSV),
        ("application/json;q=0, */*", CSV),
        ("application/vnd.apache.parquet", PARQUET),
        ("text/html", None),
        ("application/json;q=nonsense", None),
    ],
)
def test_a_reader_gets_the_form_that_they_like_best(accept: str, form: str | None) -> None:
    assert acceptable(accept) == form
