"""Backups that have had their time are removed, with the landed files that only they have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from headline.ledger import Ledger
from headline.maintenance.backups import LANDING, MANIFEST, alone, folders_of, made_at, place, read_backup, whole_backups
from headline.sources.storage import address_of

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath


def remove_backups(target: str, before: datetime, ledger: Ledger) -> tuple[int, int]:
    """Remove the backups that were begun before a moment, never the newest whole one, and the landed files that only they had.

    Gives how many backups, and how many bytes. Raises BadData where one that stays has lost its list of landed files.
    """
    root = place(target)
    with alone(ledger, "removing old backups"):
        whole = whole_backups(root)
        gone = [
            one for one in folders_of(root) if made_at(one.name) < before and one.name not in {last.name for last in whole[-1:]}
        ]
        if not gone:
            return 0, 0
        names = {one.name for one in gone}
        kept = [read_backup(one) for one in whole if one.name not in names]
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
