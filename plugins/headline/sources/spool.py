"""Rows of many days on their way from a source to files, in memory that does not grow with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa

from headline.sources.names import name_key, storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date
    from pathlib import Path
    from types import TracebackType

# So many rows of a source are in memory at once, and together in a file.
ROWS_AT_A_TIME = 20_000
# Of long rows only so many as take this.
BYTES_AT_A_TIME = 16 * 2**20
# Rows of all days that may wait in memory; what is more waits on disk.
BUFFER_BYTES = 32 * 2**20
# What a column of a batch takes besides its values.
_COLUMN_BYTES = 512
_TEXTS = (pa.large_string(), pa.string_view())
_SPILLED = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass
class _Day:
    schema: pa.Schema
    waiting: list[pa.RecordBatch] = field(default_factory=list)
    byte_count: int = 0
    file: Path | None = None
    names: dict[str, str] = field(default_factory=dict)

    def spelled_alike(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The rows with each column renamed to the day's first name that SQL cannot distinguish from it."""
        names = [self.names.setdefault(name_key(name), name) for name in rows.schema.names]
        return rows if names == rows.schema.names else rows.rename_columns(names)


class Spool:
    """Takes parts in any order of days and gives the rows of each day in the order in which they came.

    Up to BUFFER_BYTES stay in memory, beyond it a day waits in a file of its own; one of them is open at a time, however many
    days there are.
    """

    def __init__(self) -> None:
        self._schema: pa.Schema = pa.schema([])
        self._days: dict[date, _Day] = {}
        self._byte_count = 0
        self._folder: TemporaryDirectory[str] | None = None

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._folder:
            self._folder.cleanup()

    @property
    def folder(self) -> Path:
        """Where days wait that memory has no room for."""
        import tempfile
        from pathlib import Path

        return Path(self._folder.name if self._folder else tempfile.gettempdir())

    def byte_count(self, days: Iterable[date] | None = None) -> int:
        """How many bytes the rows of these days take here, in memory and on disk; of all days if left out."""
        known = [self._days[day] for day in (self._days if days is None else days) if day in self._days]
        return sum(one.byte_count + (one.file.stat().st_size if one.file and one.file.exists() else 0) for one in known)

    @property
    def days(self) -> list[date]:
        """The days that have rows."""
        return sorted(self._days)

    def add(self, day: date, rows: pa.RecordBatch) -> None:
        """Keep rows of a day; columns that other parts of the day lack are null there."""
        self._schema = self._schema or rows.schema
        if not rows.num_rows:
            return
        known = self._days.setdefault(day, _Day(rows.schema))
        rows = known.spelled_alike(rows)
        if not known.schema.equals(rows.schema):
            known.schema = pa.unify_schemas([known.schema, rows.schema])
        size = rows.nbytes + _COLUMN_BYTES * rows.num_columns
        known.waiting.append(rows)
        known.byte_count += size
        self._byte_count += size
        if self._byte_count > BUFFER_BYTES:
            self._spill()

    def schema_of(self, days: Sequence[date]) -> pa.Schema:
        """The columns of these days in the order in which they came; where there are no rows, those of the first part."""
        schemas = [self._days[day].schema for day in days if day in self._days]
        return pa.unify_schemas(schemas) if schemas else self._schema

    def rows(self, days: Sequence[date]) -> Iterator[pa.Table]:
        """The rows of these days, cut alike however they came; where rows are long, fewer at a time."""
        schema = self.schema_of(days)
        parts = (part for day in days if day in self._days for part in self._parts(self._days[day]))
        waiting: list[pa.Table] = []
        count = size = 0
        for part in parts:
            if waiting and size + part.nbytes > BYTES_AT_A_TIME:
                yield pa.concat_tables(waiting).combine_chunks()
                waiting, count, size = [], 0, 0
            waiting.append(_aligned(part, schema))
            count += part.num_rows
            size += part.nbytes
            while count >= ROWS_AT_A_TIME:
                table = pa.concat_tables(waiting)
                yield table.slice(0, ROWS_AT_A_TIME).combine_chunks()
                count -= ROWS_AT_A_TIME
                waiting = [table.slice(ROWS_AT_A_TIME)] if count else []
                size = waiting[0].nbytes if count else 0
        if waiting:
            yield pa.concat_tables(waiting).combine_chunks()

    def scratch(self, name: str) -> Path:
        """A path for a file that is gone with the spool."""
        from pathlib import Path

        self._folder = self._folder or TemporaryDirectory(prefix="headline-landing-")
        return Path(self._folder.name) / name

    def _parts(self, day: _Day) -> Iterator[pa.RecordBatch]:
        if day.file:
            with pa.OSFile(str(day.file)) as file:
                while file.tell() < file.size():
                    yield from pa.ipc.open_stream(file)
        yield from day.waiting

    def _spill(self) -> None:
        """The days that hold most go to disk, until half of the memory is free again."""
        for day, known in sorted(self._days.items(), key=lambda item: -item[1].byte_count):
            if self._byte_count <= BUFFER_BYTES // 2:
                break
            known.file = known.file or self.scratch(f"{day}.arrows")
            whole = pa.concat_tables(_aligned(part, known.schema) for part in known.waiting).combine_chunks()
            with known.file.open("ab") as file, pa.ipc.new_stream(file, known.schema, options=_SPILLED) as stream:
                stream.write_table(whole, max_chunksize=ROWS_AT_A_TIME)
            self._byte_count -= known.byte_count
            known.waiting, known.byte_count = [], 0


def plain(rows: pa.RecordBatch, without: Iterable[str] = ()) -> pa.RecordBatch:
    """The rows with each value written out, and nothing of how their file kept them; `without` columns so called in any case."""
    left_out = {"", *map(name_key, without)}
    columns = {
        storable(name): _decoded(rows.column(place))
        for place, name in enumerate(rows.schema.names)
        if name_key(name) not in left_out
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _decoded(values: pa.Array) -> pa.Array:
    values = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    return values.cast(pa.string()) if values.type in _TEXTS else values


def _aligned(part: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    if part.schema.equals(schema):
        return pa.Table.from_batches([part])
    columns = [
        part.column(field.name).cast(field.type) if field.name in part.schema.names else pa.nulls(part.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
