"""What is loaded of a source, compared with what the source says today; nothing is loaded by it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from headline.drift.agreement import agreed_with
from headline.errors import Transient
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Load, Upkeep
from headline.sources import read
from headline.sources.intact import flaw_of
from headline.specs import AnyIngest, DatabaseIngest, FilesIngest, Source, StreamIngest

if TYPE_CHECKING:
    from headline.sources.persons import Change

log = logging.getLogger(__name__)

# So many days of a source are read with one query.
DAYS_AT_A_TIME = 31
EXAMPLES = 3


@dataclass(frozen=True)
class Unlike:
    """A loaded day that its source tells otherwise by now; `rows_at_source` is None where the source cannot be read any more.

    `ds` is None for records that no day brings.
    """

    landing: str
    ds: date | None
    rows_loaded: int
    rows_at_source: int | None
    found: str


def reconcile(source: Source, interval: Interval, ledger: Ledger, landings: Collection[str] = ()) -> Iterator[Unlike]:
    """The loaded days of the interval that differ from their source, by rows, keys and measures; of these landings, or of all.

    And what no day brings, by the query of orphans. Raises what reading the source raises.
    """
    from headline.sources.persons import border

    for name, spec in source.ingest.items():
        if landings and name not in landings:
            continue
        known = {load.ds: load for load in ledger.current_loads(f"landing.{name}", [interval])}
        log.info("landing.%s: %s loaded days are compared with %s", name, len(known), spec.connection)
        for piece in _pieces(spec, known):
            yield from _unlike(source, name, piece, known, border(spec, Upkeep(ledger.conn_id).tombstones()), ledger)
        yield from _orphans(source, name)


def _orphans(source: Source, name: str) -> Iterator[Unlike]:
    from headline.sources.database import orphans

    spec = source.ingest[name]
    if isinstance(spec, DatabaseIngest):
        count, first = orphans(spec, source.folder, EXAMPLES)
        if count:
            found = f"no day brings {count} records (such as {'; '.join(first)}), by {spec.orphans}"
            yield Unlike(f"landing.{name}", None, 0, count, found)


def _pieces(spec: AnyIngest, known: Collection[date]) -> Iterator[Interval]:
    """The loaded days in intervals to read at once: files are looked for day by day, since those of any day may be gone."""
    is_file_a_day = isinstance(spec, StreamIngest) or (isinstance(spec, FilesIngest) and spec.day is None)
    length = 1 if is_file_a_day else DAYS_AT_A_TIME
    days = sorted(known)
    while days:
        piece = Interval(days[0], min(days[0] + DAY * length, days[-1] + DAY))
        yield piece
        days = [day for day in days if day >= piece.end]


def _unlike(
    source: Source, name: str, piece: Interval, known: dict[date, Load], erased: Change | None, ledger: Ledger
) -> Iterator[Unlike]:
    from headline.sources.landing import LandingWriter
    from headline.sources.without_day import WithoutDay

    with TemporaryDirectory(prefix="headline-reconcile-") as scratch:
        spec = source.ingest[name]
        landing = f"landing.{name}"
        without_day = WithoutDay(lambda: ledger.current_loads(landing), spec.key, None)
        writer = LandingWriter(source.id, landing, spec.connection, agreed_with(source, name), Path(scratch), erased, without_day)
        try:
            found = {load.ds: load for load in writer.write(read(spec, source.folder, piece), piece)}
        except Transient as error:
            if len(piece) > 1:
                raise
            yield Unlike(f"landing.{name}", piece.start, known[piece.start].row_count, None, str(error))
            return
        for day in piece:
            if day in known and known[day].checksum != found[day].checksum:
                text = _told(spec, known[day], found[day])
                yield Unlike(f"landing.{name}", day, known[day].row_count, found[day].row_count, text)


def _told(spec: AnyIngest, loaded: Load, now: Load) -> str:
    from headline.sources.rereading import difference

    if not spec.key:
        return "the content differs; source.yml has no key to compare records by"
    if damage := flaw_of(loaded):
        return f"the loaded file {loaded.file}: {damage}"
    gone = difference(loaded, now, spec.key, spec.measures, spec.immutable)
    came = difference(now, loaded, spec.key, [], spec.immutable)
    more = f"{came.gone_count} were added" + (f" (such as {', '.join(came.example[:3])})" if came.example else "")
    return f"{gone}; {more}" if gone.share or came.gone_count else "other columns differ, but no key and no measure"


def next_step(source: str, found: Collection[Unlike]) -> str:
    """What to do about all that was found: the run that takes in the days that differ, and who fixes what no run takes in."""
    days = sorted(one.ds for one in found if one.ds)
    steps = []
    if days:
        steps.append("Where the source is right, this run takes them in:")
        steps.append(f"  headline trigger {source} --from {days[0]} --to {days[-1]}")
    if len(days) < len(found):
        steps.append(f"What no day brings is for the team of {source} to fix: no run takes it in, and its money is in no figure.")
    return "\n".join(steps)
