"""Texts are held against the kind that their column is agreed as."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from headline.sources.agreed import Agreed, digits_of
from headline.sources.dates import date_of, moment_of

_CANONICAL_MOMENT = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z?$"
# So many digits fit into the type, whatever they are.
_INTEGER = {"integer": r"^[+-]?0*[0-9]{1,9}$", "bigint": r"^[+-]?0*[0-9]{1,18}$"}
# A whole number with a point, one in powers of ten, JSON that is no text or number, and what programs write for nothing.
_NOBODY = r"^\s*([+-]?[0-9]+(\.(0*|[0-9]+[eE][+-]?[0-9]+)|[eE]\+[0-9]+)|[\[{].*|(?i:true|false|null|none|nan|undefined))\s*$"
_WITHOUT_WIDTH = "\ufeff\u200b"


Checked = tuple[pa.Array, pa.Array | None]
_Check = Callable[[pa.Array, str, Agreed], Checked]


def _by_pattern(values: pa.Array, pattern: str) -> pa.Array:
    """Where there is a text, and it does not fit."""
    return pc.fill_null(pc.and_(pc.not_equal(values, ""), pc.invert(pc.match_substring_regex(values, pattern))), False)


def filled(values: pa.Array) -> pa.Array:
    """An empty text is none: no engine casts it."""
    is_empty = pc.equal(values, "")
    return pc.if_else(is_empty, pa.scalar(None, pa.string()), values) if pc.any(is_empty).as_py() else values


def checked_id(values: pa.Array, _kind: str, _agreed: Agreed) -> Checked:
    """A whole number with a point is refused: 73 under another name would be somebody else, and 1.23E+12 or null is anybody.

    What looks the same is the same: letters with their accents are one sign each, and signs without width are left out.
    """
    if not pc.all(pc.string_is_ascii(values)).as_py():
        values = pc.utf8_normalize(pc.utf8_trim(values, characters=_WITHOUT_WIDTH), form="NFC")
    return values, pc.fill_null(pc.match_substring_regex(values, _NOBODY), False)


def _integer(values: pa.Array, kind: str, _agreed: Agreed) -> Checked:
    return values, _by_pattern(values, _INTEGER[kind])


def checked_decimal(values: pa.Array, kind: str, agreed: Agreed) -> Checked:
    """More digits than agreed are refused, never rounded; zeros at either end are none."""
    precision, scale = digits_of(kind)
    if agreed.decimal_separator == ",":  # a point is none there
        values = pc.replace_substring(pc.replace_substring(values, ".", "?"), ",", ".", max_replacements=1)
    whole, part = f"0*[0-9]{{1,{precision - scale}}}", f"[0-9]{{0,{scale}}}0*"
    return values, _by_pattern(
        values, rf"^[+-]?({whole}(\.{part})?|\.[0-9]{part.replace(f',{scale}', f',{max(scale - 1, 0)}')})$"
    )


def _double(values: pa.Array, _kind: str, _agreed: Agreed) -> Checked:
    return values, _by_pattern(values, r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?$")


def _boolean(values: pa.Array, _kind: str, _agreed: Agreed) -> Checked:
    return values, _by_pattern(values, "^(?i:true|false|t|f|1|0)$")


def _date(values: pa.Array, _kind: str, _agreed: Agreed) -> Checked:
    return _by_reading(values, lambda one: date_of(one).isoformat())


def _timestamp(values: pa.Array, _kind: str, agreed: Agreed) -> Checked:
    """As `2026-03-01 12:00:00` in UTC: Athena casts neither a T nor a Z. An ordinary day costs no Python a value."""
    is_usual = pc.fill_null(pc.or_(pc.equal(values, ""), pc.match_substring_regex(values, _CANONICAL_MOMENT)), True)
    if agreed.zone.key == "UTC" and pc.all(is_usual).as_py() is not False:
        plain = pc.replace_substring(pc.replace_substring(values, "Z", ""), "T", " ")
        try:
            pc.cast(filled(plain), pa.timestamp("us"))
            return plain, None
        except pa.ArrowInvalid:
            pass
    return _by_reading(values, lambda one: moment_of(one, agreed.zone).isoformat(" "))


def moments_of(values: pa.Array, zone: ZoneInfo) -> pa.Array:
    """The moments in UTC that texts name, as `judged` reads them; null where one names none. One without offset is in `zone`."""
    texts, wrong = _timestamp(pc.utf8_trim_whitespace(values), "timestamp", Agreed(zone=zone))
    is_none = pc.equal(texts, "") if wrong is None else pc.or_(pc.equal(texts, ""), wrong)
    return pc.cast(pc.if_else(is_none, pa.scalar(None, pa.string()), texts), pa.timestamp("us"))


def _by_reading(values: pa.Array, read: Callable[[str], str]) -> Checked:
    """Each distinct text read on its own; where it can be, a text that is its reading takes its place."""
    readings: dict[str, str | None] = {}
    for text in pc.unique(values).to_pylist():
        if text:
            try:
                readings[text] = read(text.strip())
            except ValueError:
                readings[text] = None
    wrong = pa.array([text in readings and readings[text] is None for text in values.to_pylist()], pa.bool_())
    return pa.array([readings.get(text) or text if text is not None else None for text in values.to_pylist()], pa.string()), wrong


CHECKS: dict[str, _Check] = {
    "integer": _integer,
    "bigint": _integer,
    "decimal": checked_decimal,
    "date": _date,
    "timestamp": _timestamp,
    "timestamp with time zone": _timestamp,
    "double": _double,
    "boolean": _boolean,
}
