"""The same example on Apache Spark with two workers, whose Iceberg tables lie in a folder; and whether its rows are DuckDB's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import psutil
from tests.engines.spark.cluster import cluster

from headline import specs
from headline.diff.company import environment
from headline.warehouse import Output, Warehouse

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_CATALOG = "spark.sql.catalog.local"


@contextmanager
def spark(folder: Path, memory: str) -> Iterator[None]:
    """While it is entered `headline_warehouse` is a Spark whose two executors may take so much memory (`3g`) each."""
    settings = {
        _CATALOG: "org.apache.iceberg.spark.SparkCatalog",
        f"{_CATALOG}.type": "hadoop",
        f"{_CATALOG}.warehouse": f"file://{folder}/warehouse",
        "spark.sql.shuffle.partitions": "8",
        "spark.local.dir": f"{folder}/local",
    }
    (folder / "warehouse").mkdir()  # or its catalog takes itself for missing
    with cluster(folder, settings, memory, java=("-XX:+UseParallelGC",)) as port:
        connection = {"conn_type": "spark_connect", "host": "127.0.0.1", "port": port, "extra": {"catalog": "local"}}
        with environment({"AIRFLOW_CONN_HEADLINE_WAREHOUSE": json.dumps(connection)}):
            yield


def peaks() -> list[int]:
    """The most memory that each of Spark's processes has taken, in MB: master, workers, executors and driver."""
    javas = [process for process in psutil.Process().children(recursive=True) if process.name() == "java"]
    found = (_PEAK.search(Path(f"/proc/{process.pid}/status").read_text()) for process in javas)
    return sorted(int(one[1]) // 1024 for one in found if one)


def unlike(warehouse: Warehouse, file: Path) -> Iterator[tuple[str, int, list[str]]]:
    """Each published table and quarantine: its rows, and the days whose rows are not those of a DuckDB file.

    DuckDB reads the files of Spark's tables and compares the number of rows of a day, and the sum of their hashes. Raises
    ValueError for a table with delete files.
    """
    outputs = [Output(name, table) for table in specs.load().tables.values() for name in table.outputs]
    with duckdb.connect(config={"memory_limit": "4GB"}) as connection, warehouse.session(read_only=True) as session:
        connection.execute(f"attach '{file}' as ours (read_only)")
        for output in outputs:
            name = output.name
            if session.query(f"select file_path from {name}.files where content <> 0 limit 1").rows:
                raise ValueError(f"{name} has delete files, which are not read here")
            files = [path.removeprefix("file:") for (path,) in session.query(f"select file_path from {name}.files").rows]
            ours = _contents(connection, output, f"ours.{name}")
            theirs = _contents(connection, output, f"read_parquet({files})") if files else {}
            different = sorted(day for day in ours.keys() | theirs.keys() if ours.get(day) != theirs.get(day))
            yield name, sum(count for count, _ in theirs.values()), different


def _contents(connection: duckdb.DuckDBPyConnection, output: Output, rows: str) -> dict[str, tuple[int, int]]:
    values = ", ".join(f"cast({name} as {kind})" for name, kind in output.columns.items())
    day = f"cast({output.table.period_column or 'null'} as varchar)"
    query = f"select coalesce({day}, 'all rows'), count(*), sum(hash({values})) from {rows} group by 1"
    return {day: (count, int(digest)) for day, count, digest in connection.sql(query).fetchall()}
