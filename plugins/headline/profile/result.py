"""What a file holds: of every column the type that fits, the key, the day, and what somebody has to decide."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from headline.profile.kinds import COMMA, KINDS, Column
from headline.profile.look import Written, own_columns
from headline.sources.columns import base, kind_of
from headline.sources.refused import REFUSAL

if TYPE_CHECKING:
    import pyarrow as pa

# Keys are looked for among the first rows: what tells those apart is the candidate.
# From which share of other values on a column of whole numbers is rather one of names, such as C536379 among 536379.
NUMBERED = 0.001
KEY_ROWS, KEY_BYTES, KEY_COLUMNS = 100_000, 64 * 2**20, 3


@dataclass(frozen=True)
class Judged:
    """A column with the type that fits, and in `doubts` what else it could be or what does not fit."""

    column: Column
    type: str
    day_format: str = ""
    doubts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def tells_day(self) -> bool:
        return bool(self.day_format) or base(self.type) in ("date", "timestamp")


@dataclass
class Profile:
    """What was found. `keys`: the smallest sets of columns that tell one of the first rows from another, the likeliest first."""

    written: Written
    columns: list[Judged]
    row_count: int
    refused_count: int
    decimal_separator: str
    keys: list[tuple[str, ...]] = field(default_factory=list)
    key_rows: int = 0

    @property
    def days(self) -> list[Judged]:
        """The columns that can tell the day of a row; those that always do first."""
        return sorted((one for one in self.columns if one.tells_day), key=lambda one: one.column.nulls > 0)

    @property
    def seconds(self) -> list[Judged]:
        """Whole numbers that may be seconds since 1970."""
        return [one for one in self.columns if any("since 1970" in doubt for doubt in one.doubts)]

    @property
    def day(self) -> Judged | None:
        """The column by which a source should tell the day of a row; none where the file's name does, or nothing."""
        return None if self.written.names_day or not self.days else self.days[0]

    @property
    def null_markers(self) -> dict[str, list[str]]:
        """Texts that say «not given», each with the columns that have it."""
        found: dict[str, list[str]] = {}
        for one in self.columns:
            for marker in one.column.markers:
                found.setdefault(marker, []).append(one.name)
        return found

    @property
    def currency_codes(self) -> list[Judged]:
        """Columns that hold what looks like codes of currencies."""
        return [one for one in self.columns if one.column.is_code and one.column.codes and _is_about_currency(one.column)]

    @property
    def currency_columns(self) -> list[str]:
        """Columns that are called like currencies, as where a table has one column for each."""
        found = [one.name for one in self.columns if re.fullmatch("[A-Z]{3}", one.name)]
        return found if len(found) >= 3 else []


def profile(written: Written) -> Profile:
    """Read all of a file, once, and judge what it holds; memory does not grow with it."""
    import pyarrow as pa

    columns: dict[str, Column] = {}
    rows_seen, refused, kept_bytes = 0, 0, 0
    kept: list[pa.RecordBatch] = []
    for rows in written.batches():
        rows_seen += rows.num_rows
        if REFUSAL in rows.schema.names:
            is_sound = pa.compute.is_null(rows.column(REFUSAL))
            refused += rows.num_rows - pa.compute.sum(is_sound).as_py() if rows.num_rows else 0
            rows = rows.filter(is_sound)
        for name in own_columns(rows):
            values = rows.column(name)
            if name not in columns:
                columns[name] = Column(
                    name, str(values.type), count=rows_seen - rows.num_rows - refused, nulls=rows_seen - rows.num_rows - refused
                )
            columns[name].add(values)
        if rows.num_rows and sum(one.num_rows for one in kept) < KEY_ROWS and kept_bytes < KEY_BYTES:
            kept.append(rows.select(own_columns(rows)))
            kept_bytes += rows.nbytes
    separator = "," if _uses_comma(columns.values()) else "."
    judged = [_judged(one, separator) for one in columns.values()]
    found = Profile(written, judged, rows_seen, refused, separator)
    if kept:
        sample = pa.concat_tables([pa.Table.from_batches([one]) for one in kept], promote_options="default")
        found.keys, found.key_rows = list(_keys(sample, judged)), sample.num_rows
    return found


def _uses_comma(columns: Iterable[Column]) -> bool:
    """Whether numbers are written with a comma: some column holds numbers only so, and they are no thousands."""
    return any(
        one.is_text and one.could_be(COMMA) and not one.could_be("decimal(18, 4)") and not one.is_in_thousands for one in columns
    )


