"""The landing zone on S3: what lands there is computed from, erased, removed and backed up as from a local folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.installation import eraser as eraser
from tests.attacks.installation import owner as owner
from tests.conftest import empty_ledger
from tests.unit.conftest import Project
from tests.unit.s3.conftest import connection, keys, unfinished

from headline import settings, specs
from headline.demo import datashare
from headline.demo.company import Company
from headline.errors import BadData, BadRequest, Transient
from headline.intervals import DAY, Interval
from headline.ledger import ERASER, MIGRATOR, Ledger, Load
from headline.maintenance import retention
from headline.maintenance.backup import back_up
from headline.maintenance.erasure import erase, find_person
from headline.maintenance.rebuild import rebuild
from headline.maintenance.restore import restore
from headline.pipeline import PipelineRun, ingest, write_audit_publish
from headline.pipeline.fingerprints import verify_published
from headline.runbooks.access import load_access
from headline.s3 import copies
from headline.s3.errors import _RIGHTS
from headline.s3.path import S3Path
from headline.settings import PROJECT
from headline.sources.intact import flaw_of, manifest_of
from headline.sources.landing import LandingWriter, columns_of
from headline.sources.text import batch
from headline.warehouse import open_warehouse

D1, D2, D3 = (date(2026, 3, day) for day in (2, 3, 4))
WRITER = LandingWriter("shop", "landing.orders", "test")


def arrive(project: Project, day: date, *orders: tuple[str, str]) -> Load:
    """Orders (order_id, amount) of a day land; the load that counts."""
    project.arrive({day: list(orders)})
    [load] = project.ledger.current_loads("landing.orders", [Interval(day, day + DAY)])
    return load


@pytest.fixture
def shop(landing: str, project: Project) -> Project:
    """Three days of a shop's orders have landed on S3 and are published."""
    arrive(project, D1, ("a", "1.00"))
    arrive(project, D2, ("b", "10.00"), ("x", "-1.00"))
    arrive(project, D3, ("c", "100.00"))
    for name in ("shop", "core_shop"):
        project.publish(name, D1, D3)
    return project


def part(*names: str) -> Any:
    return D1, batch({"key": name} for name in names)


def test_a_file_lands_with_its_manifest_at_a_plain_address(landing: str, client: Any) -> None:
    [load] = WRITER.write([part("a", "b")], [])
    assert load.file == f"s3://lake/landing/shop/orders/ds=2026-03-02/{load.checksum[:16]}.parquet"
    assert keys(client) == [
        load.file.removeprefix("s3://lake/").replace(".parquet", ".json"),
        load.file.removeprefix("s3://lake/"),
    ]
    assert flaw_of(load) == ""
    assert columns_of(load).kinds == {"key": "text"}
    before = [(one["Key"], one["LastModified"], one["ETag"]) for one in client.list_objects_v2(Bucket="lake")["Contents"]]
    [again] = WRITER.write([part("b"), part("a")], [])
    assert (again.file, again.checksum) == (load.file, load.checksum)
    after = [(one["Key"], one["LastModified"], one["ETag"]) for one in client.list_objects_v2(Bucket="lake")["Contents"]]
    assert after == before, "the same rows in another order are the file that is there"


