"""The data API as Airflow mounts it: every process of Airflow loads its plugins, only the API server what the API needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headline.pages.served import loaded

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

VERSION = "/api/v1"


async def api(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request; the first one loads the API."""
    await loaded("headline.api.app")(scope, receive, send)
