"""A stream that arrives in micro-batches: files of JSON lines, several a day, out of order, with late and repeated records."""

from __future__ import annotations

import codecs
import logging
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import IO, TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from headline.errors import BadData, Transient
from headline.intervals import DAY, Interval, business_day
from headline.sources.bounds import expanded
from headline.sources.columns import are_most
from headline.sources.dates import moment_of
from headline.sources.days import Zones, zones_of
from headline.sources.dropped import root, unreadable
from headline.sources.landing import Part, Unfit
from headline.sources.records import records_of
from headline.sources.refused import REFUSAL, UNREADABLE, refused
from headline.sources.storage import LONGEST_RECORD, PIECE, at_rest, below, check_within, is_beside, is_settled
from headline.sources.text import Taken, batch, chunks, cut, field_of, text_of
from headline.specs import StreamIngest

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath

log = logging.getLogger(__name__)


@dataclass(frozen=True, order=True)
class MicroBatch:
    """One file of the stream and the business day on which it arrived."""

    day: date
    path: AnyPath


def read(ingest: StreamIngest, interval: Interval) -> Iterator[Part]:
    """The records of each day, in the order of file names and lines, from the files of that day and of its lookback.

    What no day of its own takes any more (too late, ahead of its time, without a time) stays on the day it arrived. So every
    record stands on one day, whichever days are read together, and the same files make the same rows. Raises Transient where
    no file of a day is there yet or one is broken off, BadData where one has stopped growing and cannot be read, Unfit where
    hardly a line of what arrived on a day is a record with a moment. Any other line is refused by itself.
    """
    zones = zones_of(ingest.zone)
    lookback = timedelta(days=ingest.lookback_days)
    files = micro_batches(ingest, Interval(interval.start, interval.end + lookback), zones.reporting)
    arrived = {micro_batch.day for micro_batch in files}
    if silent := [day for day in interval if day not in arrived]:
        raise Transient(f"{ingest.pattern}: no file has arrived on {silent[0]}. If none arrives, ask the sender")
    misplaced: Counter[date] = Counter()
    taken = Taken()
    seen: defaultdict[date, _Seen] = defaultdict(lambda: _Seen(taken))
    for micro_batch in files:
        for records in chunks(_records(micro_batch, ingest, zones, seen[micro_batch.day]), taken):
            of_days: dict[date, list[dict[str, Any]]] = defaultdict(list)
            for record, day in records:
                if day and micro_batch.day - lookback <= day <= micro_batch.day:
                    of_days[day].append(record)
                else:
                    of_days[micro_batch.day].append(record)
                    misplaced[micro_batch.day] += 1
            yield from ((day, batch(rows)) for day, rows in of_days.items() if interval.start <= day < interval.end)
    for found in seen.values():
        found.require_records(ingest)
    counts = {str(day): misplaced[day] for day in interval if misplaced[day]}
    if counts:
        log.warning("%s: records that belong to no day still open, by day of arrival: %s", ingest.pattern, counts)


def micro_batches(ingest: StreamIngest, interval: Interval, zone: ZoneInfo) -> list[MicroBatch]:
    """The files that arrived on the business days of the interval, in the order of their names."""
    begins, ends = (datetime.combine(day, time.min, zone).astimezone(UTC) for day in (interval.start, interval.end))
    folder_pattern, _, file_pattern = ingest.pattern.rpartition("/")
    name = re.compile(re.escape(file_pattern).replace("%H%M", r"([01]\d|2[0-3])([0-5]\d)").replace(r"\*", ".*"))
    found: list[MicroBatch] = []
    base = root(ingest.connection)
    for utc_day in Interval(begins.date(), ends.date() + DAY):
        folder = below(base, utc_day.strftime(folder_pattern))
        for path in sorted(folder.iterdir()) if folder.exists() else ():
            if is_beside(path.name):
                continue
            check_within(path, base)
            clock = name.fullmatch(path.name)
            if clock is None:
                said = f"{path}: is not named like {file_pattern}, so its time of arrival is unknown"
                if not is_settled(path):
                    raise Transient(f"{said}; it may be still arriving under another name")
                raise BadData(f"{said}; nothing was loaded. Ask its sender, or move it away")
            arrived_at = datetime.combine(utc_day, time(int(clock[1]), int(clock[2])), UTC)
            day = arrived_at.astimezone(zone).date()
            if interval.start <= day < interval.end:
                found.append(MicroBatch(day, path))
    return found