DAMAGES: dict[str, tuple[Callable[[S3Path], object], str]] = {
    "other bytes": (lambda file: file.write_text("PAR1"), "its bytes are others"),
    "no file": (lambda file: file.unlink(), "it is missing"),
    "no manifest": (lambda file: manifest_of(file).unlink(), "its manifest is missing"),
    "half a manifest": (lambda file: manifest_of(file).write_text("{"), "its manifest is damaged"),
    "other file, no manifest": (lambda file: (file.write_text("PAR1"), manifest_of(file).unlink()), "its manifest is missing"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_refused_and_landing_it_again_mends_it(landing: str, name: str) -> None:
    damage, told = DAMAGES[name]
    [load] = WRITER.write([part("a")], [])
    damage(S3Path(load.file))
    assert told in flaw_of(load)
    [again] = WRITER.write([part("a")], [])
    assert (again.file, flaw_of(again)) == (load.file, "")


def test_landing_asks_for_no_more_than_its_role_may(landing: str, client: Any, request: pytest.FixtureRequest) -> None:
    """A damaged file is overwritten, not deleted: the role `ingest` may delete nothing. It is another client that does damage."""
    asked: set[str] = set()
    events = S3Path(landing).client.meta.events
    note = lambda model, **_: asked.add(model.name)  # noqa: E731 (register and unregister take the same object)
    events.register("before-call.s3", note)
    request.addfinalizer(lambda: events.unregister("before-call.s3", note))
    [load] = WRITER.write([part("a")], [])
    where = {"Bucket": "lake", "Key": S3Path(load.file).key}
    for damage in (lambda: client.put_object(**where, Body=b"PAR1"), lambda: client.delete_object(**where)):
        damage()
        [again] = WRITER.write([part("a")], [])
        assert flaw_of(again) == ""
    assert {"PutObject", "HeadObject"} <= asked
    assert load_access().roles["ingest"].buckets["landing"] == "add"
    add = re.search(r"^ +add += \[(.*)\]$", (PROJECT / "infra/terraform/access.tf").read_text(), re.MULTILINE)
    assert add
    assert {_RIGHTS.get(one, one) for one in asked} <= {"ListBucket", *re.findall(r"s3:(\w+)", add[1])}


def test_what_landed_is_deleted_by_the_connection_that_may(landing: str, moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = S3Path(f"{landing}/a")
    file.write_text("a")
    monkeypatch.setenv(
        "AIRFLOW_CONN_HEADLINE_UPKEEP", connection("http://127.0.0.1:1", config_kwargs={"retries": {"max_attempts": 0}})
    )
    with pytest.raises(Transient, match="headline_upkeep"):
        file.unlink()
    assert file.read_text() == "a"
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_UPKEEP", connection(moto))
    file.unlink()
    assert not file.exists()


def test_a_writer_that_was_killed_before_its_manifest_is_finished_by_the_next(landing: str) -> None:
    """What it wrote stays as it is: a reader may have it open."""
    [load] = WRITER.write([part("a", "b")], [])
    file = S3Path(load.file)
    before = file.look()
    manifest_of(file).unlink()
    [again] = WRITER.write([part("b", "a")], [])
    assert (again.file, flaw_of(again), file.look()) == (load.file, "", before)


def test_who_is_slower_leaves_the_file_of_the_faster(landing: str, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the place and the writing to it another run lands the same content in another order."""
    from headline.sources import landing as module

    real, others = module._write, iter([True])

    def overtaken(*of: Any) -> None:
        if next(others, False):
            LandingWriter("shop", "landing.orders", "faster").write([part("b", "a")], [])
        real(*of)

    monkeypatch.setattr(module, "_write", overtaken)
    [load] = WRITER.write([part("a", "b")], [])
    assert flaw_of(load) == ""
    assert json.loads(manifest_of(S3Path(load.file)).read_text())["origin"] == "faster"
    assert (len(keys(client)), unfinished(client)) == (2, [])


def test_a_file_of_before_that_is_needed_again_counts_as_new(landing: str, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    [load] = WRITER.write([part("a")], [])
    file = S3Path(load.file)
    before = file.look()
    monkeypatch.setattr("headline.sources.storage._ABANDONED_SECONDS", -1)
    WRITER.write([part("a")], [])
    assert file.look().st_mtime >= before.st_mtime
    assert (flaw_of(load), len(keys(client))) == ("", 2)


def test_every_rule_of_a_pipeline_holds_on_s3(shop: Project, client: Any) -> None:
    assert shop.query("select ds, order_id, amount from raw.orders order by ds, order_id")[0][1] == "a"
    assert shop.query("select count(*) from quarantine.orders") == [(1,)]
    assert all(load.file.startswith("s3://lake/") for load in shop.ledger.current_loads("landing.orders"))
    assert {one.published == [] for one in shop.publish("shop", D1, D3).values()} == {True}
    before = shop.contents()
    assert rebuild(specs.load(), shop.ledger, shop.warehouse).differences == []
    assert shop.contents() == before
    [load] = shop.ledger.current_loads("landing.orders", [Interval(D2, D3)])
    S3Path(load.file).write_text("PAR1")
    with pytest.raises(BadData) as refused:
        shop.publish("shop", D2)
    assert load.file in str(refused.value)
    assert f"`headline trigger shop --from {D2} --to {D2}`" in str(refused.value)


def test_local_copies_are_few_and_none_is_left_in_use(shop: Project, client: Any) -> None:
    assert {file.suffix for file in copies.folder().iterdir() if file.is_file()} == {".parquet", ""}
    assert list((copies.folder() / "in-use").iterdir()) == []
    copies.clear()
    before = shop.contents()
    shop.publish("shop", D1, D3)
    assert shop.contents() == before


def test_what_nothing_refers_to_is_removed_after_its_time(shop: Project, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = shop.ledger.current_loads("landing.orders", [Interval(D1, D2)])[0].file
    second = arrive(shop, D1, ("a", "2.00")).file
    for name in ("shop", "core_shop"):
        shop.publish(name, D1)

    def removed() -> int:
        return next(
            one.count for one in retention.retain(specs.load(), shop.ledger, shop.warehouse, None, "r") if one.kind == "landing"
        )

    assert removed() == 0
    monkeypatch.setattr(retention, "time", lambda: datetime.now(UTC).timestamp() + timedelta(days=91).total_seconds())
    assert removed() == 1
    assert (S3Path(first).exists(), manifest_of(S3Path(first)).exists(), S3Path(second).exists()) == (False, False, True)
    assert removed() == 0


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize("to", ["s3://lake/backups", "folder"])
def test_a_backup_brings_it_back(shop: Project, client: Any, postgres: str, tmp_path: Path, to: str) -> None:
    target = to if to.startswith("s3") else str(tmp_path / "backups")
    before = shop.contents()
    assert back_up(target, shop.ledger, shop.warehouse).new_files == 3
    assert back_up(target, shop.ledger, shop.warehouse).new_files == 0
    for key in keys(client):
        if key.startswith("landing/"):
            client.delete_object(Bucket="lake", Key=key)
    empty_ledger(postgres)
    restore(target, shop.ledger, shop.warehouse, replace=True, owner=MIGRATOR)
    assert shop.contents() == before
    assert [flaw_of(load) for load in shop.ledger.current_loads("landing.orders")] == ["", "", ""]
    assert verify_published(specs.load().tables.values(), shop.ledger, shop.warehouse).differences == []


@pytest.mark.usefixtures("owner")
def test_it_moves_from_s3_to_a_folder_with_a_backup(
    shop: Project, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    back_up(str(tmp_path / "backups"), shop.ledger, shop.warehouse)
    empty_ledger(postgres)
    monkeypatch.setenv("HEADLINE_LANDING", f"file://{tmp_path}/landing")
    forget_settings()
    restore(str(tmp_path / "backups"), shop.ledger, shop.warehouse, replace=True, owner=MIGRATOR)
    loads = shop.ledger.current_loads("landing.orders")
    assert [load.file.startswith(f"file://{tmp_path}/landing/shop/orders/") for load in loads] == [True] * 3
    assert [flaw_of(load) for load in loads] == ["", "", ""]
    assert rebuild(specs.load(), shop.ledger, shop.warehouse).differences == []


@pytest.mark.usefixtures("eraser")
def test_a_person_is_erased_there_too(shop: Project, client: Any) -> None:
    shop.replace("sources/shop/source.yml", "format: csv}", "format: csv, person: order_id}")
    assert [place.name for place in find_person("b", specs.load(), shop.ledger, shop.warehouse)] == ["landing.orders"]
    old = shop.ledger.current_loads("landing.orders", [Interval(D2, D3)])[0].file
    erase("b", "the officer", specs.load(), Ledger(ERASER), shop.warehouse)
    [load] = shop.ledger.current_loads("landing.orders", [Interval(D2, D3)])
    assert (load.file == old, flaw_of(load), S3Path(old).exists()) == (False, "", False)
    assert list(copies.folder().glob("*.parquet")) != []  # of the one that was just looked at
    assert find_person("b", specs.load(), shop.ledger, shop.warehouse) == []


def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> None:
    for wrong in ("lake/landing", "s3://key@lake/landing", "gs://lake", "s3://"):
        monkeypatch.setenv("HEADLINE_LANDING", wrong)
        forget_settings()
        with pytest.raises(BadRequest, match="HEADLINE_LANDING="):
            settings.load()


COMPANY = Company(first_day=D1, lines_on_first_day=60, late_share=0.2, blemish_share=0.03)


def test_a_source_of_the_demo_company_is_the_same_from_a_folder_and_from_s3(
    moto: str,
    client: Any,
    postgres: str,
    ledger: Ledger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    forget_settings: Callable[[], None],
) -> None:
    """The app's stream and its files, read from a folder and landed in one, and the same from S3 and on S3."""
    share = tmp_path / "datashare"
    assert datashare.drop(share, D1, D2, COMPANY) > 6
    for file in share.rglob("*"):
        if file.is_file():
            client.upload_file(str(file), "lake", f"datashare/{file.relative_to(share)}")

    def published(name: str, **variables: str) -> dict[str, list[Any]]:
        empty_ledger(postgres)
        warehouse = {"conn_type": "duckdb", "host": str(tmp_path / name / "warehouse.duckdb"), "extra": {"memory_limit": "500MB"}}
        (tmp_path / name).mkdir()
        variables |= {"HEADLINE_HOME": str(tmp_path / name), "AIRFLOW_CONN_HEADLINE_WAREHOUSE": json.dumps(warehouse)}
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        forget_settings()
        catalog = specs.load()
        run = PipelineRun(catalog.pipelines["app"], name, Interval(D1, D3), catalog, Ledger(), open_warehouse())
        ingest(run)
        write_audit_publish(run)
        with run.warehouse.session(read_only=True) as session:
            return {
                table: session.query(f"select * from {table} order by all").rows
                for table in ("raw.events", "raw.experiment_assignments")
            } | {"fingerprints": [(load.ds, load.checksum) for load in run.ledger.current_loads("landing.events")]}

    folder = {"conn_type": "fs", "extra": {"path": f"file://{share}"}}
    local = published("local", AIRFLOW_CONN_HEADLINE_DATASHARE=json.dumps(folder))
    on_s3 = published(
        "remote",
        AIRFLOW_CONN_HEADLINE_DATASHARE=connection(moto, path="s3://lake/datashare"),
        AIRFLOW_CONN_HEADLINE_LANDING=connection(moto),
        HEADLINE_LANDING="s3://lake/landing",
    )
    assert len(local["raw.events"]) > 500
    assert on_s3 == local
    assert not (tmp_path / "remote" / "landing").exists()
    assert all(load.file.startswith("s3://lake/landing/app/events/") for load in Ledger().current_loads("landing.events"))
