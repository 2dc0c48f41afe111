"""Files that somebody drops below a path, local or in an object store."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from headline import connections, settings
from headline.errors import BadData, HeadlineError, SpecError, Transient
from headline.intervals import DAY, Interval
from headline.ledger.schema_changes import short
from headline.sources.columns import TEXT, are_most, kind_of
from headline.sources.days import Zones, by_day, day_of, zones_of
from headline.sources.json_text import loads
from headline.sources.landing import Part, Unfit
from headline.sources.records import record_of, records_of
from headline.sources.refused import REFUSAL, REFUSED_TEXT, RESERVED, UNREADABLE, WRONG_FIELD_COUNT, name_key, refused, spelled
from headline.sources.storage import LONGEST_RECORD, at_rest, below, check_within, encoding_hint, is_settled, path_of
from headline.sources.text import Taken, batch, chunks, cut, in_iso, is_text
from headline.specs import FilesIngest
from headline.sql import render

if TYPE_CHECKING:
    import pyarrow as pa

    from headline.sources.storage import AnyPath

log = logging.getLogger(__name__)
_LINE_ENDS = ("\n", "\r")


def read(ingest: FilesIngest, interval: Interval) -> Iterator[Part]:
    """The rows of each day's file or, where the spec names a `day` column, of the one file that holds many days.

    Where it names a `moment`, a row stands on the business day of it, and a day is read from every file whose date it overlaps.
    A line that is no record is refused by itself. Raises Transient when a file is missing, or cannot be read and may still be on
    its way; BadData when it has stopped growing and cannot be read; Unfit when hardly a line or a day of it can be told.
    """
    if ingest.day is not None:
        path = _below(root(ingest.connection), ingest, interval)
        yield from _many_days(path, ingest, ingest.day, interval)
        return
    base = root(ingest.connection)
    if ingest.moment is not None:
        yield from _by_moment(base, ingest, ingest.moment, interval)
        return
    for day in interval:
        yield from ((day, rows) for rows in batches(_file_of(base, ingest, day), ingest, day))


def is_there(ingest: FilesIngest, day: Interval) -> bool:
    """Whether all files of a day are there: whoever drops files may take old ones away."""
    from headline.sources.moments import FileDates

    base = root(ingest.connection)
    dates = FileDates(zones_of(ingest.zone)).needed(day) if ingest.moment else day
    return all(_file_of(base, ingest, file_date).exists() for file_date in dates)


def root(conn_id: str) -> AnyPath:
    """Where the files of a connection lie; raises SpecError where it does not say."""
    base = connections.get(conn_id).extra.get("path")
    if not base:
        raise SpecError([f"connection {conn_id}: its extra must hold «path», such as file:///data or s3://conn@bucket/prefix"])
    return path_of(base)


def _file_of(base: AnyPath, ingest: FilesIngest, day: date) -> AnyPath:
    return _below(base, ingest, Interval(day, day + DAY))


def _below(base: AnyPath, ingest: FilesIngest, interval: Interval) -> AnyPath:
    path = below(base, render(ingest.pattern, interval, where="pattern"))
    check_within(path, base)
    return path


def batches(path: AnyPath, ingest: FilesIngest, day: date, taken: Taken | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of one file, in parts of bounded memory; days that are texts of another form (`day_format`) in that of ISO 8601.

    Raises what `read` does.
    """
    parts = _parquet_batches(path, day) if ingest.format == "parquet" else _text_batches(path, ingest, day, taken)
    column = ingest.day or ingest.moment
    if ingest.day_format is None or column is None:
        return parts
    return (in_iso(rows, column, ingest.day_format) for rows in parts)


