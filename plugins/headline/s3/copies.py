"""Local copies of what has landed on S3: as many bytes of them as a setting allows, besides those that are being read."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time
from typing import IO, TYPE_CHECKING, TypeVar
from uuid import uuid4

from headline import settings
from headline.errors import Transient
from headline.space import room_for

if TYPE_CHECKING:
    from headline.s3.path import S3Path

AT_ONCE = 8
_PIECE = 2**20
_IN_USE = "in-use"
# Longer than any task may run.
_ABANDONED_SECONDS = 24 * 3600
T = TypeVar("T")


class Differs(Exception):
    """The bytes on S3 are others than those of the manifest."""


def folder() -> Path:
    """Where this installation keeps its copies."""
    return settings.load().home / "landing-copies"


def take(path: S3Path, taken: Callable[[Path], T], sha256: str = "") -> T:
    """What `taken` makes of the local copy of a landed file, which is made if there is none; afterwards others may remove it.

    `sha256`: of its bytes; that of its manifest if left out. A copy is named by it and by what S3 calls the object now, and is
    compared with it each time. Raises FileNotFoundError where the file or its manifest is gone, Differs where its bytes are not
    those.
    """
    sha256 = sha256 or str(json.loads(path.with_suffix(".json").read_text())["sha256"])
    now = path.look()
    copy = folder() / f"{sha256}-{now.etag}.parquet"
    with suppress(FileNotFoundError):
        if _sha256(copy) == sha256:
            os.utime(copy)
            return taken(copy)
        copy.unlink()  # it was damaged here
    part = folder() / f".{uuid4().hex}.part"
    with room_for(f"the local copy of {path}", folder(), lambda: now.st_size):
        try:
            _make_room(part, now.st_size)
            if _download(path, part, now.etag) != sha256:
                raise Differs(str(path))
            result = taken(part)
            part.replace(copy)
        finally:
            part.unlink(missing_ok=True)
        _make_room()
    return result


def open_copy(path: S3Path) -> IO[bytes]:
    """The local copy, open to be read: it stays readable when others remove it."""
    return take(path, lambda copy: copy.open("rb"))


class Held:
    """Copies that stay as long as this does: others may make room, but do not take them away. At its end they go too."""

    def __init__(self) -> None:
        self._folder = folder() / _IN_USE / uuid4().hex
        with _alone():
            self._folder.mkdir(parents=True)
            lock = (self._folder / "lock").open("w")
            fcntl.flock(lock, fcntl.LOCK_SH)
        weakref.finalize(self, _release, self._folder, lock, os.getpid())

    def paths(self, files: Sequence[S3Path]) -> list[Path]:
        """The local path of each file, several of which are fetched at once."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self._path, files))

    def _path(self, path: S3Path) -> Path:
        held = self._folder / f"{path.parent.name}-{path.name}"
        with suppress(FileExistsError):
            take(path, lambda copy: os.link(copy, held))
        return held


def clear() -> None:
    """Remove all copies of this installation, as when a person in them is erased; those in use go when their run ends."""
    if folder().is_dir():
        with _alone():
            _remove_left_over()
            for file in folder().glob("*.parquet"):
                file.unlink(missing_ok=True)


def _make_room(part: Path | None = None, size: int = 0) -> None:
    """Remove the copies that were not used for longest until all are within the setting, with a `part` of so many bytes that is
    begun here. What is on its way elsewhere stays."""
    with _alone():
        _remove_left_over()
        if part:
            with part.open("wb") as begun:
                begun.truncate(size)  # others count it from now on
        files = {file: stat for file in folder().iterdir() if (stat := _stat(file)) and file.suffix in {".parquet", ".part"}}
        total = sum(stat.st_size for stat in files.values())
        for file, stat in sorted(files.items(), key=lambda one: one[1].st_mtime):
            is_abandoned = time() - stat.st_mtime > _ABANDONED_SECONDS
            if is_abandoned if file.suffix == ".part" else total > settings.load().most_copied_bytes:
                file.unlink(missing_ok=True)
                total -= stat.st_size


def _release(held: Path, lock: IO[str], process: int) -> None:
    if os.getpid() == process:  # a forked process has no part in it
        shutil.rmtree(held, ignore_errors=True)
    lock.close()


def _remove_left_over() -> None:
    """Remove what processes held that are gone: nobody has their lock any more."""
    for held in (folder() / _IN_USE).glob("*"):
        with suppress(OSError), (held / "lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(held, ignore_errors=True)


@contextmanager
def _alone() -> Iterator[None]:
    """While it is entered no other process of this machine makes room or begins to hold copies."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)  # what landed is not masked
    with (folder() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(path: S3Path, target: Path, etag: str) -> str:
    digest = hashlib.sha256()
    try:
        with path.reaching(), target.open("wb") as file:
            for piece in path.client.get_object(**path.where, IfMatch=etag)["Body"].iter_chunks(_PIECE):
                digest.update(piece)
                file.write(piece)
    except FileExistsError:
        raise Transient(f"{path}: became another object while it was read") from None
    return digest.hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _stat(file: Path) -> os.stat_result | None:
    with suppress(FileNotFoundError):
        return file.stat()
    return None
