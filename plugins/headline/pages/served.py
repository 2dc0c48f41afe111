"""The pages as Airflow mounts them: every process of Airflow loads its plugins, and only the API server needs what pages need."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request; the first one loads the pages, which takes about a second."""
    from headline.pages.app import app

    await app(scope, receive, send)
