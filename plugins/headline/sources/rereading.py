"""What a later reading of a day takes away from an earlier one, record by record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headline.ledger import Load
from headline.sources.columns import written_as
from headline.sources.names import spelled
from headline.sources.refused import REFUSAL
from headline.sources.storage import opened

SHOWN = 20
_MEASURE = pa.decimal128(38, 10)
_NUMBER = ["decimal"]


@dataclass(frozen=True)
class Moved:
    """How a measure changed over the records of the earlier reading: its sum there, and the sum of all changes, signs apart."""

    before: Decimal
    moved: Decimal


@dataclass(frozen=True)
class Difference:
    """What became of the records of an earlier reading: how many there were, how many are gone, and how measures moved.

    `example`: keys of up to 20 records that are gone.
    """

    record_count: int
    gone_count: int
    example: list[str]
    measures: dict[str, Moved]

    @property
    def share(self) -> Decimal:
        """The largest share that is gone or moved, from 0 on; records that came in addition do not count."""
        shares = [Decimal(self.gone_count) / max(self.record_count, 1)]
        shares += [one.moved / one.before if one.before else Decimal(bool(one.moved)) for one in self.measures.values()]
        return max(shares)

    def __str__(self) -> str:
        gone = f"{self.gone_count} of {self.record_count} records are missing"
        if self.example:
            gone += f" (such as {', '.join(self.example[:3])})"
        moved = [
            f"{name} moved by {one.moved.normalize():,f} of {one.before.normalize():,f}"
            for name, one in self.measures.items()
            if one.moved
        ]
        return "; ".join([gone, *moved])


def difference(
    before: Load, after: Load, key: Sequence[str], measures: Sequence[str], immutable: Sequence[str] = ()
) -> Difference:
    """Compare two readings of a day by the key of their records.

    `key`, `measures`, `immutable`: columns as they arrive; a record with another value in one of the last is another record. One
    without its key, and a value that is no number, are left out, and of the earlier reading what was refused: nobody misses it.
    Both files must be intact.
    """
    old, new = (_records(load, key, measures, immutable, with_refused=load is after) for load in (before, after))
    key = [*key, *immutable]
    new = new.append_column("is_there", pa.repeat(pa.scalar(True), new.num_rows))
    joined = old.join(new, keys=list(key), join_type="left outer", right_suffix=" now")
    gone = joined.filter(pc.is_null(joined.column("is_there")))
    example = [", ".join(map(str, row.values())) for row in gone.select(list(key)).slice(0, SHOWN).to_pylist()]
    moved = {name: _moved(joined.column(name), joined.column(f"{name} now")) for name in measures}
    return Difference(old.num_rows, gone.num_rows, sorted(example), moved)


def _records(
    load: Load, key: Sequence[str], measures: Sequence[str], immutable: Sequence[str], *, with_refused: bool
) -> pa.Table:
    """One row per key and immutable values, with the sums of the measures."""
    with opened(load.file) as file:
        parquet = pq.ParquetFile(file)
        there = {name: own for name in (*key, *immutable, *measures) if (own := spelled(name, parquet.schema_arrow.names))}
        reason = {REFUSAL} & {*parquet.schema_arrow.names} if not with_refused else ()
        rows = parquet.read(columns=[*there.values(), *reason])
    if reason:
        rows = rows.filter(pc.is_null(rows.column(REFUSAL)))
    nothing = {
        name: pa.nulls(rows.num_rows, kind)
        for names, kind in (((*key, *immutable), pa.string()), (measures, _MEASURE))
        for name in names
    }
    found = {name: rows.column(own) for name, own in there.items()}
    columns: dict[str, Any] = nothing | {
        name: _number(values) if name in measures else values.cast(pa.string()) for name, values in found.items()
    }
    table = pa.table(columns | {name: pc.fill_null(columns[name], "") for name in immutable})
    if table.num_rows:
        table = table.filter(reduce(pc.and_, (pc.is_valid(table.column(name)) for name in key)))
    by = [*key, *immutable]
    grouped = table.group_by(by).aggregate([(name, "sum") for name in measures])
    return grouped.rename_columns([name.removesuffix("_sum") if name not in by else name for name in grouped.column_names])


def _number(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        text = pc.utf8_trim_whitespace(values)
        values = pc.if_else(pc.fill_null(written_as(text, _NUMBER), False), text, pa.scalar(None, text.type))
    try:
        return values.cast(_MEASURE)
    except pa.ArrowInvalid:  # one of them is no number here, or too large: it is left out, as it was when it landed
        kept = [value if _fits(value) else None for value in values]
        return pa.chunked_array([pa.array([None if one is None else one.cast(_MEASURE).as_py() for one in kept], _MEASURE)])


def _fits(value: pa.Scalar) -> bool:
    try:
        value.cast(_MEASURE)
    except pa.ArrowInvalid:
        return False
    return True


def _moved(before: pa.ChunkedArray, after: pa.ChunkedArray) -> Moved:
    """A record that had no value before gained one, which is no loss."""
    pairs = [(old, new or Decimal(0)) for old, new in zip(before.to_pylist(), after.to_pylist(), strict=True) if old is not None]
    return Moved(sum((abs(old) for old, _ in pairs), Decimal(0)), sum((abs(new - old) for old, new in pairs), Decimal(0)))
