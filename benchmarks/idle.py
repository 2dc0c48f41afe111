"""What a deployment costs while nothing runs, and how soon it starts what is triggered then."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from statistics import median

from benchmarks.deployment import Deployment
from headline.local.patience import cpu_seconds
from headline.local.processes import Processes

SECONDS = 60.0
TRIES = 5


def cost(running: Deployment, seconds: float = SECONDS) -> tuple[float, float]:
    """The CPU time of all processes together as a share of the time that passed, and what they print (bytes a minute)."""
    cpu, logged = _cpu(running), _logged(running)
    time.sleep(seconds)
    return (_cpu(running) - cpu) / seconds, (_logged(running) - logged) / seconds * 60


def seconds_to_start(running: Deployment) -> float:
    """From the request to the start of the run's first task; the median of some runs of empty tasks, each begun in quiet."""
    found = []
    for number in range(1000, 1000 + TRIES):
        time.sleep(3)
        asked = datetime.now(UTC)
        instances = running.nothing(number)
        found.append((min(datetime.fromisoformat(one["start_date"]) for one in instances) - asked).total_seconds())
    return median(found)


def _cpu(running: Deployment) -> float:
    """CPU seconds of everything that supervisord has started, PostgreSQL included, those of ended children too."""
    return cpu_seconds(filter(None, [Processes(running.home).manager()]))


def _logged(running: Deployment) -> int:
    return sum(file.stat().st_size for file in Processes(running.home).logs.iterdir())
