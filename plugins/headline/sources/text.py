"""Records of text formats become columns of text: nothing is parsed, so nothing is lost before the SQL that maps it."""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import pyarrow as pa

from headline import settings
from headline.errors import BadData
from headline.intervals import DAY, Interval, business_day
from headline.sources.columns import are_most
from headline.sources.dates import date_of, moment_of
from headline.sources.landing import NO_DAY, Part, Unfit
from headline.sources.refused import (
    LONGEST_TEXT,
    NOT_ASKED_FOR,
    ORIGIN,
    REFUSAL,
    REFUSED_TEXT,
    REPEATED_KEY,
    RESERVED,
    UNREADABLE,
    name_key,
    refused,
    spelled,
    storable,
)
from headline.sources.spool import BYTES_AT_A_TIME, ROWS_AT_A_TIME

log = logging.getLogger(__name__)

T = TypeVar("T")
_NO_TEXT = re.compile("[\udc80-\udcff]")
_BLANKS = " \t\r\n"


class _Repeated(dict[str, Any]):
    """An object with a key that stands twice; `key`: the first of them."""

    key = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated = _Repeated(found)
    names = [name for name, _ in pairs]
    repeated.key = next(name for name in names if names.count(name) > 1)
    return repeated


_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_object)


def loads(text: str | bytes) -> Any:
    """JSON with its numbers left as the text that stood there: money never passes through a float."""
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def raw_decode(text: str, start: int) -> tuple[Any, int]:
    """The value that begins at this place, read as by `loads`, and the place behind it; raises ValueError where there is none."""
    try:
        return _DECODER.raw_decode(text, start)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def is_text(written: str) -> bool:
    """Whether all bytes of a text that was read with `surrogateescape` were of its encoding."""
    return written.isascii() or not _NO_TEXT.search(written)


def cut(written: str) -> str:
    """What is kept of a text that is longer than a record may be: no text, so that nobody takes it for a whole one."""
    return f"{written[:LONGEST_TEXT]}\udc80"


def record_of(value: Any, origin: str, text: str | None = None) -> dict[str, Any]:
    """A record as it arrived; refused where it is no object, says nothing, or has a key twice, be it in other letters."""
    names = _names(tuple(value)) if isinstance(value, dict) else _Names(is_empty=True)
    if names.is_empty:
        return refused(UNREADABLE, json.dumps(value) if text is None else text, origin)
    try:
        key = _repeated_key(value) or names.repeated
    except RecursionError:
        return refused(UNREADABLE, "it is nested too deep" if text is None else text, origin)
    if not key:
        for name in names.reserved:
            value[f"{name} (arrived)"] = value.pop(name)
        value[ORIGIN] = origin
        return value
    return refused(REPEATED_KEY, f"{key}: {json.dumps(value) if text is None else text}", origin)


def records_of(line: str, origin: str) -> list[dict[str, Any]]:
    """The records of a line: one object, or several that stand behind each other or in a list; refused where it holds none."""
    try:
        values = _values(line) if is_text(line) else []
    except ValueError:
        values = []
    return [record_of(value, origin, line) for value in values] or [refused(UNREADABLE, line.strip(), origin)]


def _values(line: str) -> list[Any]:
    try:
        value = loads(line)
    except ValueError:
        return _one_behind_another(line)
    is_list = isinstance(value, list) and len(value) > 0 and all(isinstance(one, dict) for one in value)
    return value if is_list else [value]


def _one_behind_another(line: str) -> list[Any]:
    """Objects between which a line break was lost; raises ValueError where anything else stands there."""
    found: list[Any] = []
    rest = line.strip(_BLANKS)
    while rest:
        value, end = raw_decode(rest, 0)
        if not isinstance(value, dict):
            raise ValueError("it is no record")
        found.append(value)
        rest = rest[end:].lstrip(_BLANKS)
    return found


def _repeated_key(value: Any) -> str:
    if isinstance(value, _Repeated):
        return value.key or "the empty key"
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((key for one in parts if isinstance(one, dict | list) and (key := _repeated_key(one))), "")


class _Names(NamedTuple):
    """What the names of a record's fields say: whether none of them lands, the first that SQL cannot tell from one before it, and
    those that are spelled as columns of our own."""

    is_empty: bool
    repeated: str = ""
    reserved: tuple[str, ...] = ()


@lru_cache(1024)
def _names(names: tuple[str, ...]) -> _Names:
    """Hardly any record has other names than those before, so that names are judged once."""
    keys = list(map(name_key, names))
    again = (name or "the empty key" for place, name in enumerate(names) if keys[place] in keys[:place])
    repeated = next(again, "") if len(set(keys)) < len(keys) else ""
    reserved = tuple(name for name, key in zip(names, keys, strict=True) if key in RESERVED)
    return _Names(set(keys) <= {"", "ds"}, repeated, reserved)


def text_of(value: Any) -> str | None:
    """A field as text that every store takes: null stays null, lists and objects stay JSON."""
    if value is None:
        return value
    return storable(value if isinstance(value, str) else json.dumps(value))


def field_of(record: Mapping[str, Any], name: str) -> Any:
    """A field of a record, however its name is spelled; None where it is not there."""
    return record[name] if name in record else record.get(spelled(name, record) or name)


def batch(records: Iterable[Mapping[str, Any]]) -> pa.RecordBatch:
    """Records as columns of text, in the order in which the columns first appear; a field without a name is left out.

    Names that SQL cannot tell apart are one column: a record has one of them.
    """
    rows = list(records)
    spelled: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        spelled.setdefault(name_key(name), []).append(name)
    if spelled.pop("", None):
        log.warning("%s and others: a field without a name is left out", rows[0].get(ORIGIN, "a record"))
    arrays = []
    for name, *others in spelled.values():
        texts = [text_of(row.get(name)) for row in rows]
        for other in others:
            texts = [text_of(row.get(other)) if text is None else text for text, row in zip(texts, rows, strict=True)]
        arrays.append(pa.array(texts, pa.string()))
    return pa.RecordBatch.from_arrays(arrays, names=[storable(names[0]) for names in spelled.values()])


