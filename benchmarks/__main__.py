"""Measure everything once and print it as ratios: `python -m benchmarks [--scale]`."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.table import Table

from benchmarks import parsing, scale, work
from benchmarks.deployment import CHAINS, Deployment, deployment, median_duration, wall
from benchmarks.work import Seconds
from headline.intervals import DAY, Interval
from headline.ledger import Load
from headline.local.run import DAGS
from headline.local.screen import Screen

DAYS = 60
SAMPLE = 10
PACKAGES = ("apache-airflow", "duckdb", "soda-core", "sqlglot")
Loads = dict[str, list[Load]]


class Report:
    """What was measured, line by line."""

    def __init__(self) -> None:
        self.table = Table(title="Headline beside what must be paid anyway", title_justify="left")
        for heading, justify in (
            ("what", "left"),
            ("measured", "right"),
            ("beside", "right"),
            ("ratio", "right"),
            ("budget", "left"),
        ):
            self.table.add_column(heading, justify=justify)  # type: ignore[arg-type]

    def add(self, what: str, measured: str, beside: str = "", ratio: float | None = None, budget: str = "") -> None:
        self.table.add_row(what, measured, beside, "" if ratio is None else f"{ratio:.2f}", budget)

    def section(self) -> None:
        self.table.add_section()


def main(
    with_scale: Annotated[
        bool, typer.Option("--scale", help="Also 365 days of 3,000 order lines, with the memory they take.")
    ] = False,
) -> None:
    """Measure parsing, tasks in the real scheduler, and the demo company's 60 days beside raw DuckDB."""
    screen, report = Screen(), Report()
    last = datetime.now(UTC).date() - DAY
    with screen.step("Parsing"):
        measure_parsing(report)
    with deployment(DAYS, last, screen) as running:
        interval = Interval(last - timedelta(days=DAYS - 1), last + DAY)
        scheduled = measure_scheduler(running, interval, screen)
        measure_tasks(running, last, report, screen)
        loads = work.landed()
        measure_range(loads, interval, scheduled, report, screen)
        measure_days(loads, interval, report, screen)
        if with_scale:
            measure_scale(report, screen)
    screen.console.print(report.table)
    screen.say(machine())


def measure_parsing(report: Report) -> None:
    for file, milliseconds in parsing.milliseconds_per_pipeline().items():
        report.add(f"parse dags/{file}, per pipeline", f"{milliseconds:.1f} ms", "an empty DAG", budget="20 ms beyond")


def measure_scheduler(running: Deployment, interval: Interval, screen: Screen) -> float:
    """Seconds from the first task's start to the last one's end of the six ranged runs."""
    with screen.step(f"{DAYS} days through the scheduler"):
        instances = running.run(DAGS, interval.start, interval.end - DAY)
    return wall([instance for found in instances.values() for instance in found])


def measure_tasks(running: Deployment, day: date, report: Report, screen: Screen) -> None:
    with screen.step("Two chains of tasks"):
        nothing, transform = (median_duration(running.run([dag_id], day, day)[dag_id]) * 1000 for dag_id in CHAINS)
        engine = median(work.one_select("core.order_lines", Interval(day, day + DAY)) for _ in range(10)) * 1000
    report.section()
    report.add("an empty task", f"{nothing:.0f} ms")
    report.add(
        "a transform task of one day",
        f"{transform:.0f} ms",
        f"empty + {engine:.0f} ms of engine",
        transform / (nothing + engine),
        f"50 ms beyond; is {transform - nothing - engine:.0f}",
    )


def measure_range(loads: Loads, interval: Interval, scheduled: float, report: Report, screen: Screen) -> None:
    with screen.step(f"{DAYS} days in one range, by the steps and raw"):
        steps, raw = apart(loads, [interval])
    report.section()
    compare(f"{DAYS} days, one range", scheduled, steps, raw, report)


def measure_days(loads: Loads, interval: Interval, report: Report, screen: Screen) -> None:
    days = [Interval(day, day + DAY) for day in interval][:SAMPLE]
    with screen.step(f"{SAMPLE} days one by one, by the steps and raw"):
        steps, raw = apart(loads, days)
    report.section()
    compare(f"{SAMPLE} days, one by one", None, steps, raw, report)


def measure_scale(report: Report, screen: Screen) -> None:
    with tempfile.TemporaryDirectory(prefix="headline-bench-") as folder:
        with screen.step("A year of a larger shop made"):
            loads = scale.land(Path(folder))
        with screen.step("The year in one range, by the steps and raw"):
            steps, raw = apart(loads, [scale.INTERVAL], scale.PIPELINES)
    report.section()
    compare("365 days of 3,000 lines, one range", None, steps, raw, report)
    beside = f"{raw['peak']:.0f} MB raw"
    report.add("  most memory", f"{steps['peak']:.0f} MB", beside, steps["peak"] / raw["peak"], "the setting: 2 GB")


def compare(what: str, scheduled: float | None, steps: Seconds, raw: Seconds, report: Report) -> None:
    beside = f"{raw['select']:.2f} s raw"
    total = sum(seconds for name, seconds in steps.items() if name != "peak")
    if scheduled is not None:
        report.add(f"{what}: the scheduler, ingest included", f"{scheduled:.1f} s", beside, scheduled / raw["select"])
    report.add(f"{what}: transform, audit, publish", f"{total:.2f} s", beside, total / raw["select"])
    for name in ("transform", "audit", "publish"):
        budget = "1.2" if name == "transform" else ""
        report.add(f"  {name} alone", f"{steps[name]:.2f} s", beside, steps[name] / raw["select"], budget)


def apart(loads: Loads, intervals: list[Interval], pipelines: Sequence[str] = DAGS) -> tuple[Seconds, Seconds]:
    """By the steps, then raw: each in a process of its own, with an empty warehouse."""
    results = []
    for function in (work.steps, work.raw):
        with (
            tempfile.TemporaryDirectory(prefix="headline-bench-") as folder,
            ProcessPoolExecutor(1, get_context("spawn")) as pool,
        ):
            pool.submit(work.load_engines).result()
            results.append(pool.submit(function, loads, pipelines, intervals, Path(folder)).result())
    return results[0], results[1]


def machine() -> str:
    """What all this was measured on, and how busy it was with other things at the end."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {memory:.0f} GB, Python {platform.python_version()}, {packages}"
    )


if __name__ == "__main__":
    typer.run(main)
