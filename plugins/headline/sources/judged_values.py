"""Values of a type of their own are held against what their column is agreed as."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headline.sources.agreed import Agreed, digits_of
from headline.sources.judged_texts import Checked, checked_decimal
from headline.sources.names import storable

_ARROW = {"integer": pa.int32(), "bigint": pa.int64()}
_FIRST, _LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001 - of any zone
# Below these a float has every integer.
_EXACT = {16: 2.0**11, 32: 2.0**24, 64: 2.0**53}


def typed_id(values: pa.Array) -> Checked:
    """Numbers without a fraction; truths, lists and the like are nobody."""
    if pa.types.is_floating(values.type):
        return _whole(values)
    if pa.types.is_decimal(values.type) and values.type.scale > 0:
        whole = pc.round(values)
        wrong = pc.fill_null(pc.not_equal(whole, values), False)
        kind = pa.decimal128(38, 0) if values.type.precision <= 38 else pa.decimal256(76, 0)
        return pc.if_else(wrong, pa.scalar(None, values.type), values).cast(kind), wrong
    is_nobody = pa.types.is_boolean(values.type) or pa.types.is_nested(values.type)
    return values, pc.is_valid(values) if is_nobody else None


def _whole(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Integers until one was null, which some programs write as floats: integers again, what is none is refused."""
    exact, nothing = _EXACT[values.type.bit_width], pa.scalar(None, pa.float64())
    values = pc.cast(values, pa.float64())
    values = pc.if_else(pc.is_nan(values), nothing, values)
    is_whole = pc.and_(pc.equal(pc.floor(values), values), pc.less_equal(pc.abs(values), exact))
    return pc.cast(pc.if_else(is_whole, values, nothing), pa.int64()), pc.fill_null(pc.invert(is_whole), False)


def text_of_bytes(values: pa.Array) -> Checked:
    """Bytes as the text that they are in UTF-8; what is none is refused."""
    try:
        return values.cast(pa.string()), None
    except pa.ArrowInvalid:
        texts = [None if value is None else value.decode(errors="replace") for value in values.to_pylist()]
    kept = [text if value == (text or "").encode() else None for value, text in zip(values.to_pylist(), texts, strict=True)]
    wrong = [text is not None and own is None for text, own in zip(texts, kept, strict=True)]
    return pa.array(kept, pa.string()), pa.array(wrong, pa.bool_())


def typed(values: pa.Array, kind: str, agreed: Agreed, *, is_read: bool) -> Checked:
    """Values of a type of their own: the agreed type holds each exactly, or it is refused.

    `is_read`: whether SQL reads them: then no moment outside of the calendar may stay, whatever the column is agreed as.
    """
    name = kind.partition("(")[0]
    if is_read and (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        is_number = name in (*_ARROW, "decimal", "double", "boolean")
        return (pa.nulls(len(values), values.type), pc.is_valid(values)) if is_number else _when(values, name, agreed)
    if name in _ARROW and pa.types.is_floating(values.type):
        values, wrong = _whole(values)
        too_large = _too_large(values, _ARROW[name])
        return values, wrong if too_large is None else pc.or_(wrong, too_large)
    if name in _ARROW:
        return values, _too_large(values, _ARROW[name])
    if name == "decimal":
        precision, scale = digits_of(kind)
        if pa.types.is_floating(values.type):
            return values, checked_decimal(_written(values), kind, Agreed())[1]
        return values, _too_large(values, pa.decimal128(precision, scale))
    if name == "double" and pa.types.is_floating(values.type):
        return values, pc.fill_null(pc.invert(pc.is_finite(values)), False)
    if name in ("date", "timestamp") and pa.types.is_temporal(values.type):
        return _when(values, name, agreed)
    return values, pc.is_valid(values) if name in ("date", "timestamp") else None


def _too_large(values: pa.Array, target: pa.DataType) -> pa.Array | None:
    """Where a value is not exactly one of the target; None where all are."""
    if not (pa.types.is_integer(values.type) or pa.types.is_decimal(values.type)):  # Arrow casts days and truths to numbers too
        return pc.is_valid(values)
    if _fits(values, target):
        return None
    is_there = pc.is_valid(values).to_pylist()
    return pa.array([one and not _fits(values.slice(place, 1), target) for place, one in enumerate(is_there)], pa.bool_())


def _fits(values: pa.Array, target: pa.DataType) -> bool:
    try:
        if pa.types.is_integer(values.type) and pa.types.is_decimal(target):  # Arrow asks for room for any integer
            values = values.cast(pa.decimal256(76, target.scale))
        values.cast(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _when(values: pa.Array, kind: str, agreed: Agreed) -> Checked:
    """Dates and moments within the calendar; a moment without a zone is at home in the source's, and becomes UTC."""
    first, last = (pa.scalar(one, pa.timestamp("s")) for one in (_FIRST, _LAST))
    if not pa.types.is_timestamp(values.type) and not pa.types.is_date(values.type):
        return values, pc.is_valid(values)
    seconds = values if pa.types.is_timestamp(values.type) else values.cast(pa.date32()).cast(pa.timestamp("s"))
    seconds = seconds.cast(pa.timestamp("s"), safe=False)
    wrong = pc.fill_null(pc.or_(pc.less(seconds, first), pc.greater(seconds, last)), False)
    values = pc.if_else(wrong, pa.scalar(None, values.type), values)  # not every engine can read a file that holds it
    if kind == "timestamp" and pa.types.is_timestamp(values.type) and not values.type.tz and agreed.zone.key != "UTC":
        there = pc.assume_timezone(values, agreed.zone.key, ambiguous="earliest", nonexistent="earliest")
        values = pc.local_timestamp(there.cast(pa.timestamp(values.type.unit, "UTC")))
    return values, wrong


def _written(values: pa.Array) -> pa.Array:
    """Floats as their shortest text; of one so large or small that it has an exponent, all digits."""
    values = values.cast(pa.float32()) if pa.types.is_float16(values.type) else values
    texts = values.cast(pa.string())
    if not pc.any(pc.match_substring(texts, "e")).as_py():
        return texts
    return pa.array([f"{Decimal(one):f}" if one and "e" in one else one for one in texts.to_pylist()], pa.string())


def shown(values: pa.Array) -> pa.Array:
    """Values of any type as the text that is kept of them."""
    try:
        return values.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        texts = [None if one is None else storable(str(one)) for one in _python(values)]
        return pa.array(texts, pa.string())


def _python(values: pa.Array) -> list[Any]:
    """Values as Python's; a moment for which it has none as its number since 1970."""
    try:
        return list(values.to_pylist())
    except (ValueError, OverflowError):
        return list(values.cast(pa.int64()).to_pylist())
