"""Files by their address: local ones directly, the others through Airflow's object storage."""

from __future__ import annotations

import codecs
import hashlib
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

from headline import settings
from headline.errors import BadData, SpecError, Transient
from headline.specs.values import is_within, leads_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk import ObjectStoragePath

    AnyPath: TypeAlias = Path | ObjectStoragePath

# So many bytes of a file are taken from it at once.
PIECE = 2**20
# So many characters a record may have; what is longer is none, and memory would not hold it.
LONGEST_RECORD = 16 * PIECE
_LOCAL = "file://"
_ON_ITS_WAY = (".filepart", ".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".inprogress", ".swp")
_COMPANIONS = (".md5", ".sha1", ".sha256", ".sha512", ".crc", ".crc32", ".asc", ".sig", ".done", ".ok", ".ctl")
_LEFT_BEHIND = ("~", ".bak", ".lock", ".lck")
_OF_A_DESKTOP = ("thumbs.db", "desktop.ini")
_NO_TEXTS = {
    b"\x1f\x8b": "compressed with gzip",
    b"PK\x03\x04": "a zip file, such as a workbook of Excel",
    b"\xd0\xcf\x11\xe0": "a workbook of an older Excel",
    b"PAR1": "Parquet",
    b"%PDF": "a PDF",
}
# Longer than any task may run.
_ABANDONED_SECONDS = 24 * 3600


def is_beside(name: str) -> bool:
    """Whether a file is none of the data: it is on its way under a name of its own, a marker, a checksum or copy of another, or
    what a desktop leaves behind."""
    own = name.lower()
    return own.startswith((".", "_", "~$")) or own.endswith((*_ON_ITS_WAY, *_COMPANIONS, *_LEFT_BEHIND)) or own in _OF_A_DESKTOP


def is_settled(path: AnyPath) -> bool:
    """Whether a file has not been written to for a while, so that what it lacks is not on its way any more."""
    return time() - path.stat().st_mtime > settings.load().settled_minutes * 60


@contextmanager
def at_rest(path: AnyPath) -> Iterator[None]:
    """While a file is read; raises Transient where a local one has another size at the end, and so is still arriving.

    An object store shows whole objects only.
    """
    before = path.stat().st_size if isinstance(path, Path) else 0
    yield
    if isinstance(path, Path) and (after := path.stat().st_size) != before:
        raise Transient(f"{path}: had {before} bytes when it was opened and has {after} now; it is still arriving")


def keep_alive(path: AnyPath) -> None:
    """Let a local file that is needed again count as new: retention goes by when it was written."""
    if isinstance(path, Path) and time() - path.stat().st_mtime > _ABANDONED_SECONDS:
        path.touch()


def encoding_hint(path: AnyPath) -> str:
    """In words which encoding the beginning of a file looks like, for a file that is not in the one that was agreed."""
    with path.open("rb") as file:
        start = file.read(PIECE)
    if what := next((what for begins, what in _NO_TEXTS.items() if start.startswith(begins)), ""):
        return f"it is {what}"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or start.count(0) > len(start) // 4:
        return "it looks like utf-16"
    for encoding in ("utf-8", "cp1252"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(start)
            return f"it looks like {encoding}"
        except UnicodeDecodeError:
            continue
    return "it may be latin-1, or no text at all"


def path_of(address: str) -> AnyPath:
    """The path at an address such as file:///data or s3://conn@bucket/prefix; a local one without the cost of object storage."""
    if address.startswith(_LOCAL):
        return Path(address.removeprefix(_LOCAL))
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(address)


def below(base: AnyPath, path: str) -> AnyPath:
    """The path below a root that a spec names; raises SpecError for one that is written so that it may lie elsewhere."""
    if leads_out(path):
        raise SpecError([f"pattern: {path!r} leads out of {base}; write a path below it"])
    return base / path


def check_within(path: AnyPath, base: AnyPath) -> None:
    """Raise BadData for a link by which what is read would not be what lies below the root; an object store has no links."""
    if isinstance(path, Path) and isinstance(base, Path) and not is_within(path, base):
        raise BadData(f"{path}: is a link that leads out of {base}; nothing was loaded. Put the file itself there")


def address_of(path: AnyPath) -> str:
    """The address of a path, by which others find it."""
    return f"{_LOCAL}{path}" if isinstance(path, Path) else str(path)


@contextmanager
def replacing(target: AnyPath, scratch: Callable[[str], Path]) -> Iterator[Path]:
    """A local path to write to, which becomes `target` at once when all is written; nothing is left of it where that fails.

    An object store shows a whole object or none; of a local file a reader might see half, so it is moved into place. `scratch`
    gives a local path for what is on its way to an object store.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(target, Path):
        _clean(target.parent)
    name = f".{uuid4().hex}.part"
    written = target.parent / name if isinstance(target, Path) else scratch(name)
    try:
        yield written
        if isinstance(target, Path):
            written.replace(target)
        else:
            _upload(written, target)
    finally:
        written.unlink(missing_ok=True)


def copied(source: AnyPath, target: AnyPath) -> tuple[int, str]:
    """Copy a file, which is there at once when all of it is; gives its bytes and SHA-256, of what was really read."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = target.parent / f".{uuid4().hex}.part" if isinstance(target, Path) else target
    digest, size = hashlib.sha256(), 0
    try:
        with source.open("rb") as original, written.open("wb") as copy:
            while piece := original.read(PIECE):
                digest.update(piece)
                size += len(piece)
                copy.write(piece)
        if isinstance(written, Path) and isinstance(target, Path):
            written.replace(target)
    finally:
        if isinstance(written, Path):
            written.unlink(missing_ok=True)
    return size, digest.hexdigest()


def sha256_of(file: AnyPath) -> str:
    """The SHA-256 of a file's bytes; a megabyte takes about half a millisecond."""
    with file.open("rb") as opened:
        if isinstance(file, Path):
            return hashlib.file_digest(opened, "sha256").hexdigest()
        digest = hashlib.sha256()
        while piece := opened.read(PIECE):
            digest.update(piece)
        return digest.hexdigest()


def _clean(folder: Path) -> None:
    """Delete what killed tasks left half-written, once nobody can be writing it any more."""
    for left in folder.glob(".*.part"):
        if time() - left.stat().st_mtime > _ABANDONED_SECONDS:
            left.unlink(missing_ok=True)


def _upload(file: Path, target: ObjectStoragePath) -> None:
    from shutil import copyfileobj

    with file.open("rb") as source, target.open("wb") as copy:
        copyfileobj(source, copy)
