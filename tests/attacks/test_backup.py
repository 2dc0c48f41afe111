"""A backup is one moment of ledger, warehouse and landed files; after a loss it brings back all of it, or says what it lacks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.installation import D1, D3, D4, contents, superuser
from tests.unit.conftest import Project
from tests.unit.ledger.test_issued import FIGURE

from headline import recovery, specs
from headline.cli.published import verify as verify_command
from headline.errors import BadData, BadRequest, HeadlineError, Transient
from headline.ledger import MIGRATOR, IssuedFigures, Locks, migrate
from headline.ledger.engine import engine
from headline.ledger.tables import metadata
from headline.maintenance.backup import back_up
from headline.maintenance.backups import MANIFEST, made_at
from headline.maintenance.old_backups import remove_backups
from headline.maintenance.restore import restore
from headline.maintenance.retention import retain
from headline.operations import backup_dag
from headline.pipeline.fingerprints import verify_published
from headline.warehouse.duckdb.warehouse import DuckDBWarehouse


def file_of(project: Project) -> Path:
    assert isinstance(project.warehouse, DuckDBWarehouse)
    return project.warehouse.path


def landing_of(project: Project) -> Path:
    return project.sql.parents[1] / "home" / "landing"


def history(project: Project) -> dict[str, list[Any]]:
    """Every row of the ledger."""
    with project.ledger._begin() as connection:
        return {table.name: sorted(connection.execute(table.select()).all(), key=str) for table in metadata.sorted_tables}


def landed(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def destroy(project: Project, postgres: str) -> None:
    """Everything is gone: the ledger's database, the warehouse, what landed."""
    engine().dispose()
    with superuser(postgres) as cursor:
        tables = ", ".join(table.name for table in metadata.sorted_tables)
        cursor.execute(f"drop table {tables}, alembic_version cascade; drop sequence version; drop function history_stays")
    file_of(project).unlink()
    shutil.rmtree(landing_of(project))


def is_verified(project: Project) -> bool:
    found = verify_published(specs.load().tables.values(), project.ledger, project.warehouse)
    return (found.mismatch, found.differences, found.unknown) == ("", [], [])


