"""The pages as Airflow mounts them: every process of Airflow loads its plugins, and only the API server needs what pages need."""

from __future__ import annotations

import gc
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


@cache
def loaded(module: str) -> ASGIApp:
    """The app of a module, loaded by its first request.

    What is in memory then stays there. The garbage collector leaves it alone from here on: to look through all of it again stops
    the whole server each time, for a third of a second.
    """
    app: ASGIApp = import_module(module).app
    gc.collect()
    gc.freeze()
    return app


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request; the first one loads the pages, which takes about a second."""
    await loaded("headline.pages.app")(scope, receive, send)
