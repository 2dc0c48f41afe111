"""Paths on S3: whole objects or none, nothing overwritten unasked, and what each error means."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from tests.unit.s3.conftest import connection, keys, unfinished

from headline.errors import BadRequest, Transient
from headline.s3 import upload
from headline.s3.errors import reaching
from headline.s3.path import S3Path
from headline.sources.storage import address_of, copied, path_of

pytestmark = pytest.mark.usefixtures("landing")


def test_addresses_name_no_connection_unless_it_is_another() -> None:
    file = path_of("s3://lake/landing") / "shop" / "orders" / "ds=2026-03-01" / "a.parquet"
    assert isinstance(file, S3Path)
    assert (address_of(file), file.connection) == ("s3://lake/landing/shop/orders/ds=2026-03-01/a.parquet", "headline_landing")
    assert address_of(file.with_suffix(".json")) == "s3://lake/landing/shop/orders/ds=2026-03-01/a.json"
    other = path_of("s3://elsewhere@kept/headline") / "a"
    assert (address_of(other), getattr(other, "connection", "")) == ("s3://elsewhere@kept/headline/a", "elsewhere")


def test_it_reads_and_lists_what_was_written(client: Any) -> None:
    base = S3Path("s3://lake/landing")
    assert not base.exists()
    for name in ("a/x.json", "a/x.parquet", "b/y.parquet", "b/c/z.parquet", "b other.parquet"):
        (base / name).write_text(name)
    client.put_object(Bucket="lake", Key="landing/b/")  # what a console leaves for a folder
    assert [address_of(file) for file in base.glob("*/*.parquet")] == [
        "s3://lake/landing/a/x.parquet",
        "s3://lake/landing/b/y.parquet",
    ]
    assert sorted(one.name for one in base.iterdir()) == ["a", "b", "b other.parquet"]
    assert [one.name for one in (base / "b").iterdir()] == ["c", "y.parquet"]
    assert (base.exists(), base.is_dir()) == (True, True)
    assert ((base / "a" / "x.json").is_dir(), (base / "a" / "none").exists()) == (False, False)
    assert (base / "b other.parquet").read_text() == "b other.parquet"
    [found] = [one for one in (base / "a").iterdir() if one.name == "x.json"]
    assert found.stat() == found.look()
    (base / "a" / "x.json").unlink()
    assert "landing/a/x.json" not in keys(client)


def test_any_part_of_a_file_can_be_read() -> None:
    content = bytes(range(256)) * 40_000
    file = S3Path("s3://lake/large")
    file.put(io.BytesIO(content), "")
    with file.open("rb") as opened:
        assert opened.read(10) == content[:10]
        assert opened.seek(-5, io.SEEK_END) == len(content) - 5
        assert opened.read() == content[-5:]
        opened.seek(1_000_000)
        assert opened.read(5_000_000) == content[1_000_000:6_000_000]
        opened.seek(0)
        file.put(io.BytesIO(content + b"more"), None)
        with pytest.raises(Transient, match="became another object while it was read"):
            opened.read()


class Broken(io.BytesIO):
    """A file that cannot be read to its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= 12 * 2**20:
            raise OSError("the disk is gone")
        return super().read(size)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "PART_BYTES", 5 * 2**20)  # the least that S3 takes


@pytest.mark.usefixtures("small_parts")
def test_a_large_file_is_written_in_parts_and_its_hash_is_of_what_was_read(client: Any, tmp_path: Any) -> None:
    content = b"0123456789abcdef" * 2**20
    source = tmp_path / "large"
    source.write_bytes(content)
    assert copied(source, S3Path("s3://lake/large")) == (len(content), hashlib.sha256(content).hexdigest())
    assert S3Path("s3://lake/large").look().etag.endswith("-4")
    assert copied(S3Path("s3://lake/large"), tmp_path / "back") == (len(content), hashlib.sha256(content).hexdigest())
    assert (tmp_path / "back").read_bytes() == content
    assert unfinished(client) == []


