"""Where an embedded server's data and socket lie.

Where root's account for PostgreSQL does not reach the home the data lie outside, and the home has a link to them; nobody's
folders are opened for it.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from headline.errors import HeadlineError
from headline.local.account import give, own
from headline.local.private import write_private

SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 103
# For root, whose folders that account does not reach: a folder for each home, with the data and, if need be, the programs.
OUTSIDE = Path("/var/lib/headline")


@dataclass(frozen=True)
class Place:
    """Where a server has its data and its socket: in the home, or where the home is no place for them outside of it."""

    data: Path

    @property
    def place(self) -> Path:
        """Where the data really lie."""
        return self.data.resolve()

    @property
    def socket(self) -> Path:
        """The folder of its socket: the data's own, or one with a short name, since the system limits the length.

        Nobody can foresee that name; a file beside the data keeps it.
        """
        return Path(self._socket_file.read_text()) if self._socket_file.is_file() else self.place

    @property
    def _socket_file(self) -> Path:
        return self.data.with_name(f"{self.data.name}-socket")

    @property
    def is_outside(self) -> bool:
        """Whether the home has a link to data of ours that lie outside."""
        return self.data.is_symlink() and self.place.parent.parent == OUTSIDE.resolve()

    def choose_socket(self) -> None:
        """Keep the folder of the socket that was chosen before, or choose one, while no server runs."""
        if len(str(self.place / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
            self._socket_file.unlink(missing_ok=True)
            return
        if self._socket_file.is_file():
            with suppress(HeadlineError):
                own(self.socket)
                return
        write_private(self._socket_file, tempfile.mkdtemp(prefix="headline-"))
        own(self.socket)

    def move_outside(self) -> None:
        """Let the data be where the account that runs the server reaches them, and leave a link; data that are there go along."""
        if not OUTSIDE.exists():
            OUTSIDE.mkdir(parents=True)
            OUTSIDE.chmod(0o711)
        status = OUTSIDE.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise HeadlineError(f"{OUTSIDE} must be a folder that only root may write to")
        folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=OUTSIDE))
        folder.chmod(0o711)
        target = folder / "data"
        if self.data.exists():
            shutil.move(self.data, target)
            for path in (target, *target.rglob("*")):
                give(path)
        else:
            own(target)
        self.data.symlink_to(target)

    def remove_outside(self) -> None:
        """Remove what lies outside of the home: the socket's folder, and of root's homes the data."""
        if self.socket != self.place:
            shutil.rmtree(self.socket, ignore_errors=True)
            self._socket_file.unlink()
        if self.is_outside:
            shutil.rmtree(self.place.parent, ignore_errors=True)
            self.data.unlink()
            with suppress(OSError):  # other homes are there
                OUTSIDE.rmdir()