def _by_moment(base: AnyPath, ingest: FilesIngest, column: str, interval: Interval) -> Iterator[Part]:
    """Every record stands on one day, whichever days are read together; a file is asked for by all days that it may hold."""
    import pyarrow as pa

    from headline.sources.moments import FileDates, by_moment, moments_of_rows, wrong_moments

    zones = zones_of(ingest.zone)
    dates = FileDates(zones, ingest.lookback_days)
    needed = dates.needed(interval)
    for file_date in dates.read(interval):
        path, days = _file_of(base, ingest, file_date), dates.days_of(file_date)
        if not path.exists():
            if file_date >= needed.end:  # it may bring late records
                continue
            held = min(day for day in days if day in interval)
            raise Transient(
                f"{path}: is not there yet, and {held} is not complete without it. If it stays away, ask who drops it"
            )
        count, odd = 0, 0
        for rows in batches(path, ingest, file_date):
            try:
                moments = moments_of_rows(rows, column, zones.source)
            except pa.ArrowException as error:
                raise _unfit(path, ingest, file_date, f"its column {column} holds no moments: {error}") from error
            count, odd = count + rows.num_rows, odd + wrong_moments(rows, column, moments)
            parts = by_moment(rows, moments, days, zones.reporting)
            yield from ((day, mine) for day, mine in parts if interval.start <= day < interval.end)
        if are_most(odd, count):
            raise _unfit(path, ingest, file_date, f"{odd} of {count} records have no {column} that tells when they happened")


def _unfit(path: AnyPath, ingest: FilesIngest, day: date, why: str) -> Unfit:
    """The file as it arrived goes along, to be kept."""
    return Unfit(f"{path}: {why}", day, ((day, rows) for rows in batches(path, ingest, day)))


def _many_days(path: AnyPath, ingest: FilesIngest, column: str, interval: Interval) -> Iterator[Part]:
    if ingest.format != "parquet":
        taken = Taken()

        def records() -> Iterator[dict[str, Any]]:
            parts = batches(path, ingest, interval.start, taken)
            return (record for rows in parts for record in rows.to_pylist())

        yield from by_day(records(), column, interval, path.name, zones_of(ingest.zone), taken, again=records)
        return
    import pyarrow as pa
    import pyarrow.compute as pc

    earliest, homeless, count = date.max, 0, 0
    for rows in batches(path, ingest, interval.start):
        # A day without rows lands with the file's columns all the same.
        yield interval.start, rows.slice(0, 0)
        try:
            days = _days(rows.column(spelled(column, rows.schema.names) or column), ingest.zone)
        except (KeyError, pa.ArrowException) as error:
            parts = ((interval.start, whole) for whole in batches(path, ingest, interval.start))
            raise Unfit(f"{path}: has no column {column} that tells the day of a row: {error}", interval.start, parts) from error
        homeless, count = homeless + days.null_count, count + rows.num_rows
        earliest = min([earliest, *(day for day in pc.unique(days).to_pylist() if day)])
        for day in sorted(day for day in pc.unique(days).to_pylist() if day and interval.start <= day < interval.end):
            yield day, rows.filter(pc.equal(days, pa.scalar(day, pa.date32())))
    if are_most(homeless, count) or (count and homeless == count):
        parts = ((interval.start, whole) for whole in batches(path, ingest, interval.start))
        raise Unfit(f"{path}: {homeless} of {count} records have no {column} that tells their day", interval.start, parts)
    if homeless and interval.start <= earliest < interval.end:
        yield from ((earliest, rows) for rows in _without_day(path, ingest, column))


