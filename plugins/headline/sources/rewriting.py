"""Rewrites a landed file without the data to remove; its content, checksum and manifest are new."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from headline.errors import BadData
from headline.sources.content import Content
from headline.sources.intact import manifest_of
from headline.sources.parquet import groups
from headline.sources.refused import RESERVED
from headline.sources.spool import ROWS_AT_A_TIME
from headline.sources.storage import address_of, path_of, replacing, sha256_of

if TYPE_CHECKING:
    from headline.ledger import Load
    from headline.sources.storage import AnyPath

Change = Callable[[pa.RecordBatch], pa.RecordBatch]


@dataclass(frozen=True)
class Rewritten:
    """What a file holds after a change. `row_count`: of the rows that the change touched."""

    checksum: str
    columns: dict[str, str]
    row_count: int


def touched_rows(file: AnyPath, change: Change, columns: Collection[str]) -> int:
    """How many rows of a landed file a change touches, of which these columns tell, beside those of refused records.

    Raises BadData where it cannot be read.
    """
    asked = {name.casefold() for name in columns} | RESERVED
    try:
        with file.open("rb") as opened:
            parquet = pq.ParquetFile(opened)
            names = [name for name in parquet.schema_arrow.names if name.casefold() in asked]
            return sum(_differing(rows, change(rows)) for rows in groups(parquet, names)) if names else 0
    except (OSError, pa.ArrowException) as error:
        raise BadData(f"{file}: cannot be read, so its persons are unknown: {error}. No load uses it: remove it") from error


def values_of(file: AnyPath, column: str) -> set[object]:
    """The values of a column of a landed file, whatever the case of its name; none where it has no such column."""
    import pyarrow.compute as pc

    with file.open("rb") as opened:
        parquet = pq.ParquetFile(opened)
        names = [name for name in parquet.schema_arrow.names if name.casefold() == column.casefold()]
        parts = groups(parquet, names) if names else ()
        return {value for rows in parts for value in pc.unique(rows.column(0)).to_pylist() if value is not None}


def rewrite(load: Load, change: Change) -> tuple[Load, int]:
    """The load of a file beside the old one, which stays until the ledger knows the new one, and how many rows differ."""
    old = path_of(load.file)
    with TemporaryDirectory(prefix="headline-erase-") as folder:
        written = Path(folder) / "rewritten.parquet"
        found = _write(old, written, change)
        target = old.with_name(f"{found.checksum[:16]}.parquet")
        after = replace(load, file=address_of(target), checksum=found.checksum, columns=found.columns)
        _put(written, target, {"file": after.file, "checksum": after.checksum, "columns": after.columns}, manifest_of(old))
    return after, found.row_count


def rewrite_in_place(file: AnyPath, change: Change) -> int:
    """Change a file that no load counts on any more; gives how many rows differ."""
    with TemporaryDirectory(prefix="headline-erase-") as folder:
        written = Path(folder) / "rewritten.parquet"
        found = _write(file, written, change)
        _put(written, file, {"checksum": found.checksum, "columns": found.columns}, manifest_of(file))
    return found.row_count


def remove(file: AnyPath) -> None:
    """Remove a landed file and its manifest."""
    file.unlink(missing_ok=True)
    manifest_of(file).unlink(missing_ok=True)


def _write(file: AnyPath, target: Path, change: Change) -> Rewritten:
    """Write the changed rows; columns whose type the change of any part widens have the wider one in all."""
    content, count = Content(), 0
    with file.open("rb") as opened:
        parquet = pq.ParquetFile(opened)
        schema = pa.unify_schemas(
            [parquet.schema_arrow.remove_metadata(), *(rows.schema for _, rows in _changed(parquet, change))],
            promote_options="permissive",
        )
        with pq.ParquetWriter(target, schema) as writer:
            for before, after in _changed(parquet, change):
                count += _differing(before, after)
                table = pa.Table.from_batches([after]).cast(schema)
                content.add(table)
                writer.write_table(table, row_group_size=ROWS_AT_A_TIME)
    return Rewritten(content.checksum(schema), {field.name: str(field.type) for field in schema}, count)


def _changed(parquet: pq.ParquetFile, change: Change) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    for rows in groups(parquet):
        yield rows, change(rows)


def _differing(before: pa.RecordBatch, after: pa.RecordBatch) -> int:
    """How many rows differ in any column."""
    import pyarrow.compute as pc

    differs = pa.array([False] * before.num_rows, pa.bool_())
    for name in before.schema.names:
        old, new = before.column(name), after.column(name)
        if old.type != new.type:
            old = old.cast(new.type)
        if not old.equals(new):
            same = pc.fill_null(pc.equal(old, new), False)
            both_null = pc.and_(pc.is_null(old), pc.is_null(new))
            differs = pc.or_(differs, pc.invert(pc.or_(same, both_null)))
    return int(pc.sum(differs).as_py() or 0)


def _put(written: Path, target: AnyPath, values: dict[str, object], old_manifest: AnyPath) -> None:
    try:
        manifest = json.loads(old_manifest.read_text())
    except (OSError, ValueError):
        manifest = {}
    manifest |= values | {"bytes": written.stat().st_size, "sha256": sha256_of(written)}
    with replacing(target, lambda name: written.with_name(name)) as file:
        file.write_bytes(written.read_bytes())
    manifest_of(target).write_text(json.dumps(manifest, indent=2))
