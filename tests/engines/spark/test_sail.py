"""All pipelines on Sail, Iceberg, S3 and Glue: the rows are DuckDB's, and a publication holds what it promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.engines.spark.servers import Lake
from tests.engines.worlds import FIRST, LAST, connected, published, unlike
from tests.faults.world import Table, World

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

DAYS = Interval(FIRST, LAST + DAY)
PIPELINE = "core_finance"


def distrusted() -> list[str]:
    """Let the next run replace all periods of a pipeline; gives its tables."""
    names = [table.full_name for table in specs.load().pipelines[PIPELINE].ordered_tables]
    Ledger().distrust({name: [state.interval.start for state in Ledger().states([name])] for name in names})
    return names


def test_every_row_of_every_pipeline_is_that_of_duckdb(expected: dict[str, Table], on_sail: World, lake: Lake) -> None:
    assert unlike(published(), expected) == {}
    assert not verify_published(specs.load().tables.values(), Ledger(), open_warehouse()).differences
    with open_warehouse().open_engine() as engine:
        assert [name for name in engine.tables() if name.startswith(STAGING)] == [], "staging tables go with their run"


def test_the_ledger_knows_the_snapshot_that_each_table_has(on_sail: World, lake: Lake) -> None:
    known = Ledger().snapshots()
    glue, s3 = lake.client("glue"), lake.client("s3")
    current = {name: metadata(glue, s3, name) for table in specs.load().tables.values() for name in table.outputs}
    # A table that never had a row has no snapshot.
    assert {name: one["current-snapshot-id"] for name, one in current.items() if one.get("snapshots")} == known
    assert len(known) > 30
    assert {told["format-version"] for told in current.values()} == {2}


def test_the_same_days_again_publish_nothing(on_sail: World) -> None:
    before = Ledger().snapshots()
    found = write_audit_publish(on_sail.run(PIPELINE, FIRST, LAST, "again"))
    assert [one.changed_count for one in found] == [0] * len(found)
    assert Ledger().snapshots() == before


def test_two_publications_at_once_end_correct(expected: dict[str, Table], on_sail: World) -> None:
    distrusted()
    runs = [on_sail.run(PIPELINE, FIRST, LAST, name) for name in ("one", "other")]
    with ThreadPoolExecutor() as pool:
        list(pool.map(write_audit_publish, runs))
    assert unlike(published(), expected) == {}


def test_a_run_that_is_killed_between_two_tables_is_rolled_forward(expected: dict[str, Table], on_sail: World) -> None:
    names, before = distrusted(), Ledger().snapshots()
    killed = [sys.executable, "-m", "tests.engines.spark.killed", PIPELINE, str(FIRST), str(LAST)]
    ended = subprocess.run(killed, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True)
    assert ended.returncode == 9, ended.stderr[-2000:]
    assert Ledger().snapshots() == before, "the ledger has not recorded it"
    assert Ledger().in_doubt(names[0])
    assert unlike(published(), expected) == {}, "the table that was replaced has the same rows"
    write_audit_publish(on_sail.run(PIPELINE, FIRST, LAST, "after"))
    assert not any(Ledger().in_doubt(name) for name in names)
    assert not verify_published(specs.load().tables.values(), Ledger(), open_warehouse()).differences
    assert unlike(published(), expected) == {}


def test_publications_leave_no_delete_file_that_others_cannot_read(on_sail: World, lake: Lake) -> None:
    glue, s3 = lake.client("glue"), lake.client("s3")
    for name in Ledger().snapshots():
        found = metadata(glue, s3, name)
        [newest] = [one for one in found["snapshots"] if one["snapshot-id"] == found["current-snapshot-id"]]
        assert int(newest["summary"].get("total-equality-deletes", 0)) == 0, name


def test_a_failed_audit_is_kept_and_publishes_nothing(on_sail: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that is closed holds the rows back; they can be read until they are forgotten."""

    def closed(*_: object) -> None:
        raise BadData("held back")

    before, run = Ledger().snapshots(), on_sail.run(PIPELINE, FIRST, LAST, "held")
    with pytest.raises(BadData, match="held back"):
        write_audit_publish(run, gate=closed)
    assert Ledger().snapshots() == before
    with run.warehouse.kept(run.key) as session, session.reading():
        assert session.query(f"select count(*) from {session.staging_name('core.expenses')}").rows[0][0] > 0
        assert session.query(f"select count(*) from {session.staging_name('quarantine.expenses')}").rows[0][0] >= 0
    run.warehouse.forget(run.key)
    with pytest.raises(BadRequest, match="has kept nothing"), run.warehouse.kept(run.key):
        pass


def test_a_person_reads_published_tables_and_nothing_else(on_sail: World) -> None:
    assert ask(open_warehouse(), "select count(*) as n from core.order_lines").rows[0][0] > 0
    with pytest.raises(BadRequest, match="not published"):
        ask(open_warehouse(), f"select * from {STAGING}.x")
    with pytest.raises(BadRequest, match="refused"):
        ask(open_warehouse(), "select nothing_such from core.order_lines")
    with open_warehouse().session(read_only=True) as session, pytest.raises(SpecError):
        session.query("select nothing_such from core.order_lines")


def test_an_erasure_that_older_snapshots_would_survive_changes_nothing(on_sail: World) -> None:
    with open_warehouse().session() as session:
        before = session.query("select count(*) from raw.customers").rows
        with pytest.raises(BadRequest, match="nothing was changed"):
            session.change(["delete from raw.customers"])
        assert session.query("select count(*) from raw.customers").rows == before


def test_databases_have_the_prefix_of_the_connection_and_nobody_sees_it(
    on_sail: World, lake: Lake, monkeypatch: pytest.MonkeyPatch
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


def test_two_engines_are_compared_row_by_row(on_sail: World) -> None:
    table, here = specs.load().tables["core.expenses"], open_warehouse()
    found = list(compare_engines(table, DAYS, here, here))
    assert [one.output for one in found] == ["core.expenses"] * len(DAYS) + ["quarantine.expenses"] * len(DAYS)
    assert all(one.is_equal for one in found)
    assert all(one.rows_one == one.rows_other > 0 for one in found[: len(DAYS)])
