"""Writing to S3: an object is there when all of it is, or not at all."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from headline.s3.path import S3Path

# Two parts are in memory at once. S3 takes 10,000 parts, so an object may have 320 GB.
PART_BYTES = 32 * 2**20


class Readable(Protocol):
    """What gives up to so many bytes at a time, and none at its end."""

    def read(self, size: int = ..., /) -> bytes: ...


def put(path: S3Path, source: Readable, instead_of: str | None) -> None:
    """Write an object from what is read. `instead_of`: the ETag of the only object that may be overwritten; empty: none may be;
    None: whatever is there may be.

    Memory holds two parts of it. Where reading or writing fails, what was there stays, and the parts are removed; of what a
    killed process leaves nobody can read anything. Raises FileExistsError where something else, or nothing, is there than may be
    overwritten.
    """
    condition = {"IfMatch": instead_of} if instead_of else {} if instead_of is None else {"IfNoneMatch": "*"}
    try:
        _put(path, source, condition)
    except FileNotFoundError as error:
        raise FileExistsError(f"{path}: what was to be overwritten is gone") from error


def _put(path: S3Path, source: Readable, condition: dict[str, str]) -> None:
    part, following = source.read(PART_BYTES), source.read(PART_BYTES)
    if not following:
        with path.reaching():
            path.client.put_object(**path.where, Body=part, **condition)
        return
    with path.reaching():
        upload = {"UploadId": path.client.create_multipart_upload(**path.where)["UploadId"]}
    parts: list[dict[str, object]] = []
    try:
        with path.reaching():
            while part:
                number = len(parts) + 1
                etag = path.client.upload_part(**path.where, **upload, PartNumber=number, Body=part)["ETag"]
                parts.append({"PartNumber": number, "ETag": etag})
                part, following = following, source.read(PART_BYTES)
            path.client.complete_multipart_upload(**path.where, **upload, MultipartUpload={"Parts": parts}, **condition)
    except BaseException:
        with suppress(Exception):
            path.client.abort_multipart_upload(**path.where, **upload)
        raise
