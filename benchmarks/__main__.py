"""Measure everything once and print it beside what must be paid anyway: `python -m benchmarks [--scale]`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import api, exports, figures, metrics, parsing, plan, scale, work
from benchmarks.deployment import DAGS, DAYS, REPEATS, Deployment, deployment
from benchmarks.report import Report, compare, machine
from benchmarks.scheduler import measure_backfill, measure_idle, measure_scheduler
from benchmarks.surroundings import Spent
from headline.intervals import DAY, Interval
from headline.ledger import Load
from headline.local.screen import Screen

HISTORIES = (60, 365, 1825)
Loads = dict[str, list[Load]]


def main(
    with_scale: Annotated[
        bool,
        typer.Option("--scale", help="Also a year of 3,000 order lines a day, and one day after 60 days, 1 year and 5 years."),
    ] = False,
    with_backfill: Annotated[bool, typer.Option("--backfill", help="Also 7 and 30 days by Airflow's own backfill.")] = False,
    with_exports: Annotated[bool, typer.Option("--exports", help="Also a dump of 10 million rows.")] = False,
) -> None:
    """Measure parsing, days in the real scheduler, and the demo company's days in one process beside raw DuckDB."""
    screen, report = Screen(), Report()
    last = datetime.now(UTC).date() - DAY
    with screen.step("Parsing"):
        for file, milliseconds in parsing.milliseconds_per_pipeline().items():
            report.add(f"parse dags/{file}, per pipeline", f"CPU {milliseconds:.1f} ms", "an empty DAG", budget="20 ms beyond")
        sizes = parsing.milliseconds_by_size()
        smallest = next(iter(sizes.values()))
        for size, milliseconds in sizes.items():
            ratio = milliseconds / smallest
            report.add(
                f"parse a file of {size} pipelines, per pipeline", f"CPU {milliseconds:.1f} ms", "of 5", ratio, "20 ms, 1.0"
            )
    if with_exports:
        measure_export(report, screen)
    try:
        with deployment(DAYS + REPEATS, last, screen) as running:
            whole = Interval(last - timedelta(days=DAYS + REPEATS - 1), last - timedelta(days=REPEATS - 1))
            days = [Interval(day, day + DAY) for day in Interval(whole.end, last + DAY)]
            measure_scheduler(running, whole, days, report, screen)
            measure_idle(running, report, screen)
            measure_figures(report, screen)
            measure_metrics(running, report, screen)
            measure_api(running, report, screen)
            if with_backfill:
                measure_backfill(running, whole, report, screen)
            loads = work.landed()
            measure_range(loads, whole, report, screen)
            measure_days(loads, whole, days, report, screen)
            measure_plan(loads, whole, report, screen)
            if with_scale:
                measure_year(report, screen)
                measure_history(report, screen)
                measure_memory(report, screen)
    finally:  # what was measured is worth reading even where the next measurement fails
        screen.console.print(report.table)
        screen.say(machine())


def measure_export(report: Report, screen: Screen) -> None:
    with screen.step(f"A dump of {exports.ROWS:,} rows"):
        took = exports.of_rows()
    report.section()
    report.add(
        f"a dump of {exports.ROWS / 1e6:.0f} M rows, most memory", f"{took.peak:.0f} MB", f"{took.seconds:.0f} s", budget="1 GB"
    )


def measure_figures(report: Report, screen: Screen) -> None:
    with screen.step(f"figures of {figures.YEARS} years as of a day"):
        milliseconds, count = figures.milliseconds_as_of()
    report.section()
    report.add(f"{count:,} figures of {figures.YEARS} years as of a day", f"{milliseconds:.0f} ms", budget="100 ms")


def measure_metrics(running: Deployment, report: Report, screen: Screen) -> None:
    with screen.step("The page of metrics"):
        first, warm, count = metrics.seconds_of_page(running)
    report.section()
    told = f"the first time {first:.2f} s"
    report.add(f"the page of metrics with {count} sparklines", f"{warm:.2f} s", told, budget="30 in 1 s")


def measure_api(running: Deployment, report: Report, screen: Screen) -> None:
    with screen.step(f"{api.RATE} requests a second of the data API"):
        spent = api.measure(running.api)
    what = f"{api.RATE} kept answers a second, each recorded: {spent.rate:.0f} a second, {spent.failed} failed"
    report.add(what, f"p99 {spent.percentile(99):.0f} ms", f"median {spent.percentile(50):.0f} ms", budget="p99 150 ms")


def measure_range(loads: Loads, whole: Interval, report: Report, screen: Screen) -> None:
    with screen.step(f"{DAYS} days in one range, in one process and raw"):
        ours, raw = apart(loads, [whole])
    report.section()
    compare(f"{DAYS} days, one range, one process", ours, raw, report, "2.2")


