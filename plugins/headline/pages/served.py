"""The pages as Airflow mounts them: every process of Airflow loads its plugins, and only the API server needs what pages need."""

from __future__ import annotations

import gc
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

# After how many collections of the middle generation all objects are looked through; Python's own number is 10.
FULL_COLLECTIONS = 1000


@cache
def loaded(module: str) -> ASGIApp:
    """The app of a module, loaded by its first request.

    To look through all objects of Airflow stops the whole server for half a second, and finds a few dozen that are garbage. The
    collector leaves those alone that are there by now, and looks through all others, such as DAGs, a hundredth as often.
    """
    app: ASGIApp = import_module(module).app
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], FULL_COLLECTIONS)
    return app


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request; the first one loads the pages, which takes about a second."""
    await loaded("headline.pages.app")(scope, receive, send)
