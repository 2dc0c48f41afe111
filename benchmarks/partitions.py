"""How large a day of each table is, and which files a daily run reads: measured on the demo company, kept in partitions.json.

    python -m benchmarks.partitions

The days of every table are written as Parquet, a file for each day, as they lie on S3. The SELECT of each table is planned over
these files: the plan says which days and columns are read, by the same rules as Athena's; the files say how many bytes these are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from benchmarks.surroundings import auditing
from benchmarks.work import ACCEPTED
from headline import specs
from headline.demo.company import Company
from headline.diff import company as world
from headline.figures.gate import FiguresGate
from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.pipeline import PipelineRun, compile_table, write_audit_publish
from headline.warehouse import Output, open_warehouse
from headline.warehouse.duckdb.instance import ensure_calendar, instance
from headline.warehouse.duckdb.session import DuckDBSession

FILE = Path(__file__).with_name("partitions.json")
HISTORY = Interval(date(2026, 5, 1), date(2026, 6, 30))
LINES_A_DAY = 1_000  # of the demo company when it began
LINES = "core.order_lines"
# What there is more of when more is sold; anything else, such as categories and expenses, stays as it is.
GROW_WITH_LINES = {"order_id", "refund_id", "customer_id", "user_id", "event_id", "session_id", "record_id"}
SOME = "|"  # between table and column in the names of the files' columns, so that a plan says whose they are


def measure() -> dict[str, Any]:
    """Run the demo company for 60 days as one range and one more day; what came of it, by table."""
    with TemporaryDirectory(prefix="headline-sizes-") as name, world.server(Path(name)) as postgres:
        folder, day = Path(name), Interval(HISTORY.end, HISTORY.end + DAY)
        with world.environment({"HEADLINE_FIRST_DAY": str(HISTORY.start)}):
            world.land(postgres, folder, Interval(HISTORY.start, day.end), Company(lines_on_first_day=LINES_A_DAY))
            staged: dict[str, dict[str, Any]] = {}
            with auditing(False):  # which changes no row
                for interval in (HISTORY, day):
                    staged = dict(_run(interval))
            with instance({"memory_limit": "2GB"}) as connection:
                return _measure(connection, folder, staged)


def _run(interval: Interval) -> Iterator[tuple[str, dict[str, Any]]]:
    catalog = specs.load()
    for pipeline in catalog.in_order():
        run = PipelineRun(pipeline, f"sizes {interval}", interval, catalog, Ledger(), open_warehouse(), ACCEPTED)
        for done in write_audit_publish(run, gate=FiguresGate()):
            yield done.table, {"staged": done.intervals, "published_periods": done.changed_count}


def _measure(connection: duckdb.DuckDBPyConnection, folder: Path, staged: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The files of all tables, and what each SELECT reads of them."""
    connection.execute(f"attach '{folder}/warehouse.duckdb' as warehouse (read_only)")
    ensure_calendar(DuckDBSession(connection))
    tables = list(specs.load().tables.values())
    sizes = {output.name: _write(connection, folder, output) for one in tables for output in _outputs(one)}
    connection.execute("set disabled_optimizers = 'common_subplan'")  # Athena plans a CTE anew wherever it is named
    found = {}
    for table in tables:
        days = staged[table.full_name]["staged"]
        reads = [] if table.full_name.startswith("raw.") else list(_reads(connection, table, days, sizes))
        found[table.full_name] = {
            "grows": bool(GROW_WITH_LINES & set(table.key)),
            "whole": table.period_column is None,
            "staged_periods": sum(_periods(table, one) for one in days),
            "published_periods": staged[table.full_name]["published_periods"],
            "rows": sizes[table.full_name]["rows"],
            "bytes": sum(sizes[table.full_name]["bytes"].values()),
            "reads": reads,
        }
    return {"days": len(HISTORY) + 1, "order_lines": sizes[LINES]["rows"], "tables": found}


