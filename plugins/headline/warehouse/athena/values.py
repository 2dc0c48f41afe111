"""Athena gives every value as text; here it becomes what the column's type says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from headline.warehouse.base import Result


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


def result_of(pages: Iterable[dict[str, Any]]) -> Result:
    """Rows with their column names, of the pages of GetQueryResults; the first row of a SELECT repeats the names."""
    columns: list[str] = []
    readers: list[Callable[[str], Any]] = []
    rows: list[tuple[Any, ...]] = []
    for number, page in enumerate(pages):
        found = page["ResultSet"]["Rows"]
        if number == 0:
            described = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
            columns = [column["Name"] for column in described]
            readers = [_READ.get(column["Type"], str) for column in described]
            if found and [value.get("VarCharValue") for value in found[0]["Data"]] == columns:
                found = found[1:]
        for row in found:
            texts = [cell.get("VarCharValue") for cell in row["Data"]]
            rows.append(tuple(None if text is None else read(text) for read, text in zip(readers, texts, strict=True)))
    return Result(columns, rows)
