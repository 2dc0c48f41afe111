"""Who may ask the data API, and how often."""

from __future__ import annotations

from functools import cache
from math import ceil
from time import time
from typing import Annotated, Any

from fastapi import Depends, HTTPException
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from headline import settings
from headline.pages.visitor import Visitor, active_user


class Rate:
    """So many requests of each user, such as `600 per minute`; each process of the API server counts for itself."""

    def __init__(self, told: str) -> None:
        self._limit = parse(told)
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def seconds_to_wait(self, name: str) -> int:
        """Count a request; 0 where it may be answered."""
        if self._window.hit(self._limit, name):
            return 0
        return max(1, ceil(self._window.get_window_stats(self._limit, name).reset_time - time()))


rate = cache(Rate)


async def caller(user: Annotated[Any, Depends(active_user)]) -> Visitor:
    """Who asks; raises 401 and 403 for who may not log in, 429 for who asks too often."""
    found, told = Visitor(user), settings.load().api_rate
    if seconds := rate(told).seconds_to_wait(found.name):
        detail = f"{found.name} has asked more than {told} (HEADLINE_API_RATE): try again in {seconds} seconds"
        raise HTTPException(429, detail, {"Retry-After": str(seconds)})
    return found


Caller = Annotated[Visitor, Depends(caller)]
