"""A dump: files of one period with a manifest, which is written last, so that no reader sees half of it.

Below the place of the connection lie `<export>/<first day>/manifest.json`, which readers begin with, and in a folder beside it
the files that it names. A dump of other rows is another folder; the manifest is replaced in one step.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headline.exports.result import schema_promised
from headline.sources.dropped import root
from headline.sources.storage import address_of, copied
from headline.space import room_for
from headline.specs.exports import Export

if TYPE_CHECKING:
    import pyarrow as pa

    from headline.sources.storage import AnyPath

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Place:
    """Where the dumps of one period of an export lie."""

    folder: AnyPath

    @classmethod
    def of(cls, export: Export, start: object) -> Place:
        return cls(root(export.files.connection) / export.id / str(start))

    @property
    def manifest(self) -> AnyPath:
        return self.folder / MANIFEST

    @property
    def address(self) -> str:
        return address_of(self.manifest)

    def holds(self, key: str) -> dict[str, Any] | None:
        """The manifest where it is that of a key and all of its files are there."""
        with suppress(FileNotFoundError):
            found: dict[str, Any] = json.loads(self.manifest.read_text())
            if found["key"] == key and all(_has_size(self.folder / one["path"], one["bytes"]) for one in found["files"]):
                return found
        return None


def staged_files(export: Export, batches: Iterable[pa.RecordBatch], scratch: Path) -> list[tuple[Path, int]]:
    """The rows as local files with how many rows each has: at least one file, which may have none."""
    to, schema = export.files, schema_promised(export)
    files: list[tuple[Path, int]] = []
    writer, rows = None, 0
    with room_for(f"the export {export.id}", scratch, lambda: sum(file.stat().st_size for file, _ in files)):
        for batch in _cut(batches, to.rows_per_file):
            if writer is None:
                path = scratch / f"part-{len(files):05d}.{to.format}"
                files.append((path, 0))
                writer, rows = _writer(path, schema, to.format), 0
            writer.write_batch(batch)
            rows += batch.num_rows
            files[-1] = files[-1][0], rows
            if rows == to.rows_per_file:
                writer.close()
                writer = None
        if not files:
            files.append((scratch / f"part-00000.{to.format}", 0))
            writer = _writer(files[0][0], schema, to.format)
        if writer is not None:
            writer.close()
    return files


def deliver(export: Export, files: Iterable[tuple[Path, int]], place: Place, told: dict[str, Any]) -> dict[str, Any]:
    """Copy the files to where they are read, then the manifest; gives the manifest."""
    to = export.files
    listed: list[dict[str, Any]] = []
    for file, rows in files:
        path = f"{told['key']}/{file.name}"
        size, sha256 = copied(file, place.folder / path)
        file.unlink()
        listed.append({"path": path, "rows": rows, "bytes": size, "sha256": sha256})
    columns = [{"name": name, **column.model_dump()} for name, column in export.columns.items()]
    manifest = {
        **told,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "format": to.format,
        "rows": sum(one["rows"] for one in listed),
        "schema": columns,
        "key_columns": export.key,
        "legal_basis": export.personal.legal_basis if export.personal else None,
        "files": listed,
    }
    written = next(iter(files))[0].parent / MANIFEST
    written.write_text(json.dumps(manifest, indent=2))
    # Also beside its files, so that retention knows their age when another dump has taken their place.
    copied(written, place.folder / str(told["key"]) / MANIFEST)
    copied(written, place.manifest)
    return manifest


def remove_old(export: Export, now: datetime) -> int:
    """Remove dumps that were made, or replaced, so many days ago as the export keeps them; gives how many."""
    to, count = export.files, 0
    base = root(to.connection) / export.id
    if not to.keep_days or not base.exists():
        return 0
    before = now - timedelta(days=to.keep_days)
    for period in sorted(base.iterdir(), key=str):
        current = read_manifest(period / MANIFEST)
        if current and made_at(current) < before:
            (period / MANIFEST).unlink()  # from here on nobody begins to read it
            current = None
        # A dump that was replaced is kept as long as whoever began to read it may need.
        replaced_at = made_at(current) if current else before - timedelta.resolution
        for folder in sorted(period.iterdir(), key=str) if period.exists() else ():
            manifest = read_manifest(folder / MANIFEST)
            if manifest is None or (current and manifest["key"] == current["key"]) or replaced_at >= before:
                continue
            for file in manifest["files"]:
                (period / file["path"]).unlink(missing_ok=True)
            (folder / MANIFEST).unlink()
            count += 1
            _remove_empty(folder)
        _remove_empty(period)
    return count


def _cut(batches: Iterable[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    """The batches, cut where a file is full."""
    room = most
    for batch in batches:
        rest = batch
        while rest.num_rows:
            part = rest.slice(0, room)
            yield part
            rest, room = rest.slice(part.num_rows), room - part.num_rows or most


def _writer(path: Path, schema: pa.Schema, form: str) -> Any:
    if form == "parquet":
        from pyarrow.parquet import ParquetWriter

        return ParquetWriter(path, schema, compression="zstd")
    from pyarrow.csv import CSVWriter

    return CSVWriter(path, schema)


def _has_size(file: AnyPath, size: int) -> bool:
    try:
        return bool(file.stat().st_size == size)
    except FileNotFoundError:
        return False


def read_manifest(manifest: AnyPath) -> dict[str, Any] | None:
    """What a manifest says; None where there is none."""
    try:
        return dict(json.loads(manifest.read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return None


def made_at(manifest: dict[str, Any]) -> datetime:
    """When its dump was made."""
    return datetime.fromisoformat(manifest["created_at"])


def _remove_empty(folder: AnyPath) -> None:
    """Remove a local folder without files; an object store has none."""
    if isinstance(folder, Path) and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
