"""A file system that is full: which one it is and how much is needed, instead of the error of whoever noticed it."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headline.errors import NoSpace

_FULL = (errno.ENOSPC, errno.EDQUOT)
# How the C library, DuckDB and PostgreSQL say it; DuckDB's own limit of its temporary folder is that of the disk.
_SAID = re.compile(r"No space left on device|Disk quota exceeded|max_temp_directory_size|disk full", re.IGNORECASE)
_DISK_FULL = "53100"  # PostgreSQL's


def is_full(error: BaseException) -> bool:
    """Whether an error says that a file system has no room, be it through another error."""
    seen: BaseException | None = error
    while seen is not None:
        state = getattr(seen, "pgcode", None) or getattr(seen, "sqlstate", None)
        if (isinstance(seen, OSError) and seen.errno in _FULL) or state == _DISK_FULL or _SAID.search(str(seen)):
            return True
        seen = seen.__cause__
    return False


def no_space(what: str, path: Path, needed: int, error: BaseException) -> NoSpace:
    """What is told of a full file system. `needed`: at least so many bytes must be free for what was being written."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    usage = shutil.disk_usage(there)
    return NoSpace(
        f"no space left on {mount_of(there)} for {what} ({path}): {in_bytes(usage.free)} of {in_bytes(usage.total)} are free, "
        f"at least {in_bytes(max(needed, usage.free))} are needed. Nothing of it was published. "
        f"Make room there and run it again; a task that still has a retry goes on by itself ({_first_line(error)})"
    )


@contextmanager
def room_for(what: str, path: Path, needed: Callable[[], int]) -> Iterator[None]:
    """While something is written below a path; raises NoSpace where its file system is full."""
    try:
        yield
    except NoSpace:
        raise
    except Exception as error:
        if not is_full(error):
            raise
        raise no_space(what, path, needed(), error) from error


def mount_of(path: Path) -> Path:
    """Where the file system is mounted that a path lies on."""
    there = path.resolve()
    while not os.path.ismount(there):
        there = there.parent
    return there


def in_bytes(count: int) -> str:
    """Bytes in the unit that is read at a glance."""
    size = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