@pytest.mark.usefixtures("small_parts")
def test_two_parts_of_a_file_are_in_memory(client: Any) -> None:
    ahead: list[int] = []

    class Watched(io.BytesIO):
        """Counts the parts that were read and have not been sent."""

        def read(self, size: int | None = -1, /) -> bytes:
            uploads = client.list_multipart_uploads(Bucket="lake").get("Uploads", ())
            sent = sum(
                len(client.list_parts(Bucket="lake", Key="large", UploadId=one["UploadId"]).get("Parts", ())) for one in uploads
            )
            ahead.append(self.tell() // upload.PART_BYTES - sent)
            return super().read(size)

    S3Path("s3://lake/large").put(Watched(bytes(5 * upload.PART_BYTES)), "")
    assert len(ahead) > 5
    assert max(ahead) == 1, "one that is sent next, while another is read"


@pytest.mark.usefixtures("small_parts")
def test_nothing_is_left_of_a_file_that_cannot_be_read_to_its_end(client: Any) -> None:
    with pytest.raises(OSError, match="the disk is gone"):
        S3Path("s3://lake/half").put(Broken(bytes(20 * 2**20)), "")
    assert (keys(client), unfinished(client)) == ([], [])


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("size", [10, 11 * 2**20])
def test_nothing_is_overwritten_unasked(client: Any, size: int) -> None:
    file = S3Path("s3://lake/taken")
    file.write_text("first")
    with pytest.raises(FileExistsError):
        file.put(io.BytesIO(bytes(size)), "")
    assert (file.read_text(), unfinished(client)) == ("first", [])
    file.put(io.BytesIO(bytes(size)), None)
    assert file.look().st_size == size


def test_only_what_was_looked_at_is_overwritten() -> None:
    file = S3Path("s3://lake/a")
    file.write_text("first")
    before = file.look().etag
    file.write_text("second")
    with pytest.raises(FileExistsError):
        file.put(io.BytesIO(b"third"), before)
    assert file.read_text() == "second"
    file.put(io.BytesIO(b"third"), file.look().etag)
    assert file.read_text() == "third"
    file.unlink()
    with pytest.raises(FileExistsError):
        file.put(io.BytesIO(b"fourth"), before)
    assert not file.exists()


@pytest.mark.usefixtures("small_parts")
def test_a_large_file_too_says_what_it_may_overwrite(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto does not look at the condition; S3 does."""
    file, said = S3Path("s3://lake/large"), []
    real = file.client.complete_multipart_upload

    def complete(**of: Any) -> Any:
        said.append(of.get("IfMatch"))
        return real(**of)

    monkeypatch.setattr(file.client, "complete_multipart_upload", complete)
    file.put(io.BytesIO(bytes(6 * 2**20)), "an-etag")
    assert said == ["an-etag"]


def test_a_bucket_that_is_not_there_is_told(client: Any) -> None:
    nowhere = S3Path("s3://nowhere/landing/a.parquet")
    asked = (nowhere.exists, nowhere.look, nowhere.read_text, lambda: list(nowhere.iterdir()), lambda: nowhere.write_text("x"))
    for ask in asked:
        with pytest.raises(BadRequest, match=r"there is no bucket nowhere: create it, or fix .*HEADLINE_LANDING"):
            ask()


def test_who_cannot_be_reached_is_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"connect_timeout": 1, "retries": {"max_attempts": 0}}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_LANDING", connection("http://127.0.0.1:1", config_kwargs=config))
    with pytest.raises(Transient, match="s3://lake/a: S3 cannot be reached for now with the connection headline_landing") as told:
        S3Path("s3://lake/a").exists()
    assert "its secret" not in str(told.value)


@pytest.mark.parametrize(
    ("code", "operation", "kind", "text"),
    [
        ("AccessDenied", "PutObject", BadRequest, r"denied \(AccessDenied\): give .* headline_landing the right s3:PutObject"),
        ("403", "HeadObject", BadRequest, "the right s3:GetObject"),
        ("AccessDenied", "ListObjectsV2", BadRequest, "the right s3:ListBucket"),
        ("InvalidAccessKeyId", "UploadPart", BadRequest, "the right s3:PutObject"),
        ("SlowDown", "PutObject", Transient, "could not do it for now"),
        ("InternalError", "GetObject", Transient, "could not do it for now"),
        ("ExpiredToken", "GetObject", Transient, "could not do it for now"),
        ("NoSuchKey", "GetObject", FileNotFoundError, "is not there"),
        ("ConditionalRequestConflict", "PutObject", FileExistsError, "is there already"),
    ],
)
def test_each_error_is_told_by_what_can_be_done(code: str, operation: str, kind: type[Exception], text: str) -> None:
    from botocore.exceptions import ClientError

    with pytest.raises(kind, match=text), reaching("s3://lake/a", "headline_landing"):
        raise ClientError({"Error": {"Code": code, "Message": "said"}}, operation)


def test_without_credentials_it_is_the_connection_that_does_not_do() -> None:
    from botocore.exceptions import NoCredentialsError

    with (
        pytest.raises(BadRequest, match=r"headline_landing \(type aws\) does not do"),
        reaching("s3://lake/a", "headline_landing"),
    ):
        raise NoCredentialsError
