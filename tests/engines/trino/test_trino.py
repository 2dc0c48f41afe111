"""Every statement as Athena is given it, on a real Trino with tables of Iceberg: `make trino`, with a JDK 25 and Maven.

Athena's engine is built on Trino and is not it: what this shows of Athena is grammar, types and functions.
"""

import os
import subprocess
from pathlib import Path

import pytest
from sqlglot import exp
from tests.engines.test_athena_sql import DAY, DIALECT, ENGINE, schema, statements

from headline.sql import transpiled
from headline.warehouse.iceberg.statements import replacing

# The classpath that Maven has found and the folder of Statements.class.
CLASSES = os.environ.get("HEADLINE_TEST_TRINO", "")
pytestmark = pytest.mark.skipif(not CLASSES, reason="no Trino: `make trino` brings it where a JDK 25 and Maven are")
OPTIONS = ("-Xmx1500m", "--add-modules", "jdk.incubator.vector", "--sun-misc-unsafe-memory-access=allow")

# What DuckDB gives for each of these, written as Trino's client writes it.
MEANINGS = {
    "select greatest(1, cast(null as integer)) as x": "[[1]]",
    "select cast(timestamp '2026-07-01 12:00:00.123456' as varchar) as x": "[[2026-07-01 12:00:00.123456]]",
    "select cast(timestamp '2026-07-01 23:30:00' at time zone 'UTC' at time zone 'Europe/Berlin' as date) as x": "[[2026-07-02]]",
    "select cast(cast(timestamp '2026-07-01' at time zone 'Europe/Berlin' at time zone 'UTC' as timestamp) as varchar)": (
        "[[2026-06-30 22:00:00.000000]]"
    ),
    "select cast(cast(7 as double) / nullif(cast(2 as double), 0) as decimal(18, 6)) as x": "[[3.500000]]",
}


def answers(sql: list[str], folder: Path) -> list[str]:
    """The rows of each statement, or why it failed, of one Trino."""
    (folder / "tables").mkdir()
    (folder / "statements.sql").write_text("\n;;;;\n".join(sql))
    files = [str(folder / name) for name in ("statements.sql", "tables", "answers.txt")]
    java = Path(os.environ["JAVA_HOME"]) / "bin" / "java"
    subprocess.run([java, *OPTIONS, "-cp", CLASSES, "Statements", *files], check=True, capture_output=True, timeout=240)
    return (folder / "answers.txt").read_text().splitlines()


def tables() -> list[str]:
    made = [f"create schema {database}" for database in schema()]
    for database, names in schema().items():
        for name, columns in names.items():
            listed = (f"{column} {exp.DataType.build(kind, dialect='duckdb').sql(DIALECT)}" for column, kind in columns.items())
            made.append(f"create table {database}.{name} ({', '.join(listed)})")
    return made


def published_twice() -> list[str]:
    """A staging table takes the place of a day, twice; another day stays."""
    columns = {"ds": "date", "n": "integer"}
    merge = ENGINE.write(replacing("core.t", columns, exp.to_table("core.s"), ("ds", [DAY])))
    first, other = DAY.start, DAY.end
    return [
        "create table core.t as select * from (values "
        f"(date '{first}', 1), (date '{first}', null), (date '{first}', 1), (date '{other}', 7)) as v (ds, n)",
        f"create table core.s as select * from (values (date '{first}', 2), (date '{first}', 3)) as v (ds, n)",
        merge,
        merge,
        "select n from core.t order by n",
        "delete from core.s",
        merge,
        "select n from core.t order by n",
    ]


def test_trino_takes_every_statement_and_means_by_it_what_duckdb_means(tmp_path: Path) -> None:
    known = {name: sql for name, sql in statements().items() if "landing." not in sql}
    assert len(known) > 200
    broken = "select percentile_cont(1, 0.5) as x"
    asked = [
        *tables(),
        *(f"explain (type validate) {sql}" for sql in [*known.values(), broken]),
        *(transpiled(sql, DIALECT) for sql in MEANINGS),
        *published_twice(),
    ]
    found = answers(asked, tmp_path)
    assert len(found) == len(asked)
    failed = [(sql, told) for sql, told in zip(asked, found, strict=True) if told.startswith("failed")]
    assert [sql for sql, _ in failed] == [f"explain (type validate) {broken}"], failed
    merged = len(published_twice())
    assert found[-merged - len(MEANINGS) : -merged] == list(MEANINGS.values())
    assert (found[-4], found[-1]) == ("[[2], [3], [7]]", "[[7]]")
