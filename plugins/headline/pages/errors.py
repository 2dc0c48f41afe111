"""What a reader sees instead of a page: a sentence and a way on, and the login where that is what lacks."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as RoutingError

from headline.errors import BadRequest, HeadlineError
from headline.operators.links import PREFIX
from headline.pages.reads import path_of
from headline.pages.render import page
from headline.redaction import redacted

TITLES = {400: "That was not understood", 401: "Not logged in", 403: "Not for you to see or do", 404: "Not here"}


async def refused(request: Request, error: HTTPException) -> Response:
    """A page for people, JSON for programs. A person who is not logged in gets there by way of the login."""
    detail = redacted(error.detail)
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": detail}, error.status_code, error.headers)
    root = request.scope.get("root_path", "")
    if error.status_code == 401 and request.method == "GET":
        target = path_of(request)
        return RedirectResponse(f"{root.removesuffix(PREFIX)}/api/v2/auth/login?{urlencode({'next': target})}", 303)
    title = TITLES.get(error.status_code, "That did not work")
    return page("error.html", status=error.status_code, title=title, detail=detail, up=f"{root}/")


async def cannot_tell(request: Request, error: HeadlineError) -> Response:
    """What was asked for cannot be done, the ledger is out of reach, or a file is faulty: its own words say which."""
    return await refused(request, HTTPException(400 if isinstance(error, BadRequest) else 503, str(error)))


async def broken(request: Request) -> Response:
    """An error that nobody foresaw: what it says is for the log of the server, not for whoever asked."""
    return await refused(request, HTTPException(500, "The page could not be made: the log of the API server says why."))


HANDLERS: dict[Any, Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {RoutingError: refused, HeadlineError: cannot_tell}
