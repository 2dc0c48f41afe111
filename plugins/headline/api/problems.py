"""What a program gets instead of an answer: problem+json (RFC 9457), in plain words, with what to do next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException as RoutingError

from headline.errors import BadRequest, HeadlineError
from headline.pages.headers import HEADERS
from headline.redaction import redact

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
NEXT = {
    400: "Correct the request; openapi.json says what each parameter means.",
    401: "Get a token: POST /auth/token with username and password, then send it as Authorization: Bearer.",
    403: "Ask an administrator of Airflow for a role that sees it: docs/rights.md lists them.",
    404: "GET openapi.json lists the addresses; metrics and tables list what there is.",
    405: "Every address is read with GET.",
    406: "Ask for one of application/json, text/csv, application/vnd.apache.parquet, application/vnd.apache.arrow.stream.",
    409: "Read again from the first page, without the cursor.",
    422: "Correct the parameters that are named; openapi.json says what each means.",
    429: "Wait as many seconds as the header Retry-After says.",
    500: "Tell the engineers on call: the log of the API server says why.",
    503: "Try again in a minute; the board of Headline shows what is wrong.",
}


class Problem(BaseModel):
    """What went wrong, where, and what to do next."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    next: str


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer of a status."""
    told = Problem(title=HTTPStatus(status).phrase, status=status, detail=redact(detail), next=NEXT.get(status, NEXT[400]))
    more = {"Retry-After": "60"} if status == 503 else {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Response(told.model_dump_json(), status, {**HEADERS, **more, **(headers or {})}, MEDIA_TYPE)


async def refused(_request: Request, error: HTTPException) -> Response:
    # What Airflow says of a token that is none of its own, or of an account that is gone: to log in again helps.
    status = 401 if error.detail == "Invalid JWT token" else error.status_code
    return problem(status, str(error.detail), error.headers)


async def cannot_tell(_request: Request, error: HeadlineError) -> Response:
    return problem(400 if isinstance(error, BadRequest) else 503, str(error))


async def not_understood(_request: Request, error: RequestValidationError) -> Response:
    faults = (f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors())
    return problem(422, "; ".join(faults))


async def broken(request: Request, error: Exception) -> Response:
    """What nobody foresaw: what it says is for the log of the server, not for whoever asked."""
    log.error("%s %s has failed", request.method, request.url.path, exc_info=error)
    return problem(500, "The answer could not be made.")


HANDLERS: dict[Any, Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    RoutingError: refused,
    HeadlineError: cannot_tell,
    RequestValidationError: not_understood,
    Exception: broken,
}
_PROBLEM = {"content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": HTTPStatus(status).phrase, **_PROBLEM}
    for status in (400, 401, 403, 404, 406, 409, 422, 429, 500, 503)
}
