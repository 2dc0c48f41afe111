"""A person is erased: a pseudonym stands wherever their id stood, and their other personal data are gone. No figure changes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from headline import settings
from headline.errors import BadRequest, Transient
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Load, Tombstones, Upkeep
from headline.specs import AnyIngest, Catalog, Source, Table, load_contract
from headline.warehouse import Output, Session, Warehouse

if TYPE_CHECKING:
    from headline.sources.persons import Change, Persons
    from headline.sources.storage import AnyPath

log = logging.getLogger(__name__)

# What tables call whoever a row is about; the user of the app is the customer of the shop.
PERSON_COLUMNS = ("customer_id", "user_id")
_TEXT, _ORIGIN = "refused_text", "refused_origin"


@dataclass(frozen=True)
class Place:
    """Where something of a person stands: a landing, a table or a column of the ledger, and in how many rows."""

    name: str
    row_count: int


@dataclass(frozen=True)
class _Landed:
    """A file of the landing zone. `load`: whose file it is, if it counts."""

    landing: str
    file: AnyPath
    load: Load | None
    change: Change
    row_count: int


@dataclass(frozen=True)
class _Rows:
    """Rows of a published table, or of its quarantine: those that a condition finds, and what is set there.

    `table`: None for one that no folder makes any more.
    """

    output: str
    table: Table | None
    condition: str
    setting: str
    row_count: int


def find_person(person: str, catalog: Catalog, ledger: Ledger, warehouse: Warehouse) -> list[Place]:
    """Where a person stands; nothing is changed."""
    found = Counter[str]()
    persons = _persons(person, Upkeep(ledger.conn_id).salt())
    for landed in _landed(catalog, ledger, persons):
        found[landed.landing] += landed.row_count
    with warehouse.session(read_only=True) as session:
        for rows in _published(person, persons, catalog, session):
            found[rows.output] += rows.row_count
    found.update(Upkeep(ledger.conn_id).count_told(person))
    return [Place(name, count) for name, count in found.items()]


def erase(person: str, asked_by: str, catalog: Catalog, ledger: Ledger, warehouse: Warehouse) -> list[Place]:
    """Put a pseudonym in the place of a person's id in landing, published tables, quarantine and samples of audits, and remove
    their other personal data; what runs have kept staged is removed.

    Periods keep their versions, and what does not show the id keeps its fingerprint. A tombstone sees to it that what arrives
    later has the pseudonym too. Again is safe, and finishes what a crash has left. Raises Transient while a run computes, BadData
    where a landed file is damaged.
    """
    upkeep = Upkeep(ledger.conn_id)
    if busy := upkeep.at_work():
        raise Transient(f"a run is at work on {', '.join(busy)} and might publish the person again: try again when it has ended")
    salt = upkeep.salt()
    persons = _persons(person, salt)
    [digest] = persons.tombstones.digests
    erasure_id = upkeep.begin_erasure(digest, salt, asked_by)
    found, files = Counter[str](), []
    for landed in list(_landed(catalog, ledger, persons)):
        found[landed.landing] += landed.row_count
        files.append(_rewrite(landed, upkeep, f"erasure {erasure_id}"))
    with warehouse.session() as session:
        rows = list(_published(person, persons, catalog, session))
        _change(rows, ledger, upkeep, session)
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
    for source in _sources(catalog):
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


# what landed


def _landed(catalog: Catalog, ledger: Ledger, persons: Persons) -> Iterator[_Landed]:
    """Every file of the landing zone that has the person, also those that no longer count or never did."""
    from functools import partial

    from headline.sources.intact import require_intact
    from headline.sources.rewriting import touched_rows
    from headline.sources.storage import address_of, path_of

    for source in _sources(catalog):
        for name, spec in source.ingest.items():
            landing = f"landing.{name}"
            current = {load.file: load for load in ledger.current_loads(landing)}
            change = partial(persons.replaced, person=spec.person, personal=spec.personal)
            require_intact(list(current.values()), source.id)
            folder = path_of(settings.load().landing) / source.id / name
            others = [address_of(file) for file in folder.glob("*/*.parquet")] if folder.exists() else []
            for address in sorted({*current, *others}):
                file, load = path_of(address), current.get(address)
                if count := touched_rows(file, change, _columns(spec)):
                    yield _Landed(landing, file, load, change, count)


def _sources(catalog: Catalog) -> Iterator[Source]:
    for pipeline in catalog.pipelines.values():
        if isinstance(pipeline, Source):
            yield pipeline


def _columns(spec: AnyIngest) -> list[str]:
    return [spec.person] if spec.person else []


def _rewrite(landed: _Landed, upkeep: Upkeep, run_id: str) -> str:
    """Write a file anew; where it counts, the ledger knows the new one before the old one goes."""
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


# what is published


def _published(person: str, persons: Persons, catalog: Catalog, session: Session) -> Iterator[_Rows]:
    """The rows of published tables that have the person, with what is to stand there; tables that nobody makes any more too."""
    from headline.sources.persons import ERASED_TEXT

    pseudonym = persons.pseudonym(person) or ""
    there = session.tables()
    for table in catalog.tables.values():
        contract = load_contract(table)
        columns = [name for name in PERSON_COLUMNS if name in contract.column_names]
        personal = contract.personal_columns - {_TEXT}
        for output in (Output(name, table).name for name in table.outputs if name in there):
            for column in columns:
                condition = f"{column} = {_literal(person)}"
                gone = [f"{name} = null" for name in sorted(personal)]
                if _TEXT in contract.column_names:
                    gone.append(f"{_TEXT} = case when {_TEXT} is not null then {_literal(ERASED_TEXT)} end")
                yield from _found(session, output, table, condition, ", ".join([f"{column} = {_literal(pseudonym)}", *gone]))
            if _TEXT in contract.column_names:
                yield from _refused(person, persons, output, table, session)
    made = {output for table in catalog.tables.values() for output in table.outputs}
    for output in sorted(there - made):
        for column in sorted(set(PERSON_COLUMNS) & session.columns(output).keys()):
            condition, setting = (f"{column} = {_literal(value)}" for value in (person, pseudonym))
            yield from _found(session, output, None, condition, setting)


def _refused(person: str, persons: Persons, output: str, table: Table, session: Session) -> Iterator[_Rows]:
    """The rows of refused records that name the person in what arrived or in where it stood."""
    from headline.sources.persons import ERASED_TEXT

    for column in (_TEXT, _ORIGIN):
        query = f"select distinct {column} from {output} where contains({column}, {_literal(person)})"
        for (text,) in session.query(query).rows:
            if persons.found_in(text):
                instead = ERASED_TEXT if column == _TEXT else persons.without(text)
                yield from _found(session, output, table, f"{column} = {_literal(text)}", f"{column} = {_literal(instead)}")


def _found(session: Session, output: str, table: Table | None, condition: str, setting: str) -> Iterator[_Rows]:
    [(count,)] = session.query(f"select count(*) from {output} where {condition}").rows
    if count:
        yield _Rows(output, table, condition, setting, count)


def _change(found: Sequence[_Rows], ledger: Ledger, upkeep: Upkeep, session: Session) -> None:
    """Change the rows in one step; after a crash in the middle their periods are in doubt, and the next run computes them."""
    if not found:
        return
    tables = {one.table.full_name: one.table for one in found if one.table}
    sound = {name: _sound(table, _periods(name, found, session), ledger, session) for name, table in tables.items()}
    ledger.distrust({name: list(starts) for name, starts in sound.items()})
    session.change([f"update {one.output} set {one.setting} where {one.condition}" for one in found])
    for name, table in tables.items():
        now = {content.start: content.fingerprint for content in session.published_contents(table)}
        upkeep.set_fingerprints({(name, start): now[period] for start, period in sound[name].items()})


def _periods(name: str, found: Sequence[_Rows], session: Session) -> set[date | None]:
    """Which periods of a table have rows that change; of one that is replaced whole, its only one."""
    periods: set[date | None] = set()
    for one in found:
        if one.table is None or one.table.full_name != name:
            continue
        if column := one.table.period_column:
            found_periods = session.query(f"select distinct {column} from {one.output} where {one.condition}").rows
            periods |= {start for (start,) in found_periods}
        else:
            periods.add(None)
    return periods


def _sound(table: Table, periods: set[date | None], ledger: Ledger, session: Session) -> Mapping[date, date | None]:
    """Of the states of these periods those that are as published, by first day: what differs already is left to be found."""
    contents = {content.start: content.fingerprint for content in session.published_contents(table)}
    sound: dict[date, date | None] = {}
    for state in ledger.states([table.full_name]):
        period = Interval(state.interval.start, state.interval.start + DAY).widen(table.period).start
        key = period if table.period_column else None
        if key in periods and state.fingerprint and state.fingerprint == contents.get(key):
            sound[state.interval.start] = key
    return sound


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
