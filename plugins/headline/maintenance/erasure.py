"""A person is erased: a pseudonym stands wherever their id stood, and their other personal data are gone. No figure changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headline import settings
from headline.errors import BadRequest, Transient
from headline.ledger import Ledger, Tombstones, Upkeep
from headline.maintenance.erasure_landed import landed_files, rewrite_landed, sources_of
from headline.maintenance.erasure_published import PERSON_COLUMNS, change_published, published_rows, tables_with_persons
from headline.s3 import copies
from headline.specs import Catalog
from headline.warehouse import Warehouse

if TYPE_CHECKING:
    from headline.sources.persons import Persons


@dataclass(frozen=True)
class Place:
    """Where something of a person stands: a landing, a table or a column of the ledger, and in how many rows."""

    name: str
    row_count: int


def find_person(person: str, catalog: Catalog, ledger: Ledger, warehouse: Warehouse) -> list[Place]:
    """Where a person stands; nothing is changed."""
    found = Counter[str]()
    persons = _persons(person, Upkeep(ledger.conn_id).salt())
    for landed in landed_files(catalog, ledger, persons):
        found[landed.landing] += landed.row_count
    with warehouse.session(read_only=True) as session:
        for rows in published_rows(person, persons, catalog, session):
            found[rows.output] += rows.row_count
    found.update(Upkeep(ledger.conn_id).count_told(person))
    return [Place(name, count) for name, count in found.items()]


def erase(person: str, asked_by: str, catalog: Catalog, ledger: Ledger, warehouse: Warehouse) -> list[Place]:
    """Put a pseudonym in the place of a person's id in landing, published tables, quarantine and samples of audits, and remove
    their other personal data; what runs have kept staged is removed.

    Periods keep their versions, and what does not show the id keeps its fingerprint. A tombstone sees to it that what arrives
    later has the pseudonym too. Again is safe, and finishes what a crash has left. Raises Transient while a run computes, BadData
    where a landed file is damaged, BadRequest where the files of a table still have the person.
    """
    upkeep = Upkeep(ledger.conn_id)
    if busy := upkeep.at_work():
        raise Transient(f"a run is at work on {', '.join(busy)} and might publish the person again: try again when it has ended")
    salt = upkeep.salt()
    persons = _persons(person, salt)
    [digest] = persons.tombstones.digests
    erasure_id = upkeep.begin_erasure(digest, salt, asked_by)
    found, files = Counter[str](), []
    for landed in list(landed_files(catalog, ledger, persons)):
        found[landed.landing] += landed.row_count
        files.append(rewrite_landed(landed, upkeep, f"erasure {erasure_id}"))
    copies.clear()
    with warehouse.session() as session:
        rows = list(published_rows(person, persons, catalog, session))
        change_published(rows, tables_with_persons(catalog, session), ledger, upkeep, session)
        found.update({one.output: one.row_count for one in rows})
    told = upkeep.count_told(person)
    upkeep.replace_told(person, persons.pseudonym(person) or "")
    found.update(told)
    for key in upkeep.held_back():
        warehouse.forget(key)
    upkeep.finish_erasure(erasure_id, files, found)
    return [Place(name, count) for name, count in found.items()]


def find_erased(catalog: Catalog, ledger: Ledger, warehouse: Warehouse) -> list[str]:
    """The ids of persons who were erased and stand somewhere all the same, since a backup of before was restored."""
    from headline.sources.persons import Persons, written
    from headline.sources.rewriting import values_of
    from headline.sources.storage import path_of

    persons, root = Persons(Upkeep(ledger.conn_id).tombstones()), path_of(settings.load().landing)
    found: set[str] = set()
    for source in sources_of(catalog):
        for name, spec in source.ingest.items():
            folder = root / source.id / name
            for file in folder.glob("*/*.parquet") if spec.person and folder.exists() else ():
                found |= {written(value) for value in values_of(file, spec.person or "")}
    with warehouse.session(read_only=True) as session:
        for table in sorted(session.tables()):
            for column in sorted(set(PERSON_COLUMNS) & session.columns(table).keys()):
                found |= {written(value) for (value,) in session.query(f"select distinct {column} from {table}").rows}
    return sorted(one for one in found if persons.pseudonym(one))


def _persons(person: str, salt: str) -> Persons:
    from headline.sources.persons import Persons, digest_of

    if not person.strip():
        raise BadRequest("say who is to be erased: the id that the shop knows them by")
    return Persons(Tombstones(salt, frozenset({digest_of(person, salt)})))