def measure_days(loads: Loads, whole: Interval, days: Sequence[Interval], report: Report, screen: Screen) -> None:
    with screen.step(f"{len(days)} new days, in one process and raw"):
        ours, raw = apart(loads, [whole, *days], measured=1)
    beyond = (ours.cpu - raw.cpu) / len(days)
    report.section()
    report.add(
        "one new day, one process",
        f"{ours.wall / len(days):.2f} s, CPU {ours.cpu / len(days):.2f}",
        f"raw {raw.wall / len(days):.2f} s, CPU {raw.cpu / len(days):.2f}",
        ours.cpu / raw.cpu,
        f"2.5 s beyond; is {beyond:.2f}",
    )
    own, moved, tables = ours.published - ours.moved, ours.moved, ours.tables
    report.add("  periods published / tables", f"{own / len(days):.0f}", f"{tables // len(days)}", own / tables, "45 / 32 = 1.41")
    report.add("  and provisional days that refunds moved", f"{moved / len(days):.0f}")
    report.add(
        "  statements a table, ledger round trips a pipeline",
        f"{ours.statements / ours.tables:.1f}, {ours.round_trips / ours.runs:.0f}",
    )


def measure_plan(loads: Loads, whole: Interval, report: Report, screen: Screen) -> None:
    with screen.step("The plan of a backfill of all tables over a year"):
        spent = one(plan.of_a_year, loads, DAGS, [whole])
    report.section()
    report.add(f"the plan of {spent.tables} tables over {plan.YEAR} days", f"{spent.wall:.2f} s", budget="3 s")


def measure_year(report: Report, screen: Screen) -> None:
    with tempfile.TemporaryDirectory(prefix="headline-bench-") as folder:
        with screen.step("A year of a larger shop made"):
            loads = scale.land(Path(folder))
        with screen.step("The year in one range, in one process and raw"):
            ours, raw = apart(loads, [scale.INTERVAL], scale.PIPELINES)
        with screen.step("The same without audits"):
            unaudited = one(work.steps, loads, scale.PIPELINES, [scale.INTERVAL], audited=False)
    report.section()
    compare("a year of 3,000 lines, one range, one process", ours, raw, report, "1.7")
    report.add("  without audits", f"CPU {unaudited.cpu:.2f} s", f"CPU {raw.cpu:.2f} s", unaudited.cpu / raw.cpu, "1.25")
    report.add("  most memory", f"{ours.peak:.0f} MB", f"{raw.peak:.0f} MB raw", ours.peak / raw.peak, "the setting: 2 GB")


def measure_memory(report: Report, screen: Screen) -> None:
    """A year of a shop ten times as large, with less memory than it has rows for."""
    with tempfile.TemporaryDirectory(prefix="headline-bench-") as folder:
        with screen.step("A year of 30,000 lines a day made"):
            loads = scale.land(Path(folder), share=10)
        lines = sum(load.row_count for load in loads["landing.order_items"])
        with screen.step(f"{lines:,} lines in one range with memory_limit 1 GB"):
            spent = one(work.steps, loads, scale.PIPELINES, [scale.INTERVAL], memory_limit="1GB")
    report.section()
    report.add(
        f"{lines / 1e6:.0f} M lines in one range, memory_limit 1 GB",
        f"{spent.wall:.0f} s, CPU {spent.cpu:.0f}",
        f"most memory {spent.peak:.0f} MB",
        budget="it ends",
    )


def measure_history(report: Report, screen: Screen) -> None:
    """One new day of a small shop after histories of different length; the first one is what the others are beside."""
    report.section()
    first = 0.0
    for length in HISTORIES:
        whole = Interval(scale.INTERVAL.start, scale.INTERVAL.start + timedelta(days=length))
        days = [Interval(day, day + DAY) for day in Interval(whole.end, whole.end + REPEATS * DAY)]
        with screen.step(f"One day after {length} days"), tempfile.TemporaryDirectory(prefix="headline-bench-") as folder:
            loads = scale.land(Path(folder), Interval(whole.start, days[-1].end), share=0.05)
            spent = one(work.steps, loads, scale.PIPELINES, [whole, *days], measured=1)
        first = first or spent.cpu
        report.add(f"one day after {length} days", f"CPU {spent.cpu / REPEATS:.2f} s", "after 60 days", spent.cpu / first, "1.2")


def apart(loads: Loads, intervals: list[Interval], pipelines: Sequence[str] = DAGS, *, measured: int = 0) -> tuple[Spent, Spent]:
    """By Headline, then raw: each in processes of their own, with an empty warehouse; medians by CPU."""
    ours, raw = (
        sorted(
            (one(function, loads, pipelines, intervals, measured=measured) for _ in range(REPEATS)), key=lambda spent: spent.cpu
        )
        for function in (work.steps, work.raw)
    )
    return ours[REPEATS // 2], raw[REPEATS // 2]


def one(
    function: Callable[..., Spent], loads: Loads, pipelines: Sequence[str], intervals: list[Interval], **options: int | str
) -> Spent:
    with (
        tempfile.TemporaryDirectory(prefix="headline-bench-") as folder,
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
    ):
        pool.submit(work.load_engines).result()
        return pool.submit(function, loads, pipelines, intervals, Path(folder), **options).result()


if __name__ == "__main__":
    typer.run(main)
