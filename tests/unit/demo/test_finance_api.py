"""The expenses over real HTTP: complete, exact and paged; faulty requests are refused."""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from headline.demo.company import Company, days_between
from headline.demo.finance import expenses
from headline.demo.finance_api import server

TODAY = date(2026, 3, 11)
FIRST = date(2026, 3, 2)
Get = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def get(company: Company) -> Iterator[Get]:
    """Ask the running service: get(path, from_=…) returns status and parsed JSON."""
    service = server(company, today=lambda: TODAY)
    Thread(target=service.serve_forever, args=(0.01,), daemon=True).start()

    def ask(path: str, **parameters: object) -> tuple[int, dict[str, Any]]:
        text = urlencode({name.rstrip("_"): value for name, value in parameters.items()})
        try:
            with urlopen(f"http://127.0.0.1:{service.server_port}{path}?{text}") as response:
                return response.status, json.load(response)
        except HTTPError as error:
            return error.code, json.load(error)

    yield ask
    service.shutdown()
    service.server_close()


def test_health(get: Get) -> None:
    assert get("/health") == (200, {"status": "ok"})


@pytest.mark.parametrize("limit", [1, 7, 14, 1_000])
def test_pages_are_complete_and_exact(get: Get, company: Company, limit: int) -> None:
    found: list[dict[str, Any]] = []
    position: dict[str, str] = {}
    while True:
        status, answer = get("/expenses", from_=FIRST, to=TODAY, limit=limit, **position)
        assert status == 200
        found += answer["data"]
        if answer["next_cursor"] is None:
            break
        assert len(answer["data"]) == limit
        position = {"cursor": answer["next_cursor"]}
    expected = [row for day in days_between(FIRST, TODAY - timedelta(days=1)) for row in expenses(company, day)]
    assert [row["expense_id"] for row in found] == [row.expense_id for row in expected]
    for row, original in zip(found, expected, strict=True):
        amount = row["amount"] if row["amount"] is None else Decimal(row["amount"])
        assert row | {"amount": amount} == original._asdict() | {"incurred_on": str(original.incurred_on)}
        assert not isinstance(row["amount"], float)


def test_a_month_whose_books_are_closed_has_nothing_damaged(get: Get, company: Company) -> None:
    def amounts(first: date, last: date) -> list[Any]:
        return [row["amount"] for row in get("/expenses", from_=first, to=last, limit=1_000)[1]["data"]]

    february = days_between(date(2026, 2, 1), date(2026, 2, 28))
    closed = amounts(february[0], date(2026, 3, 1))
    entered = [row.amount for day in february for row in expenses(company, day)]
    assert any(amount is None or amount < 0 for amount in entered)
    assert len(closed) == 14 * len(february) < len(entered)
    assert {Decimal(amount) for amount in closed} >= {amount for amount in entered if amount and amount > 0}
    assert all(amount and Decimal(amount) > 0 for amount in closed)


def test_days_after_today_and_before_the_opening_are_empty(get: Get, company: Company) -> None:
    until_now = get("/expenses", from_=TODAY, to=TODAY + timedelta(days=1), limit=1_000)
    assert len(until_now[1]["data"]) > 10
    assert get("/expenses", from_=TODAY, to="2999-01-01", limit=1_000) == until_now
    nothing: tuple[int, dict[str, Any]] = (200, {"data": [], "next_cursor": None})
    assert get("/expenses", from_=TODAY + timedelta(days=1), to="2999-01-01") == nothing
    assert get("/expenses", from_="1999-01-01", to=company.first_day) == nothing
    assert get("/expenses", from_=TODAY, to=TODAY) == nothing
    assert len(get("/expenses", from_="1999-01-01", to=TODAY)[1]["data"]) == 100


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({}, "from"),
        ({"from_": "2026-03-01"}, "to"),
        ({"from_": "yesterday", "to": "2026-03-02"}, "from"),
        ({"from_": "2026-03-02", "to": "2026-03-01"}, "from"),
        ({"from_": "2026-03-01", "to": "2026-03-02", "limit": 0}, "limit"),
        ({"from_": "2026-03-01", "to": "2026-03-02", "limit": 1_001}, "limit"),
        ({"from_": "2026-03-01", "to": "2026-03-02", "limit": "many"}, "limit"),
        ({"from_": "2026-03-01", "to": "2026-03-02", "cursor": "x"}, "cursor"),
        ({"from_": "2026-03-01", "to": "2026-03-02", "cursor": "2026-03-01.-1"}, "cursor"),
        ({"from_": "2026-03-01", "to": "2026-03-02", "cursor": "2026-03-02.0"}, "cursor"),
        ({"from_": "2026-03-01", "to": "2026-03-02", "page": 2}, "page"),
    ],
)
def test_faulty_requests_are_refused(get: Get, parameters: dict[str, object], named: str) -> None:
    status, answer = get("/expenses", **parameters)
    assert status == 400
    assert named in answer["error"]


def test_unknown_path(get: Get) -> None:
    assert get("/invoices")[0] == 404
