"""An answer in the form that a reader asks for: JSON, CSV, Parquet or Arrow; every value is exact in each of them."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headline.figures.values import commit
from headline.show import csv_line

if TYPE_CHECKING:
    import pyarrow as pa

JSON, CSV, PARQUET, ARROW = (
    "application/json",
    "text/csv",
    "application/vnd.apache.parquet",
    "application/vnd.apache.arrow.stream",
)
FORMS = (JSON, CSV, PARQUET, ARROW)
# What the numbers of metrics and figures are in Parquet and Arrow, whatever their unit.
NUMBER, _PLACES = "decimal(38, 18)", 18
LIST = "varchar[]"
_DECIMAL = re.compile(r"decimal\((\d+), (\d+)\)")


@dataclass(frozen=True)
class Column:
    """A column of an answer; `type`: as SQL calls it."""

    name: str
    type: str = "varchar"
    description: str = ""


@dataclass(frozen=True)
class Content:
    """What an endpoint answers with.

    `version`, `as_of`, `coverage`: what all its rows are of. `names`: the tables and metrics whose figures are in it. `notes`:
    what else is to be known. `next_cursor`: where the next page begins. `is_one`: one thing and not a list.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    version: int = 0
    as_of: datetime | None = None
    coverage: Decimal | None = None
    names: Sequence[str] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    next_cursor: str | None = None
    is_one: bool = False

    @property
    def meta(self) -> dict[str, Any]:
        """What every answer says of itself."""
        coverage = None if self.coverage is None else f"{self.coverage:f}"
        as_of = self.as_of and self.as_of.isoformat()
        return {"as_of": as_of, "version": self.version, "coverage": coverage, "commit": commit(), **self.notes}


def columns(**types: str) -> tuple[Column, ...]:
    """Columns by name with their types."""
    return tuple(Column(name, kind) for name, kind in types.items())


def acceptable(accept: str) -> str | None:
    """The form that a reader likes best, as the header Accept says it; None where none of ours is among them."""
    best = max(FORMS, key=lambda form: quality(form, accept or "*/*"))
    return best if quality(best, accept or "*/*") else None


def quality(name: str, accepted: str) -> float:
    """How much a reader likes something, from 0 to 1, as a header Accept… says it: what names it most exactly counts."""
    ranges = {name: 2, f"{name.partition('/')[0]}/*": 1, "*/*": 0, "*": 0}
    found, exactness = 0.0, -1
    for part in accepted.split(","):
        of, *parameters = (one.strip().lower() for one in part.split(";"))
        if (exact := ranges.get(of, -1)) > exactness:
            told = next((one[2:] for one in parameters if one.startswith("q=")), "1")
            found = min(float(told), 1.0) if re.fullmatch(r"\d(\.\d{0,3})?", told) else 0.0
            exactness = exact
    return found


def written(form: str, content: Content) -> bytes:
    """The rows in a form. JSON has what is to be known of them under `meta`, and where the next page begins under `next`."""
    if form == JSON:
        names = [column.name for column in content.columns]
        rows = [dict(zip(names, map(_plain, row), strict=True)) for row in content.rows]
        told: dict[str, Any] = {"meta": content.meta, "data": rows[0] if content.is_one else rows}
        if not content.is_one:
            told["next"] = content.next_cursor
        return json.dumps(told, default=_text, allow_nan=False).encode()
    if form == CSV:
        lines = [[column.name for column in content.columns], *([_exact(value) for value in row] for row in content.rows)]
        return "".join(f"{csv_line(line)}\r\n" for line in lines).encode()
    return _of_arrow(form, content)


def _of_arrow(form: str, content: Content) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    fields = [pa.field(one.name, arrow_type(one.type), metadata={"description": one.description}) for one in content.columns]
    schema = pa.schema(fields, metadata={"headline": json.dumps(content.meta, default=_text)})
    values = zip(*content.rows, strict=True) if content.rows else ([] for _ in fields)
    arrays = [
        pa.array(map(_fitted(one.type), mine), arrow_type(one.type)) for one, mine in zip(content.columns, values, strict=True)
    ]
    table, sink = pa.Table.from_arrays(arrays, schema=schema), io.BytesIO()
    if form == PARQUET:
        parquet.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, schema) as stream:
            stream.write_table(table)
    return sink.getvalue()


def arrow_type(kind: str) -> pa.DataType:
    """The type of Arrow for one of SQL."""
    import pyarrow as pa

    if exact := _DECIMAL.fullmatch(kind):
        return pa.decimal128(int(exact[1]), int(exact[2]))
    known = {
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "boolean": pa.bool_(),
        "integer": pa.int32(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        LIST: pa.list_(pa.string()),
    }
    return known.get(kind, pa.string())


def _fitted(kind: str) -> Callable[[Any], Any]:
    """What makes of a value one that fits its column: a moment has its zone, a number no more places than there are."""
    if kind == "timestamp":
        return lambda value: value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
    if kind != NUMBER:
        return lambda value: value
    return lambda value: value if value is None else round(Decimal(value), _PLACES)


def _plain(value: Any) -> Any:
    """A value as JSON has it: an exact number is text, and what is no number is nothing."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return _exact(value)


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return _text(value) if isinstance(value, date) else value


def _text(value: Any) -> str:
    """A moment with its zone, which is UTC where it says none; anything else as text."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else str(value)
