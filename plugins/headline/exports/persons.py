"""Dumps that hold a person: an erasure names them and leaves them, since their receivers may have copies, and know checksums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING, Any

from headline.errors import BadData, HeadlineError
from headline.exports.dump import MANIFEST, made_at, read_manifest
from headline.sources.dropped import root
from headline.sources.storage import address_of
from headline.specs.exports import Export, Files, load_exports

if TYPE_CHECKING:
    import pyarrow as pa

    from headline.sources.storage import AnyPath


@dataclass(frozen=True)
class Held:
    """A dump that holds a person. `address`: of its folder. `goes_after`: its last day, None where it is kept for ever."""

    address: str
    row_count: int
    goes_after: date | None


def dumps_in_words(person: str) -> Iterator[str]:
    """A line for each dump that holds the person, and for each export whose dumps cannot be looked at."""
    for export in load_exports()[0]:
        if isinstance(export.to, Files):
            try:
                for one in dumps_with(person, export):
                    when = f"goes after {one.goes_after}" if one.goes_after else "stays for ever"
                    rows = f"{one.row_count:,} row{'s' if one.row_count > 1 else ''} of the person"
                    yield f"{one.address}, given to {export.receiver}, holds {rows} and {when} (keep_days of {export.id})"
            except (HeadlineError, OSError) as error:
                yield f"the dumps of {export.id} may hold the person, and could not be looked at: {error}"


def dumps_with(person: str, export: Export) -> Iterator[Held]:
    """Every dump of an export that holds a person's id in a column of text, also one that another has replaced."""
    base, days = root(export.files.connection) / export.id, export.files.keep_days
    for period in sorted(base.iterdir(), key=str) if base.exists() else ():
        current = read_manifest(period / MANIFEST)
        for folder in sorted(period.iterdir(), key=str) if period.is_dir() else ():
            manifest = read_manifest(folder / MANIFEST)
            if manifest and (count := sum(_rows_with(person, period / one["path"], manifest) for one in manifest["files"])):
                last = made_at(current or manifest).date() + timedelta(days=days)
                yield Held(address_of(folder), count, last if days else None)


def _rows_with(person: str, file: AnyPath, manifest: dict[str, Any]) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    names = [one["name"] for one in manifest["schema"] if one["type"] == "varchar"]
    try:
        found = 0
        for batch in _batches(file, names, manifest["format"]):
            alike = [pc.fill_null(pc.equal(column, person), False) for column in batch.columns]
            found += pc.sum(reduce(pc.or_, alike)).as_py() or 0 if alike else 0
        return found
    except FileNotFoundError:
        return 0
    except pa.ArrowException as error:
        raise BadData(f"{file}: {error}") from error


def _batches(file: AnyPath, names: list[str], form: str) -> Iterator[pa.RecordBatch]:
    with file.open("rb") as opened:
        if form == "parquet":
            from pyarrow.parquet import ParquetFile

            yield from ParquetFile(opened).iter_batches(columns=names)
        elif names:
            from pyarrow import csv, string

            options = csv.ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, string()))
            yield from csv.open_csv(opened, convert_options=options)
