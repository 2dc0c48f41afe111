"""What every answer tells the browser: to run nothing that is not ours, to keep nothing, and where it may be framed."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.middleware.base import RequestResponseEndpoint

from headline.pages.errors import broken

log = logging.getLogger(__name__)

HEADERS = {
    # No script or style within a page, so that text which slips in as markup stays dead. Airflow alone may frame a page: nobody
    # else can lay it under something that invites a click.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # addresses name DAGs and incidents
    "Cache-Control": "no-store",  # what one person may see the next one at this browser may not
}


def send_headers(app: FastAPI) -> None:
    """Have every answer of an app carry HEADERS, where it does not say otherwise itself; that of an error nobody foresaw too."""

    @app.middleware("http")
    async def add(request: Request, answer: RequestResponseEndpoint) -> Response:
        try:
            response = await answer(request)
        except Exception:  # the server would answer outside of this, without headers
            log.exception("%s %s has failed", request.method, request.url.path)
            response = await broken(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
