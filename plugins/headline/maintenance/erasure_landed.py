"""A person in the landing zone: the files that have them, and these rewritten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from headline import settings
from headline.errors import Transient
from headline.ledger import Ledger, Load, Upkeep
from headline.specs import Catalog, Source

if TYPE_CHECKING:
    from headline.sources.persons import Change, Persons
    from headline.sources.storage import AnyPath


@dataclass(frozen=True)
class Landed:
    """A file of the landing zone. `load`: whose file it is, if it counts."""

    landing: str
    file: AnyPath
    load: Load | None
    change: Change
    row_count: int


def landed_files(catalog: Catalog, ledger: Ledger, persons: Persons) -> Iterator[Landed]:
    """Every file of the landing zone that has the person, also those that no longer count or never did."""
    from headline.sources.intact import require_intact
    from headline.sources.rewriting import touched_rows
    from headline.sources.storage import address_of, path_of

    for source in sources_of(catalog):
        for name, spec in source.ingest.items():
            landing = f"landing.{name}"
            current = {load.file: load for load in ledger.current_loads(landing)}
            change = partial(persons.replaced, person=spec.person, personal=spec.personal)
            require_intact(list(current.values()), source.id)
            folder = path_of(settings.load().landing) / source.id / name
            others = [address_of(file) for file in folder.glob("*/*.parquet")] if folder.exists() else []
            for address in sorted({*current, *others}):
                file, load = path_of(address), current.get(address)
                if count := touched_rows(file, change, [spec.person] if spec.person else []):
                    yield Landed(landing, file, load, change, count)


def sources_of(catalog: Catalog) -> list[Source]:
    """All sources of a catalog."""
    return [one for one in catalog.pipelines.values() if isinstance(one, Source)]


def rewrite_landed(landed: Landed, upkeep: Upkeep, run_id: str) -> str:
    """Rewrite a file; where it counts, the ledger knows the new one before the old one goes."""
    from headline.sources.rewriting import remove, rewrite, rewrite_in_place
    from headline.sources.storage import address_of

    if landed.load is None:
        rewrite_in_place(landed.file, landed.change)
        return address_of(landed.file)
    after, _ = rewrite(landed.load, landed.change)
    if not upkeep.exchange(landed.load, after, run_id):
        raise Transient(f"{landed.landing} of {landed.load.ds} has just landed again: erase the person again")
    remove(landed.file)
    return after.file