@dataclass
class _Seen:
    """What the files that arrived on a day hold: their lines, how many of them are no records with a moment, and the first."""

    taken: Taken
    files: list[MicroBatch] = field(default_factory=list)
    count: int = 0
    odd: int = 0
    first: str = ""

    def refuse(self, what: str) -> None:
        self.odd += 1
        self.first = self.first or what

    def require_records(self, ingest: StreamIngest) -> None:
        """Raises Unfit with all files of the day where hardly a line is a record: one file among many holds nothing up."""
        if are_most(self.odd, self.count):
            lines = (record for file in self.files for _, record in _lines(file, ingest.encoding, self.taken))
            whole = ((self.files[0].day, batch(records)) for records in chunks(lines, self.taken))
            told = f"{self.odd} of {self.count} lines are no records with a {ingest.moment}: {self.first}"
            raise Unfit(f"{self.files[0].path.parent}: {told}", self.files[0].day, whole)


def _records(file: MicroBatch, ingest: StreamIngest, zones: Zones, seen: _Seen) -> Iterator[tuple[dict[str, Any], date | None]]:
    """The records of one file, each with the business day on which it happened, if it says when."""
    moment = ingest.moment
    seen.files.append(file)
    for number, record in _lines(file, ingest.encoding, seen.taken):
        seen.count += 1
        day = None
        if record.get(REFUSAL):
            seen.refuse(f"line {number} of {file.path.name} is no record")
        elif (written := text_of(field_of(record, moment))) and written.strip() not in ingest.null_markers:
            try:
                day = business_day(moment_of(written, zones.source).replace(tzinfo=UTC), zones.reporting.key)
            except ValueError as error:
                seen.refuse(f"the {moment} of line {number} of {file.path.name} is no time: {error}")
        yield record, day


def _lines(file: MicroBatch, encoding: str, taken: Taken) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of one file with the numbers of their lines; memory holds a piece of the file.

    What follows the last member of the gzip file and is none is refused as one record.
    """
    number = 0
    try:
        if not file.path.stat().st_size:
            raise EOFError("it is empty")
        with at_rest(file.path), file.path.open("rb") as compressed:
            pieces = expanded(_unzipped(compressed), str(file.path), compressed.tell)
            for number, line in enumerate(taken.counted(_split(pieces, encoding)), start=1):
                if line.strip():
                    yield from ((number, record) for record in records_of(line, f"{file.path.name} line {number}"))
    except ForeignBytesError as error:
        yield number + 1, refused(UNREADABLE, f"after the gzip data: {error}", f"{file.path.name} after line {number}")
    except FileNotFoundError:
        raise Transient(f"{file.path}: was removed while it was read") from None
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise unreadable(file.path, "a whole gzip file", error) from error


def _split(pieces: Iterator[bytes], encoding: str) -> Iterator[str]:
    """The lines, without byte order marks, what is not in the encoding as half surrogates; of one that is too long its beginning.

    Raises what the pieces raise, when all before it has been given.
    """
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    rest, is_cut = "", False
    failure: ForeignBytesError | None = None
    try:
        for piece in pieces:
            *lines, rest = _cut_into_lines(rest + decoder.decode(piece))
            for line in lines:
                if not is_cut:
                    yield cut(line) if len(line) > LONGEST_RECORD else line.removeprefix("\ufeff")
                is_cut = False
            if is_cut:
                rest = ""
            elif len(rest) > LONGEST_RECORD:
                yield cut(rest)
                rest, is_cut = "", True
    except ForeignBytesError as error:
        failure = error
    rest += decoder.decode(b"", final=True)
    if rest and not is_cut:
        yield rest.removeprefix("\ufeff")
    if failure:
        raise failure


def _cut_into_lines(text: str) -> list[str]:
    """The lines, whichever way each ends, and what follows the last; a CR at the end may be half of a line end."""
    if "\r" not in text:
        return text.split("\n")
    is_half = text.endswith("\r")
    *lines, rest = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [*lines, f"{rest}\r" if is_half else rest]


class ForeignBytesError(Exception):
    """Something follows the last member of a gzip file that is none."""


def _unzipped(compressed: IO[bytes]) -> Iterator[bytes]:
    """The content of all members, in pieces of bounded size; zeros after a member are padding.

    Raises zlib.error or EOFError where a member is broken or breaks off, ForeignBytesError where what follows one is none.
    """
    unzip, is_first, data = zlib.decompressobj(wbits=31), True, compressed.read(PIECE)
    while data:
        if unzip.eof:
            data = data.lstrip(b"\0")
            if not data:
                data = compressed.read(PIECE)
                continue
            unzip, is_first = zlib.decompressobj(wbits=31), False
        try:
            piece = unzip.decompress(data, PIECE)
        except zlib.error as error:
            if is_first or "incorrect header" not in str(error):
                raise
            raise ForeignBytesError(repr(data[:40])) from error
        yield piece
        data = unzip.unconsumed_tail or unzip.unused_data or compressed.read(PIECE)
    if not unzip.eof:
        raise EOFError("it breaks off")