class Taken:
    """Counts how much text of a source has been read so far, in characters."""

    def __init__(self) -> None:
        self.count = 0

    def counted(self, texts: Iterable[str]) -> Iterator[str]:
        """The texts, as they are read."""
        for text in texts:
            self.count += len(text)
            yield text


def chunks(items: Iterable[T], taken: Taken, size: int = ROWS_AT_A_TIME) -> Iterator[list[T]]:
    """The items in lists of so many, or of fewer that are long; memory holds one list. `taken`: what was read to make them."""
    chunk: list[T] = []
    end = taken.count + BYTES_AT_A_TIME
    for item in items:
        chunk.append(item)
        if len(chunk) == size or taken.count >= end:
            yield chunk
            chunk, end = [], taken.count + BYTES_AT_A_TIME
    if chunk:
        yield chunk


def by_day(
    records: Iterable[Mapping[str, Any]],
    column: str,
    interval: Interval,
    where: str,
    zones: Zones,
    taken: Taken,
    *,
    again: Callable[[], Iterable[Mapping[str, Any]]] | None = None,
) -> Iterator[Part]:
    """The records of each day of the interval, told by a date or a moment in `column`, as they come.

    A record whose day cannot be told is refused, and of NO_DAY; of what holds other days too, which are skipped, of the first of
    all, for which `again` gives all records anew. `taken`: what was read to make them. Where none are to be skipped,
    one of another day is refused too. Raises BadData, when all have come, where most are; Unfit where hardly a record tells its
    day, or none of a file: the column has changed.
    """
    undated, homeless, strange, count = 0, 0, 0, 0
    example: str | None = None
    earliest = date.max
    for chunk in chunks(records, taken):
        days: dict[date, list[Mapping[str, Any]]] = defaultdict(list)
        for record, day in (_dated(record, column, zones) for record in chunk):
            if day is None:
                undated += record.get(REFUSAL) == f"invalid_{column}"
                homeless += 1
                if not again:
                    days[NO_DAY].append(record)
                continue
            earliest = min(earliest, day)
            if interval.start <= day < interval.end:
                days[day].append(record)
            elif not again:
                written = text_of(field_of(record, column))
                example = example or written
                strange += 1
                days[interval.end - DAY].append({**record, REFUSAL: NOT_ASKED_FOR, REFUSED_TEXT: written})
        count += len(chunk)
        for day, rows in sorted(days.items()):
            yield day, batch(rows)
    # Where no record of a file tells its day there is none on which the others could be refused.
    if are_most(undated, count) or (again and count and homeless == count):
        whole = ((interval.start, batch(chunk)) for chunk in chunks(again(), taken)) if again else None
        odd = homeless if again else undated
        raise Unfit(f"{where}: {odd} of {count} records have no {column} that tells the day of a record", interval.start, whole)
    if again and homeless and interval.start <= earliest < interval.end:
        dated = (_dated(record, column, zones) for record in again())
        yield from ((earliest, batch(chunk)) for chunk in chunks((record for record, day in dated if day is None), taken))
    if are_most(strange, count):
        raise BadData(
            f"{where}: {strange} of {count} records have a {column} that is no day of {interval}, such as {example!r}; "
            "nothing was loaded. The source does not heed the days that it is asked for: ask its owner, or mend `ingest`"
        )


def _dated(record: Mapping[str, Any], column: str, zones: Zones) -> tuple[Mapping[str, Any], date | None]:
    """A record with its day; one whose day cannot be told is refused."""
    if record.get(REFUSAL):
        return record, None
    written = field_of(record, column)
    try:
        return record, day_of(written, zones)
    except ValueError:
        return {**record, REFUSAL: f"invalid_{column}", REFUSED_TEXT: text_of(written)}, None


class Zones(NamedTuple):
    """Where a source's moments without an offset are at home, and where business days begin."""

    source: ZoneInfo
    reporting: ZoneInfo


def zones_of(zone: str) -> Zones:
    """The zones of a source whose spec names this one."""
    return Zones(ZoneInfo(zone), ZoneInfo(settings.load().reporting_zone))


def day_of(value: Any, zones: Zones) -> date:
    """The business day that a date names, or a moment lies on; raises ValueError where it is neither."""
    text = str(value).strip()
    try:
        return date_of(text)
    except ValueError:
        return business_day(moment_of(text, zones.source).replace(tzinfo=UTC), zones.reporting.key)


def in_iso(rows: pa.RecordBatch, column: str, form: str) -> pa.RecordBatch:
    """The rows with the texts of a column that are of a form, in the letters of strptime, in that of ISO 8601.

    Without a time of day they become dates, otherwise moments. A text that is of another form stays as it is.
    """
    name = spelled(column, rows.schema.names)
    if name is None or not pa.types.is_string(rows.column(name).type):
        return rows
    has_clock = re.search(r"%[HIcXs]", form) is not None
    readings: dict[str | None, str | None] = {}
    for text in rows.column(name).unique().to_pylist():
        try:
            found = datetime.strptime((text or "").strip(), form)  # noqa: DTZ007 (in the source's zone, which is told elsewhere)
            readings[text] = found.isoformat(" ") if has_clock else found.date().isoformat()
        except ValueError:
            readings[text] = text
    values = pa.array([readings[text] for text in rows.column(name).to_pylist()], pa.string())
    return rows.set_column(rows.schema.get_field_index(name), name, values)
