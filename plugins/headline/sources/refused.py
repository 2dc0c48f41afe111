"""What cannot be read as agreed: the record is kept by itself, with the reason, the text that arrived and where it stood."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

# Columns of a landed file, there where a record of it was refused: the reason, the text that arrived, and where it stood.
REFUSAL, REFUSED_TEXT, ORIGIN = "headline_refusal", "headline_text", "headline_origin"
RESERVED = frozenset({REFUSAL, REFUSED_TEXT, ORIGIN})
UNREADABLE, REPEATED_KEY, WRONG_FIELD_COUNT = "unreadable_record", "repeated_key", "wrong_field_count"
LONGEST_TEXT = 500
UTC_ZONE = ZoneInfo("UTC")

_CANONICAL_MOMENT = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z?$"
# So many digits fit into the type, whatever they are.
_INTEGER = {"integer": r"^[+-]?0*[0-9]{1,9}$", "bigint": r"^[+-]?0*[0-9]{1,18}$"}
_POINTED = r"^\s*[+-]?[0-9]+\.(0*|[0-9]+[eE][+-]?[0-9]+)\s*$"
# Below these a float has every integer.
_EXACT = {16: 2.0**11, 32: 2.0**24, 64: 2.0**53}
_MOMENT = re.compile(r"\d{4}-?\d{2}-?\d{2}[T ]\d{2}:?\d{2}(:?\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?", re.IGNORECASE)


def storable(text: str) -> str:
    """The text as every store takes it: half a surrogate pair and NUL become U+FFFD."""
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def name_key(name: str) -> str:
    """What makes a column's name one of its own: not the case of its letters, which SQL ignores. Empty where it has none."""
    return storable(name).casefold().strip()


def refused(reason: str, text: str, origin: str) -> dict[str, Any]:
    """A record of which nothing is known but that it could not be read."""
    return {REFUSAL: reason, REFUSED_TEXT: storable(text)[:LONGEST_TEXT], ORIGIN: origin}


def moment_of(text: str, zone: ZoneInfo) -> datetime:
    """The moment that a text in a form of ISO 8601 names, in UTC and without a zone; one without offset is in `zone`.

    Raises ValueError for anything else, a leap second and 24:00 included.
    """
    written = text.strip()
    if not _MOMENT.fullmatch(written):
        raise ValueError(f"{text[:40]!r} is no moment in a form of ISO 8601")
    try:
        when = datetime.fromisoformat(written.upper().replace(",", "."))
        return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError(f"{text[:40]!r} lies outside of the calendar") from error


@dataclass(frozen=True)
class Agreed:
    """How a source writes what its columns hold.

    `kinds`: by column what the SQL casts it to, as kinds of `columns`; with none or several it is taken as it comes. `zone`:
    where moments without an offset are at home. `null_markers`: texts that mean «not given» besides the empty one. `ids`: columns
    taken as they come that say who or what it is. `key`: the columns that tell a record where nothing else says where it stood.
    """

    kinds: Mapping[str, Collection[str]] = field(default_factory=dict)
    zone: ZoneInfo = UTC_ZONE
    decimal_separator: str = "."
    null_markers: Collection[str] = ()
    ids: Collection[str] = ()
    key: Sequence[str] = ()

    def kind(self, column: str) -> str:
        kinds = self.kinds.get(column, ())
        return next(iter(kinds)) if len(kinds) == 1 else ""


def judged(rows: pa.RecordBatch, agreed: Agreed) -> pa.RecordBatch:
    """The rows, each of which is as agreed in all of its columns or refused as `invalid_<column>`.

    A text keeps what arrived, but for what means the same: a moment with an offset becomes UTC, a comma the agreed point. ORIGIN
    is kept for refused rows only, and the reserved columns where there are any.
    """
    columns = {name: rows.column(name) for name in rows.schema.names}
    reasons, texts, origins = (columns.pop(name, None) for name in (REFUSAL, REFUSED_TEXT, ORIGIN))
    if reasons is not None and reasons.null_count == len(reasons):
        reasons = None
    found: list[tuple[pa.Array, str, pa.Array]] = []
    for name, values in columns.items():
        is_id = name in agreed.ids
        if is_id and pa.types.is_floating(values.type):
            columns[name], wrong = _whole(values)
            if pc.any(wrong).as_py():
                found.append((wrong, f"invalid_{name}", pc.cast(values, pa.string())))
        if not pa.types.is_string(values.type):
            continue
        if agreed.null_markers:
            is_null = pc.is_in(pc.utf8_trim_whitespace(values), pa.array(agreed.null_markers, pa.string()))
            columns[name] = values = pc.if_else(is_null, pa.scalar(None, pa.string()), values)
        if pc.any(pc.match_substring(values, "\0")).as_py():
            columns[name] = values = pc.replace_substring(values, "\0", "\ufffd")
        if check := _id if is_id else _CHECKS.get(agreed.kind(name).partition("(")[0]):
            # SQL trims blanks only, and what is left of a tab or a line break is no number.
            values = values if is_id else pc.utf8_trim_whitespace(values)
            columns[name], wrong = check(values, agreed.kind(name), agreed)
            if wrong is not None and pc.any(wrong).as_py():
                found.append((wrong, f"invalid_{name}", values))
    if reasons is None and not found:
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    size, nothing = rows.num_rows, pa.nulls(rows.num_rows, pa.string())
    reasons, texts = (pa.nulls(size, pa.string()) if one is None else one for one in (reasons, texts))
    for wrong, reason, values in found:  # the first fault of a row is told
        is_new = pc.and_(wrong, pc.is_null(reasons))
        reasons = pc.if_else(is_new, pa.scalar(reason), reasons)
        texts = pc.if_else(is_new, pc.utf8_slice_codeunits(values, 0, LONGEST_TEXT), texts)
    where = nothing if origins is None else pc.if_else(pc.is_valid(reasons), origins, nothing)
    if key := [name for name in agreed.key if name in rows.schema.names]:
        where = pc.coalesce(where, pc.if_else(pc.is_valid(reasons), _told_by(rows, key), nothing))
    columns |= {REFUSAL: reasons, REFUSED_TEXT: texts, ORIGIN: where}
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _told_by(rows: pa.RecordBatch, key: Sequence[str]) -> pa.Array:
    """Of each row its key in words."""
    values = [[f"{name} {value}" for value in rows.column(name).to_pylist()] for name in key]
    return pa.array([", ".join(one) for one in zip(*values, strict=True)], pa.string())


