"""An object on S3 as a file that can be read from any place on."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from headline.errors import Transient

if TYPE_CHECKING:
    from headline.s3.path import S3Path


class Ranges(io.RawIOBase):
    """Reads what is asked for and nothing ahead; all of it is of the object that was there when it was opened."""

    def __init__(self, path: S3Path) -> None:
        super().__init__()
        self._path, self._place = path, 0
        self._now = path.look()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begins = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._now.st_size}[whence]
        self._place = max(0, begins + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        last = min(self._place + len(view), self._now.st_size) - 1
        if last < self._place:
            return 0
        try:
            with self._path.reaching():
                asked = {"Range": f"bytes={self._place}-{last}", "IfMatch": self._now.etag}
                found = self._path.client.get_object(**self._path.where, **asked)["Body"].read()
        except FileExistsError:
            raise Transient(f"{self._path}: became another object while it was read") from None
        view[: len(found)] = found
        self._place += len(found)
        return len(found)
