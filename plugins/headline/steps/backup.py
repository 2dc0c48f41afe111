"""Ledger, warehouse and landed files of one moment, kept elsewhere; and all of it put back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from headline import settings
from headline.errors import BadData, BadRequest
from headline.ledger import Ledger, dump, migrate
from headline.sources.intact import manifest_of
from headline.sources.storage import address_of, copied, path_of, sha256_of
from headline.warehouse import Warehouse

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath

# Written last: a folder without it is no backup.
MANIFEST = "manifest.json"
LANDED = "landed.json"
LEDGER, WAREHOUSE = "ledger", "warehouse"
# All backups of a target share the landed files, which never change.
LANDING = "landing"


@dataclass(frozen=True)
class Entry:
    """A file as it was copied: its bytes and SHA-256."""

    bytes: int
    sha256: str


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


def back_up(target: str, ledger: Ledger, warehouse: Warehouse) -> Backup:
    """Copy ledger, warehouse and landed files as they are at one moment to a new folder below `target`, an address.

    Nobody publishes while the warehouse's file is copied beside it; the rest takes its time. Landed files that an earlier backup
    has are not copied again. Raises BadData where warehouse and ledger do not belong together: that is nothing to come back to;
    and when all is done where landed files are gone or damaged.
    """
    root = place(target)
    known = _newest(root)
    folder = root / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    with _scratch() as scratch:
        with ExitStack() as stack:
            with warehouse.at_rest("a backup"):
                snapshot = stack.enter_context(dump.snapshot(ledger.conn_id))
                (scratch / WAREHOUSE).mkdir()
                warehouse.copy(scratch / WAREHOUSE)
                addresses = ledger.landed_files()
            snapshot.write(scratch / LEDGER)
        files = {}
        for file in sorted(one for one in scratch.rglob("*") if one.is_file()):
            name = file.relative_to(scratch).as_posix()
            files[name] = Entry(*copied(file, folder / name))
        landed, absent, new = _copy_landed(addresses, root, known.landed if known else {})
        backup = Backup(address_of(folder), _landing(), files, landed, absent, new)
        _write(backup, folder, scratch)
    if absent:
        raise BadData(
            f"the backup {backup.address} is there, but {len(absent)} landed file(s) are gone or damaged, such as {absent[0]}: "
            "run their source for these days again (headline trigger), then make another backup"
        )
    return backup


def restore(
    source: str, ledger: Ledger, warehouse: Warehouse, *, replace: bool = False, owner: str | None = None
) -> tuple[Backup, str]:
    """Put back ledger, warehouse and landed files from a backup, or from the newest one of a target.

    Everything is fetched and compared with the checksums first; then the ledger is replaced in one transaction, and the warehouse
    after it. `owner`: the connection of who owns the ledger's tables, where that is not the ledger's. Gives where the warehouse
    of before is kept, if there was one. Raises BadRequest where there is no backup, or where something is there already and
    `replace` does not say that it goes; BadData for a copy that is not what was written.
    """
    owner = owner or ledger.conn_id
    migrate(owner)
    if not replace and not (dump.is_empty(ledger.conn_id) and warehouse.is_empty()):
        raise BadRequest(
            "this installation has data: make a backup of it (headline backup <target>), then say --replace; its warehouse is "
            "kept beside the restored one, its ledger is replaced"
        )
    folder, backup = _found(source)
    landing = _landing()
    with _scratch() as scratch:
        for name, entry in backup.files.items():
            _fetch(folder / name, scratch / name, entry)
        for name, entry in backup.landed.items():
            target = path_of(f"{landing}{name}")
            if not (target.exists() and target.stat().st_size == entry.bytes and sha256_of(target) == entry.sha256):
                _fetch(folder.parent / LANDING / name, target, entry)
        with warehouse.alone("a restore"):
            fresh = warehouse.beside(scratch / WAREHOUSE)
            moved = {} if landing == backup.landing else {backup.landing: landing}
            dump.load(scratch / LEDGER, moved, owner)
            kept = warehouse.give_place(fresh)
    return backup, kept


def place(address: str) -> AnyPath:
    """The path at an address; without a scheme it is one of this machine.

    Raises BadRequest where what reaches that kind of store is not installed.
    """
    if "://" not in address:
        return Path(address).expanduser().resolve()
    path = path_of(address)
    try:
        path.exists()
    except ImportError as error:
        raise BadRequest(f"{address}: what reaches this store is not installed: {error}") from error
    return path


@contextmanager
def _scratch() -> Iterator[Path]:
    """A local folder, beside what it is for: there is as much room as that takes."""
    home = settings.load().home
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="backup-", dir=home) as folder:
        yield Path(folder)


def _copy_landed(addresses: Iterable[str], root: AnyPath, known: dict[str, Entry]) -> tuple[dict[str, Entry], list[str], int]:
    """Copy the landed files that no earlier backup has, each with its manifest; gives all of them, those that are gone or not as
    their manifest says, and how many are new."""
    landing = _landing()
    landed: dict[str, Entry] = {}
    absent: list[str] = []
    new = 0
    for address in addresses:
        file, name = path_of(address), address.removeprefix(landing)
        manifest, manifest_name = manifest_of(file), str(PurePosixPath(name).with_suffix(".json"))
        if name not in known:
            try:
                found = {name: Entry(*copied(file, root / LANDING / name))}
                if manifest.exists():
                    found[manifest_name] = Entry(*copied(manifest, root / LANDING / manifest_name))
            except FileNotFoundError:
                absent.append(address)
                continue
            if (told := _told(manifest)) and told != found[name]:
                absent.append(address)
                continue
            new += 1
            landed |= found
        landed |= {one: known[one] for one in (name, manifest_name) if one in known}
    return landed, absent, new


def _told(manifest: AnyPath) -> Entry | None:
    """What the manifest of a landed file says of it."""
    found = json.loads(manifest.read_text()) if manifest.exists() else {}
    return Entry(found["bytes"], found["sha256"]) if "sha256" in found else None


def _landing() -> str:
    """The address that those of all landed files begin with."""
    return f"{settings.load().landing.rstrip('/')}/"


def _write(backup: Backup, folder: AnyPath, scratch: Path) -> None:
    (scratch / LANDED).write_text(json.dumps({name: vars(entry) for name, entry in backup.landed.items()}))
    landed = Entry(*copied(scratch / LANDED, folder / LANDED))
    files = {name: vars(entry) for name, entry in {**backup.files, LANDED: landed}.items()}
    (scratch / MANIFEST).write_text(json.dumps({"landing": backup.landing, "files": files, "absent": backup.absent}, indent=2))
    copied(scratch / MANIFEST, folder / MANIFEST)


def _read(folder: AnyPath) -> Backup:
    """Raises BadData where its list of landed files is not what was written."""
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    files = {name: Entry(**entry) for name, entry in found["files"].items()}
    text = (folder / LANDED).read_bytes() if (folder / LANDED).exists() else b""
    if hashlib.sha256(text).hexdigest() != files.pop(LANDED).sha256:
        raise BadData(f"{address_of(folder / LANDED)} is gone or damaged: restore another backup")
    landed = {name: Entry(**entry) for name, entry in json.loads(text).items()}
    return Backup(address_of(folder), found["landing"], files, landed, found["absent"])


def _newest(root: AnyPath) -> Backup | None:
    """The newest whole backup of a target."""
    folders = sorted((one for one in root.iterdir() if one.name[:1].isdigit()), key=lambda one: one.name) if root.exists() else []
    for folder in reversed(folders):
        if (folder / MANIFEST).exists():
            return _read(folder)
    return None


def _found(source: str) -> tuple[AnyPath, Backup]:
    folder = place(source)
    backup = _read(folder) if (folder / MANIFEST).exists() else _newest(folder)
    if backup is None:
        raise BadRequest(f"{source}: there is no whole backup: each is a folder with a {MANIFEST}")
    return path_of(backup.address), backup


def _fetch(source: AnyPath, target: AnyPath, entry: Entry) -> None:
    found = Entry(*copied(source, target)) if source.exists() else None
    if found != entry:
        target.unlink(missing_ok=True)
        raise BadData(f"{address_of(source)} is {'not what was written' if found else 'gone'}: restore another backup")
