"""Local copies of what has landed: few enough, checked, and never taken from who reads one."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headline.s3 import copies
from headline.s3.copies import Held
from headline.s3.path import S3Path
from headline.sources.storage import opened, sha256_of

pytestmark = pytest.mark.usefixtures("landing")

SIZE = 1_000


def put(number: int, content: bytes = b"") -> S3Path:
    """A landed file of so many bytes with its manifest, as far as copies go by that."""
    content = content or bytes([number]) * SIZE
    file = S3Path(f"s3://lake/landing/shop/orders/ds=2026-03-{number:02}/{number}.parquet")
    file.client.put_object(**file.where, Body=content)
    file.with_suffix(".json").write_text(json.dumps({"sha256": sha256_of(file), "bytes": len(content)}))
    return file


def copy_of(file: S3Path) -> Path:
    """The local copy of a landed file; others may remove it at once."""
    number = int(file.name.removesuffix(".parquet"))
    copies.take(file, lambda copy: None)
    [found] = [one for one in copies.folder().glob("*.parquet") if one.read_bytes()[:1] == bytes([number])]
    return found


def kept() -> int:
    return sum(file.stat().st_size for file in copies.folder().glob("*.parquet"))


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> list[S3Path]:
    """Five files, and room for the copies of three."""
    monkeypatch.setenv("HEADLINE_MOST_COPIED_BYTES", str(3 * SIZE))
    forget_settings()
    return [put(number) for number in range(1, 6)]


def test_a_file_is_fetched_once_and_checked_each_time(client: Any) -> None:
    file = put(1)
    copy = copy_of(file)
    assert copy.read_bytes() == bytes([1]) * SIZE
    first = copy.stat().st_ino
    assert copy_of(file) == copy
    assert copy.stat().st_ino == first
    copy.write_bytes(b"damaged here")
    assert copy_of(file).read_bytes() == bytes([1]) * SIZE
    client.delete_object(**file.where)
    with pytest.raises(FileNotFoundError):
        copies.take(file, Path.read_bytes)


def test_bytes_that_are_not_those_of_the_manifest_are_not_kept(client: Any) -> None:
    file = put(1)
    copy_of(file)
    client.put_object(**file.where, Body=b"others")
    with pytest.raises(copies.Differs):
        copies.take(file, Path.read_bytes)
    assert kept() == SIZE, "the copy of what was there before is named by its mark, and goes in its time"
    assert list(copies.folder().glob("*.part")) == list(copies.folder().glob(".*.part")) == []


def test_those_that_were_not_used_for_longest_go_first(three: list[S3Path]) -> None:
    for age, file in enumerate(three[:3]):
        os.utime(copy_of(file), (1_000 + age, 1_000 + age))
    copy_of(three[0])  # used again
    copy_of(three[3])
    assert kept() == 3 * SIZE
    names = {file.read_bytes()[0] for file in copies.folder().glob("*.parquet")}
    assert names == {1, 3, 4}


def test_one_that_is_larger_than_all_may_take_is_read_and_not_kept(three: list[S3Path]) -> None:
    large = put(9, b"x" * 10 * SIZE)
    with opened(str(large)) as copy:
        assert len(copy.read()) == 10 * SIZE
    assert kept() == 0


def test_what_is_held_stays_until_it_is_let_go(three: list[S3Path]) -> None:
    held = Held()
    paths = held.paths([*three, three[0]])
    assert [path.read_bytes()[0] for path in paths] == [1, 2, 3, 4, 5, 1]
    assert kept() <= 3 * SIZE
    copies.clear()
    assert (kept(), paths[0].read_bytes()) == (0, bytes([1]) * SIZE)
    del held
    assert not paths[0].exists()
    assert list((copies.folder() / "in-use").iterdir()) == []


def test_what_a_killed_process_held_goes_with_the_next_that_makes_room(three: list[S3Path]) -> None:
    if not (child := os.fork()):
        held = Held()
        held.paths(three[:1])
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    [left] = (copies.folder() / "in-use").iterdir()
    assert [file.name[:13] for file in left.glob("*.parquet")] == ["ds=2026-03-01"]
    copies._make_room()
    assert not left.exists()


def test_two_that_make_room_at_once_read_what_they_asked_for(three: list[S3Path]) -> None:
    """Each of four needs all five files, for which there is no room, again and again."""
    from concurrent.futures import ThreadPoolExecutor

    def read(_: int) -> list[int]:
        found = []
        for file in three:
            with opened(str(file)) as copy:
                found.append(copy.read()[0])
        return found

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(8))) == [[1, 2, 3, 4, 5]] * 8
    copies._make_room()
    assert kept() <= 3 * SIZE


def test_an_erasure_leaves_no_copy(three: list[S3Path]) -> None:
    copy_of(three[0])
    copies.clear()
    assert kept() == 0


def test_what_a_killed_download_left_goes_after_a_day(three: list[S3Path]) -> None:
    copy_of(three[0])
    old, new = copies.folder() / ".old.part", copies.folder() / ".new.part"
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (1_000, 1_000))
    copies._make_room()
    assert (old.exists(), new.exists()) == (False, True)
