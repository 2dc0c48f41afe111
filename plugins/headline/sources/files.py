"""Files that somebody drops below a path, local or in an object store."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from headline import connections
from headline.errors import BadData, SpecError, Transient
from headline.intervals import DAY, Interval
from headline.sources.landing import Part, Unfit
from headline.sources.text import batch, by_day, loads
from headline.specs import FilesIngest
from headline.sql import render

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa
    from airflow.sdk import ObjectStoragePath


def read(ingest: FilesIngest, interval: Interval) -> Iterator[Part]:
    """The rows of each day's file or, where the spec names a `day` column, of the one file that holds many days.

    Raises Transient when a file is missing or broken off: it may still be on its way; Unfit when it is whole, but its lines or
    its days cannot be told.
    """
    if ingest.day is not None:
        path = _path(ingest, interval)
        yield from _many_days(path, ingest, ingest.day, interval)
        return
    for day in interval:
        path = _path(ingest, Interval(day, day + DAY))
        if ingest.format == "parquet":
            yield from ((day, rows) for rows in _parquet_batches(path))
        else:
            yield day, _table(path, ingest, day)


def root(conn_id: str) -> ObjectStoragePath:
    """Where the files of a connection lie; raises SpecError where it does not say."""
    from airflow.sdk import ObjectStoragePath

    base = connections.get(conn_id).extra.get("path")
    if not base:
        raise SpecError([f"connection {conn_id}: its extra must hold «path», such as file:///data or s3://conn@bucket/prefix"])
    return ObjectStoragePath(base)


def _many_days(path: ObjectStoragePath, ingest: FilesIngest, column: str, interval: Interval) -> Iterator[Part]:
    if ingest.format != "parquet":
        records = _table(path, ingest, interval.start).to_pylist()
        yield from by_day(records, column, interval, where=path.name, skip_others=True)
        return
    import pyarrow as pa
    import pyarrow.compute as pc

    for rows in _parquet_batches(path):
        # A day without rows lands with the file's columns all the same.
        yield interval.start, rows.slice(0, 0)
        try:
            moments = rows.column(column)
            if pa.types.is_integer(moments.type):
                moments = pc.cast(moments, pa.timestamp("s"))
            days = pc.cast(moments, pa.date32(), safe=False)
        except (KeyError, pa.ArrowException) as error:
            parts = ((interval.start, whole) for whole in _parquet_batches(path))
            raise Unfit(f"{path}: has no column {column} that tells the day of a row: {error}", parts) from error
        if days.null_count:
            raise BadData(f"{path}: {days.null_count} rows have no {column}, so no day to land in; nothing was loaded")
        for day in sorted(day for day in pc.unique(days).to_pylist() if day and interval.start <= day < interval.end):
            yield day, rows.filter(pc.equal(days, pa.scalar(day, pa.date32())))


def _path(ingest: FilesIngest, interval: Interval) -> ObjectStoragePath:
    return root(ingest.connection) / render(ingest.pattern, interval, where="pattern")


def _parquet_batches(path: ObjectStoragePath) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            yield from pq.ParquetFile(file).iter_batches()
    except FileNotFoundError:
        raise _missing(path) from None
    except (pa.ArrowException, OSError) as error:
        raise Transient(f"{path}: is not a whole Parquet file, it may be still arriving: {error}") from error


def _table(path: ObjectStoragePath, ingest: FilesIngest, day: date) -> pa.RecordBatch:
    """The records of a text file as columns of text; what does not fit is kept for `day`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if not text.endswith("\n"):
            raise ValueError("it breaks off without a line break at its end")
        return _csv_table(text, path.name, day) if ingest.format == "csv" else batch(_json_records(text))
    except FileNotFoundError:
        raise _missing(path) from None
    except ValueError as error:
        raise Transient(f"{path}: cannot be read as {ingest.format}: {error}; it may be still arriving") from error


def _csv_table(text: str, where: str, day: date) -> pa.RecordBatch:
    """A last line that is too short may be cut off; whatever else is wrong with the lines is how they were meant."""
    import pyarrow as pa

    try:
        header, *lines = csv.reader(io.StringIO(text), strict=True)
    except csv.Error as error:
        raise ValueError(str(error)) from error
    faults = [
        f"line {number} has {len(fields)} fields, the header has {len(header)}"
        for number, fields in enumerate(lines, start=2)
        if len(fields) != len(header)
    ]
    if len(faults) == 1 and len(lines[-1]) < len(header):
        raise ValueError(faults[0])
    if len(set(header)) < len(header):
        faults.insert(0, f"a column is there twice: {', '.join(header)}")
    width = max(map(len, [header, *lines]))
    names = _told_apart([*header, *(f"field {number}" for number in range(len(header) + 1, width + 1))])
    # An empty field and a missing one are the same in CSV: null.
    columns = [[value or None for value in values] for _, *values in zip_longest([None] * width, *lines)]
    table = pa.RecordBatch.from_arrays([pa.array(values, pa.string()) for values in columns], names)
    if faults:
        more = f" (and {len(faults) - 1} faults like it)" if len(faults) > 1 else ""
        raise Unfit(f"{where}: {faults[0]}{more}", [(day, table)])
    return table


def _told_apart(names: list[str]) -> list[str]:
    return [f"{name} ({count})" if (count := names[:place].count(name) + 1) > 1 else name for place, name in enumerate(names)]


def _json_records(text: str) -> list[dict[str, Any]]:
    records = [loads(line) for line in text.split("\n") if line.strip()]
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise ValueError(f"record {number} is no object")
    return records


def _missing(path: ObjectStoragePath) -> Transient:
    return Transient(f"{path}: is not there yet. If it stays away, ask who drops it")
