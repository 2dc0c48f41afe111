"""What is published, compared with what the ledger says of it: edited by hand, lost, of a backup, or half published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from headline.intervals import DAY, Interval
from headline.ledger import Ledger, PeriodState, hash_of
from headline.specs import Table
from headline.warehouse import EMPTY, Content, Session, Warehouse

What = Literal["other rows", "not known to the ledger", "not recorded after a crash", "the table is missing"]
MISSING: What = "the table is missing"
NOT_RECORDED: What = "not recorded after a crash"


@dataclass(frozen=True)
class Difference:
    """A published period that is not what the ledger says: unknown to one of the two, or with other rows; of a table that is
    missing all of its periods are told as one."""

    table: str
    interval: Interval
    what: What
    rows_published: int
    rows_recorded: int


@dataclass(frozen=True)
class Unknown:
    """A period that was published before fingerprints were kept, or by another engine; `fingerprint` is that of what is there."""

    table: str
    state: PeriodState
    fingerprint: str


@dataclass(frozen=True)
class Verified:
    """What differs, and what cannot be compared since the ledger has no fingerprint of it, or another engine's.

    `mismatch`: why the whole warehouse is not the one that the ledger knows; empty where it is.
    """

    differences: list[Difference]
    unknown: list[Unknown]
    mismatch: str = ""


def verify_published(tables: Iterable[Table], ledger: Ledger, warehouse: Warehouse) -> Verified:
    """Compute the fingerprint of every published period again and compare it with the ledger's.

    The ledger forgets the fingerprints that differ, so that the next run for these days replaces them; not where the whole
    warehouse is another or a table is missing, since they are then what it is rebuilt by. Raises Transient when the warehouse
    or the ledger is out of reach.
    """
    if told := warehouse.mismatch():
        return Verified([], [], told)
    with warehouse.session(read_only=True) as session:
        verified = compare(tables, ledger, session)
    by_table: dict[str, list[date]] = {}
    for one in verified.differences:
        if one.what != MISSING:
            by_table.setdefault(one.table, []).append(one.interval.start)
    ledger.distrust(by_table)
    return verified


def compare(tables: Iterable[Table], ledger: Ledger, session: Session) -> Verified:
    """The same for whatever warehouse a session reads; the ledger forgets nothing."""
    found: list[Difference | Unknown] = []
    there = session.tables()
    for table in tables:
        states = ledger.states([table.full_name])
        if not there.issuperset(table.outputs):
            if states:
                found.append(_missing(table, states))
            continue
        contents = session.published_contents(table)
        found += _whole(table, states, contents) if table.period_column is None else _by_period(table, states, contents)
    differences = [one for one in found if isinstance(one, Difference)]
    return Verified(differences, [one for one in found if isinstance(one, Unknown)])


def _missing(table: Table, states: list[PeriodState]) -> Difference:
    hull = Interval(states[0].interval.start, max(one.interval.end for one in states))
    return Difference(table.full_name, hull, MISSING, 0, sum(one.row_count for one in states))


def adopt(unknown: Iterable[Unknown], ledger: Ledger) -> None:
    """Take what is published as right where the ledger has no fingerprint of this engine: no new version, nothing is stale."""
    ledger.adopt({(one.table, one.state.interval.start): one.fingerprint for one in unknown})


def _by_period(table: Table, states: list[PeriodState], contents: list[Content]) -> Iterator[Difference | Unknown]:
    there = {content.start: content for content in contents}
    known = set()
    for state in states:
        # A ledger of before kept the days of weeks and months one by one.
        start = state.interval.widen(table.period).start
        known.add(start)
        content = there.get(start, EMPTY)
        if _is_of_other_engine(state.fingerprint, content):
            yield Unknown(table.full_name, state, content.fingerprint)
        elif state.fingerprint != content.fingerprint:
            yield Difference(table.full_name, state.interval, _what(state), content.row_count, state.row_count)
    for content in contents:
        if content.start and content.start not in known:
            period = Interval(content.start, content.start + DAY).widen(table.period)
            yield Difference(table.full_name, period, "not known to the ledger", content.row_count, 0)


def _whole(table: Table, states: list[PeriodState], contents: list[Content]) -> Iterator[Difference | Unknown]:
    """A table that is replaced whole is as its newest change has left it."""
    content = contents[0] if contents else EMPTY
    newest = max(states, key=lambda state: state.version, default=None)
    if newest and _is_of_other_engine(newest.fingerprint, content):
        yield Unknown(table.full_name, newest, content.fingerprint)
    elif newest and newest.fingerprint != content.fingerprint:
        yield Difference(table.full_name, newest.interval, _what(newest), content.row_count, newest.row_count)


def _is_of_other_engine(recorded: str | None, content: Content) -> bool:
    """Whether two fingerprints cannot be compared: an engine's own hash is in it, `12:spark:…`, DuckDB's without its name. Where
    the numbers of rows differ the rows do."""
    if recorded is None:
        return True
    count, now = recorded.partition(":")[0], content.fingerprint.partition(":")[0]
    return count == now and hash_of(recorded) != hash_of(content.fingerprint)


def _what(state: PeriodState) -> What:
    return "other rows" if state.fingerprint else NOT_RECORDED
