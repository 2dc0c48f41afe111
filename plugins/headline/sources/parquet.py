"""Parquet in parts of bounded memory: how small a file is says little about what its rows take once they are written out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headline.errors import BadData
from headline.sources.bounds import require_expansion
from headline.sources.spool import BYTES_AT_A_TIME, ROWS_AT_A_TIME
from headline.sources.storage import LONGEST_RECORD, PIECE

_DICTIONARIES = {"PLAIN_DICTIONARY", "RLE_DICTIONARY"}
# Each value is told by what differs from the one before it: of how long values are nothing says anything.
_BY_DIFFERENCE = "DELTA_BYTE_ARRAY"
_ROWS_BY_DIFFERENCE = 16
# What a value takes at least, in bytes; one of a text or a list of bytes takes its place in them.
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 8, "FLOAT": 4, "DOUBLE": 8, "BYTE_ARRAY": 4}
_VIEWS = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
# A row that takes more is none that anybody meant.
LONGEST_ROW = 16 * LONGEST_RECORD


def batches(parquet: pq.ParquetFile, file: IO[bytes], size: int, where: str) -> Iterator[pa.RecordBatch]:
    """The rows of a file with each value written out, in parts of few rows where rows are long. `size`: of the file in bytes.

    Texts that a file holds once and repeats are counted before they are written out. Raises BadData where it expands to more than
    it may, or has a row that is longer than LONGEST_ROW.
    """
    metadata = parquet.metadata
    all_groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    columns = [parquet.schema.column(number) for number in range(metadata.num_columns)]
    widths = [column.length or _WIDTHS.get(column.physical_type, 8) for column in columns]
    repeated = [number for number, column in enumerate(columns) if column.max_repetition_level]
    told = sum(group.total_byte_size for group in all_groups)
    told += sum(group.column(number).num_values * widths[number] for group in all_groups for number in repeated)
    require_expansion(told, size, where)
    texts = [number for number, column in enumerate(columns) if column.physical_type == "BYTE_ARRAY"]
    in_dictionary = [number for number in texts if any(_DICTIONARIES & {*group.column(number).encodings} for group in all_groups)]
    by_difference = {number for number in texts if any(_BY_DIFFERENCE in group.column(number).encodings for group in all_groups)}
    asked = [columns[number].path for number in in_dictionary if number not in by_difference]
    # With a buffer a column is read piece by piece: a file may be one row group, larger than memory.
    lean = pq.ParquetFile(file, metadata=metadata, read_dictionary=asked, buffer_size=PIECE)
    schema = pa.schema([field.with_type(_written_out(field.type)) for field in parquet.schema_arrow])
    counter = _Expansion(size, where)
    yield from _joined(
        part
        for run in _runs(all_groups)
        for rows in lean.iter_batches(_fitting([all_groups[place] for place in run], widths, by_difference), row_groups=run)
        for part in counter.parts(rows, schema)
    )


def groups(parquet: pq.ParquetFile, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a landed file, a row group at a time, as few as fit into memory: of these columns, or of all."""
    for number in range(parquet.metadata.num_row_groups):
        yield from parquet.iter_batches(ROWS_AT_A_TIME, row_groups=[number], columns=columns)


def _runs(groups: list[pq.RowGroupMetaData]) -> Iterator[list[int]]:
    """Row groups that are read together, since each is small; one that is not by itself."""
    run: list[int] = []
    size = 0
    for number, group in enumerate(groups):
        if run and size + group.total_byte_size > BYTES_AT_A_TIME:
            yield run
            run, size = [], 0
        run.append(number)
        size += group.total_byte_size
    if run:
        yield run


