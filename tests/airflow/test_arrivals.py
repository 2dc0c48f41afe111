"""A message in the queue has Airflow land what is new of a stream."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator

import pytest
from tests.airflow.conftest import Queue
from tests.airflow.world import TODAY, YESTERDAY, Deployment, wait_for

from headline.intervals import DAY, Interval
from headline.ledger import Ledger


@pytest.fixture
def waiting(running: Deployment, forget_settings: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """The deployment, whose triggerer waits for messages; the test's process sees its ledger."""
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    forget_settings()
    running.api.unpause("arrivals")
    running.api.parse_again("arrivals")  # Airflow makes a watcher when it reads the file of a DAG that is not paused
    yield running
    running.api.pause("arrivals")


def test_a_message_lands_what_is_new_within_seconds_and_again_and_again(
    waiting: Deployment, queue: Queue, record_property: Callable[[str, object], None]
) -> None:
    """What the message says is for the unit tests: one that cannot be read lets all streams be looked at."""
    share = waiting.home.path / "datashare" / "events"
    usual = json.loads(gzip.decompress(min((share / f"arrived={YESTERDAY}").iterdir()).read_bytes()).splitlines()[0])
    folder = share / f"arrived={TODAY}"
    folder.mkdir(parents=True, exist_ok=True)
    for number in (1, 2):
        event = usual | {"event_id": f"of today {number}", "occurred_at": f"{TODAY}T00:00:00Z"}
        (folder / f"0000-{number}.jsonl.gz").write_bytes(gzip.compress(f"{json.dumps(event)}\n".encode()))
        told_at = time.monotonic()
        queue.client.send_message(QueueUrl=queue.url, MessageBody="look")
        run = wait_for(lambda count=number: (runs := waiting.api.runs("arrivals"))[count - 1 :] and runs[0], 60)
        waiting.finish("arrivals", run["dag_run_id"])
        record_property("arrival", time.monotonic() - told_at)
        assert (run["run_type"], landed()) == ("asset_triggered", number)


def landed() -> int:
    """How many events of today have landed."""
    return sum(load.row_count for load in Ledger().current_loads("landing.events", [Interval(TODAY, TODAY + DAY)]))