def _outputs(table: specs.Table) -> list[Output]:
    return [Output(name, table) for name in table.outputs]


def _periods(table: specs.Table, interval: Interval) -> int:
    """How many periods of a table lie in an interval; a table without is one."""
    return len({day if table.period == "day" else Interval(day, day + DAY).widen(table.period).start for day in interval})


def _write(connection: duckdb.DuckDBPyConnection, folder: Path, output: Output) -> dict[str, Any]:
    """Write a table as Parquet, put a view in its place, and say how many rows and bytes a column has in all days."""
    place, column = folder / "parquet" / output.name, output.table.period_column
    place.mkdir(parents=True)
    columns = [row[0] for row in connection.execute(f"describe warehouse.{output.name}").fetchall()]
    apart = [one for one in columns if one != column]
    named = ", ".join(f'"{one}" as "{output.name}{SOME}{one}"' for one in apart)
    how = f", partition_by ({column}), write_partition_columns false, overwrite_or_ignore" if column else ""
    query = f"select {f'{column}, ' if column else ''}{named} from warehouse.{output.name}"
    target = place if column else place / "all.parquet"
    connection.execute(f"copy ({query}) to '{target}' (format parquet, compression zstd{how})")
    files = f"{place}/{'*/' if column else ''}*.parquet"
    back = ", ".join([*([column] if column else []), *(f'"{output.name}{SOME}{one}" as "{one}"' for one in apart)])
    schema = output.name.split(".")[0]
    connection.execute(f"create schema if not exists {schema}")
    if not list(place.rglob("*.parquet")):  # no row, so no file
        connection.execute(f"create table {output.name} as from warehouse.{output.name}")
        return {"rows": 0, "bytes": {}, "files": 0}
    types = f", hive_partitioning = true, hive_types = {{'{column}': date}}" if column else ""
    connection.execute(f"create view {output.name} as select {back} from read_parquet('{files}'{types})")
    sizes = connection.execute(
        f"select path_in_schema, sum(total_compressed_size) from parquet_metadata('{files}') group by all"
    ).fetchall()
    [(rows,)] = connection.execute(f"select count(*) from warehouse.{output.name}").fetchall()
    return {"rows": rows, "bytes": {name: int(size) for name, size in sizes}, "files": len(list(place.rglob("*.parquet")))}


def _reads(
    connection: duckdb.DuckDBPyConnection, table: specs.Table, days: Sequence[Interval], sizes: dict[str, dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Of each scan of a table's SELECT: whose files, how many of how many, and the bytes of its columns in all of them.

    `asked`: for the day that was asked for, not for one that a change has made stale.
    """
    for interval in days:
        written = compile_table(table, interval, {}, "duckdb")
        query = re.sub(r"(?i)\bas (?:materialized )?\((?=\s*(?:select|with)\b)", "as not materialized (", written)
        [(_, plan)] = connection.execute(f"explain (format json) {query}").fetchall()
        for scan in _scans(json.loads(plan)):
            text = json.dumps(scan)
            for name in {found.split(SOME)[0] for found in re.findall(rf"[a-z_]+\.[a-z_]+\{SOME}[a-z_]+", text)}:
                columns = set(re.findall(rf"{re.escape(name)}\{SOME}[a-z_]+", text))
                every = sizes[name]["files"]  # which the plan does not say where no filter leaves out any
                read, _, of = scan.get("Scanning Files", f"{every}/{every}").partition("/")
                total = sum(sizes[name]["bytes"].get(column, 0) for column in columns)
                asked = HISTORY.end in interval
                yield {"table": name, "files": int(read), "of": int(of), "bytes": total, "asked": asked}


def _scans(plan: Any) -> Iterator[dict[str, Any]]:
    for node in plan if isinstance(plan, list) else [plan]:
        if "PARQUET" in node["name"]:
            yield node["extra_info"]
        yield from _scans(node["children"])


if __name__ == "__main__":
    FILE.write_text(json.dumps(measure(), indent=1) + "\n")
