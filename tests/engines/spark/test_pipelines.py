"""All pipelines on Spark's engines, Iceberg, S3 and Glue: the rows are DuckDB's, and a publication holds what it promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.engines import golden, meanings
from tests.engines.spark.conftest import PIPELINE
from tests.engines.spark.servers import Lake
from tests.engines.worlds import COUNT, FIRST, GOLDEN_DAYS, LAST, connected, published, unlike
from tests.faults.world import PIPELINES, Table, World

from headline import specs
from headline.diff.engines import compare_engines
from headline.errors import BadData, BadRequest, SpecError
from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.pipeline import write_audit_publish
from headline.pipeline.fingerprints import verify_published
from headline.warehouse import ask, open_warehouse
from headline.warehouse.iceberg.engine import Partition
from headline.warehouse.iceberg.glue import metadata
from headline.warehouse.iceberg.names import STAGING

pytestmark = pytest.mark.engines

DAYS = Interval(FIRST, LAST + DAY)
Unlike = Callable[[], dict[str, Any]]


def distrusted() -> list[str]:
    """Let the next run replace all periods of a pipeline; gives its tables."""
    names = [table.full_name for table in specs.load().pipelines[PIPELINE].ordered_tables]
    Ledger().distrust({name: [state.interval.start for state in Ledger().states([name])] for name in names})
    return names


def test_every_row_of_every_pipeline_is_that_of_duckdb(
    on_engine: World, expected: dict[str, Table], lake: Lake, told: list[str]
) -> None:
    found = published()
    assert unlike(found, expected) == {}
    rows = sum(table.total() for table in found.values())
    told.append(f"{lake.engine}, {COUNT} days: {rows:,} rows of {len(found)} tables are DuckDB's")
    assert COUNT != GOLDEN_DAYS or golden.other_than_saved(found) == {}
    assert not verify_published(specs.load().tables.values(), Ledger(), open_warehouse()).differences
    with open_warehouse().open_engine() as engine:
        assert [name for name in engine.tables() if name.startswith(STAGING)] == [], "staging tables go with their run"


def test_the_ledger_knows_the_snapshot_that_each_table_has(on_engine: World, lake: Lake) -> None:
    known = Ledger().snapshots()
    glue, s3 = lake.client("glue"), lake.client("s3")
    tables = [table for name in PIPELINES for table in specs.load().pipelines[name].ordered_tables]
    current = {name: metadata(glue, s3, name) for table in tables for name in table.outputs}
    # A table that never had a row has no snapshot.
    assert {name: one["current-snapshot-id"] for name, one in current.items() if one.get("snapshots")} == known
    assert len(known) > 30
    assert {told["format-version"] for told in current.values()} == {2}


def test_the_same_days_again_publish_nothing(on_engine: World) -> None:
    before = Ledger().snapshots()
    found = write_audit_publish(on_engine.run(PIPELINE, FIRST, LAST, "again"))
    assert [one.changed_count for one in found] == [0] * len(found)
    assert Ledger().snapshots() == before


def test_two_publications_at_once_end_correct(on_engine: World, unlike_duckdb: Unlike) -> None:
    distrusted()
    runs = [on_engine.run(PIPELINE, FIRST, LAST, name) for name in ("one", "other")]
    before = Ledger().snapshots()
    with ThreadPoolExecutor() as pool, open_warehouse().open_engine() as reader:
        both = [pool.submit(write_audit_publish, run) for run in runs]
        seen = [reader.query("select count(*), sum(amount) from core.expenses").rows]
        while not all(run.done() for run in both):
            seen.append(reader.query("select count(*), sum(amount) from core.expenses").rows)
        for run in both:
            run.result()
    assert Ledger().snapshots()["core.expenses"] != before["core.expenses"]
    assert len(seen) > 2
    assert all(one == seen[0] for one in seen), "who waits for nobody sees all rows of a day or its new ones"
    assert unlike_duckdb() == {}


def test_a_session_sees_what_others_have_published_meanwhile(on_engine: World) -> None:
    """Iceberg's catalog of a session keeps tables for 30 s, unless it is told not to."""
    name = "headline_staging.numbers"
    with open_warehouse().open_engine() as one, open_warehouse().open_engine() as other:
        one.create_as(name, "select 1 as n")
        try:
            assert one.query(f"select n from {name}").rows == [(1,)]
            other.query(f"insert into {name} (n) values (2)")
            assert sorted(one.query(f"select n from {name}").rows) == [(1,), (2,)]
        finally:
            one.drop_table(name)


