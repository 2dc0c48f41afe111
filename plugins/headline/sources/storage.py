"""Files by their address: local ones directly, those on S3 and in other stores through Airflow's object storage."""

from __future__ import annotations

import codecs
import hashlib
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import copyfileobj
from time import time
from typing import IO, TYPE_CHECKING, TypeAlias
from uuid import uuid4

from headline import settings
from headline.errors import BadData, SpecError, Transient
from headline.specs.values import is_within, leads_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk import ObjectStoragePath

    from headline.s3.path import S3Path
    from headline.s3.upload import Readable

    AnyPath: TypeAlias = Path | S3Path | ObjectStoragePath

# So many bytes of a file are taken from it at once.
PIECE = 2**20
# So many characters a record may have; what is longer is none, and memory would not hold it.
LONGEST_RECORD = 16 * PIECE
_LOCAL, _S3 = "file://", "s3://"
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
    """Let a file that is needed again count as new: retention goes by when it was written."""
    if time() - path.stat().st_mtime > _ABANDONED_SECONDS:
        path.touch()


def mark_of(path: AnyPath) -> str:
    """What S3 calls the bytes of an object, by which it is told from what others write there; empty of what is not on S3."""
    with suppress(FileNotFoundError):
        return "" if isinstance(path, Path) else path.look().etag
    return ""


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
    """The path at an address such as /data, file:///data or s3://conn@bucket/prefix; a local one without the cost of object
    storage."""
    if address.startswith(_LOCAL) or "://" not in address:
        return Path(address.removeprefix(_LOCAL))
    if address.startswith(_S3):
        from headline.s3.path import S3Path

        return S3Path(address)
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(address)


def opened(address: str) -> IO[bytes]:
    """A landed file, open to be read; of one on S3 the local copy."""
    path = path_of(address)
    if isinstance(path, Path):
        return path.open("rb")
    from headline.s3.copies import open_copy

    return open_copy(path)


def has_bytes(file: AnyPath, sha256: str) -> bool:
    """Whether a landed file has these bytes; raises FileNotFoundError where it is gone."""
    if isinstance(file, Path):
        return sha256_of(file) == sha256
    from headline.s3.copies import Differs, take

    try:
        return take(file, lambda _: True, sha256)
    except Differs:
        return False


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
def replacing(target: AnyPath, scratch: Callable[[str], Path], instead_of: str | None = None) -> Iterator[Path]:
    """A local path to write to, which becomes `target` at once when all is written; nothing is left of it where that fails.

    An object store shows a whole object or none; of a local file a reader might see half, so it is moved into place. `scratch`
    gives a local path for what is on its way to an object store. `instead_of`: the `mark_of` what alone may be replaced on S3;
    raises FileExistsError where something else is there.
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
            with written.open("rb") as source:
                _send(source, target, instead_of)
    finally:
        written.unlink(missing_ok=True)


class _Counted:
    """What is read of a file, counted and hashed on its way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest, self.size = file, hashlib.sha256(), 0

    def read(self, size: int = PIECE) -> bytes:
        piece = self._file.read(size)
        self._digest.update(piece)
        self.size += len(piece)
        return piece

    @property
    def told(self) -> tuple[int, str]:
        return self.size, self._digest.hexdigest()


def copied(source: AnyPath, target: AnyPath) -> tuple[int, str]:
    """Copy a file, which is there at once when all of it is; gives its bytes and SHA-256, of what was really read."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as original:
        counted = _Counted(original)
        if isinstance(target, Path):
            with replacing(target, lambda name: target.with_name(name)) as written, written.open("wb") as copy:
                copyfileobj(counted, copy, PIECE)
        else:
            _send(counted, target)
        return counted.told


def sha256_of(file: AnyPath) -> str:
    """The SHA-256 of a file's bytes; a megabyte takes about half a millisecond."""
    with file.open("rb") as opened:
        counted = _Counted(opened)
        while counted.read():
            pass
        return counted.told[1]


def _clean(folder: Path) -> None:
    """Delete what killed tasks left half-written, once nobody can be writing it any more."""
    for left in folder.glob(".*.part"):
        if time() - left.stat().st_mtime > _ABANDONED_SECONDS:
            left.unlink(missing_ok=True)


def _send(source: Readable, target: S3Path | ObjectStoragePath, instead_of: str | None = None) -> None:
    if target.protocol != "s3":
        with target.open("wb") as copy:
            copyfileobj(source, copy, PIECE)
        return
    if instead_of:
        with suppress(FileNotFoundError):
            target.unlink(etag=instead_of)
    target.put(source, anew=instead_of is None)
