"""The landing zone: what arrived, a Parquet file a business day, never changed once it is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from headline import settings
from headline.errors import BadData, Transient
from headline.ledger import Load
from headline.sources.agreed import Agreed
from headline.sources.bounds import Meter
from headline.sources.columns import Columns, kind_of
from headline.sources.content import DIGEST_BYTES, Content, content_of
from headline.sources.intact import NO_MANIFEST, SUMS, flaw, flaw_of, manifest_of
from headline.sources.judged import judged
from headline.sources.parquet import groups
from headline.sources.refused import RESERVED
from headline.sources.spool import ROWS_AT_A_TIME, Spool, plain
from headline.sources.storage import address_of, keep_alive, mark_of, opened, path_of, replacing, sha256_of
from headline.sources.sums import Sums
from headline.sources.without_day import WithoutDay
from headline.space import room_for

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath

# One day's part of what a source gave: rows of that day, columns as they came. NO_DAY: of rows that belong to none.
Part = tuple[date, pa.RecordBatch]
NO_DAY = date.min
# Rows that show what a column has; where a column has changed, more are read to find out what became of it.
SAMPLE_ROWS = 1_000
# So often is a file written whose bytes are not what its manifest says.
ATTEMPTS = 3


class Unfit(BadData):
    """The arrival is complete but cannot be split by day as the spec says.

    `parts`: all of it, so that it can be kept; None where it has been handed over already. `kept`: where the writer kept it.
    """

    def __init__(self, message: str, day: date, parts: Iterable[Part] | None = None) -> None:
        self.day = day
        self.parts = parts
        self.kept: Load | None = None
        super().__init__(message)


class LandingWriter:
    """Collects the parts of one table, a file a day, and moves the finished files into the landing zone.

    A file is named by the checksum of its content: the same rows again, in whatever order, are the same file, and one that is
    damaged is written again. An invalid record is quarantined alone. `root`: the landing zone, if it is not the
    deployment's. `border`: what happens to rows before they land. `without_day`: on which days records without one stand; if left
    out, on the last that must have a file.
    """

    def __init__(
        self,
        source: str,
        landing: str,
        origin: str,
        agreed: Agreed | None = None,
        root: AnyPath | None = None,
        border: Callable[[pa.RecordBatch], pa.RecordBatch] | None = None,
        without_day: WithoutDay | None = None,
    ) -> None:
        self._source = source
        self._landing = landing
        self._origin = origin
        self._agreed = agreed or Agreed()
        self._root = root
        self._border = border or (lambda rows: rows)
        self._without_day = without_day
        self._read_at = datetime.now(UTC)

    def write(self, parts: Iterable[Part], days: Iterable[date], known: Mapping[date, Load] | None = None) -> list[Load]:
        """Land everything and say what arrived; nothing is visible to anybody before the ledger records the loads.

        `days`: those that must have a file even when nothing came. `known`: what had landed of them before; where it holds the
        same, it is what is given back. Raises Unfit, with the load that keeps what arrived, when the source does; BadData where
        the source sends more than it may.
        """
        self._read_at = datetime.now(UTC)
        days = list(days)
        with Spool() as spool:
            try:
                self._fill(spool, parts, days)
            except Unfit as error:
                error.kept = self._keep(error, spool)
                raise
            found = sorted({*days, *spool.days})
            return [self._land(day, spool, [day], (known or {}).get(day)) for day in found]

    def _keep(self, error: Unfit, spool: Spool) -> Load:
        """Land everything that cannot be split as one day."""
        if error.parts is None:
            return self._land(error.day, spool, spool.days)
        with Spool() as whole:
            self._fill(whole, error.parts, [error.day])
            return self._land(error.day, whole, whole.days)

    def _fill(self, spool: Spool, parts: Iterable[Part], days: Sequence[date]) -> None:
        meter = Meter(self._landing, len(days))
        without_day = self._without_day or WithoutDay(lambda: (), (), max(days, default=None))
        for day, rows in parts:
            meter.add(rows.num_rows, rows.nbytes)
            landing = self._border(judged(plain(rows, without=["ds"]), self._agreed))
            for own, mine in [(day, landing)] if day != NO_DAY else without_day.parts(landing, days):
                with room_for("rows on their way", spool.folder, spool.byte_count):
                    spool.add(own, mine)

    def _land(self, day: date, spool: Spool, days: list[date], known: Load | None = None) -> Load:
        schema = spool.schema_of(days)
        content, sums = Content(), Sums(self._agreed)
        for rows in spool.rows(days):
            content.add(rows)
            sums.add(rows)
        checksum = content.checksum(schema)
        if known and _holds(known, content.row_count, checksum):
            return replace(known, extracted_at=self._read_at)
        target = (
            (self._root or _root())
            / self._source
            / self._landing.removeprefix("landing.")
            / f"ds={day}"
            / f"{checksum[:16]}.parquet"
        )
        load = Load(
            landing=self._landing,
            ds=day,
            file=address_of(target),
            row_count=content.row_count,
            checksum=checksum,
            columns={"ds": str(pa.date32())} | {field.name: str(field.type) for field in schema},
            origin=self._origin,
            extracted_at=self._read_at,
        )
        manifest = {**vars(load), "ds": str(day), "extracted_at": load.extracted_at.isoformat(), SUMS: sums.by_column}
        where = target if isinstance(target, Path) else spool.folder
        # Another run may write the same content at the same moment, in another order of rows: the last to write looks last.
        for _ in range(ATTEMPTS):
            mark, damage = mark_of(target), flaw(target, checksum)
            if not damage:
                keep_alive(target)
                return load
            with suppress(FileExistsError), room_for(f"{self._landing} of {day}", where, lambda: spool.byte_count(days)):
                written = _left(target, checksum) if damage == NO_MANIFEST else None
                if written is None:
                    with replacing(target, spool.scratch, mark) as file:
                        _write(file, day, schema, spool.rows(days))
                        written = file.stat().st_size, sha256_of(file)
                size, digest = written
                manifest_of(target).write_text(json.dumps(manifest | {"bytes": size, "sha256": digest}, indent=2))
        if damage := flaw(target, checksum):
            raise Transient(f"{load.file}: {damage}, however often it is written; others seem to write it at the same time")
        return load


class Sample:
    """Up to so many values of each column of a landed file, from parts of the file that lie evenly apart.

    The file is opened once, for opening it takes as long as it has columns.
    """

    def __init__(self, file: str, rows: int) -> None:
        self._file = file
        self._rows = rows

    def __call__(self, column: str) -> pa.ChunkedArray:
        groups = range(self._parquet.num_row_groups)[:: max(1, self._parquet.num_row_groups // 10)]
        batches = [
            next(self._parquet.iter_batches(max(1, self._rows // len(groups)), row_groups=[group], columns=[column]), None)
            for group in groups
        ]
        chunks = [batch.column(column) for batch in batches if batch is not None]
        return pa.chunked_array(chunks, self._schema.field(column).type)

    @cached_property
    def _parquet(self) -> pq.ParquetFile:
        return pq.ParquetFile(opened(self._file))

    @cached_property
    def _schema(self) -> pa.Schema:
        return self._parquet.schema_arrow


def columns_of(load: Load, rows: int = SAMPLE_ROWS) -> Columns:
    """The columns of a landed file as they arrived, without the day that it was landed for."""
    kinds = {name: kind_of(kind) for name, kind in load.columns.items() if name not in {"ds", *RESERVED}}
    return Columns(kinds, load.row_count, Sample(load.file, rows))


def _root() -> AnyPath:
    return path_of(settings.load().landing)


def _holds(known: Load, row_count: int, checksum: str) -> bool:
    """Whether a load from before content was compared holds the same: then it stays, and the day does not become another."""
    if len(known.checksum) == 2 * DIGEST_BYTES or known.row_count != row_count or flaw_of(known):
        return False
    with opened(known.file) as file:
        return _checksum(file) == checksum


def _checksum(file: IO[bytes]) -> str:
    parquet = pq.ParquetFile(file)
    return content_of(groups(parquet)).checksum(parquet.schema_arrow)


def _left(file: AnyPath, checksum: str) -> tuple[int, str] | None:
    """Bytes and SHA-256 of a file with this content that has no manifest, as a writer leaves it who is at work or was killed."""
    try:
        with file.open("rb") as content:
            is_it = _checksum(content) == checksum
        return (file.stat().st_size, sha256_of(file)) if is_it else None
    except (OSError, pa.ArrowException):
        return None


def _write(file: Path, day: date, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    with_day = pa.schema([("ds", pa.date32()), *schema])
    with pq.ParquetWriter(file, with_day) as writer:
        for rows in tables:
            days = pa.repeat(pa.scalar(day, pa.date32()), rows.num_rows)
            writer.write_table(pa.Table.from_arrays([days, *rows.columns], schema=with_day), row_group_size=ROWS_AT_A_TIME)
