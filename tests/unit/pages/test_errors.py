"""What a reader sees where something is refused."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import HTTPException
from fastapi.responses import Response
from starlette.requests import Request

from headline.errors import Transient
from headline.pages.errors import cannot_tell, refused

HTML = {"accept": "text/html,*/*"}


def request(headers: dict[str, str], method: str = "GET", query: str = "", root: str = "/headline") -> Request:
    raw = [(name.encode(), value.encode()) for name, value in ({"host": "airflow.local"} | headers).items()]
    scope = {"type": "http", "method": method, "scheme": "http", "path": f"{root}/board", "headers": raw, "root_path": root}
    return Request(scope | {"query_string": query.encode()})


def answer(error: HTTPException, *arguments: object, **options: object) -> Response:
    return asyncio.run(refused(request(*arguments, **options), error))  # type: ignore[arg-type]


@pytest.mark.parametrize("root", ["/headline", "/behind/headline"])
def test_a_person_without_a_login_comes_back_after_it(root: str) -> None:
    found = answer(HTTPException(401, "no"), HTML, query="dag_id=shop", root=root)
    assert found.status_code == 303
    target = f"{root}/board?dag_id=shop".replace("/", "%2F").replace("?", "%3F").replace("=", "%3D")
    assert found.headers["location"] == f"{root.removesuffix('/headline')}/api/v2/auth/login?next={target}"


def test_a_program_and_a_form_are_told_and_not_led_anywhere() -> None:
    assert answer(HTTPException(401, "no"), {"accept": "*/*"}).status_code == 401
    assert answer(HTTPException(401, "no"), HTML, method="POST").status_code == 401
    assert bytes(answer(HTTPException(403, "not yours"), {}).body) == b'{"detail":"not yours"}'


def test_a_person_reads_a_sentence_that_is_text() -> None:
    found = bytes(answer(HTTPException(404, "there is no <b>pipeline</b>"), HTML).body).decode()
    assert "there is no &lt;b&gt;pipeline" in found
    assert '<a href="/headline/board">' in found


def test_a_ledger_out_of_reach_is_said() -> None:
    found = asyncio.run(cannot_tell(request(HTML), Transient("the ledger is out of reach")))
    assert found.status_code == 503
    assert b"the ledger is out of reach" in found.body
