"""What the process of every tool does alike; the peers' environments import it too, so that it needs DuckDB alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Cost = dict[str, float]


@contextmanager
def clock(costs: list[Cost]) -> Iterator[None]:
    """Add what the block costs: seconds on the wall and of CPU, child processes that have ended included."""
    began, before = time.perf_counter(), _cpu()
    yield
    costs.append({"wall": time.perf_counter() - began, "cpu": _cpu() - before})


def outcome(costs: list[Cost], **more: Any) -> dict[str, Any]:
    """What a process reports: its costs, the most memory it held in MB, and what else there is to say."""
    # The system's other count, ru_maxrss, begins with what the parent held.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"costs": costs, "peak": int(status["VmHWM"].split()[0]) / 1024, **more}


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def prepare(task: dict[str, Any]) -> None:
    """Make what the tables stand on, in an empty warehouse; one with content is left alone."""
    import duckdb

    if task["fresh"]:
        with duckdb.connect(task["database"]) as connection:
            for statement in task["setup"]:
                connection.execute(statement)


def export(task: dict[str, Any]) -> None:
    """Write every table to a Parquet file, for one engine to compare."""
    import duckdb

    with duckdb.connect(task["database"]) as connection:
        connection.execute("set enable_progress_bar = false")
        for table in task["tables"]:
            connection.execute(f"copy (select * from {table}) to '{task['export']}/{table}.parquet'")
