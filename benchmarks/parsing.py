"""How much CPU Airflow takes to parse a DAG file, and how that grows with the number of pipelines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from headline.settings import PROJECT

TRIES = 7
SIZES = (5, 50, 500)
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
    began = time.process_time()
    with open(path) as file:
        names = {}
        exec(compile(file.read(), path, "exec"), names)
    seconds = time.process_time() - began
    count = sum(isinstance(value, DAG) for value in names.values())
    print("parsed", os.path.basename(path), seconds * 1000 / count, flush=True)
    os._exit(0)
"""


def milliseconds_per_pipeline() -> dict[str, float]:
    """For each file in dags/ the median of its fresh processes, divided by the number of its pipelines."""
    return _parsed(sorted((PROJECT / "dags").glob("*.py")), TRIES)


def milliseconds_by_size() -> dict[int, float]:
    """The same of one DAG file that names 5, 50 and 500 pipelines, copies of real ones under other names."""
    found: dict[int, float] = {}
    for size in SIZES:
        with tempfile.TemporaryDirectory(prefix="headline-bench-") as folder:
            file = generate(Path(folder), size)
            [found[size]] = _parsed([file], min(TRIES, max(3, TRIES * SIZES[0] // size)), Path(folder) / "include").values()
    return found


def generate(folder: Path, size: int) -> Path:
    """Make an `include` with so many pipelines, in turn copies of the real ones; gives the DAG file that names them."""
    sql = PROJECT / "include" / "sql"
    real = sorted(file.parent for file in sql.glob("*/*/pipeline.yml"))
    shutil.copytree(sql / "macros", folder / "include/sql/macros")
    shutil.copy(PROJECT / "include" / "team.yml", folder / "include")
    lines = ["from headline.dag import pipeline_dag"]
    for number in range(size):
        original = real[number % len(real)]
        path = f"{original.parent.name}/{original.name}_{number}"
        shutil.copytree(original, folder / "include/sql" / path)
        lines.append(f"pipeline_{number} = pipeline_dag({path!r})")
    file = folder / f"{size}_pipelines.py"
    file.write_text("\n".join(lines))
    return file


def _parsed(files: Sequence[Path], tries: int, include: Path | None = None) -> dict[str, float]:
    environment = os.environ | (
        {"HEADLINE_INCLUDE": str(include), "HEADLINE_SOURCES": str(include / "sql/sources")} if include else {}
    )
    command = [sys.executable, "-c", PROGRAM, str(tries), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found: dict[str, list[float]] = defaultdict(list)
    for line in done.stdout.splitlines():
        if line.startswith("parsed "):
            _, name, milliseconds = line.split()
            found[name].append(float(milliseconds))
    return {name: median(times) for name, times in found.items()}
