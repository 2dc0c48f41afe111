"""Files and folders that only their owner may use, made so that no link that somebody has planted is followed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from headline.errors import BadRequest

NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all; a link in its place is replaced, not followed."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(unfinished, NEW, 0o600), "w") as file:
            file.write(text)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def private_folder(path: Path) -> None:
    """Make a folder for its owner alone; raises BadRequest where something of somebody else's, or a link, is in its place."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_own(path)


def check_own(folder: Path) -> None:
    """Raise BadRequest unless this is a folder of our own that nobody else may write to; its rights stay as they are."""
    status = folder.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise BadRequest(f"{folder} is a link to {folder.readlink()}: name the folder itself, or remove the link")
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise BadRequest(f"{folder} belongs to somebody else: remove it, or name another HEADLINE_HOME")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BadRequest(f"others may write to {folder}: chmod go-w {folder}")
