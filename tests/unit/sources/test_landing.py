"""The landing zone: the same content is the same file, whole or written again."""

import hashlib
import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from headline.sources.landing import LandingWriter, Part
from headline.sources.text import batch

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
WRITER = LandingWriter("shop", "landing.orders", "test")


@pytest.fixture(autouse=True)
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: object) -> Path:
    monkeypatch.setenv("HEADLINE_LANDING", f"file://{tmp_path}/landing")
    return tmp_path / "landing"


def part(day: date, *keys: str) -> Part:
    return day, batch({"key": key, "extra": None} for key in keys)


def path(file: str) -> Path:
    return Path(file.removeprefix("file://"))


def test_each_day_lands_in_a_file_with_its_manifest(landing: Path) -> None:
    first, second = WRITER.write([part(D2, "c"), part(D1, "a", "b")], [])
    assert (first.ds, first.row_count, second.ds, second.row_count) == (D1, 2, D2, 1)
    assert path(first.file).parent == landing / "shop" / "orders" / "ds=2026-03-01"
    assert pq.read_table(path(first.file), partitioning=None).to_pylist() == [
        {"ds": D1, "key": "a", "extra": None},
        {"ds": D1, "key": "b", "extra": None},
    ]
    manifest = json.loads(path(first.file).with_suffix(".json").read_text())
    assert (manifest["checksum"], manifest["row_count"], manifest["ds"]) == (first.checksum, 2, "2026-03-01")
    assert manifest["columns"] == first.columns == {"ds": "date32[day]", "key": "string", "extra": "string"}


def test_parts_of_one_day_are_one_file() -> None:
    [load] = WRITER.write([part(D1, "a"), part(D1, "b")], [])
    assert pq.read_table(path(load.file), partitioning=None).column("key").to_pylist() == ["a", "b"]


def test_a_day_without_rows_lands_too_with_the_columns_of_the_others() -> None:
    loads = WRITER.write([part(D2, "a")], [D1, D2, D3])
    assert [(load.ds, load.row_count) for load in loads] == [(D1, 0), (D2, 1), (D3, 0)]
    assert loads[0].columns == loads[1].columns
    [alone] = WRITER.write([], [D1])
    assert (alone.row_count, alone.columns) == (0, {"ds": "date32[day]"})


def test_landing_again_leaves_the_file_alone() -> None:
    [first] = WRITER.write([part(D1, "a")], [])
    files = [path(first.file), path(first.file).with_suffix(".json")]
    before = [(file.stat().st_mtime_ns, file.read_bytes()) for file in files]
    [again] = WRITER.write([part(D1, "a")], [])
    assert (again.file, again.checksum) == (first.file, first.checksum)
    assert [(file.stat().st_mtime_ns, file.read_bytes()) for file in files] == before


def test_other_content_is_another_file_beside_the_first() -> None:
    [first] = WRITER.write([part(D1, "a")], [])
    [second] = WRITER.write([part(D1, "b")], [])
    assert first.file != second.file
    assert path(first.file).exists()


def test_another_order_of_rows_and_parts_leaves_the_file_alone() -> None:
    [first] = WRITER.write([part(D1, "a", "b"), part(D1, "c")], [])
    before = path(first.file).read_bytes()
    [again] = WRITER.write([part(D1, "c"), part(D1, "b", "a")], [])
    assert (again.file, again.checksum, path(again.file).read_bytes()) == (first.file, first.checksum, before)
    [more] = WRITER.write([part(D1, "a", "b", "c", "c")], [])
    assert more.checksum != first.checksum


def test_a_load_from_before_content_was_compared_stays_where_it_holds_the_same(landing: Path) -> None:
    [found] = WRITER.write([part(D1, "a", "b")], [])
    digest = hashlib.sha256(path(found.file).read_bytes()).hexdigest()
    file = path(found.file).rename(path(found.file).with_name(f"{digest[:16]}.parquet"))
    path(found.file).with_suffix(".json").unlink()
    old = replace(found, file=f"file://{file}", checksum=digest)
    [again] = WRITER.write([part(D1, "b", "a")], [], {D1: old})
    assert again == replace(old, extracted_at=again.extracted_at)
    assert [one.name for one in file.parent.iterdir()] == [file.name]
    [other] = WRITER.write([part(D1, "b", "c")], [], {D1: old})
    assert (len(old.checksum), len(other.checksum)) == (64, 40)
    file.write_bytes(b"damaged")
    assert WRITER.write([part(D1, "b", "a")], [], {D1: old}) != [old]


def test_nothing_is_left_of_a_file_that_could_not_be_written(landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_half(file: Path, *_: object) -> None:
        file.write_bytes(b"half")
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("headline.sources.landing._write", write_half)
        with pytest.raises(OSError, match="no space left"):
            WRITER.write([part(D1, "a")], [])
    assert [file for file in landing.rglob("*") if file.is_file()] == []
    [load] = WRITER.write([part(D1, "a")], [])
    manifest = json.loads(path(load.file).with_suffix(".json").read_text())
    assert manifest["bytes"] == path(load.file).stat().st_size
    assert manifest["sha256"] == hashlib.sha256(path(load.file).read_bytes()).hexdigest()


def test_what_killed_tasks_left_is_deleted_after_a_day() -> None:
    [load] = WRITER.write([part(D1, "a")], [])
    old, fresh = (path(load.file).with_name(name) for name in (".old.part", ".fresh.part"))
    for file in (old, fresh):
        file.write_bytes(b"half")
    os.utime(old, (0, 0))
    WRITER.write([part(D1, "b")], [])
    assert (old.exists(), fresh.exists()) == (False, True)


@pytest.mark.parametrize("suffix", [".parquet", ".json"])
def test_what_a_killed_task_left_half_written_is_written_again(suffix: str) -> None:
    [load] = WRITER.write([part(D1, "a", "b")], [])
    file = path(load.file).with_suffix(suffix)
    whole = path(load.file).read_bytes()
    if suffix == ".json":
        file.unlink()
    else:
        file.write_bytes(whole[: len(whole) // 2])
    [again] = WRITER.write([part(D1, "a", "b")], [])
    assert again.file == load.file
    assert path(load.file).read_bytes() == whole
    assert json.loads(path(load.file).with_suffix(".json").read_text())["checksum"] == load.checksum


def test_a_source_that_fails_midway_lands_nothing(landing: Path) -> None:
    def parts():  # type: ignore[no-untyped-def]
        yield part(D1, "a")
        raise RuntimeError("the source went away")

    with pytest.raises(RuntimeError):
        WRITER.write(parts(), [])
    assert not landing.exists()
