"""The HTTP source against a real local server that misbehaves in every way a real one does."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from headline.errors import BadData, BadRequest, Transient
from headline.intervals import Interval
from headline.sources import http
from headline.sources.landing import NO_DAY
from headline.sources.refused import ORIGIN, REFUSAL, REFUSED_TEXT
from headline.specs import HttpIngest

DAYS = Interval(date(2026, 3, 1), date(2026, 3, 3))
INGEST = HttpIngest(
    kind="http",
    connection="headline_finance",
    path="/expenses",
    params={"from": "{{ start }}", "to": "{{ end }}"},
    records="data",
    next="next_cursor",
    cursor="cursor",
    day="incurred_on",
)
Answer = tuple[int, Any]
Serve = Callable[[Callable[[dict[str, str]], Answer]], list[dict[str, str]]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start a server whose answers, (status, body) for a question's parameters, the test decides; gives the questions asked."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[dict[str, str]], Answer]) -> list[dict[str, str]]:
        asked: list[dict[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                params = {name: found[0] for name, found in parse_qs(urlsplit(self.path).query).items()}
                asked.append(params)
                status, body = answer(params)
                payload = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(payload) + (100 if status == 206 else 0)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        connection = {"conn_type": "http", "host": "http://127.0.0.1", "port": server.server_port}
        monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_FINANCE", json.dumps(connection))
        return asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def read() -> dict[date, list[dict[str, Any]]]:
    return {day: rows.to_pylist() for day, rows in http.read(INGEST, DAYS)}


def record(key: str, day: str = "2026-03-01", **more: Any) -> dict[str, Any]:
    return {"expense_id": key, "incurred_on": day, **more}


def test_all_pages_are_read_and_told_apart_by_day(serve: Serve) -> None:
    pages = {
        None: ([record("a"), record("b", "2026-03-02T23:59:59Z")], "2"),
        "2": ([], "3"),
        "3": ([record("c")], None),
    }
    asked = serve(lambda params: (200, dict(zip(("data", "next_cursor"), pages[params.get("cursor")], strict=True))))
    assert {day: [row["expense_id"] for row in rows] for day, rows in read().items()} == {
        date(2026, 3, 1): ["a", "c"],
        date(2026, 3, 2): ["b"],
    }
    assert asked == [{"from": "2026-03-01", "to": "2026-03-03", **more} for more in ({}, {"cursor": "2"}, {"cursor": "3"})]


def test_numbers_stay_the_text_that_stood_there(serve: Serve) -> None:
    body = (
        b'{"next_cursor": null, "data": [{"incurred_on": "2026-03-01", "amount": 0.10000000000000000001,'
        b' "big": 12345678901234567890, "n": null, "flag": true, "tags": ["x"]}]}'
    )
    serve(lambda params: (200, body))
    [row] = read()[date(2026, 3, 1)]
    assert row.pop(ORIGIN) == "/expenses page 1 record 1"
    assert row == {
        "incurred_on": "2026-03-01",
        "amount": "0.10000000000000000001",
        "big": "12345678901234567890",
        "n": None,
        "flag": "true",
        "tags": '["x"]',
    }


def test_a_field_that_some_records_lack_is_null_there(serve: Serve) -> None:
    serve(lambda params: (200, {"data": [record("a"), record("b", sales_channel="web")], "next_cursor": None}))
    assert [row["sales_channel"] for row in read()[date(2026, 3, 1)]] == [None, "web"]


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_an_overloaded_service_is_worth_another_try(serve: Serve, status: int) -> None:
    serve(lambda params: (status, {"error": "busy"}))
    with pytest.raises(Transient, match=f"/expenses .*headline_finance.*answered {status}"):
        read()


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_not_asked_again(serve: Serve, status: int) -> None:
    serve(lambda params: (status, {"error": "no such thing"}))
    with pytest.raises(BadRequest, match=f"refused with {status}.*no such thing"):
        read()


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b'{"data": [{"expense_id": "a"', b"\xff\xfe\x00"])
def test_what_is_no_json_is_worth_another_try(serve: Serve, body: bytes) -> None:
    serve(lambda params: (200, body))
    with pytest.raises(Transient, match="no JSON"):
        read()


def test_an_answer_that_breaks_off_is_worth_another_try(serve: Serve) -> None:
    serve(lambda params: (206, {"data": [], "next_cursor": None}))
    with pytest.raises(Transient, match="no answer"):
        read()


@pytest.mark.parametrize(
    "body",
    [
        [record("a")],
        {"items": [], "next_cursor": None},
        {"data": []},
        {"data": {"a": 1}, "next_cursor": None},
        {"data": ["a", "b"], "next_cursor": None},
        {"data": None, "next_cursor": None},
        "data",
    ],
    ids=str,
)
def test_an_answer_of_another_shape_is_bad_data(serve: Serve, body: Any) -> None:
    serve(lambda params: (200, body))
    with pytest.raises(BadData, match=r"'data' or no 'next_cursor'.*source\.yml"):
        read()


@pytest.mark.parametrize("circle", [1, 2, 3])
def test_pages_that_never_end_are_noticed(serve: Serve, circle: int) -> None:
    def answer(params: dict[str, str]) -> Answer:
        return 200, {"data": [], "next_cursor": str((int(params.get("cursor", 0)) + 1) % circle + 10 * circle)}

    asked = serve(answer)
    with pytest.raises(BadData, match="the pages repeat"):
        read()
    assert len(asked) <= circle + 2


@pytest.mark.parametrize("day", ["2026-02-28", "2026-03-03"])
def test_a_record_of_a_day_that_was_not_asked_for_is_refused_by_itself(serve: Serve, day: str) -> None:
    serve(lambda params: (200, {"data": [record("a"), record("b", day)], "next_cursor": None}))
    rows = [row for rows in read().values() for row in rows]
    told = [(row.get("headline_refusal"), row.get("headline_text")) for row in rows]
    assert sorted(told, key=str) == [("not_of_the_days_asked_for", day), (None, None)]


def test_a_service_that_does_not_heed_the_days_is_bad_data(serve: Serve) -> None:
    serve(lambda params: (200, {"data": [record(key, "2026-02-28") for key in "abc"] + [record("d")], "next_cursor": None}))
    with pytest.raises(BadData, match=r"3 of 4 records have a incurred_on that is no day of \[2026-03-01, 2026-03-03\)"):
        read()


@pytest.mark.parametrize(
    ("odd", "reason", "text"),
    [
        ('{"incurred_on": "not a day"}', "invalid_incurred_on", "not a day"),
        ('{"incurred_on": ""}', "invalid_incurred_on", ""),
        ('{"incurred_on": null}', "invalid_incurred_on", None),
        (
            '{"incurred_on": "2026-03-01", "amount": 1, "amount": 2}',
            "repeated_key",
            'amount: {"incurred_on": "2026-03-01", "amount": 1, "amount": 2}',
        ),
        ("7", "unreadable_record", "7"),
    ],
)
def test_a_record_that_cannot_be_read_is_refused_by_itself(serve: Serve, odd: str, reason: str, text: str | None) -> None:
    sound = json.dumps(record("a"))
    serve(lambda params: (200, f'{{"data": [{sound}, {odd}], "next_cursor": null}}'.encode()))
    found = read()
    assert [row["expense_id"] for row in found[date(2026, 3, 1)]] == ["a"]
    [row] = found[NO_DAY]
    assert (row[REFUSAL], row[REFUSED_TEXT], row[ORIGIN]) == (reason, text, "/expenses page 1 record 2")


def test_the_day_of_a_moment_begins_in_the_reporting_zone(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("HEADLINE_REPORTING_ZONE", "America/New_York")
    forget_settings()
    serve(
        lambda params: (
            200,
            {"data": [record("a", "2026-03-02T03:00:00Z"), record("b", "2026-03-02T12:00+02:00")], "next_cursor": None},
        )
    )
    assert {day: [row["expense_id"] for row in rows] for day, rows in read().items()} == {
        date(2026, 3, 1): ["a"],
        date(2026, 3, 2): ["b"],
    }


def test_a_service_that_is_down_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_FINANCE", '{"conn_type": "http", "host": "http://127.0.0.1", "port": 1}')
    with pytest.raises(Transient, match="no answer"):
        read()


def test_a_service_that_does_not_answer_in_time_is_worth_another_try(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    from time import sleep

    def answer(params: dict[str, str]) -> Answer:
        sleep(0.6)
        return 200, {}

    serve(answer)
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", 0.2)
    with pytest.raises(Transient, match="no answer"):
        read()