def _days(moments: pa.Array, zone: str) -> pa.Array:
    """The business day of each moment or date; an integer is seconds since 1970, UTC. Null for a text that is neither, and for a
    day that no calendar has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind_of(str(moments.type)) == TEXT:
        return _days_of_texts(moments.cast(pa.string()), zones_of(zone))
    if pa.types.is_integer(moments.type):
        moments = pc.cast(moments, pa.timestamp("s"))
    if pa.types.is_timestamp(moments.type):
        here = moments.type.tz or zone
        utc = moments if moments.type.tz else pc.assume_timezone(moments, here, ambiguous="earliest", nonexistent="earliest")
        moments = pc.local_timestamp(pc.cast(utc, pa.timestamp(moments.type.unit, settings.load().reporting_zone)))
    days = pc.cast(moments, pa.date32(), safe=False)
    numbers, first, last = days.cast(pa.int32()), *((end - date(1970, 1, 1)).days for end in (date.min, date.max))
    return pc.if_else(pc.and_(pc.greater_equal(numbers, first), pc.less_equal(numbers, last)), days, pa.scalar(None, pa.date32()))


def _days_of_texts(texts: pa.Array, zones: Zones) -> pa.Array:
    """The business day that each text tells, read as in every other format; each of its spellings once."""
    import pyarrow as pa

    def told(text: str | None) -> date | None:
        try:
            return day_of(text, zones)
        except ValueError:
            return None

    encoded = texts.dictionary_encode()
    return pa.array([told(text) for text in encoded.dictionary.to_pylist()], pa.date32()).take(encoded.indices)


def _without_day(path: AnyPath, ingest: FilesIngest, column: str) -> Iterator[pa.RecordBatch]:
    """The rows of which nobody can tell the day, refused."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for rows in batches(path, ingest, date.max):
        name = spelled(column, rows.schema.names) or column
        odd = rows.filter(pc.is_null(_days(rows.column(name), ingest.zone)))
        if odd.num_rows:
            reason = pa.array([f"invalid_{column}"] * odd.num_rows, pa.string())
            text = odd.column(name).cast(pa.string())
            yield pa.RecordBatch.from_arrays([*odd.columns, reason, text], names=[*odd.schema.names, REFUSAL, REFUSED_TEXT])


def _parquet_batches(path: AnyPath, day: date) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file; raises Unfit, when all of it was read, where a column is there twice."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from headline.sources.parquet import batches

    try:
        with at_rest(path), path.open("rb") as file:
            parquet = pq.ParquetFile(file)
            names = parquet.schema_arrow.names
            own = [f"{name} (arrived)" if name_key(name) in RESERVED else name for name in names]
            apart = told_apart(own)
            parts = batches(parquet, file, path.stat().st_size, str(path))
            yield from parts if apart == names else (rows.rename_columns(apart) for rows in parts)
            if apart != own:
                raise Unfit(f"{path.name}: a column is there twice: {', '.join(map(short, names[:20]))}", day)
    except FileNotFoundError:
        raise _missing(path) from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, "Parquet", error) from error


def unreadable(path: AnyPath, what: str, error: Exception) -> HeadlineError:
    """What to raise for a file that cannot be read: it may still be arriving, or it has stopped growing."""
    if path.is_dir():
        return BadData(f"{path}: is a folder, where a file is expected; ask who drops it")
    said = f"{path}: cannot be read as {what}: {error}"
    if not is_settled(path):
        return Transient(f"{said}; it may be still arriving")
    return BadData(f"{said}. It has not been written to for {settings.load().settled_minutes} minutes; ask who drops it")


def _text_batches(path: AnyPath, ingest: FilesIngest, day: date, taken: Taken | None = None) -> Iterator[pa.RecordBatch]:
    """The records of a text file as columns of text, at least one batch; what does not fit is kept for `day`."""
    try:
        if path.stat().st_size == 0:
            raise ValueError("it is empty, even of a header")
        with at_rest(path):
            read = _csv_batches if ingest.format == "csv" else _json_batches
            yield from read(path, ingest, day, taken or Taken())
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, LookupError, ValueError, csv.Error) as error:
        raise unreadable(path, ingest.format, error) from error


def _text_lines(path: AnyPath, ingest: FilesIngest, taken: Taken) -> Iterator[str]:
    """The lines of a text file, what is not in its encoding as half surrogates; of a line too long its beginning, as no text.

    Raises ValueError at its end where that is no line break and the file may still be arriving.
    """
    last, is_first, is_cut = "", True, False
    with (
        path.open("rb") as content,
        io.TextIOWrapper(content, encoding=ingest.encoding, errors="surrogateescape", newline="") as lines,
    ):
        while line := lines.readline(LONGEST_RECORD):
            taken.count += len(line)
            last, was_cut, is_cut = line, is_cut, len(line) == LONGEST_RECORD and not line.endswith(_LINE_ENDS)
            if was_cut:
                continue
            yield cut(line) if is_cut else line.removeprefix("\ufeff") if is_first else line
            is_first = False
    if not last.endswith(_LINE_ENDS) and not is_settled(path):
        raise ValueError("it breaks off without a line break at its end")