_Checked = tuple[pa.Array, pa.Array | None]
_Check = Callable[[pa.Array, str, Agreed], _Checked]


def _by_pattern(values: pa.Array, pattern: str) -> pa.Array:
    """Where there is a text, and it does not fit."""
    return pc.fill_null(pc.and_(pc.not_equal(values, ""), pc.invert(pc.match_substring_regex(values, pattern))), False)


def _id(values: pa.Array, _kind: str, _agreed: Agreed) -> _Checked:
    """A whole number with a point is refused: 73 under another name would be somebody else, and 1.23E+12 is anybody."""
    if not pc.any(pc.match_substring(values, ".")).as_py():
        return values, None
    return values, pc.fill_null(pc.match_substring_regex(values, _POINTED), False)


def _whole(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Ids that were integers until one was null, which some programs write as floats: integers again, what is none is refused."""
    exact, nothing = _EXACT[values.type.bit_width], pa.scalar(None, pa.float64())
    values = pc.cast(values, pa.float64())
    values = pc.if_else(pc.is_nan(values), nothing, values)
    is_whole = pc.and_(pc.equal(pc.floor(values), values), pc.less_equal(pc.abs(values), exact))
    return pc.cast(pc.if_else(is_whole, values, nothing), pa.int64()), pc.fill_null(pc.invert(is_whole), False)


def _integer(values: pa.Array, kind: str, _agreed: Agreed) -> _Checked:
    return values, _by_pattern(values, _INTEGER[kind])


def _decimal(values: pa.Array, kind: str, agreed: Agreed) -> _Checked:
    """More digits than agreed are refused, never rounded; zeros at either end are none."""
    precision, scale = [*map(int, re.findall(r"\d+", kind)), 0, 0][:2] if "(" in kind else (38, 10)
    if agreed.decimal_separator == ",":  # a point is none there
        values = pc.replace_substring(pc.replace_substring(values, ".", "?"), ",", ".", max_replacements=1)
    whole, part = f"0*[0-9]{{1,{precision - scale}}}", f"[0-9]{{0,{scale}}}0*"
    return values, _by_pattern(
        values, rf"^[+-]?({whole}(\.{part})?|\.[0-9]{part.replace(f',{scale}', f',{max(scale - 1, 0)}')})$"
    )


def _date(values: pa.Array, _kind: str, _agreed: Agreed) -> _Checked:
    return _by_reading(values, lambda one: date.fromisoformat(one).isoformat())


def _timestamp(values: pa.Array, _kind: str, agreed: Agreed) -> _Checked:
    """Where all are written as usual nothing is changed, so that an ordinary day costs no Python a value."""
    is_usual = pc.fill_null(pc.or_(pc.equal(values, ""), pc.match_substring_regex(values, _CANONICAL_MOMENT)), True)
    if agreed.zone.key == "UTC" and pc.all(is_usual).as_py() is not False:
        plain = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), pc.replace_substring(values, "Z", ""))
        try:
            pc.cast(plain, pa.timestamp("us"))
            return values, None
        except pa.ArrowInvalid:
            pass
    return _by_reading(values, lambda one: moment_of(one, agreed.zone).isoformat(" ") + "Z")


def moments_of(values: pa.Array, zone: ZoneInfo) -> pa.Array:
    """The moments in UTC that texts name, as `judged` reads them; null where one names none. One without offset is in `zone`."""
    texts, wrong = _timestamp(pc.utf8_trim_whitespace(values), "timestamp", Agreed(zone=zone))
    is_none = pc.equal(texts, "") if wrong is None else pc.or_(pc.equal(texts, ""), wrong)
    texts = pc.if_else(is_none, pa.scalar(None, pa.string()), pc.replace_substring(texts, "Z", ""))
    return pc.cast(texts, pa.timestamp("us"))


def _by_reading(values: pa.Array, read: Callable[[str], str]) -> _Checked:
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


_CHECKS: dict[str, _Check] = {
    "integer": _integer,
    "bigint": _integer,
    "decimal": _decimal,
    "date": _date,
    "timestamp": _timestamp,
}