def test_a_run_that_is_killed_between_two_tables_is_rolled_forward(on_engine: World, unlike_duckdb: Unlike) -> None:
    names, before = distrusted(), Ledger().snapshots()
    killed = [sys.executable, "-m", "tests.engines.spark.killed", PIPELINE, str(FIRST), str(LAST)]
    ended = subprocess.run(killed, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True)
    assert ended.returncode == 9, ended.stderr[-2000:]
    assert Ledger().snapshots() == before, "the ledger has not recorded it"
    assert Ledger().in_doubt(names[0])
    assert unlike_duckdb() == {}, "the table that was replaced has the same rows"
    write_audit_publish(on_engine.run(PIPELINE, FIRST, LAST, "after"))
    assert not any(Ledger().in_doubt(name) for name in names)
    assert not verify_published([specs.load().tables[name] for name in names], Ledger(), open_warehouse()).differences
    assert unlike_duckdb() == {}


def test_publications_leave_no_delete_file_that_others_cannot_read(on_engine: World, lake: Lake) -> None:
    glue, s3 = lake.client("glue"), lake.client("s3")
    for name in Ledger().snapshots():
        found = metadata(glue, s3, name)
        [newest] = [one for one in found["snapshots"] if one["snapshot-id"] == found["current-snapshot-id"]]
        assert int(newest["summary"].get("total-equality-deletes", 0)) == 0, name


def test_a_failed_audit_is_kept_and_publishes_nothing(on_engine: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that is closed holds the rows back; they can be read until they are forgotten."""

    def closed(*_: object) -> None:
        raise BadData("held back")

    before, run = Ledger().snapshots(), on_engine.run(PIPELINE, FIRST, LAST, "held")
    with pytest.raises(BadData, match="held back"):
        write_audit_publish(run, gate=closed)
    assert Ledger().snapshots() == before
    with run.warehouse.kept(run.key) as session, session.reading():
        assert session.query(f"select count(*) from {session.staging_name('core.expenses')}").rows[0][0] > 0
        assert session.query(f"select count(*) from {session.staging_name('quarantine.expenses')}").rows[0][0] >= 0
    run.warehouse.forget(run.key)
    with pytest.raises(BadRequest, match="has kept nothing"), run.warehouse.kept(run.key):
        pass


def test_a_person_reads_published_tables_and_nothing_else(on_engine: World) -> None:
    assert ask(open_warehouse(), "select count(*) as n from core.expenses").rows[0][0] > 0
    with pytest.raises(BadRequest, match="not published"):
        ask(open_warehouse(), f"select * from {STAGING}.x")
    with pytest.raises(BadRequest, match="rejected"):
        ask(open_warehouse(), "select nothing_such from core.expenses")
    with open_warehouse().session(read_only=True) as session, pytest.raises(SpecError):
        session.query("select nothing_such from core.expenses")


def test_an_erasure_that_older_snapshots_would_survive_changes_nothing(on_engine: World) -> None:
    with open_warehouse().session() as session:
        before = session.query("select count(*) from raw.expenses").rows
        with pytest.raises(BadRequest, match="nothing was changed"):
            session.change(["delete from raw.expenses"])
        assert session.query("select count(*) from raw.expenses").rows == before


def test_databases_have_the_prefix_of_the_connection_and_nobody_sees_it(
    on_engine: World, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(lake.variables("warehouse")["AIRFLOW_CONN_HEADLINE_WAREHOUSE"])
    connection["extra"]["database_prefix"] = "dev_anna_"
    connected(monkeypatch, connection)
    with open_warehouse().open_engine() as engine:
        assert engine.tables() == set(), "what others have is not seen"
        engine.create_namespace("core")
        engine.create_table("core.expenses", {"ds": "date", "n": "integer"}, Partition("ds", "day"))
        engine.query("insert into core.expenses (ds, n) select date '2026-03-01', 7")
        assert engine.query("select n from core.expenses").rows == [(7,)]
        assert (engine.tables(), list(engine.columns("core.expenses"))) == ({"core.expenses"}, ["ds", "n"])
        assert metadata(lake.client("glue"), lake.client("s3"), "dev_anna_core.expenses")
        assert engine.snapshot("core.expenses")
        engine.drop_table("core.expenses")
        assert engine.tables() == set()


def test_two_engines_are_compared_row_by_row(on_engine: World) -> None:
    table, here = specs.load().tables["core.expenses"], open_warehouse()
    found = list(compare_engines(table, DAYS, here, here))
    assert [one.output for one in found] == ["core.expenses"] * len(DAYS) + ["quarantine.expenses"] * len(DAYS)
    assert all(one.is_equal for one in found)
    assert all(one.rows_one == one.rows_other > 0 for one in found[: len(DAYS)])


def test_expressions_mean_what_duckdb_means_by_them(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in lake.variables("warehouse").items():
        monkeypatch.setenv(name, value)
    with open_warehouse().open_engine() as engine:
        assert meanings.unlike(lambda sql: engine.query(sql).rows, engine.dialect) == {}
