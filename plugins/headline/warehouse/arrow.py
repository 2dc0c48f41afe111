"""Rows of any engine as batches of Arrow with the columns and types that were promised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from headline.errors import BadData

if TYPE_CHECKING:
    import pyarrow as pa


def schema_of(columns: Mapping[str, str]) -> pa.Schema:
    """Arrow's types for columns with types of DuckDB's dialect: varchar, bigint, integer, double, boolean, date, timestamp,
    decimal(p, s)."""
    import pyarrow as pa

    plain = {
        "varchar": pa.string(),
        "bigint": pa.int64(),
        "integer": pa.int32(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
    }

    def of(kind: str) -> pa.DataType:
        if kind in plain:
            return plain[kind]
        precision, scale = kind.removeprefix("decimal(").rstrip(")").split(",")
        return pa.decimal128(int(precision), int(scale))

    return pa.schema([(name, of(kind)) for name, kind in columns.items()])


def fitting(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in the types of a schema; only a type that holds every value of the other may take its place.

    Raises BadData where a column is missing or has another type.
    """
    import pyarrow as pa

    if batch.schema.names != schema.names:
        raise BadData(f"the columns are {', '.join(batch.schema.names)}, and not as promised {', '.join(schema.names)}")
    for field, promised in zip(batch.schema, schema, strict=True):
        if not _holds(promised.type, field.type):
            raise BadData(f"the column {field.name} is {field.type}, and not as promised {promised.type}: cast it in the SELECT")
    try:
        return pa.RecordBatch.from_arrays(
            [one.cast(field.type) for one, field in zip(batch.columns, schema, strict=True)], schema=schema
        )
    except pa.ArrowInvalid as error:
        raise BadData(f"a value does not fit the type that was promised: {error}") from error


def of_rows(columns: Sequence[str], rows: Iterator[Sequence[Any]], schema: pa.Schema, size: int) -> Iterator[pa.RecordBatch]:
    """Rows of Python's values, so many at a time. Raises BadData for other columns and values than promised."""
    import pyarrow as pa

    if list(columns) != schema.names:
        raise BadData(f"the columns are {', '.join(columns)}, and not as promised {', '.join(schema.names)}")
    while part := list(islice(rows, size)):
        try:
            arrays = [pa.array(values, field.type) for values, field in zip(zip(*part, strict=True), schema, strict=True)]
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise BadData(f"a value does not fit the type that was promised: {error}") from error
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _holds(promised: pa.DataType, found: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_decimal(promised) and pa.types.is_decimal(found):
        whole = promised.precision - promised.scale, found.precision - found.scale
        return bool(promised.scale >= found.scale and whole[0] >= whole[1])
    if pa.types.is_integer(promised) and pa.types.is_integer(found):
        return bool(promised.bit_width >= found.bit_width and pa.types.is_signed_integer(found))
    if pa.types.is_timestamp(promised) and pa.types.is_timestamp(found):
        return found.tz is None
    return bool(promised == found or (pa.types.is_null(found)))
