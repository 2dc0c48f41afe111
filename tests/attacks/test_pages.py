"""Hardening of the pages: headers, logins, secrets, paths of sources, and tables that leave as CSV."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, patch

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse, Response
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from headline.errors import BadData, HeadlineError, SpecError
from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.ledger.incident import Finding
from headline.ledger.incidents import Incidents
from headline.pages.errors import HANDLERS
from headline.pages.headers import HEADERS, send_headers
from headline.pages.logins import TOKENS, LimitedLogins
from headline.redaction import redact, redacted
from headline.show import Format, show
from headline.sources import files, stream
from headline.specs import FilesIngest, StreamIngest, load_pipeline

HTML = {"accept": "text/html"}
D1 = date(2026, 3, 2)


# headers


@pytest.fixture
def pages() -> TestClient:
    """Pages that answer in every way that the real ones do."""
    app = FastAPI(exception_handlers=HANDLERS)
    send_headers(app)

    @app.get("/{how}")
    def answer(how: str) -> Response:
        if how.isdigit():
            raise HTTPException(int(how), "password=hunter2")
        if how == "ledger":
            raise HeadlineError("postgresql://ada:hunter2@db is out of reach")
        if how == "broken":
            raise RuntimeError("password=hunter2")
        return JSONResponse({})

    return TestClient(app, raise_server_exceptions=False, follow_redirects=False)


@pytest.mark.parametrize(
    ("path", "status"),
    [("fine", 200), ("401", 303), ("403", 403), ("404", 404), ("a/b", 404), ("ledger", 503), ("broken", 500), ("500", 500)],
)
def test_every_answer_has_the_security_headers(pages: TestClient, path: str, status: int) -> None:
    for headers in (HTML, {}):
        answer = pages.get(f"/{path}", headers=headers)
        assert answer.status_code == (status if headers or status != 303 else 401)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert "hunter2" not in answer.text
    assert pages.post(f"/{path}").headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


def test_the_policy_lets_no_script_run_that_stands_in_a_page() -> None:
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["frame-ancestors"] == "'self'"
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "data:"} & set(HEADERS["Content-Security-Policy"].split())
    assert (HEADERS["X-Content-Type-Options"], HEADERS["Cache-Control"]) == ("nosniff", "no-store")


# logins


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], TestClient]:
    """A server that knows one password, asked from an address."""
    monkeypatch.setenv("AIRFLOW__FAB__AUTH_RATE_LIMIT", "3 per 40 second")
    app = FastAPI()
    app.add_middleware(LimitedLogins)

    @app.post("/auth/token")
    @app.post("/auth/token/cli")
    def token(body: dict[str, str]) -> Response:
        return JSONResponse({}, 201 if body.get("password") == "right" else 401)

    return lambda address: TestClient(app, client=(address, 50000))


@pytest.mark.parametrize("path", TOKENS)
def test_after_a_few_wrong_passwords_not_even_the_right_one_is_looked_at(logins: Callable[[str], TestClient], path: str) -> None:
    guesser = logins("10.0.0.1")
    assert [guesser.post(path, json={"password": str(guess)}).status_code for guess in range(5)] == [401] * 3 + [429] * 2
    refused = guesser.post(path, json={"password": "right"})
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 40
    assert [guesser.post(other, json={"password": "x"}).status_code for other in TOKENS] == [429, 429]


def test_other_addresses_and_frequent_successful_logins_are_not_limited(logins: Callable[[str], TestClient]) -> None:
    guesser, other = logins("10.0.0.1"), logins("10.0.0.2")
    assert {other.post("/auth/token", json={"password": "right"}).status_code for _ in range(20)} == {201}
    assert [guesser.post("/auth/token", json={"password": "x"}).status_code for _ in range(4)][-1] == 429
    assert other.post("/auth/token", json={"password": "right"}).status_code == 201


def test_an_attempt_counts_once_also_while_its_answer_is_still_being_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt but the first comes before the server is done with the one before."""
    monkeypatch.setenv("AIRFLOW__FAB__AUTH_RATE_LIMIT", "3 per 40 second")
    found = []

    async def refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def guess(left: int) -> None:
        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                found.append(message["status"])
            elif left > 1:
                await guess(left - 1)

        await server({"type": "http", "path": TOKENS[0], "method": "POST", "client": ("10.0.0.1", 50000)}, AsyncMock(), send)

    server = LimitedLogins(refuse)
    asyncio.run(guess(5))
    assert found == [401] * 3 + [429] * 2


