"""What cannot be read as agreed: the record is kept by itself, with the reason, the text that arrived and where it stood."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

# Columns of a landed file, there where a record of it was refused: the reason, the text that arrived, where it stood, and which
# of its columns cannot be read, in small letters as `,<column>,<column>,`.
REFUSAL, REFUSED_TEXT, ORIGIN, UNREAD = "headline_refusal", "headline_text", "headline_origin", "headline_unread"
RESERVED = frozenset({REFUSAL, REFUSED_TEXT, ORIGIN, UNREAD})
UNREADABLE, REPEATED_KEY, WRONG_FIELD_COUNT = "unreadable_record", "repeated_key", "wrong_field_count"
NOT_ASKED_FOR, NO_BUSINESS_DAY = "not_of_the_days_asked_for", "missing_business_day"
LONGEST_TEXT = 500
UTC_ZONE = ZoneInfo("UTC")

_CANONICAL_MOMENT = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z?$"
_DAY_OF_YEAR = re.compile(r"(\d{4})-?(\d{3})", re.ASCII)
# So many digits fit into the type, whatever they are.
_INTEGER = {"integer": r"^[+-]?0*[0-9]{1,9}$", "bigint": r"^[+-]?0*[0-9]{1,18}$"}
# A whole number with a point, one in powers of ten, JSON that is no text or number, and what programs write for nothing.
_NOBODY = r"^\s*([+-]?[0-9]+(\.(0*|[0-9]+[eE][+-]?[0-9]+)|[eE]\+[0-9]+)|[\[{].*|(?i:true|false|null|none|nan|undefined))\s*$"
_WITHOUT_WIDTH = "\ufeff\u200b"
_ARROW = {"integer": pa.int32(), "bigint": pa.int64()}
_FIRST, _LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001 - of any zone
# Below these a float has every integer.
_EXACT = {16: 2.0**11, 32: 2.0**24, 64: 2.0**53}
_MOMENT = re.compile(
    r"(\d{4}-?\d{2}-?\d{2}|\d{4}-?W\d{2}-?\d|\d{4}-?\d{3})"
    r"(?P<time>[T ]\d{2}(:?\d{2}(:?\d{2}([.,]\d{1,9})?)?)?)(?P<zone>Z| ?UTC| ?GMT|[+\-\u2212]\d{2}(:?\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)


def storable(text: str) -> str:
    """The text as every store takes it: half a surrogate pair and NUL become U+FFFD."""
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def name_key(name: str) -> str:
    """What makes a column's name one of its own: not the case of its letters, which SQL ignores. Empty where it has none."""
    return storable(name).casefold().strip()


def spelled(name: str, names: Iterable[str]) -> str | None:
    """The one of these names that SQL takes for this one; None where there is none."""
    there = list(names)
    return name if name in there else next((one for one in there if name_key(one) == name_key(name)), None)


def refused(reason: str, text: str, origin: str) -> dict[str, Any]:
    """A record of which nothing is known but that it could not be read."""
    return {REFUSAL: reason, REFUSED_TEXT: storable(text)[:LONGEST_TEXT], ORIGIN: origin}


def date_of(text: str) -> date:
    """The date that a text in a form of ISO 8601 names, be it by a week or a day of the year; raises ValueError otherwise."""
    if not (found := _DAY_OF_YEAR.fullmatch(text)):
        return date.fromisoformat(text)
    first, number = date(int(found[1]), 1, 1), int(found[2])
    if not 1 <= number <= (date(first.year, 12, 31) - first).days + 1:
        raise ValueError(f"{text[:40]!r}: the year has no such day")
    return first + timedelta(days=number - 1)


def moment_of(text: str, zone: ZoneInfo) -> datetime:
    """The moment that a text in a form of ISO 8601 names, in UTC and without a zone; one without offset is in `zone`.

    Raises ValueError for anything else, a leap second and 24:00 included.
    """
    found = _MOMENT.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text[:40]!r} is no moment in a form of ISO 8601")
    try:
        day = date_of(found[1])
        offset = (found["zone"] or "").strip().upper().replace("UTC", "Z").replace("GMT", "Z").replace("\u2212", "-")
        when = datetime.fromisoformat(f"{day}{found['time']}".upper().replace(",", ".") + offset)
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
        """The one kind that a column is agreed as, however it is spelled; empty where there is none."""
        kinds = self._by_key.get(name_key(column), ())
        return next(iter(kinds)) if len(kinds) == 1 else ""

    def is_agreed(self, column: str) -> bool:
        """Whether the SQL reads the column."""
        return name_key(column) in self._by_key

    def is_id(self, column: str) -> bool:
        return name_key(column) in self._ids

    @cached_property
    def _by_key(self) -> dict[str, Collection[str]]:
        """SQL does not care how a name is spelled."""
        return {name_key(name): kinds for name, kinds in self.kinds.items()}

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(map(name_key, self.ids))

    def digits(self, column: str) -> tuple[int, int]:
        """How many digits a column that is agreed as a decimal has, and how many of them after the point."""
        return _digits(self.kind(column))


