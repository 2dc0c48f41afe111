"""Athena gives every value as text; here it becomes what the column's type says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any


def _moment(text: str) -> datetime:
    if text.endswith(" UTC"):
        return datetime.fromisoformat(text.removesuffix(" UTC")).replace(tzinfo=UTC)
    return datetime.fromisoformat(text)


_READ: dict[str, Callable[[str], Any]] = {
    "boolean": lambda text: text == "true",
    "tinyint": int,
    "smallint": int,
    "integer": int,
    "int": int,
    "bigint": int,
    "decimal": Decimal,
    "double": float,
    "float": float,
    "real": float,
    "date": date.fromisoformat,
    "timestamp": _moment,
    "timestamp with time zone": _moment,
    "varbinary": lambda text: bytes.fromhex(text.replace(" ", "")),
}


def rows_of(pages: Iterator[dict[str, Any]]) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Column names and rows of the pages of GetQueryResults, one page at a time; the first row of a SELECT repeats the names."""
    first = next(pages)
    described = first["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    columns = [str(column["Name"]) for column in described]
    readers = [_READ.get(column["Type"], str) for column in described]
    texts = (
        [cell.get("VarCharValue") for cell in row["Data"]] for page in chain([first], pages) for row in page["ResultSet"]["Rows"]
    )
    rows = (row for number, row in enumerate(texts) if number or row != columns)
    read = (tuple(None if text is None else read(text) for read, text in zip(readers, row, strict=True)) for row in rows)
    return columns, read
