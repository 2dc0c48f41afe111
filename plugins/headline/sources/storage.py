"""Files by their address: local ones directly, the others through Airflow's object storage."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk import ObjectStoragePath

    AnyPath: TypeAlias = Path | ObjectStoragePath

# So many bytes of a file are taken from it at once.
PIECE = 2**20
_LOCAL = "file://"


def path_of(address: str) -> AnyPath:
    """The path at an address such as file:///data or s3://conn@bucket/prefix; a local one without the cost of object storage."""
    if address.startswith(_LOCAL):
        return Path(address.removeprefix(_LOCAL))
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(address)


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


def _upload(file: Path, target: ObjectStoragePath) -> None:
    from shutil import copyfileobj

    with file.open("rb") as source, target.open("wb") as copy:
        copyfileobj(source, copy)
