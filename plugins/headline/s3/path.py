"""A path on S3: Airflow's own, whose reads and writes are those of the amazon provider's client."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import IO, Any

from airflow.sdk import ObjectStoragePath

from headline.connections import variable
from headline.s3.errors import reaching
from headline.s3.ranges import Ranges
from headline.s3.upload import Readable, put

# The Airflow connection of the landing zone, by which every address is reached that names no other.
CONNECTION = "headline_landing"
# The one that may delete there, where somebody has defined it.
UPKEEP = "headline_upkeep"
READ_AT_ONCE = 4 * 2**20


@dataclass(frozen=True)
class Stat:
    """What S3 says of an object; `etag` is another one for other bytes."""

    st_size: int
    st_mtime: float
    etag: str


class S3Path(ObjectStoragePath):
    """`s3://bucket/key`, or `s3://connection@bucket/key` for another Airflow connection than that of the landing zone.

    Airflow's own path writes through s3fs, which leaves half an object where writing breaks off, overwrites what is there, takes
    a missing bucket for a missing file and remembers listings; so what touches S3 is written here. Every method raises what
    `reaching` does. An object is there as a whole or not at all.
    """

    _listed: Stat | None = None

    def _inject_authenticated_fs(self, wrapped: Any) -> None:
        """No file system of s3fs is made."""

    @property
    def connection(self) -> str:
        """The Airflow connection by which it is reached; where there is none of this id, the SDK's own credentials."""
        return self.conn_id or CONNECTION

    @property
    def client(self) -> Any:
        return client_of(self.connection)

    @property
    def where(self) -> dict[str, str]:
        """Bucket and key, as S3's operations take them."""
        return {"Bucket": self.bucket, "Key": self.key}

    def reaching(self) -> AbstractContextManager[None]:
        return reaching(str(self), self.connection)

    def stat(self) -> Stat:
        """What a listing has just said of it, or what S3 says now."""
        return self._listed or self.look()

    def look(self) -> Stat:
        """What S3 says of the object now."""
        try:
            with self.reaching():
                found = self.client.head_object(**self.where)
        except FileNotFoundError:
            with self.reaching():  # S3 says the same of a bucket that is not there, until it is asked for that
                self.client.list_objects_v2(Bucket=self.bucket, MaxKeys=0)
            raise
        return Stat(found["ContentLength"], found["LastModified"].timestamp(), found["ETag"].strip('"'))

    def exists(self) -> bool:
        try:
            return bool(self.key and self.look()) or self.is_dir()
        except FileNotFoundError:
            return self.is_dir()

    def is_dir(self) -> bool:
        return next(self._pages(MaxKeys=1)).get("KeyCount", 0) > 0

    def iterdir(self) -> Iterator[S3Path]:
        for page in self._pages(Delimiter="/"):
            yield from (self / PurePosixPath(one["Prefix"]).name for one in page.get("CommonPrefixes", ()))
            yield from self._found(page)

    def glob(self, pattern: str) -> Iterator[S3Path]:
        """The objects whose path below this one matches, part by part."""
        depth = pattern.count("/")
        for page in self._pages():
            for found in self._found(page):
                below = found.key.removeprefix(self._prefix)
                if below.count("/") == depth and PurePosixPath(below).match(pattern):
                    yield found

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Open it to be read, in pieces of bounded size; raises Transient in the middle where it becomes another."""
        if mode != "rb":
            raise ValueError(f"{self}: an object on S3 is not opened for {mode!r}: put() writes it")
        return io.BufferedReader(Ranges(self), READ_AT_ONCE)

    def read_bytes(self) -> bytes:
        with self.reaching():
            return bytes(self.client.get_object(**self.where)["Body"].read())

    def read_text(self) -> str:
        return self.read_bytes().decode()

    def write_text(self, text: str) -> None:
        put(self, io.BytesIO(text.encode()), None)

    def touch(self) -> None:
        """Let it count as written now."""
        with self.reaching():
            self.client.copy(self.where, **self.where, ExtraArgs={"MetadataDirective": "REPLACE"})

    def unlink(self, missing_ok: bool = False) -> None:  # noqa: ARG002
        """Remove it, if it is there."""
        connection = UPKEEP if self.connection == CONNECTION and os.environ.get(variable(UPKEEP)) else self.connection
        with reaching(str(self), connection):
            client_of(connection).delete_object(**self.where)

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        """S3 has no folders."""

    def put(self, source: Readable, instead_of: str | None) -> None:
        """Write it from what is read, in memory of bounded size; `instead_of`: what may be overwritten, as `upload.put` says."""
        put(self, source, instead_of)

    @property
    def _prefix(self) -> str:
        return f"{self.key.rstrip('/')}/" if self.key else ""

    def _pages(self, **more: Any) -> Iterator[dict[str, Any]]:
        token: dict[str, str] | None = {}
        while token is not None:
            with self.reaching():
                page = self.client.list_objects_v2(Bucket=self.bucket, Prefix=self._prefix, **more, **token)
            token = {"ContinuationToken": page["NextContinuationToken"]} if page.get("IsTruncated") else None
            yield page

    def _found(self, page: dict[str, Any]) -> Iterator[S3Path]:
        for one in page.get("Contents", ()):
            if not one["Key"].endswith("/"):  # what a console leaves for a folder
                path = self / one["Key"].removeprefix(self._prefix)
                path._listed = Stat(one["Size"], one["LastModified"].timestamp(), one["ETag"].strip('"'))
                yield path


def client_of(connection: str) -> Any:
    """The client of an Airflow connection, made once in each process."""
    return _client(connection, os.getpid(), os.environ.get(variable(connection)))


@lru_cache(maxsize=8)
def _client(connection: str, process: int, defined: str | None) -> Any:  # noqa: ARG001
    """A client of its own for each process, since a forked one must not share sockets, and for each definition."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    return S3Hook(aws_conn_id=connection).get_conn()
