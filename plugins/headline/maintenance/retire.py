"""What is still published of a retired table is dropped, once nothing makes it and nothing reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from headline.errors import BadRequest, SpecError
from headline.ledger import Identity, Ledger
from headline.ledger.retirements import Retired, Retirements
from headline.specs import Catalog
from headline.specs.graveyard import Grave, read_graveyard, readers_of
from headline.sql import tables_in_checks
from headline.warehouse import Session, Warehouse


@dataclass(frozen=True)
class Remains:
    """What there is of a retired table: rows by name of the table and its quarantine, and how many periods are published."""

    table: str
    grave: Grave
    rows: dict[str, int]
    period_count: int


def find_remains(name: str, catalog: Catalog, ledger: Ledger, warehouse: Warehouse) -> Remains:
    """What retiring a table would drop. Raises BadRequest with its maker, its readers, or how to list it."""
    if obstacles := list(_obstacles(name, catalog)):
        raise BadRequest("\n".join([f"{name} cannot be retired:", *(f"  - {one}" for one in obstacles)]))
    graves = read_graveyard()
    if name not in graves:
        raise BadRequest(
            f"{name} is not listed in include/graveyard.yml: say there since when it is retired, why, and what replaces it\n"
            f"  {name}: {{retired_on: 2026-11-02, reason: …, replaced_by: …}}"
        )
    rows = {}
    with suppress(BadRequest), warehouse.session(read_only=True) as session:  # there may be no warehouse yet
        rows = _rows(name, catalog, session)
    return Remains(name, graves[name], rows, Retirements(ledger.conn_id).period_count(name))


def retire(name: str, by: str, catalog: Catalog, ledger: Ledger, warehouse: Warehouse) -> Remains:
    """Drop what is published of a table, and record it. Raises as `find_remains`, and Transient while somebody publishes.

    The warehouse is changed first: after a crash between the two the next call finds the rest and records it.
    """
    remains = find_remains(name, catalog, ledger, warehouse)
    if not remains.rows and not remains.period_count:
        raise BadRequest(f"{name}: nothing of it is published")
    with warehouse.staging(f"retire_{name.replace('.', '_')}") as session, session.publishing():
        before = session.identity() or Identity.new()
        after = before.next()
        ledger.begin_publication({}, before, after)
        session.drop(list(remains.rows), after)
        grave, row_count = remains.grave, sum(remains.rows.values())
        dropped = Retired(name, grave.retired_on, grave.reason, grave.replaced_by, row_count, remains.period_count, by)
        Retirements(ledger.conn_id).record(dropped, after)
    return remains


def _obstacles(name: str, catalog: Catalog) -> Iterator[str]:
    if maker := catalog.makers.get(name):
        yield f"the folder {maker.area}/{maker.id} makes it: remove it there"
    for reader in readers_of(name, catalog):
        yield f"{reader} reads it"
    for table in catalog.tables.values():
        checked = set()
        with suppress(SpecError):
            checked = tables_in_checks(table)
        if name in checked and table.full_name != name:
            yield f"a check of {table.full_name} reads it"


def _rows(name: str, catalog: Catalog, session: Session) -> dict[str, int]:
    """The rows of what is there: the table and its quarantine, unless another table's has the same name."""
    quarantine = f"quarantine.{name.split('.')[-1]}"
    names = [name, *([quarantine] if quarantine not in catalog.makers else ())]
    there = session.tables()
    return {one: int(session.query(f"select count(*) from {one}").rows[0][0]) for one in names if one in there}
