"""Pages read the ledger as its reader: only what changes something there says that it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headline.ledger.engine import reading

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class ReadsTheLedger:
    """Lets every request reach the ledger as its reader, in whatever thread it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        with reading():
            await self._app(scope, receive, send)
