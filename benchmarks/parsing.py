"""How long Airflow takes to parse a DAG file: it does so again for every task."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median

from headline.settings import PROJECT

TRIES = 5
# What any DAG file costs stays out: a file with one empty task has been parsed before the clock starts.
PROGRAM = """
import sys, time
from airflow.sdk import DAG, BaseOperator
with DAG("nothing"):
    BaseOperator(task_id="nothing")
began = time.perf_counter()
with open(sys.argv[1]) as file:
    names = {}
    exec(compile(file.read(), sys.argv[1], "exec"), names)
seconds = time.perf_counter() - began
print(seconds, sum(isinstance(value, DAG) for value in names.values()))
"""


def milliseconds_per_pipeline() -> dict[str, float]:
    """For each file in dags/ the median of fresh processes, divided by its number of pipelines."""
    return {file.name: median(_parse(file) for _ in range(TRIES)) for file in sorted((PROJECT / "dags").glob("*.py"))}


def _parse(file: Path) -> float:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(file)], capture_output=True, text=True, check=True)
    seconds, count = done.stdout.split()[-2:]
    return float(seconds) * 1000 / int(count)
