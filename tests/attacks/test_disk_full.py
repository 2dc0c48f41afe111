"""Disk full: whatever file system has no room, the error says so, nothing is half-published, and work goes on afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg2
import pyarrow as pa
import pytest
from tests.faults.world import Table, World, complete, differences

from headline.connections import lent
from headline.demo import finance_api
from headline.demo.company import Company
from headline.errors import HeadlineError, NoSpace
from headline.intervals import DAY, Interval
from headline.ledger import MIGRATOR, Ledger, Load, migrate
from headline.ledger.engine import forget_connections
from headline.local.home import Home
from headline.local.postgres import Postgres
from headline.sources import spool
from headline.sources.landing import LandingWriter
from headline.sources.storage import path_of
from headline.space import in_bytes, is_full, mount_of
from headline.warehouse import open_warehouse

D1 = date(2026, 3, 2)
KB, MB = 2**10, 2**20
MEGABYTES = r"\d+(\.\d)? (bytes|KiB|MiB)"
PIPELINES = ("shop", "finance", "app", "core_finance", "core_app", "core_shop", "unit_profit")
COMPANY = Company(first_day=D1, lines_on_first_day=40, late_share=0.2, blemish_share=0.03)

Mount = Callable[..., "FileSystem"]


class FileSystem:
    """A small file system of its own."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        path.mkdir()
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            path.rmdir()
            pytest.skip(f"no file system may be mounted here: {made.stderr.strip() or made.returncode}")

    @property
    def ballast(self) -> Path:
        return self.path / "ballast"

    def leave(self, size: int) -> None:
        """Fill it up so that so many bytes are free."""
        free = os.statvfs(self.path)
        with self.ballast.open("ab") as file:
            file.truncate(file.seek(0, os.SEEK_END))
            left = free.f_bavail * free.f_bsize - size
            while left > 0:
                left -= file.write(b"\0" * min(left, MB))

    def empty(self) -> None:
        """There is room again."""
        self.ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], check=False)
        with suppress(OSError):
            self.path.rmdir()


@pytest.fixture
def mount(server_folder: Path) -> Iterator[Mount]:
    """Mounts file systems of so many bytes; they are gone after the test."""
    mounted = []

    def one(size: int) -> FileSystem:
        mounted.append(FileSystem(server_folder / f"full-{uuid4().hex[:6]}", size))
        return mounted[-1]

    yield one
    for each in mounted:
        each.unmount()


def says(error: BaseException, where: Path) -> bool:
    """Whether it names the file system, how much is free there and how much is needed."""
    return f"no space left on {where}" in str(error) and "are free, at least" in str(error) and "are needed" in str(error)


def rows(count: int) -> Iterator[tuple[date, pa.RecordBatch]]:
    """Rows that no compression makes small."""
    for begin in range(0, count, 5_000):
        numbers = range(begin, begin + 5_000)
        yield D1, pa.record_batch({"id": [uuid4().hex for _ in numbers], "n": list(numbers)})


def test_a_full_landing_zone_keeps_nothing_and_works_once_there_is_room(mount: Mount) -> None:
    zone = mount(MB)
    writer = LandingWriter("shop", "landing.orders", "test", root=path_of(f"file://{zone.path}"))
    parts = list(rows(40_000))
    with pytest.raises(NoSpace) as full:
        writer.write(parts, [D1])
    assert says(full.value, zone.path)
    assert [file for file in zone.path.rglob("*") if file.is_file()] == []
    subprocess.run(["mount", "-o", f"remount,size={16 * MB}", str(zone.path)], check=True)
    [load] = writer.write(parts, [D1])
    assert load.row_count == 40_000
    assert sorted(file.suffix for file in zone.path.rglob("*") if file.is_file()) == [".json", ".parquet"]


def test_a_manifest_that_found_no_room_is_written_again(mount: Mount) -> None:
    zone = mount(MB)
    writer = LandingWriter("shop", "landing.orders", "test", root=path_of(f"file://{zone.path}"))
    parts = list(rows(5_000))
    [load] = writer.write(parts, [D1])
    manifest = Path(load.file.removeprefix("file://")).with_suffix(".json")
    whole = manifest.read_text()
    manifest.write_text("")  # as a full file system leaves it
    zone.leave(0)
    with pytest.raises(NoSpace):
        writer.write(parts, [D1])
    zone.empty()
    writer.write(parts, [D1])
    assert len(manifest.read_text()) == len(whole)


def test_a_full_temporary_folder_is_named_and_left_empty(mount: Mount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = mount(MB)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary.path))
    monkeypatch.setattr(spool, "BUFFER_BYTES", 256 * KB)
    writer = LandingWriter("shop", "landing.orders", "test", root=path_of(f"file://{tmp_path}"))
    parts = list(rows(60_000))
    with pytest.raises(NoSpace) as full:
        writer.write(parts, [D1])
    assert says(full.value, temporary.path)
    assert list(temporary.path.iterdir()) == []
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []
    subprocess.run(["mount", "-o", f"remount,size={16 * MB}", str(temporary.path)], check=True)
    assert writer.write(parts, [D1])[0].row_count == 60_000


