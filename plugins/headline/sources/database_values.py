"""What PostgreSQL's types and values are here; no value of a source fails the driver."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headline.sources.columns import TEXT, kind_of

if TYPE_CHECKING:
    from psycopg import Column


# PostgreSQL's type numbers; whatever is not named arrives as text.
_ARROW_TYPES = {
    16: pa.bool_(),
    20: pa.int64(),
    21: pa.int64(),
    23: pa.int64(),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", tz="UTC"),
}
_NUMERIC = 1700
_TEXTS = {25, 1042, 1043}


def read_all_values(cursor: Any) -> None:
    """Let no value fail the driver: what Python has no value for arrives as Odd, with its text, and of a type that we have no
    column for everything as the text that PostgreSQL writes."""
    from psycopg import DataError
    from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
    from psycopg.types.string import TextLoader

    def lenient(loader: Any, *, is_padded: bool) -> Any:
        class Lenient(loader):
            def load(self, data: Any) -> Any:
                try:
                    value = super().load(data)
                    return value.rstrip(" ") if is_padded else value
                except (DataError, UnicodeDecodeError):
                    return Odd(bytes(data).decode("utf-8", "replace"))

        return Lenient

    cursor.connection.execute("set client_encoding to 'UTF8'")
    as_text = lenient(TextLoader, is_padded=False)
    for kind in cursor.adapters.types:
        for number in {kind.oid, kind.array_oid} - {0, _NUMERIC, *_ARROW_TYPES}:
            cursor.adapters.register_loader(number, as_text)
    for name, loader in (
        ("date", DateLoader),
        ("timestamp", TimestampLoader),
        ("timestamptz", TimestamptzLoader),
        *((name, TextLoader) for name in ("text", "varchar", "bpchar")),
    ):
        cursor.adapters.register_loader(name, lenient(loader, is_padded=name == "bpchar"))


class Odd(str):
    """The text of a value that the type of its column has in the source and not here."""


_UNFIT = (pa.ArrowException, ValueError, OverflowError, TypeError)


def array_of(values: Sequence[Any], kind: pa.DataType) -> tuple[pa.Array, list[int]]:
    """The values as a column, and the places of those that it cannot hold, which are null there."""
    if pa.types.is_string(kind):
        odd = [place for place, value in enumerate(values) if isinstance(value, Odd)]
        texts = [f"{value:f}" if isinstance(value, Decimal) else value if value is None else str(value) for value in values]
        return pa.array([None if isinstance(value, Odd) else text for value, text in zip(values, texts, strict=True)], kind), odd
    try:
        return pa.array(values, kind), []
    except _UNFIT:
        held = [value if _fits(value, kind) else None for value in values]
        odd = [place for place, value in enumerate(values) if value is not None and held[place] is None]
        return pa.array(held, kind), odd


def _fits(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.array([value], kind)
    except _UNFIT:
        return False
    return True


def kind_of_column(column: Column) -> str:
    """What is left unbounded or has no counterpart arrives as text, but is known by PostgreSQL's own name for it."""
    kind = kind_of(str(arrow_type(column)))
    if kind == TEXT and column.type_code not in _TEXTS:
        return "decimal" if column.type_code == _NUMERIC else str(column.type_display)
    return kind


def arrow_type(column: Column) -> pa.DataType:
    if column.type_code == _NUMERIC and column.precision and column.precision <= 38:
        return pa.decimal128(column.precision, column.scale or 0)
    return _ARROW_TYPES.get(column.type_code, pa.string())
