"""Measure Headline beside dbt-core and SQLMesh and compare their rows: `python -m benchmarks.peers [--days 60] [--repeat 3]`."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import scale
from benchmarks.deployment import DAGS
from benchmarks.peers import project_dbt, project_sqlmesh, run_ours
from benchmarks.peers.environments import HERE, PEERS, python_of
from benchmarks.peers.models import Model, models, outside, sides
from benchmarks.peers.report import BARE, TOOLS, Measured, Report
from benchmarks.peers.rows import differences
from headline.demo.company import Company
from headline.diff import company
from headline.diff.company import Loads
from headline.intervals import DAY, Interval
from headline.local.postgres import Postgres
from headline.local.screen import Screen

CALENDAR = (
    "create schema calendar",
    "create table calendar.days as select cast(day as date) as ds "
    "from generate_series(date '2000-01-01', date '2099-12-31', interval 1 day) as days(day)",
)
PROFIT = ("shop", "finance", "core_shop", "core_finance", "unit_profit", "investor_profit")


@dataclass(frozen=True)
class Scenario:
    """What every tool does from an empty warehouse on: for each entry of `processes` one process, with an interval per run.

    `names`: what is measured, a name per process; its intervals count together.
    """

    names: tuple[str, ...]
    processes: tuple[tuple[Interval, ...], ...]
    repeat: int
    pipelines: tuple[str, ...] = DAGS


@dataclass(frozen=True)
class Landed:
    """The files that all tools start from: as Headline's ledger knows them, and as a folder a day for the others."""

    loads: Loads
    folder: Path

    @classmethod
    def of(cls, loads: Loads, folder: Path) -> Landed:
        for name, found in loads.items():
            for load in found:
                if load.row_count:
                    file = folder / name.removeprefix("landing.") / f"ds={load.ds}" / "part.parquet"
                    file.parent.mkdir(parents=True)
                    file.symlink_to(load.file.removeprefix("file://"))
        return cls(loads, folder)