def test_a_home_that_failed_for_want_of_room_can_be_made_later(mount: Mount) -> None:
    disk = mount(MB)
    path = disk.path / "home"
    disk.leave(0)
    command = [sys.executable, "-m", "headline.cli", "run"]
    environment = {**os.environ, "HEADLINE_HOME": str(path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"headline: no space left on {disk.path}" in done.stderr
    assert "Traceback" not in done.stderr
    disk.empty()
    Home(path).make()
    assert Home(path).is_ours


# the whole way of a day


@pytest.fixture(scope="module")
def finance() -> Iterator[int]:
    """Serve the company's expenses; gives the port."""
    with finance_api.server(COMPANY, today=lambda: D1 + DAY) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield service.server_port
        service.shutdown()


@pytest.fixture
def world(mount: Mount, postgres: str, finance: int) -> Iterator[tuple[World, FileSystem]]:
    """A company whose home, warehouse and landing zone lie on a file system of their own; its first day has yet to run."""
    disk = mount(256 * MB)
    made = World(disk.path, postgres, finance, disk.path.name.replace("-", "_"), company=COMPANY).create()
    made.days_pass(D1, D1)
    with made.entered():
        yield made, disk


def day(world: World) -> None:
    for pipeline in PIPELINES:
        complete(world.run(pipeline, D1))


def sweep(world: World, disk: FileSystem, sizes: Iterable[int]) -> tuple[int, dict[str, Table]]:
    """Run the day with ever more room until it is enough; gives how often it was not, and what is published in the end.

    Whatever fails says what is full, leaves what readers see as it was or takes a pipeline in whole, and holds nothing.
    """
    full = 0
    for size in sizes:
        disk.leave(size)
        error = None
        try:
            day(world)
        except NoSpace as found:
            error = found
        finally:
            disk.empty()
        if error is None:
            break
        assert says(error, disk.path)
        assert world.locks() == []
        full += 1
    day(world)
    assert world.is_sound()
    return full, world.published()


def test_a_day_on_a_full_disk_publishes_nothing_in_part(world: tuple[World, FileSystem]) -> None:
    there, disk = world
    full, found = sweep(there, disk, [0, 600 * KB])
    assert full == 2
    assert found["profit.unit_profit"]


@pytest.mark.attack_long
def test_a_day_comes_out_the_same_wherever_the_disk_was_full(
    world: tuple[World, FileSystem], tmp_path: Path, finance: int, postgres: str
) -> None:
    """The disk is full after ever more bytes, so that every step of the day is the one that finds no room."""
    there, disk = world
    full, found = sweep(there, disk, range(0, 16 * MB, 96 * KB))
    assert full >= 8
    undisturbed = World(tmp_path, postgres, finance, uuid4().hex[:8], company=COMPANY).create()
    undisturbed.days_pass(D1, D1)
    with undisturbed.entered():
        day(undisturbed)
        assert not differences(found, undisturbed.published())


def test_a_query_that_finds_no_room_to_spill_says_where(
    mount: Mount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    spill = mount(MB)
    extra = {"memory_limit": "100MB", "temp_directory": str(spill.path), "threads": 1}
    connection = {"conn_type": "duckdb", "host": f"{tmp_path}/w.duckdb", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_WAREHOUSE", json.dumps(connection))
    distinct = "select distinct md5(cast(n as varchar)) || md5(cast(n + 1 as varchar)) from range(4000000) as numbers(n)"
    with open_warehouse().session() as session, pytest.raises(NoSpace) as full:
        session.query(f"select count(*) from ({distinct}) as texts")
    assert says(full.value, spill.path)


# PostgreSQL


@pytest.mark.attack_long
def test_a_full_disk_of_the_ledger_is_named_and_work_goes_on_once_there_is_room(
    mount: Mount, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    disk = mount(160 * MB)
    disk.path.chmod(0o711)
    server = Postgres(disk.path / "postgres")
    server.prepare()
    server.start()
    try:
        databases = server.secrets.databases(str(server.socket))
        monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_LEDGER", databases["LEDGER"])
        monkeypatch.setenv("HEADLINE_HOME", str(disk.path))
        forget_settings()
        with lent({MIGRATOR: databases["LEDGER_MIGRATOR"]}):
            migrate(MIGRATOR)
        record(1)
        disk.leave(0)
        recorded = 1
        with pytest.raises(NoSpace) as full:  # noqa: PT012 (which record finds no room is not known)
            for recorded in range(2, 2_000):
                record(recorded, 500)
        assert f"no space left on {disk.path}" in str(full.value)
        assert "PostgreSQL of the ledger" in str(full.value)
        disk.empty()
        forget_connections()
        server.start()
        found = {load.ds for load in Ledger().current_loads("landing.t1", [Interval(D1, D1 + DAY)])}
        assert found == {D1}
        record(recorded, 500)
        assert len(Ledger().current_loads(f"landing.t{recorded}", [Interval(D1, D1 + 500 * DAY)])) == 500
    finally:
        server.stop()
        server.remove_outside()


def record(number: int, days: int = 1) -> None:
    """Record so many days of one landing, each with some hundred bytes."""
    now = datetime(2026, 3, 3, tzinfo=UTC)
    loads = [
        Load(
            f"landing.t{number}",
            D1 + timedelta(days=n),
            f"file:///{uuid4().hex}",
            1,
            uuid4().hex,
            {"x": uuid4().hex * 8},
            "test",
            now,
        )
        for n in range(days)
    ]
    Ledger().record_loads(loads, f"run {number}")


# what tells it


def test_other_errors_are_not_reported_as_a_full_disk(tmp_path: Path) -> None:
    disk_full = psycopg2.errors.DiskFull("could not extend file")
    assert is_full(OSError(28, "No space left on device"))
    assert is_full(OSError(122, "Disk quota exceeded"))
    assert not is_full(OSError(13, "Permission denied"))
    assert not is_full(HeadlineError("core.orders breaks its contract"))
    with pytest.raises(HeadlineError) as wrapped:
        raise HeadlineError("it failed") from OSError(28, "No space left on device")
    assert is_full(wrapped.value)
    assert "could not extend" in str(disk_full)
    assert mount_of(tmp_path).is_mount()
    assert [in_bytes(count) for count in (17, 3 * KB, 5 * MB, 3 * 2**30)] == ["17 bytes", "3 KiB", "5 MiB", "3.0 GiB"]
