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


def put(path: S3Path, source: Readable, *, anew: bool) -> None:
    """Write an object from what is read; `anew`: over what may be there.

    Memory holds two parts of it. Where reading or writing fails nothing is there, and the parts are removed; of what a killed
    process leaves nobody can read anything. Raises FileExistsError where an object is there and it is not to be written `anew`.
    """
    only_new = {} if anew else {"IfNoneMatch": "*"}
    part, following = source.read(PART_BYTES), source.read(PART_BYTES)
    if not following:
        with path.reaching():
            path.client.put_object(**path.where, Body=part, **only_new)
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
            path.client.complete_multipart_upload(**path.where, **upload, MultipartUpload={"Parts": parts}, **only_new)
    except BaseException:
        with suppress(Exception):
            path.client.abort_multipart_upload(**path.where, **upload)
        raise
