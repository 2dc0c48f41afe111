"""What a day holds, whatever the order of its rows, the cut of its parts and the program that wrote its file."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from headline.sources.columns import TEXT, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

# A checksum of content has 40 digits. Loads from before content was compared have the 64 digits of their file's SHA-256.
DIGEST_BYTES = 20
_ROW_BYTES = 16
_MODULUS = 1 << 8 * _ROW_BYTES
_BITS = {pa.float16(): pa.int16(), pa.float32(): pa.int32(), pa.float64(): pa.int64()}
_NOTHING, _SEPARATOR = (pa.scalar(text, pa.large_binary()) for text in (b"", b":"))


class Content:
    """Sums up the rows of one day: their number, and the sum of a hash of each, so that duplicates count and order does not.

    A row is its values by the names of their columns; a null is the same as a column that its part does not have. The business
    day does not count, for it is the same in all rows.
    """

    def __init__(self) -> None:
        self.row_count = 0
        self._sum = 0

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Count rows in; 20,000 of them take about 1 µs each."""
        self.row_count += rows.num_rows
        columns = [_labelled(name, _whole(rows.column(name))) for name in sorted(set(rows.schema.names) - {"ds"})]
        texts = pc.binary_join_element_wise(*columns, _NOTHING).to_pylist() if columns else [b""] * rows.num_rows
        total = sum(int.from_bytes(blake2b(text, digest_size=_ROW_BYTES).digest(), "big") for text in texts)
        self._sum = (self._sum + total) % _MODULUS

    def checksum(self, schema: pa.Schema) -> str:
        """What has been counted in so far, with the columns and their types; how a text is encoded makes no difference."""
        columns = sorted((field.name, _type(field.type)) for field in schema if field.name != "ds")
        return blake2b(json.dumps([self.row_count, self._sum, columns]).encode(), digest_size=DIGEST_BYTES).hexdigest()


def content_of(tables: Iterable[pa.Table | pa.RecordBatch]) -> Content:
    """The content of rows that come in any number of parts."""
    content = Content()
    for rows in tables:
        content.add(rows)
    return content


def _type(kind: pa.DataType) -> str:
    return TEXT if kind_of(str(kind)) == TEXT else str(kind)


def _whole(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _labelled(name: str, values: pa.Array) -> pa.Array:
    """Each value after the name of its column, both with their lengths, so that no two rows read alike; nothing for a null."""
    label = name.encode()
    encoded = _encoded(values)
    length = pc.binary_length(encoded).cast(pa.large_string()).cast(pa.large_binary())
    prefix = pa.scalar(b"%d:%s:" % (len(label), label), pa.large_binary())
    return pc.fill_null(pc.binary_join_element_wise(prefix, length, _SEPARATOR, encoded, _NOTHING), b"")


def _encoded(values: pa.Array) -> pa.Array:
    """Values as bytes that no version of a library writes otherwise: moments as whole numbers, floats by their bits."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _encoded(values.dictionary_decode())
    if kind_of(str(kind)) == TEXT or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return values.cast(pa.large_binary())
    if kind in _BITS:
        values = values.view(_BITS[kind])
    elif pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        values = values.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    elif pa.types.is_nested(kind) or not _is_simple(kind):
        values = pa.array([None if value is None else repr(value) for value in values.to_pylist()], pa.large_string())
    return values.cast(pa.large_string()).cast(pa.large_binary())


def _is_simple(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_temporal, pa.types.is_null)
    return any(test(kind) for test in tests) and not pa.types.is_interval(kind)