def _csv_batches(path: AnyPath, ingest: FilesIngest, day: date, taken: Taken) -> Iterator[pa.RecordBatch]:
    """A line with too many or too few fields, or whose bytes are no text, is refused; a line without anything is none."""
    lines = _Csv(path, ingest, taken)
    header = [name.strip() for name in lines.header()]
    if not all(map(is_text, header)):
        raise ValueError(f"its header is not in {ingest.encoding} ({encoding_hint(path)}): {', '.join(header)[:80]!r}")
    named = [place for place, name in enumerate(header) if name_key(name)]
    names = [header[place] for place in named]
    if len(named) < len(header):
        log.warning("%s: %s of its columns have no name and are left out", path.name, len(header) - len(named))
    if told_apart(names) != names:
        message = f"{path.name}: a column is there twice: {', '.join(map(short, header[:20]))}"
        raise Unfit(message, day, ((day, rows) for rows in _csv_batches_padded(path, ingest, taken)))
    count, odd, first = 0, 0, ""
    yield batch([dict.fromkeys(names)]).slice(0, 0)
    for chunk in chunks(lines.records(len(header)), taken):
        records = []
        for line in chunk:
            number, fields, text = line
            where = f"{path.name} line {number}"
            if len(fields) != len(header) or not is_text(text):
                odd += 1
                reason = UNREADABLE if len(fields) in (0, len(header)) else WRONG_FIELD_COUNT
                records.append(refused(reason, text.rstrip("\r\n"), where))
                first = first or _misfit(path, ingest, line, len(header))
            else:
                values = {header[place]: fields[place] or None for place in named}
                records.append(record_of(values, where))
        count += len(records)
        yield batch(records)
    if are_most(odd, count):
        message = f"{path.name}: {odd} of {count} lines do not fit its header: {first}"
        raise Unfit(message, day, ((day, rows) for rows in _csv_batches_padded(path, ingest, taken)))


def _misfit(path: AnyPath, ingest: FilesIngest, line: _Line, width: int) -> str:
    """Why a record of a CSV file is refused, in words."""
    if not line.fields:
        return f"line {line.number} has a quote in a wrong place"
    if len(line.fields) == width:
        return f"line {line.number} is not in {ingest.encoding} ({encoding_hint(path)})"
    return f"line {line.number} has {len(line.fields)} fields, the header has {width}"


class _Line(NamedTuple):
    """A record of a CSV file: the number of its first line, its fields, none where its quotes are in disorder, and its text."""

    number: int
    fields: list[str]
    text: str


