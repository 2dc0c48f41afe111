"""The rows of one dropped file, whatever its format."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from headline.ledger.schema_changes import short
from headline.sources.csv_lines import csv_batches
from headline.sources.dropped import missing, unreadable
from headline.sources.json_lines import json_batches
from headline.sources.landing import Unfit
from headline.sources.names import name_key, told_apart
from headline.sources.refused import RESERVED
from headline.sources.storage import at_rest
from headline.sources.text import Taken, in_iso
from headline.specs import FilesIngest

if TYPE_CHECKING:
    import pyarrow as pa

    from headline.sources.storage import AnyPath


def batches(path: AnyPath, ingest: FilesIngest, day: date, taken: Taken | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of one file, in parts of bounded memory; days that are texts of another form (`day_format`) in that of ISO 8601.

    Raises what `read` does.
    """
    parts = _parquet_batches(path, day) if ingest.format == "parquet" else _text_batches(path, ingest, day, taken)
    column = ingest.day or ingest.moment
    if ingest.day_format is None or column is None:
        return parts
    return (in_iso(rows, column, ingest.day_format) for rows in parts)


def _parquet_batches(path: AnyPath, day: date) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, at least one batch; raises Unfit, when all of it was read, where a column is there twice."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from headline.sources.parquet import batches

    try:
        with at_rest(path), path.open("rb") as file:
            parquet = pq.ParquetFile(file)
            names = parquet.schema_arrow.names
            own = [f"{name} (arrived)" if name_key(name) in RESERVED else name for name in names]
            apart = told_apart(own)
            parts = batches(parquet, file, path.stat().st_size, str(path))
            if parquet.metadata.num_rows == 0:  # its columns land all the same
                parts = iter([pa.RecordBatch.from_pylist([], parquet.schema_arrow)])
            yield from parts if apart == names else (rows.rename_columns(apart) for rows in parts)
            if apart != own:
                raise Unfit(f"{path.name}: a column is duplicated: {', '.join(map(short, names[:20]))}", day)
    except FileNotFoundError:
        raise missing(path) from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, "Parquet", error) from error


def _text_batches(path: AnyPath, ingest: FilesIngest, day: date, taken: Taken | None = None) -> Iterator[pa.RecordBatch]:
    """The records of a text file as columns of text, at least one batch; what does not fit is kept for `day`."""
    try:
        if path.stat().st_size == 0:
            raise ValueError("it is empty, even of a header")
        with at_rest(path):
            read = csv_batches if ingest.format == "csv" else json_batches
            yield from read(path, ingest, day, taken or Taken())
    except FileNotFoundError:
        raise missing(path) from None
    except (OSError, LookupError, ValueError, csv.Error) as error:
        raise unreadable(path, ingest.format, error) from error