def judged(rows: pa.RecordBatch, agreed: Agreed) -> pa.RecordBatch:
    """The rows, each of which is as agreed in all of its columns or refused as `invalid_<column>`.

    A text keeps what arrived, but for what means the same: a moment with an offset becomes UTC, a comma the agreed point. A value
    of a type of its own is held against what is agreed too. ORIGIN is kept for refused rows only, and the reserved columns where
    there are any.
    """
    columns = {name: rows.column(name) for name in rows.schema.names}
    reasons, texts, origins, _ = (columns.pop(name, None) for name in (REFUSAL, REFUSED_TEXT, ORIGIN, UNREAD))
    if reasons is not None and reasons.null_count == len(reasons):
        reasons = None
    found: list[tuple[pa.Array, str, pa.Array]] = []

    def refuse(name: str, wrong: pa.Array | None, values: pa.Array) -> None:
        if wrong is not None and pc.any(wrong).as_py():
            found.append((wrong, name, values))

    for name, values in columns.items():
        is_id = agreed.is_id(name)
        if agreed.is_agreed(name) and (pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type)):
            columns[name], wrong = _text(values)
            refuse(name, wrong, _shown(values))
            values = columns[name]
        if not pa.types.is_string(values.type):
            kind, is_read = agreed.kind(name), agreed.is_agreed(name)
            columns[name], wrong = (
                _typed_id(values)
                if is_id and not pa.types.is_temporal(values.type)
                else _typed(values, kind, agreed, is_read=is_read)
            )
            if wrong is not None:
                refuse(name, wrong, _shown(values))
            continue
        if agreed.null_markers:
            is_null = pc.is_in(pc.utf8_trim_whitespace(values), pa.array(agreed.null_markers, pa.string()))
            columns[name] = values = pc.if_else(is_null, pa.scalar(None, pa.string()), values)
        if pc.any(pc.match_substring(values, "\0")).as_py():
            columns[name] = values = pc.replace_substring(values, "\0", "\ufffd")
        if check := _id if is_id else _CHECKS.get(agreed.kind(name).partition("(")[0]):
            # SQL trims blanks only, and what is left of a tab or a line break is no number, and another id.
            values = _filled(pc.utf8_trim_whitespace(values))
            columns[name], wrong = check(values, agreed.kind(name), agreed)
            refuse(name, wrong, values)
    if reasons is None and not found:
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    size, nothing = rows.num_rows, pa.nulls(rows.num_rows, pa.string())
    reasons, texts = (pa.nulls(size, pa.string()) if one is None else one for one in (reasons, texts))
    for wrong, name, values in found:  # the first fault of a row is told
        is_new = pc.and_(wrong, pc.is_null(reasons))
        reasons = pc.if_else(is_new, pa.scalar(f"invalid_{name}"), reasons)
        texts = pc.if_else(is_new, pc.utf8_slice_codeunits(values, 0, LONGEST_TEXT), texts)
    where = nothing if origins is None else pc.if_else(pc.is_valid(reasons), origins, nothing)
    if key := [name for one in agreed.key if (name := spelled(one, rows.schema.names))]:
        where = pc.coalesce(where, pc.if_else(pc.is_valid(reasons), _told_by(rows, key), nothing))
    unread, end = pc.if_else(pc.is_valid(reasons), pa.scalar(","), nothing), pa.scalar("")
    for wrong, name, _ in found:
        unread = pc.binary_join_element_wise(unread, pc.if_else(wrong, pa.scalar(f"{name_key(name)},"), end), end)
    columns |= {REFUSAL: reasons, REFUSED_TEXT: texts, ORIGIN: where, UNREAD: unread}
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _told_by(rows: pa.RecordBatch, key: Sequence[str]) -> pa.Array:
    """Of each row its key in words."""
    values = [[f"{name} {value}" for value in _told(rows.column(name))] for name in key]
    return pa.array([", ".join(one) for one in zip(*values, strict=True)], pa.string())


def _told(values: pa.Array) -> list[Any]:
    """Values as Python tells them; where it has none for one of them, such as the year 0, as Arrow does."""
    try:
        return list(values.to_pylist())
    except (ValueError, OverflowError):
        return list(_shown(values).to_pylist())


_Checked = tuple[pa.Array, pa.Array | None]
_Check = Callable[[pa.Array, str, Agreed], _Checked]


