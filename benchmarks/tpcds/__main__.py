"""TPC-DS as data and as truth: `python -m benchmarks.tpcds --scale 0.1 [--out <folder>] [--run]`."""

from __future__ import annotations

import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmarks.environments import interpreter
from benchmarks.report import machine
from benchmarks.tpcds.run import DAYS_AT_ONCE, Run, compute, days_of, figures, installation
from headline.errors import HeadlineError
from headline.intervals import Interval
from headline.ledger import Ledger
from headline.local.screen import Screen
from headline.settings import PROJECT
from headline.warehouse import open_warehouse

ENVIRONMENT = PROJECT / ".venv" / "tpcds"
LOCK = PROJECT / "requirements-tpcds.lock"


def generated(scale: str, folder: Path | None = None) -> Path:
    """The files of a scale, which are made first where they are not there, by DuckDB's generator in an environment of its own.

    Raises HeadlineError where they cannot be made.
    """
    folder = folder or PROJECT / ".headline-tpcds" / scale
    python = interpreter(ENVIRONMENT, LOCK, "--no-build", "--require-hashes")
    command = [str(python), str(Path(__file__).with_name("generate.py")), scale, str(folder.resolve())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HeadlineError(f"TPC-DS could not be generated:\n{done.stderr[-2000:]}")
    return folder


def main(
    scale: Annotated[str, typer.Option(help="TPC-DS's scale factor: 1 is 2.9 million lines of sales.")] = "0.1",
    out: Annotated[Path | None, typer.Option(help="Where the files are made; .headline-tpcds/<scale> if left out.")] = None,
    run: Annotated[bool, typer.Option("--run", help="Also compute examples/tpcds, and compare with TPC-DS.")] = False,
    days: Annotated[int | None, typer.Option(help="Only the first days.")] = None,
    at_once: Annotated[int, typer.Option(help="So many days are one run.")] = DAYS_AT_ONCE,
    memory_limit: Annotated[str, typer.Option(help="What DuckDB may take.")] = "4GB",
    spark: Annotated[bool, typer.Option("--spark", help="Also on Apache Spark with two workers: make tpcds.")] = False,
    executor_memory: Annotated[str, typer.Option(help="What each of Spark's executors may take.")] = "2g",
) -> None:
    """Make TPC-DS's store as Parquet, a file a day; ends with 1 where a figure is not TPC-DS's or a row of Spark's differs."""
    screen = Screen()
    with screen.step(f"TPC-DS at scale {scale}"):
        data = generated(scale, out)
    if not run:
        return
    whole = days_of(data)
    chosen = Interval(whole.start, min(whole.end, whole.start + timedelta(days=days))) if days else whole
    with tempfile.TemporaryDirectory(prefix="headline-tpcds-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with installation(folder / "duckdb", data, memory_limit):
            is_right = on_engine(Run("DuckDB"), data, chosen, at_once, screen)
        if spark:
            with installation(folder / "spark", data, memory_limit):
                is_right &= on_spark(folder, data, chosen, at_once, executor_memory, screen)
        screen.say(machine())
    raise typer.Exit(not is_right)


def on_spark(folder: Path, data: Path, days: Interval, at_once: int, memory: str, screen: Screen) -> bool:
    """The same on Spark, and whether each of its rows is one of those that DuckDB has published."""
    from benchmarks.tpcds.spark import peaks, spark, unlike

    with spark(folder / "spark", memory):
        is_right = on_engine(Run("Apache Spark"), data, days, at_once, screen)
        screen.say(f"Spark's processes: peak {' + '.join(map(str, peaks()))} = {sum(peaks()):,} MB")
        for name, rows, different in unlike(open_warehouse(), folder / "duckdb" / "warehouse.duckdb"):
            told = f"differ from DuckDB's on {', '.join(different[:5])}, {len(different)} days" if different else "are DuckDB's"
            screen.say(f"{name}: {rows:,} rows {told}")
            is_right &= not different
    return is_right


def on_engine(run: Run, data: Path, days: Interval, at_once: int, screen: Screen) -> bool:
    """Compute the days and print what they took, and our figures beside TPC-DS's own; whether these are the same."""
    warehouse = open_warehouse()
    with screen.step(f"{len(days)} days on {run.engine}"):
        compute(days, warehouse, Ledger(), run, at_once)
    found = list(figures(warehouse, data, days))
    table = Table("", run.engine, "TPC-DS", title_justify="left")
    for one in found:
        table.add_row(one.what, f"{one.ours:,}", "" if one.stated is None else f"{one.stated:,}")
    screen.console.print(table)
    screen.say("; ".join(f"{step} {seconds:.1f} s" for step, seconds in run.seconds.items()) + f"; peak {run.peak:,.0f} MB")
    return all(one.is_right for one in found)


if __name__ == "__main__":
    typer.run(main)
