"""Where dropped files lie, and what one that cannot be read means."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from headline import connections, settings
from headline.errors import BadData, HeadlineError, SpecError, Transient
from headline.intervals import DAY, Interval
from headline.sources.storage import below, check_within, is_settled, path_of
from headline.specs import FilesIngest
from headline.sql import render

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath


def root(conn_id: str) -> AnyPath:
    """Where the files of a connection lie; raises SpecError where it does not say."""
    connection = connections.get(conn_id)
    base = connection.extra.get("path")
    if not base:
        raise SpecError([f"connection {conn_id}: its extra must hold «path», such as file:///data or s3://bucket/prefix"])
    if connection.conn_type == "aws" and "@" not in base:
        base = base.replace("s3://", f"s3://{conn_id}@", 1)  # it says where, and with which rights
    return path_of(base)


def file_of(base: AnyPath, ingest: FilesIngest, day: date) -> AnyPath:
    """The file of a day."""
    return place_of(base, ingest, Interval(day, day + DAY))


def place_of(base: AnyPath, ingest: FilesIngest, interval: Interval) -> AnyPath:
    """The file that the spec's pattern names for these days."""
    path = below(base, render(ingest.pattern, interval, where="pattern"))
    check_within(path, base)
    return path


def unreadable(path: AnyPath, what: str, error: Exception) -> HeadlineError:
    """What to raise for a file that cannot be read: it may still be arriving, or it has stopped growing."""
    if path.is_dir():
        return BadData(f"{path}: is a folder, where a file is expected; ask its sender")
    said = f"{path}: cannot be read as {what}: {error}"
    if not is_settled(path):
        return Transient(f"{said}; it may be still arriving")
    return BadData(f"{said}. It has not been written to for {settings.load().settled_minutes} minutes; ask its sender")


def missing(path: AnyPath) -> Transient:
    """What to raise for a file that is not there."""
    return Transient(f"{path}: is not there yet. If it does not arrive, ask its sender")
