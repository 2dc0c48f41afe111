"""What is published, compared with what the ledger says of it: edited by hand, restored from a backup, or half published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from headline.intervals import DAY, Interval
from headline.ledger import Ledger, PeriodState
from headline.specs import Table
from headline.warehouse import EMPTY, Content, Warehouse


@dataclass(frozen=True)
class Difference:
    """A published period that is not what the ledger says: `unknown` to one of the two, or with other rows."""

    table: str
    interval: Interval
    what: Literal["other rows", "not known to the ledger", "not recorded after a crash"]
    rows_published: int
    rows_recorded: int


def verify_published(tables: Iterable[Table], ledger: Ledger, warehouse: Warehouse) -> list[Difference]:
    """Compute the fingerprint of every published period anew and compare it with the ledger's.

    The ledger forgets the fingerprints that differ, so that the next run for these days replaces them. Raises Transient when the
    warehouse or the ledger is out of reach.
    """
    found: list[Difference] = []
    with warehouse.session(read_only=True) as session:
        for table in tables:
            states = ledger.states([table.full_name])
            if states or table.full_name in session.tables():
                contents = session.published_contents(table)
                compared = _whole(table, states, contents) if table.period_column is None else _by_period(table, states, contents)
                found += compared
    known = {name: [one.interval.start for one in found if one.table == name] for name in {one.table for one in found}}
    ledger.distrust(known)
    return found


def _by_period(table: Table, states: list[PeriodState], contents: list[Content]) -> Iterator[Difference]:
    there = {content.start: content for content in contents}
    for state in states:
        content = there.pop(state.interval.start, EMPTY)
        if state.fingerprint != content.fingerprint:
            what: Literal["other rows", "not recorded after a crash"] = (
                "other rows" if state.fingerprint else "not recorded after a crash"
            )
            yield Difference(table.full_name, state.interval, what, content.row_count, state.row_count)
    for content in there.values():
        if content.start:
            period = Interval(content.start, content.start + DAY).widen(table.period)
            yield Difference(table.full_name, period, "not known to the ledger", content.row_count, 0)


def _whole(table: Table, states: list[PeriodState], contents: list[Content]) -> Iterator[Difference]:
    """A table that is replaced whole is as its newest change has left it."""
    content = contents[0] if contents else EMPTY
    newest = max(states, key=lambda state: state.version, default=None)
    if newest and newest.fingerprint != content.fingerprint:
        yield Difference(table.full_name, newest.interval, "other rows", content.row_count, newest.row_count)
