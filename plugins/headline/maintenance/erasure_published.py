"""A person in published tables and quarantines: the rows that have them, and these changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Upkeep
from headline.specs import Catalog, Table, load_contract
from headline.warehouse import Output, Session

if TYPE_CHECKING:
    from headline.sources.persons import Persons

# What tables call whoever a row is about; the user of the app is the customer of the shop.
PERSON_COLUMNS = ("customer_id", "user_id")
_TEXT, _ORIGIN = "refused_text", "refused_origin"


@dataclass(frozen=True)
class Rows:
    """Rows of a published table, or of its quarantine: those that a condition finds, and what is set there.

    `table`: None for one that no folder makes any more.
    """

    output: str
    table: Table | None
    condition: str
    setting: str
    row_count: int


def published_rows(person: str, persons: Persons, catalog: Catalog, session: Session) -> Iterator[Rows]:
    """The rows of published tables that have the person, with what is to stand there; tables that nobody makes any more too."""
    from headline.sources.persons import ERASED_TEXT

    pseudonym = persons.pseudonym(person) or ""
    there = session.tables()
    for table in catalog.tables.values():
        contract = load_contract(table)
        columns = {one.name: one.sql_type for one in contract.columns if one.name in PERSON_COLUMNS}
        personal = contract.personal_columns - {_TEXT}
        for output in (Output(name, table).name for name in table.outputs if name in there):
            for column, kind in columns.items():
                condition = f"{column} = {_value(person, kind)}"
                gone = [f"{name} = null" for name in sorted(personal)]
                if _TEXT in contract.column_names:
                    gone.append(f"{_TEXT} = case when {_TEXT} is not null then {_literal(ERASED_TEXT)} end")
                yield from _found(session, output, table, condition, ", ".join([f"{column} = {_value(pseudonym, kind)}", *gone]))
            if _TEXT in contract.column_names:
                yield from _refused(person, persons, output, table, session)
    made = {output for table in catalog.tables.values() for output in table.outputs}
    for output in sorted(there - made):
        found = session.columns(output)
        for column in sorted(set(PERSON_COLUMNS) & found.keys()):
            condition, setting = (f"{column} = {_value(value, found[column])}" for value in (person, pseudonym))
            yield from _found(session, output, None, condition, setting)


def _refused(person: str, persons: Persons, output: str, table: Table, session: Session) -> Iterator[Rows]:
    """The rows of refused records that name the person in what arrived or in where it stood."""
    from headline.sources.persons import ERASED_TEXT

    for column in (_TEXT, _ORIGIN):
        query = f"select distinct {column} from {output} where strpos({column}, {_literal(person)}) > 0"
        for (text,) in session.query(query).rows:
            if persons.found_in(text):
                instead = ERASED_TEXT if column == _TEXT else persons.without(text)
                yield from _found(session, output, table, f"{column} = {_literal(text)}", f"{column} = {_literal(instead)}")


def _found(session: Session, output: str, table: Table | None, condition: str, setting: str) -> Iterator[Rows]:
    [(count,)] = session.query(f"select count(*) from {output} where {condition}").rows
    if count:
        yield Rows(output, table, condition, setting, count)


def tables_with_persons(catalog: Catalog, session: Session) -> list[str]:
    """Every published table and quarantine that can have a row about somebody, also those that nobody makes any more."""
    telling, there = {*PERSON_COLUMNS, _TEXT}, session.tables()
    made = {name: table for table in catalog.tables.values() for name in table.outputs if name in there}
    found = [name for name, table in made.items() if telling & {*load_contract(table).column_names}]
    return sorted([*found, *(name for name in there - made.keys() if telling & session.columns(name).keys())])


def change_published(found: Sequence[Rows], besides: Sequence[str], ledger: Ledger, upkeep: Upkeep, session: Session) -> None:
    """Change the rows in one step; after a crash in the middle their periods are in doubt, and the next run computes them.

    `besides`: tables whose earlier states may have the person, also where a crash came after the change.
    """
    tables = {one.table.full_name: one.table for one in found if one.table}
    sound = {name: _sound(table, _periods(name, found, session), ledger, session) for name, table in tables.items()}
    ledger.distrust({name: list(starts) for name, starts in sound.items()})
    session.change([f"update {one.output} set {one.setting} where {one.condition}" for one in found], besides)
    for name, table in tables.items():
        now = {content.start: content.fingerprint for content in session.published_contents(table)}
        upkeep.set_fingerprints({(name, start): now[period] for start, period in sound[name].items()})


def _periods(name: str, found: Sequence[Rows], session: Session) -> set[date | None]:
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


def _value(text: str, kind: str) -> str:
    """A text as a value of a type, NULL where it is none: not every engine compares a text with a number."""
    return _literal(text) if kind.lower().startswith("varchar") else f"try_cast({_literal(text)} as {kind})"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
