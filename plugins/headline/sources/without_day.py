"""Records without a day: each is on the day on which it was first read, for as long as its source has it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pyarrow.parquet as pq

from headline.sources.intact import flaw_of
from headline.sources.names import name_key, spelled
from headline.sources.parquet import groups
from headline.sources.refused import REFUSAL, REFUSED_TEXT, RESERVED
from headline.sources.storage import opened

if TYPE_CHECKING:
    import pyarrow as pa

    from headline.ledger import Load

log = logging.getLogger(__name__)

# What a row says of itself is not where it stood, nor why it was refused.
_NOT_ITS_OWN = (RESERVED - {REFUSED_TEXT}) | {"ds"}
_SHORTEST = 8


@dataclass(frozen=True)
class WithoutDay:
    """Gives records without a day one that stays the same, however often and with whatever days they are read.

    `before`: what has landed so far. `key`: the columns that tell a record; one that lacks any of them is told by all that it
    says. `newest`: the day for records that are new, or else the last of those that are read; None where they are left out.
    """

    before: Callable[[], Iterable[Load]]
    key: Sequence[str]
    newest: date | None

    def parts(self, rows: pa.RecordBatch, days: Collection[date]) -> Iterator[tuple[date, pa.RecordBatch]]:
        """The rows to land, by day; rows on other days are left out."""
        places: defaultdict[date, list[int]] = defaultdict(list)
        for place, identity in enumerate(_identities(rows, self.key)):
            day = self._homes.get(identity) if identity else None
            if day is None and self.newest:
                day = self.newest if self.newest in days else max(days)
                self._homes.update({identity: day} if identity else {})
            if day in days and day:
                places[day].append(place)
        yield from ((day, rows.take(mine)) for day, mine in sorted(places.items()))

    @cached_property
    def _homes(self) -> dict[Hashable, date]:
        """The day of each refused record that has landed. Only files that hold any are opened."""
        found: dict[Hashable, date] = {}
        for load in self.before():
            if REFUSAL not in load.columns:
                continue
            if damage := flaw_of(load):
                log.warning("%s of %s: %s; its records without a day count as new", load.landing, load.ds, damage)
                continue
            with opened(load.file) as file:
                for rows in groups(pq.ParquetFile(file)):
                    for identity in filter(None, _identities(rows.filter(pc.is_valid(rows.column(REFUSAL))), self.key)):
                        found.setdefault(identity, load.ds)
        return found


def _identities(rows: pa.RecordBatch, key: Sequence[str]) -> list[Hashable]:
    """What tells each row: its key, or all that it says; nothing where that is a few letters, which any other may say too."""
    names = [name for name in rows.schema.names if name_key(name) not in _NOT_ITS_OWN]
    texts = {name: [None if value is None else str(value) for value in rows.column(name).to_pylist()] for name in names}
    own = [spelled(name, names) for name in key]
    by_key = [texts[name] if name else [None] * rows.num_rows for name in own]
    keys = list(zip(*by_key, strict=True)) if key else [(None,)] * rows.num_rows
    said = sorted(texts, key=name_key)
    found: list[Hashable] = []
    for place, one in enumerate(keys):
        all_of_it = [(name_key(name), text) for name in said if (text := texts[name][place]) is not None]
        says_little = sum(len(text) for _, text in all_of_it) < _SHORTEST
        found.append(one if None not in one else None if says_little else tuple(all_of_it))
    return found