class _Csv:
    """The records of a CSV file. A line that holds nothing is none.

    One with a quote in a wrong place may swallow the lines after it: of a record that has more than one line and does not fit the
    header, each line is read on its own. `is_strict`: else quotes need not be in order, and the file may break off.
    """

    def __init__(self, path: AnyPath, ingest: FilesIngest, taken: Taken, *, is_strict: bool = True) -> None:
        self._path, self._is_strict = path, is_strict
        self._how: dict[str, Any] = {"delimiter": ingest.delimiter, "quotechar": ingest.quote}
        self._text: list[str] = []  # of the record that is read
        self._reader = csv.reader(self._kept(_text_lines(path, ingest, taken)), strict=is_strict, **self._how)

    def _kept(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self._text.append(line)
            yield line

    def header(self) -> list[str]:
        """The fields of the first line; raises ValueError where there is none."""
        first = next(self.records(), None)
        if first is None or not first.fields:
            raise ValueError("its header has a quote in a wrong place" if first else "it is empty, even of a header")
        return first.fields

    def records(self, width: int | None = None) -> Iterator[_Line]:
        """The records from here on, of `width` fields each if that is given; fields behind the last that are empty do not count.

        Raises csv.Error where a quote is open to the end of a file that may still be arriving.
        """
        while True:
            self._text.clear()
            number = self._reader.line_num + 1
            try:
                fields = next(self._reader, None)
            except csv.Error as error:
                if "end of data" in str(error) and not is_settled(self._path):
                    raise
                fields = []
            if fields is None:
                return
            fields = _cut(fields, width)
            is_fit = len(fields) == width if width else bool(fields)
            if self._is_strict and len(self._text) > 1 and not is_fit:
                yield from self._each_line(number, width)
            elif (text := "".join(self._text).strip()) and (not fields or any(field.strip() for field in fields)):
                yield _Line(number, fields, text)

    def _each_line(self, number: int, width: int | None) -> Iterator[_Line]:
        for place, line in enumerate(self._text):
            try:
                fields = _cut(next(csv.reader([line], strict=True, **self._how), []), width)
            except csv.Error:
                fields = []
            if line.strip() and (not fields or any(field.strip() for field in fields)):
                yield _Line(number + place, fields, line)


def _cut(fields: list[str], width: int | None) -> list[str]:
    while width is not None and len(fields) > width and not fields[-1]:
        fields.pop()
    return fields


def _csv_as_it_is(path: AnyPath, ingest: FilesIngest, taken: Taken) -> Iterator[list[str]]:
    """The lines of a file that is kept and not loaded: quotes need not be in order, and it may break off."""
    with suppress(ValueError, csv.Error):
        yield from (line.fields or [line.text] for line in _Csv(path, ingest, taken, is_strict=False).records())


def _csv_batches_padded(path: AnyPath, ingest: FilesIngest, taken: Taken) -> Iterator[pa.RecordBatch]:
    """All lines of a file whose lines do not fit its header, with a name for each field of the longest."""
    header, width = next(_csv_as_it_is(path, ingest, taken)), max(map(len, _csv_as_it_is(path, ingest, taken)))
    more = [f"field {number}" for number in range(len(header) + 1, width + 1)]
    names = told_apart([*(name if name_key(name) else "no name" for name in header), *more])
    rest = islice(_csv_as_it_is(path, ingest, taken), 1, None)
    yield from (batch(dict(zip(names, fields, strict=False)) for fields in chunk) for chunk in chunks(rest, taken))


def told_apart(names: list[str]) -> list[str]:
    """The names, numbered where SQL cannot tell one from one before it; those without a name, which are left out, stay."""
    taken: set[str] = set()
    found: list[str] = []
    for name in names:
        own, number = name, 1
        while name_key(own) in taken - {""}:
            number += 1
            own = f"{name} ({number})"
        taken.add(name_key(own))
        found.append(own)
    return found


def _json_batches(path: AnyPath, ingest: FilesIngest, day: date, taken: Taken) -> Iterator[pa.RecordBatch]:
    """A line that is no JSON object is refused."""
    yield batch([])
    count, odd, first = 0, 0, ""
    written = ((number, line) for number, line in enumerate(_text_lines(path, ingest, taken), start=1) if line.strip())
    for chunk in chunks(written, taken):
        records = []
        for number, line in chunk:
            found = records_of(line.removeprefix("\ufeff"), f"{path.name} line {number}")
            records += found
            if found[0].get(REFUSAL) == UNREADABLE:
                odd += 1
                first = first or f"line {number} {_no_record(path, ingest, line)}"
        count += len(records)
        yield batch(records)
    if are_most(odd, count):
        raise Unfit(f"{path.name}: {odd} of {count} lines are no records: {first}", day)


def _no_record(path: AnyPath, ingest: FilesIngest, line: str) -> str:
    """Why a line of a file of JSON is no record, in words."""
    if not is_text(line):
        return f"is not in {ingest.encoding} ({encoding_hint(path)})"
    try:
        loads(line)
    except ValueError as error:
        return f"is no record: {error}"
    return "is no object"


def _missing(path: AnyPath) -> Transient:
    return Transient(f"{path}: is not there yet. If it stays away, ask who drops it")
