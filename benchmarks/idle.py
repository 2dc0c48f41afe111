"""What a deployment costs while nothing runs, and how soon it starts what is triggered then."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from statistics import median

import psutil

from benchmarks.deployment import Deployment
from headline.local.postgres import Postgres
from headline.local.processes import Processes, alive

SECONDS = 60.0
TRIES = 5


def share_of_a_core(running: Deployment, seconds: float = SECONDS) -> float:
    """The CPU time of all its processes together, as a share of the time that passed."""
    before = _cpu(running)
    time.sleep(seconds)
    after = _cpu(running)
    return sum(spent - before.get(pid, 0.0) for pid, spent in after.items()) / seconds


def seconds_to_start(running: Deployment) -> float:
    """From the request to the start of the run's first task; the median of some runs of empty tasks, each begun in quiet."""
    found = []
    for number in range(1000, 1000 + TRIES):
        time.sleep(3)
        asked = datetime.now(UTC)
        instances = running.nothing(number)
        found.append((min(datetime.fromisoformat(one["start_date"]) for one in instances) - asked).total_seconds())
    return median(found)


def _cpu(running: Deployment) -> dict[int, float]:
    """CPU seconds so far by process, those of its ended children included."""
    server = int((Postgres(running.home.postgres).data / "postmaster.pid").read_text().split()[0])
    roots = [Processes(running.home).manager(), psutil.Process(server)]
    found = {}
    for root in roots:
        for process in [root, *root.children(recursive=True)] if root and alive(root) else []:
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            found[process.pid] = times.user + times.system + times.children_user + times.children_system
    return found
