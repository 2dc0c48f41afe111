"""How long Airflow takes to parse a DAG file: it does so again for every task."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from statistics import median

from headline.settings import PROJECT

TRIES = 7
# Like the DAG processor: a process that has imported Airflow forks one for each file. What any DAG file costs stays out,
# since one with an empty task has been made before.
PROGRAM = """
import os, sys, time
import airflow.dag_processing.dagbag
from airflow.sdk import DAG, BaseOperator
with DAG("nothing"):
    BaseOperator(task_id="nothing")
tries, *files = sys.argv[1:]
for path in files * int(tries):
    if os.fork():
        os.wait()
        continue
    began = time.perf_counter()
    with open(path) as file:
        names = {}
        exec(compile(file.read(), path, "exec"), names)
    seconds = time.perf_counter() - began
    count = sum(isinstance(value, DAG) for value in names.values())
    print("parsed", os.path.basename(path), seconds * 1000 / count, flush=True)
    os._exit(0)
"""


def milliseconds_per_pipeline() -> dict[str, float]:
    """For each file in dags/ the median of its fresh processes, divided by the number of its pipelines."""
    files = [str(file) for file in sorted((PROJECT / "dags").glob("*.py"))]
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(TRIES), *files], capture_output=True, text=True, check=True)
    found: dict[str, list[float]] = defaultdict(list)
    for line in done.stdout.splitlines():
        if line.startswith("parsed "):
            _, name, milliseconds = line.split()
            found[name].append(float(milliseconds))
    return {name: median(tries) for name, tries in found.items()}
