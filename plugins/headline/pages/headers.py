"""What every answer tells the browser: to run nothing that is not ours, to keep nothing, and where it may be framed."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.middleware.base import RequestResponseEndpoint

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
    """Have every answer of an app carry HEADERS, where it does not say otherwise itself."""

    @app.middleware("http")
    async def add(request: Request, answer: RequestResponseEndpoint) -> Response:
        response = await answer(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