def main(
    days: Annotated[int, typer.Option(help="Days of the demo company in one range.")] = 60,
    one_by_one: Annotated[int, typer.Option(help="Days one by one in one process; 0: none.")] = 30,
    year: Annotated[int, typer.Option(help="Days of 3,000 order lines in one range; 0: none.")] = 365,
    repeat: Annotated[int, typer.Option(help="How often each is measured; shown is the median.")] = 3,
    repeat_one_by_one: Annotated[int, typer.Option(help="How often the days one by one are measured.")] = 1,
    tools: Annotated[str, typer.Option(help=f"Which tools, of {', '.join(TOOLS)}.")] = "raw,headline,dbt,sqlmesh",
) -> None:
    """Print what a day and a range cost each tool; ends with 1 where the rows of any table differ."""
    chosen, screen = tools.split(","), Screen()
    if unknown := set(chosen) - set(TOOLS):
        raise typer.BadParameter(f"no tool is called {', '.join(sorted(unknown))}; there are: {', '.join(TOOLS)}")
    last = datetime.now(UTC).date() - DAY
    history = Interval(last - timedelta(days=days), last)
    scenarios = [
        Scenario((f"{days} days in one range", "one new day after them"), ((history,), (Interval(last, last + DAY),)), repeat)
    ]
    if one_by_one:
        each = tuple(Interval(day, day + DAY) for day in list(history)[:one_by_one])
        scenarios.append(Scenario((f"{len(each)} days one by one",), (each,), repeat_one_by_one))
    report = Report(chosen)
    with tempfile.TemporaryDirectory(prefix="headline-peers-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with screen.step("The peers' environments"):
            peers = {tool: tool.removesuffix(BARE) for tool in chosen}
            pythons = {tool: python_of(peer) for tool, peer in peers.items() if peer in PEERS}
        with company.server(folder) as postgres:
            bench = Bench(folder, pythons, postgres, chosen, screen)
            with screen.step(f"The demo company's {days + 1} days landed"):
                landed = Landed.of(
                    company.land(postgres, folder, Interval(history.start, last + DAY), Company()), folder / "by_day"
                )
            for scenario in scenarios:
                bench.run(scenario, landed, report)
                screen.console.print(report.table())  # the rest takes long
            if year:
                with screen.step(f"{year} days of a larger shop made"):
                    landed = larger_shop(year, folder)
                whole = Interval(scale.INTERVAL.start, scale.INTERVAL.start + timedelta(days=year))
                bench.run(Scenario((f"{year} days of 3,000 lines in one range",), ((whole,),), repeat, PROFIT), landed, report)
    screen.console.print(report.table())
    for line in report.notes():
        screen.say(line)
    raise typer.Exit(1 if report.different else 0)


def larger_shop(days: int, folder: Path) -> Landed:
    """The first days of the year of benchmarks/scale.py."""
    files = folder / "larger"
    files.mkdir()
    end = scale.INTERVAL.start + timedelta(days=days)
    loads = {name: [load for load in found if load.ds < end] for name, found in scale.land(files).items()}
    return Landed.of(loads, folder / "larger_by_day")


class Bench:
    """Runs scenarios: each tool, each time with an empty warehouse."""

    def __init__(self, folder: Path, pythons: dict[str, Path], postgres: Postgres, tools: Sequence[str], screen: Screen) -> None:
        self._folder = folder
        self._pythons = pythons
        self._ledger = int((postgres.data / "postmaster.pid").read_text().split()[0])
        self._tools = tools
        self._screen = screen

    def run(self, scenario: Scenario, landed: Landed, report: Report) -> None:
        """Measure a scenario with every tool, one after the other in turns, and compare the rows of the last turn."""
        chosen = models(scenario.pipelines)
        exports: dict[str, Path] = {}
        for turn in range(scenario.repeat):
            for tool in self._tools:
                with (
                    self._screen.step(f"{scenario.names[0]}, {TOOLS[tool]}, {turn + 1} of {scenario.repeat}"),
                    tempfile.TemporaryDirectory(dir=self._folder) as name,
                ):
                    folder = Path(name)
                    (folder / "export").mkdir()
                    for what, measured in zip(scenario.names, self._measure(tool, scenario, chosen, landed, folder), strict=True):
                        report.add(what, tool, measured)
                    exports[tool] = self._folder / f"rows-{tool}"
                    shutil.rmtree(exports[tool], ignore_errors=True)
                    (folder / "export").rename(exports[tool])
        with self._screen.step(f"{scenario.names[-1]}: rows compared"):
            found = differences(exports, dict(sides(chosen)))
        report.compared(scenario.names[-1], len(dict(sides(chosen))), [str(one) for one in found])
        report.sized(chosen)

    def _measure(self, tool: str, scenario: Scenario, chosen: list[Model], landed: Landed, folder: Path) -> list[Measured]:
        first = str(scenario.processes[0][0].start)
        task = {
            "database": str(folder / "peers.duckdb"),
            "first": first,
            "fresh": True,
            "project": str(folder / "project"),
            "result": str(folder / "result.json"),
            "export": str(folder / "export"),
            "tables": [name for name, _ in sides(chosen)],
            "setup": setup(chosen),
        }
        count = self._write(tool, chosen, landed, task)
        found = []
        for intervals in scenario.processes:
            work = run_ours.Work(task, scenario.pipelines, landed.loads, intervals, str(landed.folder), self._ledger)
            began = time.perf_counter()
            result = self._in_process(tool, work)
            whole = time.perf_counter() - began
            costs = result["costs"]
            found.append(
                Measured(
                    sum(one["wall"] for one in costs),
                    sum(one["cpu"] for one in costs),
                    whole,
                    {"checks": count, **result},
                )
            )
            task = {**task, "fresh": False}
        return found

    def _write(self, tool: str, chosen: list[Model], landed: Landed, task: dict[str, Any]) -> int:
        """Generate a peer's project; returns how many of our checks it has."""
        folder, place, checks = Path(task["project"]), (str(landed.folder), task["first"], task["database"]), BARE not in tool
        match tool.removesuffix(BARE):
            case "dbt":
                return project_dbt.write_project(folder, chosen, *place, checks=checks)
            case "sqlmesh":
                return project_sqlmesh.write_project(folder, chosen, outside(chosen), *place, checks=checks)
        return 0

    def _in_process(self, tool: str, work: run_ours.Work) -> dict[str, Any]:
        if tool in self._pythons:
            given = Path(work.task["result"]).with_name("task.json")
            intervals = [one.to_json() for one in work.intervals]
            given.write_text(json.dumps({**work.task, "intervals": intervals}))
            command = [str(self._pythons[tool]), str(HERE / "runners" / f"run_{tool.removesuffix(BARE)}.py"), str(given)]
            done = subprocess.run(command, cwd=work.task["project"], capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{TOOLS[tool]} failed:\n{done.stdout[-4000:]}{done.stderr[:2000]} … {done.stderr[-2000:]}")
            return dict(json.loads(Path(work.task["result"]).read_text()))
        function = run_ours.headline if tool == "headline" else run_ours.raw
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(function, work).result()


def setup(chosen: Sequence[Model]) -> list[str]:
    """What stands in every peer's warehouse before the first run: the calendar, and empty what nobody fills."""
    schemas = {name.split(".")[0] for name, _ in sides(chosen)} | {name.split(".")[0] for name, _, _ in outside(chosen)}
    empty = [f"create table {name} ({contract.ddl(quarantine=quarantine)})" for name, contract, quarantine in outside(chosen)]
    return [*CALENDAR, *(f"create schema {name}" for name in sorted(schemas)), *empty]


if __name__ == "__main__":
    typer.run(main)
