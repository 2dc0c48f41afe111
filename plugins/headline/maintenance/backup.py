"""Ledger, warehouse and landed files of one moment, kept elsewhere; and all of it put back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from headline import settings
from headline.errors import BadData, BadRequest, Transient
from headline.ledger import Ledger, Locks, Upkeep, dump, migrate
from headline.redaction import redact
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
# Who was erased by now: a ledger that is restored may be of before.
ERASED = "erased.json"
_NAMED = "%Y%m%dT%H%M%S%fZ"


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


def back_up(target: str, ledger: Ledger, warehouse: Warehouse) -> Backup:
    """Copy ledger, warehouse and landed files as they are at one moment to a new folder below `target`, an address.

    Nobody publishes while the warehouse's file is copied beside it; the rest takes its time. Landed files that an earlier backup
    has are not copied again. Raises BadData where warehouse and ledger do not belong together: that is nothing to come back to;
    and when all is done where landed files are gone or damaged.
    """
    root = place(target)
    folder = root / f"{datetime.now(UTC):{_NAMED}}"
    with _alone(ledger, "a backup"), _scratch() as scratch:
        known = _newest(root)
        with ExitStack() as stack:
            with warehouse.at_rest("a backup"):
                snapshot = stack.enter_context(dump.snapshot(ledger.conn_id))
                (scratch / WAREHOUSE).mkdir()
                warehouse.copy(scratch / WAREHOUSE)
                addresses, newest = ledger.landed_files(), ledger.newest_files()
            snapshot.write(scratch / LEDGER)
        files = {}
        for file in sorted(one for one in scratch.rglob("*") if one.is_file()):
            name = file.relative_to(scratch).as_posix()
            files[name] = Entry(*copied(file, folder / name))
        landed, absent, new = _copy_landed(addresses, newest, root, known)
        backup = Backup(address_of(folder), _landing(), files, landed, absent, new)
        _write(backup, folder, scratch)
        remember_erased(target, ledger)
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
    `replace` does not say that it goes; BadData for a copy that is not what was written. Tombstones of now stay: who was erased
    since is to be erased again.
    """
    owner = owner or ledger.conn_id
    migrate(owner)
    if not replace and not (dump.is_empty(ledger.conn_id) and warehouse.is_empty()):
        raise BadRequest(
            "this installation has data: make a backup of it (headline backup <target>), then say --replace; its warehouse is "
            "kept beside the restored one, its ledger is replaced"
        )
    folder, backup = _found(source)
    erased = [*Upkeep(ledger.conn_id).told_of_erased(), *_erased(folder.parent)]
    landing = _landing()
    with _scratch() as scratch:
        for name, entry in backup.files.items():
            _fetch(folder / name, scratch / name, entry)
        for name, entry in backup.landed.items():
            target = path_of(f"{landing}{name}")
            if not (target.exists() and target.stat().st_size == entry.bytes and sha256_of(target) == entry.sha256):
                _fetch(folder.parent / LANDING / (entry.at or name), target, entry)
        with warehouse.alone("a restore"):
            fresh = warehouse.beside(scratch / WAREHOUSE)
            moved = {} if landing == backup.landing else {backup.landing: landing}
            dump.load(scratch / LEDGER, moved, owner)
            Upkeep(owner).remember_erased(erased)
            kept = warehouse.give_place(fresh)
    return backup, kept


def dates_of_backups(target: str) -> list[datetime]:
    """When the whole backups of a target were made."""
    return [made_at(one.name) for one in _whole(place(target))]


def remove_backups(target: str, before: datetime, ledger: Ledger) -> tuple[int, int]:
    """Remove the backups that were begun before a moment, never the newest whole one, and the landed files that only they had.

    Gives how many backups, and how many bytes. Raises BadData where one that stays has lost its list of landed files.
    """
    root = place(target)
    with _alone(ledger, "removing old backups"):
        whole = _whole(root)
        gone = [
            one for one in _folders(root) if made_at(one.name) < before and one.name not in {last.name for last in whole[-1:]}
        ]
        if not gone:
            return 0, 0
        names = {one.name for one in gone}
        kept = [_read(one) for one in whole if one.name not in names]
        needed = {entry.at or name for backup in kept for name, entry in backup.landed.items()}
        size = 0
        for folder in gone:
            (folder / MANIFEST).unlink(missing_ok=True)  # from here on it is no backup
            size += sum(_remove(file) for file in _files(folder))
        beginning = f"{address_of(root / LANDING)}/"
        unneeded = (one for one in _files(root / LANDING) if address_of(one).removeprefix(beginning) not in needed)
        size += sum(map(_remove, unneeded))
        for folder in [*gone, root / LANDING]:
            _remove_empty(folder)
    return len(gone), size


def remember_erased(target: str, ledger: Ledger) -> None:
    """Let the target of backups know the tombstones: whoever restores one of before erases these persons again."""
    root = place(target)
    told = {one["digest"]: one for one in (*_erased(root), *Upkeep(ledger.conn_id).told_of_erased())}
    if told:
        with _scratch() as scratch:
            (scratch / ERASED).write_text(json.dumps(list(told.values()), indent=2))
            copied(scratch / ERASED, root / ERASED)


