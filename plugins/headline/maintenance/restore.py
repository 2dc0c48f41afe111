"""Ledger, warehouse and landed files put back from a backup."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from headline.errors import BadData, BadRequest
from headline.ledger import IssuedFigures, Ledger, Upkeep, dump, migrate
from headline.maintenance.backups import (
    LANDING,
    LEDGER,
    MANIFEST,
    WAREHOUSE,
    Backup,
    Entry,
    erased_by_now,
    landing_address,
    newest_backup,
    place,
    read_backup,
    scratch_folder,
)
from headline.sources.storage import address_of, copied, path_of, sha256_of
from headline.warehouse import Warehouse

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath

log = logging.getLogger(__name__)


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
    figures = IssuedFigures(ledger.conn_id)
    head = figures.head()
    erased = [*Upkeep(ledger.conn_id).told_of_erased(), *erased_by_now(folder.parent)]
    landing = landing_address()
    with scratch_folder() as scratch:
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
    if head and figures.verify([head]).unknown_anchors:
        log.warning(
            "figures and approvals that were recorded after this backup was made are lost; the chain of figures ended with %s: "
            "issue them again",
            head,
        )
    return backup, kept


def _found(source: str) -> tuple[AnyPath, Backup]:
    folder = place(source)
    backup = read_backup(folder) if (folder / MANIFEST).exists() else newest_backup(folder)
    if backup is None:
        raise BadRequest(f"{source}: there is no whole backup: each is a folder with a {MANIFEST}")
    return path_of(backup.address), backup


def _fetch(source: AnyPath, target: AnyPath, entry: Entry) -> None:
    found = copied(source, target) if source.exists() else None
    if found != (entry.bytes, entry.sha256):
        target.unlink(missing_ok=True)
        raise BadData(f"{address_of(source)} is {'not what was written' if found else 'gone'}: restore another backup")
