"""Ledger, warehouse and landed files of one moment, kept elsewhere."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from headline.errors import BadData
from headline.ledger import Ledger, dump
from headline.maintenance.backups import (
    LANDING,
    LEDGER,
    NAMED,
    WAREHOUSE,
    Backup,
    Entry,
    alone,
    landing_address,
    made_at,
    newest_backup,
    place,
    remember_erased,
    scratch_folder,
    write_backup,
)
from headline.sources.intact import manifest_of
from headline.sources.storage import address_of, copied, path_of, sha256_of
from headline.warehouse import Warehouse

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath


def back_up(target: str, ledger: Ledger, warehouse: Warehouse) -> Backup:
    """Copy ledger, warehouse and landed files as they are at one moment to a new folder below `target`, an address.

    Nobody publishes while the warehouse's file is copied beside it; the rest takes its time. Landed files that an earlier backup
    has are not copied again. Raises BadData where warehouse and ledger do not belong together: that is nothing to come back to;
    and when all is done where landed files are gone or damaged.
    """
    root = place(target)
    folder = root / f"{datetime.now(UTC):{NAMED}}"
    with alone(ledger, "a backup"), scratch_folder() as scratch:
        known = newest_backup(root)
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
        backup = Backup(address_of(folder), landing_address(), files, landed, absent, new)
        write_backup(backup, folder, scratch)
        remember_erased(target, ledger)
    if absent:
        raise BadData(
            f"the backup {backup.address} is there, but {len(absent)} landed file(s) are gone or damaged, such as {absent[0]}: "
            "run their source for these days again (headline trigger), then make another backup"
        )
    return backup


def _copy_landed(
    addresses: Iterable[str], newest: Collection[str], root: AnyPath, before: Backup | None
) -> tuple[dict[str, Entry], list[str], int]:
    """Copy the landed files that the backup before does not have, each with its manifest; gives all of them, those that are gone
    or not as their manifest says, and how many are new.

    What is gone and is not the newest of its day was removed: by retention, or because it named somebody who was erased.
    """
    landing, known = landing_address(), before.landed if before else {}
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
    entry = before.landed[address_of(file).removeprefix(landing_address())]
    told = _told(manifest_of(file))
    return told is not None and (told.bytes, told.sha256) != (entry.bytes, entry.sha256)


def _told(manifest: AnyPath) -> Entry | None:
    """What the manifest of a landed file says of it."""
    found = json.loads(manifest.read_text()) if manifest.exists() else {}
    return Entry(found["bytes"], found["sha256"]) if "sha256" in found else None