def _erased(root: AnyPath) -> list[dict[str, str]]:
    file = root / ERASED
    return json.loads(file.read_text()) if file.exists() else []


@contextmanager
def _alone(ledger: Ledger, what: str) -> Iterator[None]:
    """While this is entered nobody else makes or removes backups."""
    locks = Locks(f"headline: {what}", conn_id=ledger.conn_id)
    try:
        with locks.exclusive("backups"):
            yield
    finally:
        locks.close()


def _files(folder: AnyPath) -> Iterator[AnyPath]:
    for path in list(folder.iterdir()) if folder.exists() else ():
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _remove(file: AnyPath) -> int:
    size = file.stat().st_size
    file.unlink()
    return size


def _remove_empty(folder: AnyPath) -> None:
    """Remove local folders without files; an object store has none."""
    if isinstance(folder, Path) and folder.is_dir():
        for path in folder.iterdir():
            _remove_empty(path)
        if not any(folder.iterdir()):
            folder.rmdir()


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
    except ImportError as error:
        raise BadRequest(f"{address}: what reaches this store is not installed: {error}") from error
    except Exception as error:  # each store has errors of its own
        raise Transient(f"{address}: the store cannot be reached as its connection says: {redact(str(error))}") from error
    return path


@contextmanager
def _scratch() -> Iterator[Path]:
    """A local folder, beside what it is for: there is as much room as that takes."""
    home = settings.load().home
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="backup-", dir=home) as folder:
        yield Path(folder)


def _copy_landed(
    addresses: Iterable[str], newest: Collection[str], root: AnyPath, before: Backup | None
) -> tuple[dict[str, Entry], list[str], int]:
    """Copy the landed files that the backup before does not have, each with its manifest; gives all of them, those that are gone
    or not as their manifest says, and how many are new.

    What is gone and is not the newest of its day was removed: by retention, or because it named somebody who was erased.
    """
    landing, known = _landing(), before.landed if before else {}
    landed: dict[str, Entry] = {}
    absent: list[str] = []
    new = 0
    for address in addresses:
        file, name = path_of(address), address.removeprefix(landing)
        manifest, manifest_name = manifest_of(file), str(PurePosixPath(name).with_suffix(".json"))
        is_there = file.exists()
        if name in known and (is_there or address in newest) and not (is_there and before and _is_rewritten(file, before)):
            landed |= {one: known[one] for one in (name, manifest_name) if one in known}
        elif is_there:
            # Another backup has what stood here before.
            at = f".{sha256_of(file)[:16]}" if name in known else ""
            found = {name: Entry(*copied(file, root / LANDING / f"{name}{at}"))}
            if manifest.exists():
                found[manifest_name] = Entry(*copied(manifest, root / LANDING / f"{manifest_name}{at}"))
            if (told := _told(manifest)) and told != found[name]:
                absent.append(address)
                continue
            new += 1
            landed |= {one: replace(entry, at=f"{one}{at}" if at else "") for one, entry in found.items()}
        elif address in newest:
            absent.append(address)
    return landed, absent, new


def _is_rewritten(file: AnyPath, before: Backup) -> bool:
    """Whether a landed file, or its manifest, is not what a backup has of it: a person in it was erased since."""
    if file.stat().st_mtime < made_at(before.address).timestamp():
        return False
    entry = before.landed[file_name(file)]
    told = _told(manifest_of(file))
    return told is not None and (told.bytes, told.sha256) != (entry.bytes, entry.sha256)


def file_name(file: AnyPath) -> str:
    """The path of a landed file in the landing zone."""
    return address_of(file).removeprefix(_landing())


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


def _folders(root: AnyPath) -> list[AnyPath]:
    """Those of a target's backups, in the order in which they were begun."""
    folders = (one for one in root.iterdir() if one.name[:1].isdigit()) if root.exists() else ()
    return sorted(folders, key=lambda one: one.name)


def _whole(root: AnyPath) -> list[AnyPath]:
    return [folder for folder in _folders(root) if (folder / MANIFEST).exists()]


def _newest(root: AnyPath) -> Backup | None:
    """The newest whole backup of a target."""
    whole = _whole(root)
    return _read(whole[-1]) if whole else None


def made_at(address: str) -> datetime:
    """When a backup was begun, as its name tells."""
    return datetime.strptime(PurePosixPath(address).name, _NAMED).replace(tzinfo=UTC)


def _found(source: str) -> tuple[AnyPath, Backup]:
    folder = place(source)
    backup = _read(folder) if (folder / MANIFEST).exists() else _newest(folder)
    if backup is None:
        raise BadRequest(f"{source}: there is no whole backup: each is a folder with a {MANIFEST}")
    return path_of(backup.address), backup


def _fetch(source: AnyPath, target: AnyPath, entry: Entry) -> None:
    found = copied(source, target) if source.exists() else None
    if found != (entry.bytes, entry.sha256):
        target.unlink(missing_ok=True)
        raise BadData(f"{address_of(source)} is {'not what was written' if found else 'gone'}: restore another backup")