@pytest.mark.usefixtures("owner")
def test_a_restore_brings_back_everything_that_was_destroyed(
    shop: Project, tmp_path: Path, postgres: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before, told, files = contents(shop), history(shop), landed(landing_of(shop))
    recovery.backup(str(tmp_path / "backups"))
    made = capsys.readouterr()
    destroy(shop, postgres)

    recovery.restore(made.out.strip())
    assert (contents(shop), history(shop), landed(landing_of(shop))) == (before, told, files)
    assert len(told["publication"]) > 2
    assert len(files) == 8
    verify_command(table=None, adopt=False)
    assert "3 table(s) are as recorded" in capsys.readouterr().err

    for name in ("shop", "core_shop"):
        shop.publish(name, D4)
    assert contents(shop)["core.orders"] == [*before["core.orders"], (D4, "d", 1000)]
    assert is_verified(shop), "versions and ids go on from where they were"


@pytest.mark.usefixtures("owner")
def test_a_rebuild_after_a_restore_gives_the_same_tables(shop: Project, tmp_path: Path, postgres: str) -> None:
    from headline.maintenance.rebuild import rebuild

    before = contents(shop)
    back_up(str(tmp_path / "backups"), shop.ledger, shop.warehouse)
    destroy(shop, postgres)
    restore(str(tmp_path / "backups"), shop.ledger, shop.warehouse, owner=MIGRATOR)
    assert rebuild(specs.load(), shop.ledger, shop.warehouse).differences == []
    assert contents(shop) == before


@pytest.mark.usefixtures("owner")
def test_the_newest_backup_is_restored_and_landed_files_are_copied_once(shop: Project, tmp_path: Path) -> None:
    target = str(tmp_path / "backups")
    first = back_up(target, shop.ledger, shop.warehouse)
    shop.publish("shop", D4)
    shop.arrive({D4: [("d", "1001.00")]})
    second = back_up(target, shop.ledger, shop.warehouse)
    assert (first.new_files, second.new_files) == (4, 1)
    assert len(second.landed) == 10
    shop.publish("shop", D4)
    _, kept = restore(target, shop.ledger, shop.warehouse, replace=True, owner=MIGRATOR)
    assert shop.query("select amount from raw.orders where order_id = 'd'") == [(1000,)]
    assert Path(kept).exists()
    assert is_verified(shop)


@pytest.mark.usefixtures("owner")
def test_that_figures_of_after_the_backup_are_lost_is_told(
    shop: Project, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target, figures = str(tmp_path / "backups"), IssuedFigures()
    figures.record([FIGURE])
    back_up(target, shop.ledger, shop.warehouse)
    kept = figures.history()
    restore(target, shop.ledger, shop.warehouse, replace=True, owner=MIGRATOR)
    assert (figures.history(), figures.verify().broken) == (kept, [])
    assert "are lost" not in caplog.text
    figures.record([replace(FIGURE, value=Decimal(7))])
    lost = figures.head()
    restore(target, shop.ledger, shop.warehouse, replace=True, owner=MIGRATOR)
    assert figures.history() == kept
    assert f"are lost; the chain of figures ended with {lost}" in caplog.text


@pytest.mark.usefixtures("owner")
def test_a_restore_over_existing_data_needs_the_option_replace(shop: Project, tmp_path: Path) -> None:
    back_up(str(tmp_path / "backups"), shop.ledger, shop.warehouse)
    before = contents(shop), history(shop)
    with pytest.raises(BadRequest, match="--replace"):
        restore(str(tmp_path / "backups"), shop.ledger, shop.warehouse, owner=MIGRATOR)
    assert (contents(shop), history(shop)) == before


PARTS = ("*Z/ledger/load.csv.gz", "*Z/warehouse/warehouse.duckdb", "*Z/landed.json", "landing/*/*/*/*.parquet")


@pytest.mark.usefixtures("owner")
def test_a_damaged_backup_is_refused_and_changes_nothing(shop: Project, tmp_path: Path) -> None:
    target = tmp_path / "backups"
    back_up(str(target), shop.ledger, shop.warehouse)
    shutil.rmtree(landing_of(shop))
    before = contents(shop), history(shop)
    for part in PARTS:
        file = next(target.glob(part))
        whole = file.read_bytes()
        middle = len(whole) // 2
        for content in (whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :], whole[:middle], None):
            file.unlink()
            if content is not None:
                file.write_bytes(content)
            with pytest.raises(BadData, match="restore another backup"):
                restore(str(target), shop.ledger, shop.warehouse, replace=True, owner=MIGRATOR)
            assert (contents(shop), history(shop)) == before
            file.write_bytes(whole)
    restore(str(target), shop.ledger, shop.warehouse, replace=True, owner=MIGRATOR)
    assert (contents(shop), history(shop)) == before


@pytest.mark.usefixtures("owner")
def test_a_folder_without_its_manifest_is_no_backup(shop: Project, tmp_path: Path) -> None:
    """Its making was cut off."""
    made = back_up(str(tmp_path / "backups"), shop.ledger, shop.warehouse)
    (Path(made.address.removeprefix("file://")) / MANIFEST).unlink()
    for source in (made.address, str(tmp_path / "backups"), str(tmp_path / "nowhere")):
        with pytest.raises(BadRequest, match="no whole backup"):
            restore(source, shop.ledger, shop.warehouse, replace=True, owner=MIGRATOR)


def s3_connection(port: int) -> str:
    """The JSON of a connection to a store of this machine that answers as S3 does."""
    extra = {"region_name": "us-east-1", "endpoint_url": f"http://127.0.0.1:{port}"}
    return json.dumps({"conn_type": "aws", "login": "a key", "password": "its secret", "extra": extra})


def test_an_object_store_that_cannot_be_reached_is_named(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadRequest, match="gcsfs"):
        back_up("gs://kept/headline", shop.ledger, shop.warehouse)
    monkeypatch.setenv("AIRFLOW_CONN_NOBODY", s3_connection(1))
    with pytest.raises(Transient, match=r"s3://nobody@kept/headline: the store cannot be reached") as refused:
        back_up("s3://nobody@kept/headline", shop.ledger, shop.warehouse)
    assert "its secret" not in str(refused.value)


@pytest.mark.usefixtures("owner")
def test_a_backup_on_s3_can_be_restored(shop: Project, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        monkeypatch.setenv("AIRFLOW_CONN_KEPT_ELSEWHERE", s3_connection(port))
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "us-east-1"}
        client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **keys)
        client.create_bucket(Bucket="kept")
        bucket = "s3://kept_elsewhere@kept/headline"
        first = back_up(bucket, shop.ledger, shop.warehouse)
        shop.publish("shop", D4)
        shop.arrive({D4: [("d", "1001.00")]})
        before, told, files = contents(shop), history(shop), landed(landing_of(shop))
        second = back_up(bucket, shop.ledger, shop.warehouse)
        assert (first.new_files, second.new_files) == (4, 1)
        assert second.address.startswith(f"{bucket}/20")
        assert remove_backups(bucket, datetime.now(UTC), shop.ledger)[0] == 1
        names = [one["Key"] for one in client.list_objects_v2(Bucket="kept")["Contents"]]
        assert {name.split("/")[1] for name in names} == {"landing", second.address.rpartition("/")[2]}
        destroy(shop, postgres)
        restore(bucket, shop.ledger, shop.warehouse, owner=MIGRATOR)
        assert (contents(shop), history(shop), landed(landing_of(shop))) == (before, told, files)
        assert is_verified(shop)
    finally:
        server.stop()


