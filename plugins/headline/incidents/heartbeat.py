"""A sign of life of the freshness watch, for somebody outside Airflow: a dead scheduler must not look like silence."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headline import connections, settings
from headline.airflow_api import AirflowApi
from headline.errors import BadRequest, HeadlineError
from headline.incidents import airflow_state

log = logging.getLogger(__name__)

CONNECTION = "headline_heartbeat"
SECONDS_TO_ANSWER = 30.0


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


def check(older_than: timedelta, now: datetime | None = None, found: Iterable[str] = ()) -> datetime:
    """When the watch has looked last; raises HeadlineError where that is longer ago than it may be, or Airflow is not healthy.

    `found`: what is wrong already, for one message about all of it.
    """
    seen, now = last(), now or datetime.now(UTC)
    wrong = [*found, *airflow_troubles()]
    if seen is None or now - seen > older_than:
        since = f"since {seen:%Y-%m-%d %H:%M} UTC" if seen else f"ever, as {file()} shows"
        wrong.append(
            f"the freshness watch has not looked {since}, so nobody would be told of anything: is the scheduler up "
            "(make status), is the DAG freshness_watch unpaused?"
        )
    if wrong or seen is None:
        raise HeadlineError("\n".join(wrong))
    return seen


def airflow_troubles(patience: float = SECONDS_TO_ANSWER) -> list[str]:
    """What the Airflow behind headline_airflow says of its components; nothing where there is no such connection.

    One that does not answer is asked until `patience` (s) is over: it may just be started again.
    """
    import httpx

    try:
        api = AirflowApi.from_connection(airflow_state.CONNECTION)
    except BadRequest:
        return []
    deadline = time.monotonic() + patience
    with api:
        while True:
            try:
                health = api.health()
            except httpx.HTTPError as error:
                if time.monotonic() > deadline:
                    return [f"api-server: does not answer ({error}): make status says what runs, make run starts it"]
                time.sleep(1)
            else:
                silent = airflow_state.silent(health).items()
                return [f"{name.replace('_', '-')}: {what}: make status says what runs" for name, what in silent]
