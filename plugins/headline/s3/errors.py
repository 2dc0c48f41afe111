"""What S3's errors mean: those that a retry can fix, and those that somebody has to fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headline.errors import BadRequest, Transient

_GONE = {"404", "NoSuchKey", "NoSuchVersion", "NotFound"}
_DENIED = {"401", "403", "AccessDenied", "AllAccessDisabled", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_TAKEN = {"412", "PreconditionFailed", "409", "ConditionalRequestConflict"}
# Which right an operation needs that is not called like it.
_RIGHTS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "UploadPart": "PutObject",
}


@contextmanager
def reaching(address: str, connection: str) -> Iterator[None]:
    """While S3 is asked for something at an address, by an Airflow connection.

    Raises FileNotFoundError where nothing is there, FileExistsError where something else is there than was asked for, BadRequest
    where the bucket is missing or the connection may not do it, Transient for everything else.
    """
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _told(error, address, connection) from error
    except (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.NoRegionError,
        exceptions.ParamValidationError,
    ) as error:
        raise BadRequest(f"{address}: the Airflow connection {connection} (type aws) does not do for it: {error}") from error
    except exceptions.BotoCoreError as error:
        raise Transient(f"{address}: S3 cannot be reached for now with the connection {connection}: {error}") from error


def _told(error: Exception, address: str, connection: str) -> Exception:
    response = getattr(error, "response", {})
    code, operation = str(response.get("Error", {}).get("Code", "")), str(getattr(error, "operation_name", ""))
    if code == "NoSuchBucket":
        bucket = address.split("://")[-1].rpartition("@")[2].partition("/")[0]
        return BadRequest(
            f"{address}: there is no bucket {bucket}: create it, or fix the address (of the landing zone: HEADLINE_LANDING)"
        )
    if code in _DENIED:
        return BadRequest(
            f"{address}: denied ({code}): give the Airflow connection {connection} the right "
            f"s3:{_RIGHTS.get(operation, operation)} there"
        )
    if code in _TAKEN:
        return FileExistsError(f"{address}: is there already, or not what it was ({code})")
    if code in _GONE:
        return FileNotFoundError(f"{address}: is not there")
    return Transient(f"{address}: S3 could not do it for now with the connection {connection}: {error}")