def _judged(one: Column, separator: str) -> Judged:
    doubts = list(_odd_values(one))
    if not one.filled:
        return Judged(one, "varchar", doubts=("it is empty in every row, so that nothing tells its type",))
    if not one.is_text:
        return _typed(one)
    if not one.with_offset and one.could_be("timestamp") and not one.could_be("date"):
        doubts.append("its moments have no offset: `zone` says where its clock is")
    if forms := one.day_formats:
        if len(forms) > 1:
            doubts.append(f"its days can be read as {' or as '.join(forms)}: which of them, no value tells")
        return Judged(one, "timestamp" if "%H" in forms[0] else "date", forms[0], tuple(doubts))
    kinds = [COMMA if separator == "," and kind.startswith("decimal(18") else kind for kind in KINDS]
    if separator == ",":
        kinds = [kind for kind in kinds if kind not in ("decimal(18, 8)", "decimal(38, 10)", "double")]
    fitting = next((kind for kind in kinds if one.could_be(kind)), "text")
    if fitting in ("integer", "bigint") and one.could_be("date"):
        doubts.append("it may be whole numbers or days such as 19970101")
        fitting = "date"
    if fitting in ("integer", "bigint") and one.with_zeros:
        doubts.append("its numbers begin with zeros, which an integer loses: text, as an id is")
        fitting = "text"
    if fitting in ("integer", "bigint") and one.misfits.get(fitting, 0) > NUMBERED * one.filled:
        fitting = "text"
    near = [kind for kind in kinds if one.misfits.get(kind, one.filled) <= 0.5 * one.filled] if fitting == "text" else []
    if near and not one.with_zeros:
        count, odd = one.filled - one.misfits[near[0]], ", ".join(map(repr, one.odd.get(near[0], [])))
        doubts.append(f"{count:,} of {one.filled:,} values are {near[0]}, not so {odd}: text until somebody knows")
    if fitting == "text" and one.is_in_thousands and one.could_be(COMMA):
        doubts.append("1,234 may be a thousand and more, or a number with three decimals: text until somebody knows")
    if fitting != "text" and (wrong := one.misfits.get(fitting, 0)):
        doubts.append(
            f"{wrong:,} of {one.filled:,} values are not of this type, such as {', '.join(map(repr, one.odd.get(fitting, [])))}"
        )
    return Judged(one, "varchar" if fitting == "text" else fitting.partition(" with")[0], doubts=tuple(doubts))


def _typed(one: Column) -> Judged:
    """A column of a type of its own, as Parquet has it."""
    kind = kind_of(one.arrow)
    doubts = []
    if kind == "integer":
        if re.search(r"(ts|time|at|unix\w*)$", one.name, re.IGNORECASE) and one.could_be("bigint"):
            doubts.append("it may be seconds since 1970: then it can tell the day of a row (`day`)")
        return Judged(
            one, "integer" if one.could_be("integer") and not one.misfits.get("integer") else "bigint", doubts=tuple(doubts)
        )
    if kind == "double":
        if not one.misfits.get("integer", 1):
            doubts.append("floats that are all whole, as integers with a NULL become: an integer, or an id of text")
            return Judged(one, "integer", doubts=tuple(doubts))
        if one.could_be("decimal(18, 4)"):
            if wrong := one.misfits["decimal(18, 4)"]:
                doubts.append(
                    f"{wrong:,} floats have more than 4 digits after the point, such as {', '.join(one.odd['decimal(18, 4)'])}"
                )
            return Judged(one, "decimal(18, 4)", doubts=tuple(doubts))
        doubts.append("a float of many digits: as money say how it is rounded, cast(cast(… as double) as decimal(18, 2))")
        fitting = next((kind for kind in ("decimal(18, 8)", "decimal(38, 10)") if one.could_be(kind)), "double")
        return Judged(one, fitting, doubts=tuple(doubts))
    if kind == "timestamp":
        doubts.append("its moments have no offset: `zone` says where its clock is")
    types = {"date": "date", "timestamp": "timestamp", "timestamp with time zone": "timestamp", "boolean": "boolean"}
    return Judged(one, kind if kind.startswith("decimal(") else types.get(kind, "varchar"), doubts=tuple(doubts))


def _odd_values(one: Column) -> Iterator[str]:
    for marker, count in one.markers.items():
        yield f"{count:,} times {marker!r}: not given (`null_markers`), or a value"


def _keys(sample: pa.Table, judged: list[Judged]) -> Iterator[tuple[str, ...]]:
    """The sets of few columns that differ in every row, the smallest only; numbers that are money tell no row."""
    candidates = [one.name for one in judged if not one.column.nulls and base(one.type) not in ("decimal", "double", "boolean")]
    candidates.sort(key=lambda name: not re.search(r"(id|no|number|key|code|sku)$", name, re.IGNORECASE))
    found: list[tuple[str, ...]] = []
    for size in range(1, KEY_COLUMNS + 1):
        for names in combinations(candidates[:8], size):
            if not any(set(one) <= set(names) for one in found) and _tells_apart(sample, names):
                found.append(names)
                yield names
        if found:
            return


def _tells_apart(sample: pa.Table, names: tuple[str, ...]) -> bool:
    return bool(sample.group_by(list(names)).aggregate([]).num_rows == sample.num_rows)


def _is_about_currency(column: Column) -> bool:
    return "curr" in column.name.casefold() or {"EUR", "USD", "GBP", "CHF"} & column.codes != set()