def _fitting(groups: list[pq.RowGroupMetaData], widths: list[int], by_difference: set[int]) -> int:
    """How many rows to read at a time, by what they take on average."""
    count = max(sum(group.num_rows for group in groups), 1)
    size = sum(
        max(group.column(number).total_uncompressed_size, group.column(number).num_values * width)
        for group in groups
        for number, width in enumerate(widths)
    )
    fitting = min(ROWS_AT_A_TIME, BYTES_AT_A_TIME * count // max(size, 1))
    longest = max((group.column(number).total_uncompressed_size for group in groups for number in by_difference), default=0)
    if longest * ROWS_AT_A_TIME > BYTES_AT_A_TIME:
        fitting = min(fitting, _ROWS_BY_DIFFERENCE, LONGEST_ROW // longest)
    return max(fitting, 1)


class _Expansion:
    """Counts what the texts of a file take once they are written out."""

    def __init__(self, size: int, where: str) -> None:
        self._size = size
        self._where = where
        self._count = 0

    def parts(self, rows: pa.RecordBatch, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows, written out, in as many parts as they take."""
        self._count += _text_bytes(rows)
        require_expansion(self._count, self._size, self._where)
        yield from self._halved(rows, schema)

    def _halved(self, rows: pa.RecordBatch, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        count = _text_bytes(rows)
        if rows.num_rows > 1 and count > BYTES_AT_A_TIME:
            middle = rows.num_rows // 2
            yield from self._halved(rows.slice(0, middle), schema)
            yield from self._halved(rows.slice(middle), schema)
            return
        if count > LONGEST_ROW:
            raise BadData(
                f"{self._where}: has a row of {count:,} bytes, and {LONGEST_ROW:,} is the most; nothing was loaded. "
                "Ask its sender"
            )
        columns = [_as(field.type, values) for values, field in zip(rows.columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(columns, names=rows.schema.names)


def _as(kind: pa.DataType, values: pa.Array) -> pa.Array:
    if values.type == kind:
        return values
    if pa.types.is_dictionary(values.type):  # not every kind of text can be cast from one
        values = values.dictionary_decode()
    if pa.types.is_nested(kind):  # a part of a list is cast with all that the whole list holds
        values = values.take(pa.array(range(len(values))))
    return values.cast(kind)


def _text_bytes(rows: pa.RecordBatch) -> int:
    """What the texts of all columns take once they are written out."""
    return sum(map(_bytes_of, rows.columns))


def _bytes_of(values: pa.Array) -> int:
    kind = values.type
    if pa.types.is_dictionary(kind):
        if not (pa.types.is_string(kind.value_type) or pa.types.is_binary(kind.value_type) or _is_large(kind.value_type)):
            return 0
        lengths = pc.binary_length(values.dictionary)
        return int(pc.sum(pc.take(lengths, values.indices)).as_py() or 0)
    if _is_list(kind):
        return _bytes_of(values.flatten())
    if pa.types.is_map(kind):
        start, end = values.offsets[0].as_py(), values.offsets[-1].as_py()
        return sum(_bytes_of(part.slice(start, end - start)) for part in (values.keys, values.items))
    if pa.types.is_struct(kind):
        return sum(map(_bytes_of, values.flatten()))
    if pa.types.is_fixed_size_binary(kind):
        return len(values) * kind.byte_width
    is_text = pa.types.is_string(kind) or pa.types.is_binary(kind) or _is_large(kind) or kind in _VIEWS
    return values.nbytes if is_text else 0


def _is_large(kind: pa.DataType) -> bool:
    return pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _written_out(kind: pa.DataType) -> pa.DataType:
    """The type without dictionaries and views, of which Arrow cannot filter every one; within lists and the like neither."""
    if pa.types.is_dictionary(kind):
        return _written_out(kind.value_type)
    if kind in _VIEWS:
        return _VIEWS[kind]
    if pa.types.is_map(kind):
        key, item = (field.with_type(_written_out(field.type)) for field in (kind.key_field, kind.item_field))
        return pa.map_(key, item)
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_written_out(field.type)) for field in kind])
    if _is_list(kind):
        inner = kind.value_field.with_type(_written_out(kind.value_type))
        if pa.types.is_fixed_size_list(kind):
            return pa.list_(inner, kind.list_size)
        return pa.large_list(inner) if pa.types.is_large_list(kind) else pa.list_(inner)
    return kind


def _joined(parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Parts of few rows together, as far as they are short."""
    waiting: list[pa.RecordBatch] = []
    count = size = 0
    for part in parts:
        if waiting and (count + part.num_rows > ROWS_AT_A_TIME or size + part.nbytes > BYTES_AT_A_TIME):
            yield _one(waiting)
            waiting, count, size = [], 0, 0
        waiting.append(part)
        count += part.num_rows
        size += part.nbytes
    if waiting:
        yield _one(waiting)


def _one(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(parts) == 1:
        return parts[0]
    return pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
