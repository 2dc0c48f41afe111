"""A day of 600 MiB lands on S3, and is read from there, in memory that does not grow with it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import date
from os import urandom
from pathlib import Path

import pyarrow as pa
import pytest
from tests.attacks.test_bounds import resident_memory_of
from tests.engines.spark.servers import BUCKET, moto
from tests.unit.s3.conftest import connection

from headline.s3 import copies
from headline.s3.path import S3Path
from headline.s3.upload import PART_BYTES
from headline.sources.landing import LandingWriter, Part

DAY = date(2026, 3, 2)
WRITER = LandingWriter("shop", "landing.notes", "test")
FILE_BYTES = 600 * 2**20
TEXT_BYTES, ROWS = 1024, 5_000
MOST_BYTES = 300 * 2**20


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> Iterator[None]:
    """A landing zone on an S3 in a process of its own."""
    with moto(tmp_path) as address:
        monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_LANDING", connection(address))
        monkeypatch.setenv("HEADLINE_LANDING", f"s3://{BUCKET}/landing")
        monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
        forget_settings()
        yield


def notes(byte_count: int) -> Iterator[Part]:
    """Rows of texts at random, which cannot be compressed, with about so many bytes."""
    offsets = pa.array(range(0, (ROWS + 1) * TEXT_BYTES, TEXT_BYTES), pa.int32()).buffers()[1]
    for _ in range(byte_count // (ROWS * TEXT_BYTES) + 1):
        texts = b64encode(urandom(ROWS * TEXT_BYTES * 3 // 4))
        yield DAY, pa.record_batch({"text": pa.StringArray.from_buffers(ROWS, offsets, pa.py_buffer(texts))})


@pytest.mark.attack_long
@pytest.mark.usefixtures("landing")
def test_a_large_day_lands_and_is_read_in_bounded_memory(record_property: Callable[[str, object], None]) -> None:
    """Writing and reading 600 MiB on S3 takes less than 300 MiB more than a small file does."""
    WRITER.write(notes(1), [DAY])
    with resident_memory_of(MOST_BYTES) as grown:
        [load] = WRITER.write(notes(FILE_BYTES), [DAY])
        with copies.open_copy(S3Path(load.file)) as copy:
            assert copy.seek(0, 2) >= FILE_BYTES
    record_property("bytes more at once", grown[0])
    parts = S3Path(load.file).look().etag.rpartition("-")[2]
    assert int(parts) >= FILE_BYTES // PART_BYTES
