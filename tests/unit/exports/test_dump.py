"""Dumps: what a partner finds, once and whole, whatever happens to the runs that write it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow.csv
import pyarrow.parquet
import pytest
from tests.unit.exports.conftest import D1, D2, DUMP, DUMP_SQL, Exporting, die, dying_after

from headline.errors import BadData, SpecError, Transient
from headline.exports import dump, run
from headline.ledger import Exports, Reads
from headline.sources import storage
from headline.specs.exports import load_export


def test_a_dump_has_a_manifest_of_all_that_is_in_it(exporting: Exporting) -> None:
    done = exporting.run()
    manifest = exporting.manifest()
    assert manifest is not None
    assert (manifest["rows"], manifest["start"], manifest["end"]) == (2, "2026-03-02", "2026-03-03")
    assert [(one["name"], one["type"]) for one in manifest["schema"]] == [("order_id", "varchar"), ("amount", "decimal(18, 4)")]
    assert manifest["version"] == done.version > 0
    assert manifest["as_of"]
    assert manifest["commit"] == done.commit
    [file] = manifest["files"]
    path = exporting.place / "orders" / str(D1) / file["path"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
    assert path.stat().st_size == file["bytes"]
    rows = pyarrow.parquet.read_table(path).to_pylist()
    assert sorted((row["order_id"], row["amount"]) for row in rows) == [("a", Decimal("1.5000")), ("b", Decimal("2.0000"))]
    [read] = Reads().newest()
    assert (read.reader, read.channel, read.names, read.row_count) == ("orders run", "export", ("core.orders",), 2)


def test_the_same_rows_are_written_and_recorded_once(exporting: Exporting) -> None:
    exporting.run()
    before = sorted(exporting.place.rglob("*"))
    assert exporting.run(run_id="another").row_count == 2
    assert sorted(exporting.place.rglob("*")) == before
    assert [one.run_id for one in exporting.runs()] == ["run"]


def test_a_restated_day_takes_the_place_of_the_dump_and_the_old_files_stay_for_who_reads_them(exporting: Exporting) -> None:
    exporting.run()
    before = exporting.manifest()
    exporting.arrive(D1, ("a", "1.5"), ("b", "3"))
    exporting.run()
    after = exporting.manifest()
    assert before
    assert after
    assert before["key"] != after["key"]
    assert after["version"] > before["version"]
    for file in (*before["files"], *after["files"]):
        assert (exporting.place / "orders" / str(D1) / file["path"]).is_file()


def test_many_rows_become_several_files_and_csv_is_exact(exporting: Exporting) -> None:
    spec = DUMP.replace("keep_days: 30", "keep_days: 30, format: csv, rows_per_file: 2")
    exporting.define("orders", spec, DUMP_SQL)
    exporting.arrive(D1, *((f"o{number}", f"{number}.05") for number in range(5)))
    exporting.run()
    manifest = exporting.manifest()
    assert manifest
    assert [one["rows"] for one in manifest["files"]] == [2, 2, 1]
    texts = [(exporting.place / "orders" / str(D1) / one["path"]).read_text() for one in manifest["files"]]
    assert all(text.startswith('"order_id","amount"') for text in texts)
    assert '"o3",3.0500' in "".join(texts)


def test_a_run_that_is_killed_before_the_manifest_leaves_nothing_to_read(
    exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copied(source: storage.AnyPath, target: storage.AnyPath) -> tuple[int, str]:
        if target.name == dump.MANIFEST:
            die()
        return storage.copied(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(dump, "copied", copied)
        exporting.killed()
    assert list(exporting.place.rglob("*.parquet")), "it was killed after the files"
    assert exporting.manifest() is None
    assert exporting.runs() == []
    exporting.run()
    manifest = exporting.manifest()
    assert manifest
    assert manifest["rows"] == 2
    assert len(list(exporting.place.rglob("*.parquet"))) == 1
    assert len(exporting.runs()) == 1


def test_a_run_that_is_killed_after_the_manifest_is_recorded_by_the_next(
    exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(run.dump, "deliver", dying_after(dump.deliver))
        exporting.killed()
    before = exporting.manifest()
    assert before
    assert exporting.runs() == []
    exporting.run(run_id="next")
    assert exporting.manifest() == before
    assert [(one.run_id, one.row_count) for one in exporting.runs()] == [("next", 2)]


def test_old_dumps_are_removed_by_their_manifests(exporting: Exporting) -> None:
    exporting.arrive(D2, ("d", "4"))
    exporting.run()
    exporting.arrive(D1, ("a", "1.5"), ("b", "3"))
    exporting.run()
    exporting.run(day=D2)
    now, export = datetime.now(UTC), load_export("orders")
    assert dump.remove_old(export, now + timedelta(days=29)) == 0
    stranger = exporting.place / "orders" / str(D1) / "notes.txt"
    stranger.write_text("of somebody else")
    for day, made in ((D1, 45), (D2, 10)):
        for file in (exporting.place / "orders" / str(day)).rglob("manifest.json"):
            said = json.loads(file.read_text())
            file.write_text(json.dumps(said | {"created_at": (now - timedelta(days=made)).isoformat()}))
    assert dump.remove_old(export, now) == 2, "the one that was replaced, and the other"
    assert exporting.manifest() is None
    assert stranger.is_file()
    manifest = exporting.manifest(day=D2)
    assert manifest
    assert (exporting.place / "orders" / str(D2) / manifest["files"][0]["path"]).is_file()


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("select order_id, cast(amount as double) as amount from core.orders", "amount is double, and not as promised"),
        ("select order_id from core.orders", r"the columns are order_id, and not as promised|amount"),
        ("select order_id, amount from core.orders union all select order_id, amount from core.orders", "keys that stand more"),
        ("select order_id, cast(null as decimal(18, 4)) as amount from core.orders", "2 rows without amount"),
        ("select order_id, amount from core.orders where amount > 99", "0 rows, where 1 are the least"),
    ],
)
def test_a_result_that_breaks_its_contract_is_not_delivered(exporting: Exporting, sql: str, fault: str) -> None:
    exporting.define("orders", DUMP, sql)
    with pytest.raises((BadData, SpecError), match=fault):
        exporting.run()
    assert not exporting.place.exists()
    [failed] = exporting.runs()
    assert failed.state == "failed"
    assert failed.error


def test_inputs_that_are_missing_or_stale_are_waited_for(exporting: Exporting) -> None:
    with pytest.raises(Transient, match=r"inputs are not published: core\.orders 2026-03-03"):
        exporting.run(day=D2)
    exporting.project.arrive({D1: [("a", "7")]})
    exporting.project.publish("shop", D1)
    with pytest.raises(Transient, match=r"inputs changed after these were computed: core\.orders 2026-03-02"):
        exporting.run()
    assert not exporting.place.exists()
    assert {one.state for one in exporting.runs()} == {"failed"}


def test_a_table_that_the_spec_does_not_name_is_not_read(exporting: Exporting) -> None:
    exporting.define("orders", DUMP, "select order_id, amount from raw.orders where order_id is not null")
    with pytest.raises(SpecError, match=r"reads raw\.orders, which export\.yml does not name"):
        exporting.run()


def test_only_the_newest_runs_are_told(exporting: Exporting) -> None:
    exporting.run()
    assert [one.export for one in Exports().newest(["orders", "nothing"])] == ["orders"]
    assert Exports().newest(["orders"], start=D2) == []


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    from moto import mock_aws

    connection = {
        "conn_type": "aws",
        "login": "x",
        "password": "x",
        "extra": {"path": "s3://dumps/ours", "region_name": "us-east-1"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_PARTNERS", json.dumps(connection))
    with mock_aws():
        import boto3

        boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x").create_bucket(
            Bucket="dumps"
        )
        yield "dumps"


def test_a_dump_lies_on_s3_and_is_removed_there(exporting: Exporting, bucket: str) -> None:
    exporting.run()
    exporting.run()
    place = dump.Place.of(load_export("orders"), D1)
    manifest = json.loads(place.manifest.read_text())
    assert place.holds(manifest["key"])
    assert (
        hashlib.sha256((place.folder / manifest["files"][0]["path"]).read_bytes()).hexdigest() == manifest["files"][0]["sha256"]
    )
    assert len(exporting.runs()) == 1
    assert dump.remove_old(load_export("orders"), datetime.now(UTC) + timedelta(days=31)) == 1
    assert not place.folder.exists()
