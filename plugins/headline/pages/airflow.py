"""Airflow's own API as the visitor of a page may use it: every question is answered by the visitor's rights."""

from __future__ import annotations

from typing import Annotated

import httpx
from anyio import from_thread
from anyio.to_thread import current_default_thread_limiter
from fastapi import Depends, Request

from headline.airflow_api import AirflowApi

CREDENTIALS = ("authorization", "cookie")


class InProcess(httpx.BaseTransport):
    """Hands requests to the Airflow that the pages are part of, which then needs no address of its own.

    To be used from a thread of the server, as pages that are plain functions are.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return from_thread.run(self._answer, request)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        from airflow.api_fastapi.main import app

        limiter = current_default_thread_limiter()
        limiter.total_tokens += 1  # the thread that waits for the answer works on nothing meanwhile
        try:
            answer = await httpx.ASGITransport(app, raise_app_exceptions=False).handle_async_request(request)
            body = b"".join([part async for part in answer.stream])  # type: ignore[union-attr]
            return httpx.Response(answer.status_code, headers=answer.headers, content=body)
        finally:
            limiter.total_tokens -= 1


def as_visitor(request: Request) -> AirflowApi:
    """Airflow's API with the login of whoever asks for the page."""
    headers = {name: request.headers[name] for name in CREDENTIALS if name in request.headers}
    return AirflowApi.with_headers(headers, InProcess())


VisitorsAirflow = Annotated[AirflowApi, Depends(as_visitor)]
