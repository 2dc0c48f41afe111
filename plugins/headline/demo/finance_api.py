"""The finance department's expenses behind a paged JSON interface over HTTP, and the sales team's CRM beside it (`crm_api`).

    GET /expenses?from=YYYY-MM-DD&to=YYYY-MM-DD&limit=100&cursor=…   → {"data": […], "next_cursor": "…" or null}
    GET /health                                                     → {"status": "ok"}

The interval is half-open; days after today have nothing yet, and in a month whose books are closed nothing is damaged any more.
Amounts are strings, exact to the cent. A faulty request gets status 400 and {"error": "…"}.
"""

import json
from collections.abc import Callable
from datetime import date, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from headline.demo.company import Company, last_month, utc_today
from headline.demo.crm_api import Crm, FaultyBodyError
from headline.demo.finance import Expense, expenses

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 1_000
DAY = timedelta(days=1)


class FaultyRequestError(ValueError):
    """A parameter is missing, unknown or malformed; the message says which."""


class Position(NamedTuple):
    """Where a page begins: the day and how many of its entries come before."""

    day: date
    offset: int

    def __str__(self) -> str:
        return f"{self.day}.{self.offset}"


class Request(NamedTuple):
    start: date
    end: date
    position: Position
    limit: int


def parse(query: str) -> Request:
    """Read the query string of /expenses. Raises FaultyRequestError."""
    pairs = parse_qsl(query, keep_blank_values=True)
    values = dict(pairs)
    if unknown := values.keys() - {"from", "to", "cursor", "limit"}:
        raise FaultyRequestError(f"unknown parameter: {', '.join(sorted(unknown))}")
    if len(values) < len(pairs):
        raise FaultyRequestError("a parameter is given twice")
    start, end = (_day(name, values.get(name)) for name in ("from", "to"))
    if start > end:
        raise FaultyRequestError("from must not lie after to")
    limit = _whole_number("limit", values.get("limit", str(DEFAULT_LIMIT)))
    if not 1 <= limit <= LARGEST_LIMIT:
        raise FaultyRequestError(f"limit must be between 1 and {LARGEST_LIMIT}")
    position = Position(start, 0)
    if "cursor" in values:
        day, _, offset = values["cursor"].partition(".")
        position = Position(_day("cursor", day), _whole_number("cursor", offset))
        if not start <= position.day < end:
            raise FaultyRequestError("cursor belongs to another interval")
    return Request(start, end, position, limit)


def page(company: Company, request: Request, today: date) -> tuple[list[Expense], Position | None]:
    """Return the entries of one page and where the next one begins, if there is more."""
    rows, closed = list[Expense](), last_month(today).end
    day, offset = max(request.position, Position(company.first_day, 0))
    while day < min(request.end, today + DAY):
        entries = expenses(company, day, corrected=day < closed)[offset:]
        free = request.limit - len(rows)
        if len(entries) > free:
            return rows + entries[:free], Position(day, offset + free)
        rows += entries
        day, offset = day + DAY, 0
    return rows, None


def server(company: Company, port: int = 0, today: Callable[[], date] = utc_today, crm: Crm | None = None) -> ThreadingHTTPServer:
    """Return the service, bound to its port on this machine (0: any free one) and ready for serve_forever()."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            try:
                if url.path == "/health":
                    self._answer(HTTPStatus.OK, {"status": "ok"})
                elif url.path == "/expenses":
                    rows, following = page(company, parse(url.query), today())
                    data = [row._asdict() for row in rows]
                    self._answer(HTTPStatus.OK, {"data": data, "next_cursor": following and str(following)})
                else:
                    self._answer(HTTPStatus.NOT_FOUND, {"error": f"no such path: {url.path}"})
            except FaultyRequestError as error:
                self._answer(HTTPStatus.BAD_REQUEST, {"error": str(error)})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if crm is None or urlsplit(self.path).path != "/crm/customers":
                self._answer(HTTPStatus.NOT_FOUND, {"error": f"no such path: {self.path}"})
                return
            try:
                self._answer(HTTPStatus.OK, crm.take(body))
            except FaultyBodyError as error:
                self._answer(HTTPStatus.BAD_REQUEST, {"error": str(error)})

        def _answer(self, status: HTTPStatus, content: dict[str, object]) -> None:
            body = json.dumps(content, default=str).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def _day(name: str, text: str | None) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise FaultyRequestError(f"{name} must hold a day as YYYY-MM-DD, not {text!r}") from None


def _whole_number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise FaultyRequestError(f"{name} must hold a whole number, not {text!r}")
    return int(text)
