"""How much a source may send: beyond it a reading ends before it fills memory or disk, and nothing of it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from headline import settings
from headline.errors import BadData

# What is this small may expand as it likes: a few repeated lines do.
FREE_BYTES = 16 * 2**20


class Meter:
    """Counts what a reading brings together for so many days. `where`: the landing, for messages."""

    def __init__(self, where: str, day_count: int) -> None:
        self._where = where
        self._days = max(day_count, 1)
        self._rows = self._bytes = 0

    def add(self, row_count: int, byte_count: int) -> None:
        """Raises BadData where the rows or the bytes, after expansion, are more than the limits of so many days."""
        known = settings.load()
        self._rows += row_count
        self._bytes += byte_count
        self._require(self._rows, known.most_rows, "rows", "HEADLINE_MOST_ROWS")
        self._require(self._bytes, known.most_bytes, "bytes", "HEADLINE_MOST_BYTES")

    def _require(self, count: int, limit: int, unit: str, setting: str) -> None:
        if count > limit * self._days:
            raise BadData(
                f"{self._where}: the source sends more than {limit * self._days:,} {unit} for {self._days} day(s); nothing was "
                f"loaded. If that is right, set {setting}, which is {limit:,} a day, higher; if not, ask the owner of the source"
            )


def expanded(pieces: Iterable[bytes], where: str, taken: Callable[[], int]) -> Iterator[bytes]:
    """Pieces of something compressed, as they come. `taken`: how many bytes of it have been read so far.

    Raises BadData where it expands to more bytes, or to more times its size, than the limits.
    """
    known, count = settings.load(), 0
    for piece in pieces:
        count += len(piece)
        require_expansion(count, taken(), where)
        if count > known.most_bytes:
            raise BadData(
                f"{where}: has more than {known.most_bytes:,} bytes when expanded; nothing was loaded. "
                "If that is right, set HEADLINE_MOST_BYTES higher; if not, ask its sender"
            )
        yield piece


def require_expansion(count: int, taken: int, where: str) -> None:
    """Raises BadData where so many bytes come out of far fewer."""
    limit = settings.load().most_expansion
    if count > FREE_BYTES and count > limit * max(taken, 1):
        raise BadData(
            f"{where}: {taken:,} bytes of it expand to more than {count - 1:,}, {limit} times as many; nothing was loaded. "
            "If that is right, set HEADLINE_MOST_EXPANSION higher; if not, ask its sender"
        )


def most_pages(day_count: int) -> int:
    """How many pages a service may have for so many days."""
    return settings.load().most_pages * max(day_count, 1)