def aged(target: Path, days: int) -> None:
    """Let all backups of a target be so many days older."""
    for folder in sorted(target.glob("2*Z")):
        folder.rename(folder.with_name(f"{made_at(folder.name) - timedelta(days=days):%Y%m%dT%H%M%S%fZ}"))


@pytest.mark.usefixtures("owner")
def test_old_backups_are_removed_but_never_the_newest_complete_one(
    shop: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    target = tmp_path / "backups"
    monkeypatch.setenv("HEADLINE_BACKUP_TO", str(target))
    monkeypatch.setenv("HEADLINE_KEEP_BACKUP_DAYS", "30")
    forget_settings()

    def removed() -> int:
        return next(
            one.count for one in retain(specs.load(), shop.ledger, shop.warehouse, None, "a run") if one.kind == "backups"
        )

    back_up(str(target), shop.ledger, shop.warehouse)
    aged(target, 29)
    assert removed() == 0
    shop.arrive({D4: [("d", "1001.00")]})
    back_up(str(target), shop.ledger, shop.warehouse)
    # One whose making was cut off is no backup that could stay in the place of the newest.
    half = target / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    half.mkdir()
    (half / "landed.json").write_text("{}")
    aged(target, 2)
    assert removed() == 1
    assert len(list(target.glob("2*Z"))) == 2
    aged(target, 30)
    assert removed() == 1, "what was cut off"
    [newest] = target.glob("2*Z")
    assert (newest / MANIFEST).exists()
    shutil.rmtree(landing_of(shop))
    restore(str(target), shop.ledger, shop.warehouse, replace=True, owner=MIGRATOR)
    assert is_verified(shop)


@pytest.mark.usefixtures("owner")
def test_landed_files_that_only_old_backups_need_are_removed_with_them(shop: Project, tmp_path: Path) -> None:
    target = tmp_path / "backups"
    back_up(str(target), shop.ledger, shop.warehouse)
    shop.publish("shop", D4)
    old = [load.file for load in shop.ledger.current_loads("landing.orders") if load.ds == D4]
    shop.arrive({D4: [("d", "1001.00")]})
    shop.publish("shop", D4)
    Path(old[0].removeprefix("file://")).unlink()  # as retention does
    second = back_up(str(target), shop.ledger, shop.warehouse)
    assert second.absent == [], "what was removed on purpose is not missing"
    kept = Path(old[0].removeprefix("file://")).name
    assert list(target.glob(f"landing/**/{kept}"))
    assert remove_backups(str(target), made_at(second.address), shop.ledger)[0] == 1
    assert not list(target.glob(f"landing/**/{kept}"))
    shutil.rmtree(landing_of(shop))
    restore(str(target), shop.ledger, shop.warehouse, replace=True, owner=MIGRATOR)
    assert is_verified(shop)


def test_a_warehouse_that_does_not_match_the_ledger_is_not_backed_up(shop: Project, tmp_path: Path) -> None:
    file_of(shop).unlink()
    with pytest.raises(BadData, match=r"it was lost.*headline rebuild"):
        back_up(str(tmp_path / "backups"), shop.ledger, shop.warehouse)
    assert not (tmp_path / "backups").exists()


@pytest.mark.parametrize("how", ["flipped", "gone"])
@pytest.mark.usefixtures("owner")
def test_damaged_or_missing_landed_files_are_named(shop: Project, tmp_path: Path, how: str) -> None:
    """The backup is there, and the next one has the file again once it is repaired."""
    target = str(tmp_path / "backups")
    file = Path(shop.ledger.current_loads("landing.orders")[0].file.removeprefix("file://"))
    whole = file.read_bytes()
    file.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    if how == "gone":
        file.unlink()
    with pytest.raises(BadData, match=r"1 landed file\(s\) are gone or damaged"):
        back_up(target, shop.ledger, shop.warehouse)
    file.write_bytes(whole)
    assert back_up(target, shop.ledger, shop.warehouse).absent == []
    shutil.rmtree(landing_of(shop))
    restore(target, shop.ledger, shop.warehouse, replace=True, owner=MIGRATOR)
    assert file.read_bytes() == whole


@pytest.mark.usefixtures("owner")
def test_a_restore_into_another_home_finds_the_landed_files(
    shop: Project, tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    back_up(str(tmp_path / "backups"), shop.ledger, shop.warehouse)
    before = contents(shop)
    destroy(shop, postgres)
    monkeypatch.setenv("HEADLINE_LANDING", f"file://{tmp_path / 'elsewhere'}")
    forget_settings()
    restore(str(tmp_path / "backups"), shop.ledger, shop.warehouse, owner=MIGRATOR)
    assert {load.file.partition("/orders/")[0] for load in shop.ledger.current_loads("landing.orders")} == {
        f"file://{tmp_path / 'elsewhere'}/shop"
    }
    for name in ("shop", "core_shop"):
        shop.publish(name, D1, D3)
    assert contents(shop) == before


@pytest.mark.usefixtures("owner")
def test_a_ledger_of_an_earlier_version_is_brought_up_to_date(shop: Project, tmp_path: Path) -> None:
    from headline.ledger import dump
    from headline.ledger.migrate import differences, downgrade_to

    told = history(shop)
    with engine(MIGRATOR).begin() as connection:
        downgrade_to(connection, "0007")
    with dump.snapshot(MIGRATOR) as snapshot:
        snapshot.write(tmp_path / "dump")
    about = json.loads((tmp_path / "dump" / dump.ABOUT).read_text())
    assert about["revision"] == "0007"
    migrate(MIGRATOR)
    dump.load(tmp_path / "dump", {}, MIGRATOR)
    assert history(shop) == told | {"warehouse": []}
    assert differences(MIGRATOR) == []
    (tmp_path / "dump" / dump.ABOUT).write_text(json.dumps(about | {"revision": "9999"}))
    with pytest.raises(BadRequest, match="newer version of Headline"):
        dump.load(tmp_path / "dump", {}, MIGRATOR)


def test_while_the_file_is_copied_readers_work_and_publication_waits(shop: Project, tmp_path: Path) -> None:
    seen: list[str] = []
    copy = DuckDBWarehouse.copy

    def watched(warehouse: DuckDBWarehouse, folder: Path) -> None:
        with warehouse.session(read_only=True) as session:
            seen.append(str(session.query("select count(*) from core.orders").rows))
        locks = Locks("somebody who publishes", timeout=0.1)
        with pytest.raises(HeadlineError, match="held by headline: a backup"), locks.exclusive(warehouse.lock_name):
            pass
        locks.close()
        copy(warehouse, folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DuckDBWarehouse, "copy", watched)
        back_up(str(tmp_path / "backups"), shop.ledger, shop.warehouse)
    assert seen == ["[(3,)]"]


@pytest.mark.usefixtures("owner")
def test_a_backup_on_another_object_store_can_be_restored(shop: Project, postgres: str) -> None:
    from airflow.sdk.io import attach
    from fsspec.implementations.memory import MemoryFileSystem

    attach("memory", fs=MemoryFileSystem())
    bucket = "memory://kept/headline"
    before, told, files = contents(shop), history(shop), landed(landing_of(shop))
    assert back_up(bucket, shop.ledger, shop.warehouse).new_files == 4
    assert back_up(bucket, shop.ledger, shop.warehouse).new_files == 0
    destroy(shop, postgres)
    restore(bucket, shop.ledger, shop.warehouse, owner=MIGRATOR)
    assert (contents(shop), history(shop), landed(landing_of(shop))) == (before, told, files)
    assert is_verified(shop)


def test_without_a_target_the_backup_dag_has_no_schedule(
    shop: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    assert backup_dag("").schedule is None
    assert backup_dag("s3://kept/headline").schedule == "30 4 * * *"
    task: Any = backup_dag("").get_task("back_up")
    with pytest.raises(BadRequest, match="HEADLINE_BACKUP_TO"):
        task.execute({})
    monkeypatch.setenv("HEADLINE_BACKUP_TO", f"file://{tmp_path / 'backups'}")
    forget_settings()
    task.execute({})
    assert task.made["new_landed_files"] == 4
    assert Path(task.made["address"].removeprefix("file://"), MANIFEST).exists()