def _by_pattern(values: pa.Array, pattern: str) -> pa.Array:
    """Where there is a text, and it does not fit."""
    return pc.fill_null(pc.and_(pc.not_equal(values, ""), pc.invert(pc.match_substring_regex(values, pattern))), False)


def _filled(values: pa.Array) -> pa.Array:
    """An empty text is none: no engine casts it."""
    is_empty = pc.equal(values, "")
    return pc.if_else(is_empty, pa.scalar(None, pa.string()), values) if pc.any(is_empty).as_py() else values


def _id(values: pa.Array, _kind: str, _agreed: Agreed) -> _Checked:
    """A whole number with a point is refused: 73 under another name would be somebody else, and 1.23E+12 or null is anybody.

    What looks the same is the same: letters with their accents are one sign each, and signs without width are left out.
    """
    if not pc.all(pc.string_is_ascii(values)).as_py():
        values = pc.utf8_normalize(pc.utf8_trim(values, characters=_WITHOUT_WIDTH), form="NFC")
    return values, pc.fill_null(pc.match_substring_regex(values, _NOBODY), False)


def _typed_id(values: pa.Array) -> _Checked:
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


def _text(values: pa.Array) -> _Checked:
    """Bytes as the text that they are in UTF-8; what is none is refused."""
    try:
        return values.cast(pa.string()), None
    except pa.ArrowInvalid:
        texts = [None if value is None else value.decode(errors="replace") for value in values.to_pylist()]
    kept = [text if value == (text or "").encode() else None for value, text in zip(values.to_pylist(), texts, strict=True)]
    wrong = [text is not None and own is None for text, own in zip(texts, kept, strict=True)]
    return pa.array(kept, pa.string()), pa.array(wrong, pa.bool_())


def _typed(values: pa.Array, kind: str, agreed: Agreed, *, is_read: bool) -> _Checked:
    """Values of a type of their own: the agreed type holds each exactly, or it is refused.

    `is_read`: whether SQL reads them: then no moment outside of the calendar may stay, whatever the column is agreed as.
    """
    name = kind.partition("(")[0]
    if is_read and (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        is_number = name in (*_INTEGER, "decimal", "double", "boolean")
        return (pa.nulls(len(values), values.type), pc.is_valid(values)) if is_number else _when(values, name, agreed)
    if name in _INTEGER and pa.types.is_floating(values.type):
        values, wrong = _whole(values)
        too_large = _too_large(values, _ARROW[name])
        return values, wrong if too_large is None else pc.or_(wrong, too_large)
    if name in _INTEGER:
        return values, _too_large(values, _ARROW[name])
    if name == "decimal":
        precision, scale = _digits(kind)
        if pa.types.is_floating(values.type):
            return values, _decimal(_written(values), kind, Agreed())[1]
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


def _when(values: pa.Array, kind: str, agreed: Agreed) -> _Checked:
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


def _shown(values: pa.Array) -> pa.Array:
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


def _integer(values: pa.Array, kind: str, _agreed: Agreed) -> _Checked:
    return values, _by_pattern(values, _INTEGER[kind])


def _decimal(values: pa.Array, kind: str, agreed: Agreed) -> _Checked:
    """More digits than agreed are refused, never rounded; zeros at either end are none."""
    precision, scale = _digits(kind)
    if agreed.decimal_separator == ",":  # a point is none there
        values = pc.replace_substring(pc.replace_substring(values, ".", "?"), ",", ".", max_replacements=1)
    whole, part = f"0*[0-9]{{1,{precision - scale}}}", f"[0-9]{{0,{scale}}}0*"
    return values, _by_pattern(
        values, rf"^[+-]?({whole}(\.{part})?|\.[0-9]{part.replace(f',{scale}', f',{max(scale - 1, 0)}')})$"
    )


def _double(values: pa.Array, _kind: str, _agreed: Agreed) -> _Checked:
    return values, _by_pattern(values, r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?$")


def _boolean(values: pa.Array, _kind: str, _agreed: Agreed) -> _Checked:
    return values, _by_pattern(values, "^(?i:true|false|t|f|1|0)$")


def _digits(kind: str) -> tuple[int, int]:
    """How many digits a decimal has, and how many of them after the point."""
    precision, scale = [*map(int, re.findall(r"\d+", kind)), 0, 0][:2] if "(" in kind else (38, 10)
    return precision, scale


def _date(values: pa.Array, _kind: str, _agreed: Agreed) -> _Checked:
    return _by_reading(values, lambda one: date_of(one).isoformat())


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
    "timestamp with time zone": _timestamp,
    "double": _double,
    "boolean": _boolean,
}
