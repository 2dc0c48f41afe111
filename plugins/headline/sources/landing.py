"""The landing zone: what arrived, a Parquet file a business day, never changed once it is there."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from headline import settings
from headline.errors import BadData
from headline.ledger import Load
from headline.sources.columns import Columns, kind_of

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

# One day's part of what a source gave: rows of that day, columns as they came.
Part = tuple[date, pa.RecordBatch]
# Rows that tell what a column holds; where a column has changed, more are read to find out what became of it.
SAMPLE_ROWS = 1_000


class Unfit(BadData):
    """What arrived is whole but cannot be told apart as the spec says; `parts` are all of it, so that it can be kept."""

    def __init__(self, message: str, parts: Iterable[Part]) -> None:
        self.parts = parts
        super().__init__(message)


class LandingWriter:
    """Collects the parts of one table, a file a day, and moves the finished files into the landing zone.

    A file is named by the checksum of its content: the same content again is the same file, and a file that a killed
    task left half-written is simply written again. `days` lists the days that must have a file even when nothing came.
    """

    def __init__(self, source: str, landing: str, origin: str) -> None:
        self._source = source
        self._landing = landing
        self._origin = origin

    def write(self, parts: Iterable[Part], days: Iterable[date]) -> list[Load]:
        """Land everything and say what arrived; nothing is visible to anybody before the ledger records the loads."""
        extracted_at = datetime.now(UTC)
        with tempfile.TemporaryDirectory(prefix="headline-landing-") as folder:
            files = _spool(parts, list(days), Path(folder))
            return [self._land(day, file, extracted_at) for day, file in sorted(files.items())]

    def _land(self, day: date, file: Path, extracted_at: datetime) -> Load:
        parquet = pq.ParquetFile(file)
        checksum = hashlib.sha256(file.read_bytes()).hexdigest()
        target = _root() / self._source / self._landing.removeprefix("landing.") / f"ds={day}" / f"{checksum[:16]}.parquet"
        load = Load(
            landing=self._landing,
            ds=day,
            file=str(target),
            row_count=parquet.metadata.num_rows,
            checksum=checksum,
            columns={field.name: str(field.type) for field in parquet.schema_arrow},
            origin=self._origin,
            extracted_at=extracted_at,
        )
        manifest_file = target.with_suffix(".json")
        if not manifest_file.exists() or not target.exists() or target.stat().st_size != file.stat().st_size:
            target.parent.mkdir(parents=True, exist_ok=True)
            with file.open("rb") as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
            manifest = {**vars(load), "ds": str(day), "extracted_at": extracted_at.isoformat()}
            manifest_file.write_text(json.dumps(manifest, indent=2))
        return load


def columns_of(load: Load, rows: int = SAMPLE_ROWS) -> Columns:
    """The columns of a landed file as they arrived, without the day that it was landed for."""
    kinds = {name: kind_of(kind) for name, kind in load.columns.items() if name != "ds"}
    return Columns(kinds, load.row_count, partial(_sample, load.file, rows))


def _sample(file: str, rows: int, column: str) -> pa.ChunkedArray:
    """Up to so many values of a column, from parts of the file that lie evenly apart."""
    from airflow.sdk import ObjectStoragePath

    with ObjectStoragePath(file).open("rb") as opened:
        parquet = pq.ParquetFile(opened)
        groups = range(parquet.num_row_groups)[:: max(1, parquet.num_row_groups // 10)]
        batches = [
            next(parquet.iter_batches(max(1, rows // len(groups)), row_groups=[group], columns=[column]), None)
            for group in groups
        ]
    chunks = [batch.column(0) for batch in batches if batch is not None]
    return pa.chunked_array(chunks, parquet.schema_arrow.field(column).type)


def _root() -> ObjectStoragePath:
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(settings.load().landing)


def _spool(parts: Iterable[Part], days: list[date], folder: Path) -> dict[date, Path]:
    """Write the parts to a local file a day; memory holds one part at a time."""
    writers: dict[date, pq.ParquetWriter] = {}
    files: dict[date, Path] = {}
    schema: pa.Schema | None = None
    try:
        for day, batch in parts:
            schema = schema or batch.schema
            if not batch.num_rows:
                continue
            if day not in writers:
                files[day] = folder / f"{day}.parquet"
                writers[day] = pq.ParquetWriter(files[day], _with_day(batch, day).schema)
            writers[day].write_batch(_with_day(batch, day))
    finally:
        for writer in writers.values():
            writer.close()
    for day in days:
        if day not in files:
            empty: Any = pa.RecordBatch.from_pylist([], schema=schema or pa.schema([]))
            files[day] = folder / f"{day}.parquet"
            pq.write_table(pa.Table.from_batches([_with_day(empty, day)]), files[day])
    return files


def _with_day(batch: pa.RecordBatch, day: date) -> pa.RecordBatch:
    columns = {name: batch.column(name) for name in batch.schema.names if name != "ds"}
    return pa.RecordBatch.from_pydict({"ds": pa.repeat(pa.scalar(day, pa.date32()), batch.num_rows), **columns})
