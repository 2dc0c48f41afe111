"""What columns hold: a few kinds that the types of every source, and values written as text, have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

# A kind is one of these names, a decimal with its digits as SQL writes them, or else the type's own name.
TEXT, EMPTY = "text", "empty"
_KINDS = {
    r"(large_)?string(_view)?|dictionary<values=(large_)?string.*": TEXT,
    r"u?int\d+": "integer",
    r"decimal\d+(\(.*\))": r"decimal\1",
    r"halffloat|float|double": "double",
    r"bool": "boolean",
    r"date\d+\[\w+\]": "date",
    r"timestamp\[\w+\]": "timestamp",
    r"timestamp\[\w+, tz=.*\]": "timestamp with time zone",
    r"null": EMPTY,
}
_CLOCK = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?"
_WRITTEN = {
    "boolean": r"(?i:true|false)",
    "integer": r"[+-]?\d+",
    "decimal": r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?",
    "date": r"\d{4}-\d{2}-\d{2}",
    "timestamp": rf"{_CLOCK}(Z|[+-]\d{{2}}:?\d{{2}})?",
}
_SAME_WRITTEN = {"bigint": "integer", "double": "decimal", "timestamp with time zone": "timestamp"}
MOST = 0.5


@dataclass(frozen=True)
class Columns:
    """The columns of something that arrived, or might: their kinds, how many rows there are, and how to read a sample of one."""

    kinds: Mapping[str, str]
    row_count: int
    read: Callable[[str], pa.ChunkedArray]

    def find(self, name: str) -> str | None:
        """The column as it is spelled here: case makes no difference to the SQL that reads it."""
        return name if name in self.kinds else next((one for one in self.kinds if one.casefold() == name.casefold()), None)

    def values(self, name: str) -> pa.ChunkedArray:
        """A sample of what the column holds, without nulls and empty texts."""
        return filled(self.read(name))

    def described(self, name: str) -> str:
        """The kind of the column; of one that arrives as text, what its values can be read as."""
        kind = self.kinds[name]
        return _written(self.values(name)) if kind == TEXT else kind


def are_most(odd: int, count: int) -> bool:
    """Whether so many are at fault that what arrives has changed, and not only records of it."""
    return odd > 1 and odd > MOST * count


def kind_of(arrow_type: str) -> str:
    """The kind of an Arrow type, as its name says it."""
    for pattern, kind in _KINDS.items():
        if match := re.fullmatch(pattern, arrow_type):
            return match.expand(kind)
    return arrow_type


def written_as(values: pa.ChunkedArray, kinds: Collection[str]) -> pa.ChunkedArray:
    """Of each text whether it can be read as one of the kinds; one that nobody knows how to write fits anything."""
    names = [_SAME_WRITTEN.get(base(kind), base(kind)) for kind in kinds]
    return pc.match_substring_regex(values, f"^({'|'.join(_WRITTEN.get(name, '.*') for name in names)})$")


def share(truths: pa.ChunkedArray) -> float:
    """Which share of them is true, from 0 to 1; 0 where there are none."""
    return float(pc.mean(truths).as_py() or 0)


def widens(kind: str, other: str) -> bool:
    """Whether whatever is of the kind is of the other kind too."""
    if base(kind) == base(other) == "decimal":
        scale, room = _scale(kind), _scale(other)
        return scale is None or room is None or scale <= room
    return kind in (other, EMPTY) or (kind == "integer" and base(other) in ("bigint", "decimal", "double"))


def filled(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values that say something; texts without the blanks around them."""
    if kind_of(str(values.type)) == TEXT:
        values = pc.utf8_trim_whitespace(values.cast(pa.string()))
    return values.filter(is_filled(values))


def is_filled(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Of each value whether it says something: a null does not, nor does an empty text."""
    if kind_of(str(values.type)) == TEXT:
        return pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(values.cast(pa.string())), ""), False)
    return pc.is_valid(values)


def _written(values: pa.ChunkedArray) -> str:
    """The narrowest kind that nearly all of the texts can be read as."""
    return next((kind for kind in _WRITTEN if share(written_as(values, [kind])) >= 0.95), TEXT)


def base(kind: str) -> str:
    """The kind without its digits."""
    return kind.partition("(")[0]


def _scale(kind: str) -> int | None:
    digits = re.search(r"(-?\d+)\)$", kind)
    return int(digits[1]) if digits else None
