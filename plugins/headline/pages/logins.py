"""Guessing a password over the API is as limited as it is over the login form, which FAB limits by itself."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from limits import RateLimitItem
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Where a password becomes a token; FAB's limiter knows the routes of Flask only, and these are none.
TOKENS = ("/auth/token", "/auth/token/cli")


class LimitedLogins:
    """Refuse further logins from an address after too many failed ones: `[fab] auth_rate_limit`, by default 5 in 40 seconds.

    Only failures count, for programs log in often. Those that are being judged count as failed, so that many at once gain
    nothing. Each process of the API server counts for itself, and forgets when it ends.
    """

    def __init__(self, app: ASGIApp) -> None:
        from airflow.configuration import conf
        from limits import parse_many
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        self._app = app
        # The provider's own defaults are not known yet where plugins are loaded without it.
        is_limited = conf.getboolean("fab", "auth_rate_limited", fallback=True)
        told = conf.get("fab", "auth_rate_limit", fallback="5 per 40 second")
        self._limits: list[RateLimitItem] = parse_many(told) if is_limited else []
        self._failed = MovingWindowRateLimiter(MemoryStorage())
        self._judged: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", "")).rstrip("/") if scope["type"] == "http" else ""
        if path not in TOKENS or scope["method"] != "POST" or not self._limits:
            await self._app(scope, receive, send)
            return
        address = scope["client"][0] if scope.get("client") else "unknown"
        if seconds := self._seconds_to_wait(address):
            detail = f"Too many failed logins from this address: try again in {seconds} seconds"
            await JSONResponse({"detail": detail}, 429, {"Retry-After": str(seconds)})(scope, receive, send)
            return

        with ExitStack() as judging:
            self._judged[address] += 1
            judging.callback(self._end_judging, address)

            async def judge(message: Message) -> None:
                if message["type"] == "http.response.start":
                    if message["status"] in (401, 403):
                        for limit in self._limits:
                            self._failed.hit(limit, address)
                    judging.close()  # who has the answer may be here again before all of it has been sent, and counts once
                await send(message)

            await self._app(scope, receive, judge)

    def _end_judging(self, address: str) -> None:
        self._judged[address] -= 1
        if not self._judged[address]:
            del self._judged[address]

    def _seconds_to_wait(self, address: str) -> int:
        """How long the address has to wait for its next login; 0 where it need not."""
        from math import ceil
        from time import time

        for limit in self._limits:
            if not self._failed.test(limit, address, cost=self._judged[address] + 1):
                return max(1, ceil(self._failed.get_window_stats(limit, address).reset_time - time()))
        return 0
