"""A sign of life of the freshness watch, for somebody outside Airflow: a dead scheduler must not look like silence."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headline import connections, settings
from headline.errors import BadRequest, HeadlineError

log = logging.getLogger(__name__)

CONNECTION = "headline_heartbeat"


def file() -> Path:
    """Where the last sign of life stands, as ISO 8601."""
    return settings.load().home / "heartbeat"


def beat(now: datetime) -> None:
    """Leave the sign in the file and, where the connection headline_heartbeat names an address, call that.

    Whoever waits at that address misses the call when this deployment is gone with its disk, and tells; a call that does not
    get through is therefore only logged.
    """
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(now.isoformat())
    new.replace(path)
    try:
        url = connections.get(CONNECTION).host
    except BadRequest:
        return
    import httpx

    try:
        httpx.get(url, timeout=10).raise_for_status()
    except httpx.HTTPError as error:
        log.warning("the heartbeat did not reach its address: %s", type(error).__name__)


def last() -> datetime | None:
    """When the watch has looked last; None where it never has."""
    try:
        return datetime.fromisoformat(file().read_text())
    except (FileNotFoundError, ValueError):
        return None


def check(older_than: timedelta, now: datetime | None = None) -> datetime:
    """When the watch has looked last; raises HeadlineError where that is longer ago than it may be."""
    seen, now = last(), now or datetime.now(UTC)
    if seen is None or now - seen > older_than:
        since = f"since {seen:%Y-%m-%d %H:%M} UTC" if seen else f"ever, as {file()} shows"
        raise HeadlineError(
            f"the freshness watch has not looked {since}, so nobody would be told of anything: is the scheduler up "
            "(make status), is the DAG freshness_watch unpaused?"
        )
    return seen
