"""How long the page of all metrics takes, from the request to its last byte, with a small line for each metric."""

from __future__ import annotations

import time
from statistics import median

import httpx

from benchmarks.deployment import Deployment
from headline.errors import HeadlineError

TRIES = 7


def seconds_of_page(running: Deployment) -> tuple[float, float, int]:
    """The first time, when the warehouse is read, the median of some more times, and how many lines the page has."""
    first, page = _timed(running)
    spent = [_timed(running)[0] for _ in range(TRIES)]
    return first, median(spent), page.text.count('<svg class="spark"')


def _timed(running: Deployment) -> tuple[float, httpx.Response]:
    running.api.dags()  # whoever reads it is logged in
    begun = time.perf_counter()
    page = running.api._client.get("/headline/metrics")
    spent = time.perf_counter() - begun
    if not page.is_success:
        raise HeadlineError(f"the page of metrics answered {page.status_code}: {page.text[:300]}")
    return spent, page
