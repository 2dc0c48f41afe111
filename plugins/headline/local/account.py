"""The account that runs PostgreSQL, which refuses to be run by root, and what belongs to it."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

from headline.errors import HeadlineError

ROOT_RUNS_IT_AS = "nobody"


def owner() -> pwd.struct_passwd | None:
    """The account that must run the server: PostgreSQL refuses to be run by root. None = whoever runs this."""
    return pwd.getpwnam(ROOT_RUNS_IT_AS) if os.geteuid() == 0 else None


def own(folder: Path) -> None:
    """Make a private folder of the server's; raises HeadlineError where something of somebody else's is there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    account, status = owner(), folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {os.geteuid(), account.pw_uid if account else os.geteuid()}:
        raise HeadlineError(f"{folder} belongs to somebody else: remove it, or set HEADLINE_HOME to a shorter path")
    give(folder)


def give(path: Path) -> None:
    """Let the account have a file or folder."""
    if account := owner():
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def reaches(account: pwd.struct_passwd, folder: Path) -> bool:
    """Whether an account may pass through a folder and through all those that it lies in."""
    place = folder.resolve()
    return all(_lets_pass(account, one) for one in (place, *place.parents))


def _lets_pass(account: pwd.struct_passwd, folder: Path) -> bool:
    status = folder.stat()
    if status.st_uid == account.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    return bool(status.st_mode & (stat.S_IXGRP if status.st_gid == account.pw_gid else stat.S_IXOTH))
