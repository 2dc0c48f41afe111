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
from headline.sources.spool import ROWS_AT_A_TIME
from headline.sources.storage import PIECE, path_of
from headline.sources.text import batch, by_day, chunks, loads
from headline.specs import FilesIngest
from headline.sql import render

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from headline.sources.storage import AnyPath


def read(ingest: FilesIngest, interval: Interval) -> Iterator[Part]:
    """The rows of each day's file or, where the spec names a `day` column, of the one file that holds many days.

    Raises Transient when a file is missing or broken off: it may still be on its way; Unfit when it is whole, but its lines or
    its days cannot be told.
    """
    if ingest.day is not None:
        path = root(ingest.connection) / render(ingest.pattern, interval, where="pattern")
        yield from _many_days(path, ingest, ingest.day, interval)
        return
    base = root(ingest.connection)
    for day in interval:
        path = base / render(ingest.pattern, Interval(day, day + DAY), where="pattern")
        batches = _parquet_batches(path) if ingest.format == "parquet" else _text_batches(path, ingest, day)
        yield from ((day, rows) for rows in batches)


def root(conn_id: str) -> AnyPath:
    """Where the files of a connection lie; raises SpecError where it does not say."""
    base = connections.get(conn_id).extra.get("path")
    if not base:
        raise SpecError([f"connection {conn_id}: its extra must hold «path», such as file:///data or s3://conn@bucket/prefix"])
    return path_of(base)


def _many_days(path: AnyPath, ingest: FilesIngest, column: str, interval: Interval) -> Iterator[Part]:
    if ingest.format != "parquet":
        batches = _text_batches(path, ingest, interval.start)
        records = (record for rows in batches for record in rows.to_pylist())
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
            raise Unfit(f"{path}: has no column {column} that tells the day of a row: {error}", interval.start, parts) from error
        if days.null_count:
            raise BadData(f"{path}: {days.null_count} rows have no {column}, so no day to land in; nothing was loaded")
        for day in sorted(day for day in pc.unique(days).to_pylist() if day and interval.start <= day < interval.end):
            yield day, rows.filter(pc.equal(days, pa.scalar(day, pa.date32())))


def _parquet_batches(path: AnyPath) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            # With a buffer a column is read piece by piece: a file may be one row group, larger than memory.
            yield from pq.ParquetFile(file, buffer_size=PIECE).iter_batches(ROWS_AT_A_TIME)
    except FileNotFoundError:
        raise _missing(path) from None
    except (pa.ArrowException, OSError) as error:
        raise Transient(f"{path}: is not a whole Parquet file, it may be still arriving: {error}") from error


def _text_batches(path: AnyPath, ingest: FilesIngest, day: date) -> Iterator[pa.RecordBatch]:
    """The records of a text file as columns of text, at least one batch; what does not fit is kept for `day`."""
    try:
        yield from _csv_batches(path, day) if ingest.format == "csv" else _json_batches(path)
    except FileNotFoundError:
        raise _missing(path) from None
    except (ValueError, csv.Error) as error:
        raise Transient(f"{path}: cannot be read as {ingest.format}: {error}; it may be still arriving") from error


def _text_lines(path: AnyPath) -> Iterator[str]:
    """The lines of a text file; raises ValueError at its end where that is no line break."""
    line = ""
    with path.open("rb") as content, io.TextIOWrapper(content, encoding="utf-8-sig") as lines:
        for line in lines:
            yield line
    if not line.endswith("\n"):
        raise ValueError("it breaks off without a line break at its end")


def _csv_batches(path: AnyPath, day: date) -> Iterator[pa.RecordBatch]:
    """A last line that is too short may be cut off; whatever else is wrong with the lines is how they were meant."""
    lines = csv.reader(_text_lines(path), strict=True)
    header = next(lines)
    is_told_apart = len(set(header)) == len(header)
    first, count, width, above, lacking = "", 0, len(header), 1, 0
    if is_told_apart:
        yield _csv_batch(header, [])
    for chunk in chunks(lines):
        for number, fields in enumerate(chunk, start=above + 1):
            if lacking := len(header) - len(fields):
                first = first or f"line {number} has {len(fields)} fields, the header has {len(header)}"
                count += 1
                width = max(width, len(fields))
        above += len(chunk)
        if is_told_apart and not count:
            yield _csv_batch(header, chunk)
    if count == 1 and lacking > 0:
        raise ValueError(first)
    if not is_told_apart:
        first = f"a column is there twice: {', '.join(header)}"
        count += 1
    if count:
        more = f" (and {count - 1} faults like it)" if count > 1 else ""
        raise Unfit(f"{path.name}: {first}{more}", day, ((day, rows) for rows in _csv_batches_padded(path, width)))


def _csv_batches_padded(path: AnyPath, width: int) -> Iterator[pa.RecordBatch]:
    """All lines of a file whose lines do not fit its header, which has a name for each of so many fields."""
    lines = csv.reader(_text_lines(path), strict=True)
    header = next(lines)
    names = _told_apart([*header, *(f"field {number}" for number in range(len(header) + 1, width + 1))])
    yield from (_csv_batch(names, chunk) for chunk in chunks(lines))


def _csv_batch(names: list[str], lines: list[list[str]]) -> pa.RecordBatch:
    """An empty field and a missing one are the same in CSV: null."""
    import pyarrow as pa

    columns = [[value or None for value in values] for _, *values in zip_longest([None] * len(names), *lines)]
    return pa.RecordBatch.from_arrays([pa.array(values, pa.string()) for values in columns], names)


def _told_apart(names: list[str]) -> list[str]:
    return [f"{name} ({count})" if (count := names[:place].count(name) + 1) > 1 else name for place, name in enumerate(names)]


def _json_batches(path: AnyPath) -> Iterator[pa.RecordBatch]:
    yield batch([])
    yield from map(batch, chunks(_json_records(path)))


def _json_records(path: AnyPath) -> Iterator[dict[str, Any]]:
    written = (line for line in _text_lines(path) if line.strip())
    for number, line in enumerate(written, start=1):
        record = loads(line)
        if not isinstance(record, dict):
            raise ValueError(f"record {number} is no object")
        yield record


def _missing(path: AnyPath) -> Transient:
    return Transient(f"{path}: is not there yet. If it stays away, ask who drops it")
