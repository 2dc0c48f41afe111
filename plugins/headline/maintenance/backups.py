"""The backups of a target: a folder each, with a manifest, beside the landed files that they share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from headline import settings
from headline.errors import BadData, BadRequest, Transient
from headline.ledger import Ledger, Locks, Upkeep
from headline.redaction import redact
from headline.sources.storage import address_of, copied, path_of

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath


# Written last: a folder without it is no backup.
MANIFEST = "manifest.json"
LANDED = "landed.json"
LEDGER, WAREHOUSE = "ledger", "warehouse"
# All backups of a target share the landed files, which never change.
LANDING = "landing"
# Who was erased by now: a ledger that is restored may be of before.
ERASED = "erased.json"
NAMED = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class Entry:
    """A file as it was copied: its bytes and SHA-256. `at`: where it is kept, if not where its name says."""

    bytes: int
    sha256: str
    at: str = ""


@dataclass(frozen=True)
class Backup:
    """What a backup consists of. `files`: of ledger and warehouse, by their path in it; `landed`: by their path in the landing
    zone, whose addresses began with `landing`. `absent`: landed files that were gone or damaged."""

    address: str
    landing: str
    files: dict[str, Entry] = field(repr=False)
    landed: dict[str, Entry] = field(repr=False)
    absent: list[str]
    new_files: int = 0

    @property
    def size(self) -> int:
        """The bytes of all of it."""
        return sum(one.bytes for one in (*self.files.values(), *self.landed.values()))


def place(address: str) -> AnyPath:
    """The path at an address; without a scheme it is one of this machine.

    Raises BadRequest where what reaches that kind of store is not installed, Transient where the store cannot be reached or
    refuses the connection.
    """
    if "://" not in address:
        return Path(address).expanduser().resolve()
    path = path_of(address)
    try:
        path.exists()
    except BadRequest:
        raise
    except ImportError as error:
        raise BadRequest(f"{address}: what reaches this store is not installed: {error}") from error
    except Exception as error:  # each store has errors of its own
        raise Transient(f"{address}: the store cannot be reached as its connection says: {redact(str(error))}") from error
    return path


def made_at(address: str) -> datetime:
    """When a backup was begun, as its name tells."""
    return datetime.strptime(PurePosixPath(address).name, NAMED).replace(tzinfo=UTC)


def dates_of_backups(target: str) -> list[datetime]:
    """When the whole backups of a target were made."""
    return [made_at(one.name) for one in whole_backups(place(target))]


def folders_of(root: AnyPath) -> list[AnyPath]:
    """Those of a target's backups, in the order in which they were begun."""
    folders = (one for one in root.iterdir() if one.name[:1].isdigit()) if root.exists() else ()
    return sorted(folders, key=lambda one: one.name)


def whole_backups(root: AnyPath) -> list[AnyPath]:
    """Those that were written to their end, in order."""
    return [folder for folder in folders_of(root) if (folder / MANIFEST).exists()]


def newest_backup(root: AnyPath) -> Backup | None:
    """The newest whole backup of a target."""
    whole = whole_backups(root)
    return read_backup(whole[-1]) if whole else None


def read_backup(folder: AnyPath) -> Backup:
    """What a folder holds; raises BadData where its list of landed files is not what was written."""
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    files = {name: Entry(**entry) for name, entry in found["files"].items()}
    text = (folder / LANDED).read_bytes() if (folder / LANDED).exists() else b""
    if hashlib.sha256(text).hexdigest() != files.pop(LANDED).sha256:
        raise BadData(f"{address_of(folder / LANDED)} is gone or damaged: restore another backup")
    landed = {name: Entry(**entry) for name, entry in json.loads(text).items()}
    return Backup(address_of(folder), found["landing"], files, landed, found["absent"])


def write_backup(backup: Backup, folder: AnyPath, scratch: Path) -> None:
    """Write what a backup consists of, the manifest last."""
    (scratch / LANDED).write_text(json.dumps({name: vars(entry) for name, entry in backup.landed.items()}))
    landed = Entry(*copied(scratch / LANDED, folder / LANDED))
    files = {name: vars(entry) for name, entry in {**backup.files, LANDED: landed}.items()}
    (scratch / MANIFEST).write_text(json.dumps({"landing": backup.landing, "files": files, "absent": backup.absent}, indent=2))
    copied(scratch / MANIFEST, folder / MANIFEST)


def landing_address() -> str:
    """The address that those of all landed files begin with."""
    return f"{settings.load().landing.rstrip('/')}/"


def remember_erased(target: str, ledger: Ledger) -> None:
    """Let the target of backups know the tombstones: whoever restores one of before erases these persons again."""
    root = place(target)
    told = {one["digest"]: one for one in (*erased_by_now(root), *Upkeep(ledger.conn_id).told_of_erased())}
    if told:
        with scratch_folder() as scratch:
            (scratch / ERASED).write_text(json.dumps(list(told.values()), indent=2))
            copied(scratch / ERASED, root / ERASED)


def erased_by_now(root: AnyPath) -> list[dict[str, str]]:
    """The tombstones that a target of backups knows."""
    file = root / ERASED
    return json.loads(file.read_text()) if file.exists() else []


@contextmanager
def alone(ledger: Ledger, what: str) -> Iterator[None]:
    """While this is entered nobody else makes or removes backups."""
    locks = Locks(f"headline: {what}", conn_id=ledger.conn_id)
    try:
        with locks.exclusive("backups"):
            yield
    finally:
        locks.close()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A local folder, beside what it is for: there is as much room as that takes."""
    home = settings.load().home
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="backup-", dir=home) as folder:
        yield Path(folder)