def test_the_limit_can_be_taken_off_where_a_proxy_has_one(
    logins: Callable[[str], TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__FAB__AUTH_RATE_LIMITED", "False")
    assert {logins("10.0.0.1").post("/auth/token", json={"password": "x"}).status_code for _ in range(9)} == {401}


# secrets

# Put together here, so that no reader of this file takes them for real.
JWT = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxIn0." + "dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEj"
SECRETS = {
    "a Slack token": ("xoxb-" + "123456789012-abcdefGHIJKL", "posting with {} failed"),
    "a Slack app's token": ("xapp-" + "1-A0123-45678-abcdef", "{}: invalid_auth"),
    "an AWS key": ("AKIA" + "Z7QXW3LKJH2MNP4R", "the key {} may not list the bucket"),
    "an AWS secret": ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYzq8kLmN0pT", "signed with {} in eu-west-1"),
    "a JSON Web Token": (JWT, "cookie {} has expired"),
    "a bearer": ("mF_9.B5f-4.1JqM", "Authorization: Bearer {}"),
    "a bearer in a list of headers": ("mF_9.B5f-4.1JqM", "{{'Authorization': 'Bearer {}', 'Accept': '*/*'}}"),
    "a bare bearer": ("mF_9.B5f-4.1JqM", "sent Bearer {} and was refused"),
    "basic authentication": ("YWRhOmh1bnRlcjI=", "authorization: Basic {}"),
    "the password of an address": ("s3cr3t@x", "postgresql://ada:{}@db:5432/shop is out of reach"),
    "a password in a query": ("hunter2", "GET /export?user=ada&password={}"),
    "a GitHub token": ("ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a", "clone failed: {}"),
    "a private key": ("MIIEvQIBADANBg", "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----"),
    "a signature": ("4f1a2b", "https://bucket.example.com/x?X-Amz-Signature={}"),
}


@pytest.mark.parametrize("what", SECRETS)
def test_no_secret_is_shown_wherever_it_stands(what: str) -> None:
    secret, text = SECRETS[what]
    shown = redact(text.format(secret))
    assert secret not in shown
    assert redact(shown) == shown
    assert redacted({"error": [text.format(secret)], "rows": 3}) == {"error": [shown], "rows": 3}


def test_what_is_no_secret_stays_readable() -> None:
    for text in (
        "core.order_lines 2026-11-19 breaks its contract: raw = core + quarantine measured 3, must be 0",
        "landing/shop/orders/ds=2026-11-19/0f3a9b2c4d5e6f70.parquet: 12 of 90 lines are no records",
        "run scheduled__2026-11-20T03:00:00+00:00 failed, try 3; checksum "
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "basic checks passed; the bearer of this message is the watch",
        "https://airflow.example.com/dags/unit_profit/runs/manual__2026-11-20",
    ):
        assert redact(text) == text


def test_the_ledger_keeps_no_secret_of_an_error(ledger: Ledger) -> None:
    now = datetime(2026, 3, 3, tzinfo=UTC)
    secret, text = SECRETS["a Slack token"]
    facts = {"error": text.format(secret), "readings": [{"found": f"token={secret}"}], "run_id": "manual__2026-03-03"}
    fired = Incidents().fire(Finding("shop", "task_failed", D1, now, facts), now)
    assert secret not in json.dumps(fired.facts)
    assert fired.facts["run_id"] == "manual__2026-03-03"
    again = Incidents().fire(Finding("shop", "task_failed", D1, now, facts), now)
    assert [event.event for event in Incidents().history(again.id)] == ["opened"]


# paths of sources

OUTSIDE = ["../{}", "a/../../{}", "/etc/{}", "~/{}", "file:///etc/{}", "s3://bucket/{}", "a\\..\\..\\{}", "..", "a/{}/.."]


@pytest.mark.parametrize("pattern", OUTSIDE)
def test_a_pattern_cannot_be_written_to_lead_out_of_its_root(pattern: str) -> None:
    common = {"connection": "headline_drop"}
    with pytest.raises(ValueError, match="leads out"):
        FilesIngest(kind="files", pattern=pattern.format("x_{{ ds }}.csv"), format="csv", **common)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="leads out"):
        StreamIngest(kind="stream", pattern=pattern.format("d=%Y-%m-%d/%H%M-*.gz"), moment="at", **common)  # type: ignore[arg-type]


@pytest.fixture
def drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a connection, and beside it what nobody is to read by it."""
    root = tmp_path / "drop"
    root.mkdir()
    (tmp_path / "secret.csv").write_text("id\nsecret\n")
    extra = {"path": f"file://{root}"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DROP", json.dumps({"conn_type": "fs", "extra": extra}))
    return root


def test_a_pattern_that_is_computed_cannot_lead_out_either(drop: Path) -> None:
    """Jinja may put together what the text of the pattern does not hold."""
    for pattern in ("{{ '.' }}./secret.csv", "{{ '/' }}etc/{{ ds }}", "{{ ['..', 'secret.csv'] | join('/') }}"):
        ingest = FilesIngest(kind="files", connection="headline_drop", pattern=pattern, format="csv", undated="ds" not in pattern)
        with pytest.raises(SpecError, match="leads out"):
            list(files.read(ingest, Interval(D1, D1 + DAY)))


def test_a_link_out_of_the_root_is_not_followed(drop: Path) -> None:
    ingest = FilesIngest(kind="files", connection="headline_drop", pattern="in/x_{{ ds }}.csv", format="csv")
    (drop / "in").mkdir()
    (drop / "in" / f"x_{D1}.csv").symlink_to(drop.parent / "secret.csv")
    with pytest.raises(BadData, match="link that leads out"):
        list(files.read(ingest, Interval(D1, D1 + DAY)))
    (drop / "in" / f"x_{D1}.csv").unlink()
    (drop / "in").rmdir()
    (drop / "in").symlink_to(drop.parent)
    (drop.parent / f"x_{D1}.csv").write_text("id\nsecret\n")
    with pytest.raises(BadData, match="link that leads out"):
        list(files.read(ingest, Interval(D1, D1 + DAY)))


def test_a_link_within_the_root_is_followed(drop: Path) -> None:
    ingest = FilesIngest(kind="files", connection="headline_drop", pattern="x_{{ ds }}.csv", format="csv")
    (drop / "original.csv").write_text("id\n1\n")
    (drop / f"x_{D1}.csv").symlink_to("original.csv")
    assert sum(rows.num_rows for _, rows in files.read(ingest, Interval(D1, D1 + DAY))) == 1


def test_a_stream_follows_no_link_out_of_its_root(drop: Path) -> None:
    folder = drop / f"d={D1}"
    folder.mkdir()
    (folder / "0800-a.jsonl.gz").symlink_to(drop.parent / "secret.csv")
    ingest = StreamIngest(kind="stream", connection="headline_drop", pattern="d=%Y-%m-%d/%H%M-*.jsonl.gz", moment="at")
    with pytest.raises(BadData, match="link that leads out"):
        list(stream.read(ingest, Interval(D1, D1 + DAY)))


SOURCE = """
description: Orders.
tier: 1
lands_at: "02:00"
tables: {{orders: }}
ingest:
  orders: {{kind: database, connection: headline_shop, extract: "{extract}", key: [id]}}
"""


def test_an_extract_stands_in_the_folder_of_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("HEADLINE_SOURCES", str(tmp_path / "sources"))
    forget_settings()
    folder, secret = tmp_path / "sources" / "shop", tmp_path / "secret.extract.sql"
    folder.mkdir(parents=True)
    secret.write_text("select password from users")
    (folder / "linked.extract.sql").symlink_to(secret)
    faults = {}
    for extract in ("../../secret.extract.sql", str(secret), "linked.extract.sql"):
        (folder / "source.yml").write_text(SOURCE.format(extract=extract))
        with pytest.raises(SpecError) as refused:
            load_pipeline(folder)
        faults[extract] = str(refused.value)
    assert "String should match pattern" in faults["../../secret.extract.sql"]
    assert "String should match pattern" in faults[str(secret)]
    assert "is a link that leads out of the folder" in faults["linked.extract.sql"]


# tables that leave as CSV


def exported(capsys: pytest.CaptureFixture[str], columns: list[str], *rows: list[Any]) -> list[list[str]]:
    show(columns, rows, Format.CSV)
    return list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))


@pytest.mark.parametrize(
    "formula",
    ['=HYPERLINK("http://x.example","paid")', "+1+cmd|'/c calc'!A0", "-2+3+cmd", "@SUM(A1:A9)", "\t=1", "\r=1", " =1+1", "＝1+1"],
)
def test_no_text_of_a_csv_is_computed_by_a_spreadsheet(capsys: pytest.CaptureFixture[str], formula: str) -> None:
    [columns, row] = exported(capsys, ["name", formula], [formula, "fine"])
    assert row == [f"'{formula}", "fine"]
    assert columns == ["name", f"'{formula}"]


def test_numbers_and_dates_of_a_csv_stay_exact(capsys: pytest.CaptureFixture[str]) -> None:
    row = [Decimal("-12.3400"), -5, D1, "-7.50", "+3", "-1e5", None, ["=1"]]
    assert exported(capsys, list("abcdefgh"), row)[1] == [
        "-12.3400",
        "-5",
        "2026-03-02",
        "-7.50",
        "+3",
        "-1e5",
        "",
        '["=1"]',
    ]


# the real server


@pytest.fixture(scope="module")
def server(server_folder: Path) -> Iterator[str]:
    """The API server of an installation, without the other processes; gives its address."""
    from headline.local import lifecycle
    from headline.local.home import Home
    from headline.local.screen import Screen
    from headline.local.setup import set_up
    from headline.local.told import process_environment

    home = Home(server_folder / "pages" / "home")
    process = None
    try:
        with patch.dict("os.environ"):
            home.make()
            ports = {"HEADLINE_PORT": str(free_port()), "HEADLINE_FINANCE_PORT": str(free_port())}
            environment = set_up(home, Screen(), ["api-server"], ports)
            with (home.logs / "api-server.log").open("w") as log:
                process = subprocess.Popen(
                    ["airflow", "api-server", "--apps", "core"],
                    env=process_environment(environment, home),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        url = environment["AIRFLOW__API__BASE_URL"]
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{url}/api/v2/version", trust_env=False).is_success:
                    break
            time.sleep(0.3)
        yield url
    finally:
        if process:
            process.terminate()
            process.wait(30)
        lifecycle.clean(home, screen=Screen())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def client_from(address: str, url: str) -> httpx.Client:
    """Somebody at another address of this machine."""
    return httpx.Client(base_url=url, transport=httpx.HTTPTransport(local_address=address), timeout=30)


@pytest.mark.attack_long
def test_the_real_server_limits_tokens_and_the_login_form(server: str) -> None:
    wrong = {"username": "admin", "password": "guess"}
    with client_from("127.0.0.11", server) as guesser, client_from("127.0.0.12", server) as other:
        assert [guesser.post("/auth/token", json=wrong).status_code for _ in range(7)] == [401] * 5 + [429] * 2
        assert other.post("/auth/token", json=wrong).status_code == 401
    with client_from("127.0.0.13", server) as guesser:
        form = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', guesser.get("/auth/login/").text)
        assert form
        answers = [guesser.post("/auth/login/", data=wrong | {"csrf_token": form[1]}).status_code for _ in range(7)]
        assert answers == [302] * 5 + [429] * 2


@pytest.mark.attack_long
def test_the_real_server_sends_the_headers_with_each_page(server: str) -> None:
    with client_from("127.0.0.14", server) as anonymous:
        for path in (
            "board",
            "incidents",
            "api/incidents",
            "api/status",
            "rota",
            "runbooks",
            "runbooks/shop",
            "alerts/task_failed",
            "static/page.js",
            "nowhere",
        ):
            for headers in (HTML, {}):
                answer = anonymous.get(f"/headline/{path}", headers=headers)
                assert answer.status_code in (303, 401, 404), path
                assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
