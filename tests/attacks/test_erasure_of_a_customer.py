"""A customer of the demo company is erased, in all that its pipelines make of them."""

from __future__ import annotations

from collections.abc import Callable
from shutil import copytree

import pytest
from sqlalchemy import text
from tests.faults.world import D1, D3, PIPELINES, World

from headline import specs
from headline.ledger import Ledger
from headline.ledger.engine import engine
from headline.maintenance.erasure import erase, find_person
from headline.maintenance.erasure_published import PERSON_COLUMNS
from headline.pipeline import write_audit_publish
from headline.pipeline.fingerprints import verify_published
from headline.warehouse import ask, open_warehouse

pytestmark = pytest.mark.attack_long


@pytest.fixture
def world(three_days: World, enter: Callable[[World], World]) -> World:
    """A copy with a landing zone of its own."""
    world = enter(three_days)
    copytree(three_days.folder / "landing", world.folder / "landing")
    with engine().begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))  # history is kept by a trigger
        moved = {"old": str(three_days.folder), "new": str(world.folder)}
        connection.execute(text("update load set file = replace(file, :old, :new)"), moved)
    return world


def test_no_figure_of_the_company_changes_when_a_customer_is_erased(world: World) -> None:
    catalog, ledger, warehouse = specs.load(), Ledger(), open_warehouse()
    # Whoever has bought most has left most behind.
    query = "select customer_id from core.order_lines where customer_id is not null group by 1 order by count(*) desc, 1 limit 1"
    [(customer,)] = ask(warehouse, query).rows
    states = {(one.table, one.interval.start): one for one in ledger.states(catalog.tables)}
    tables = len(world.published())
    found = {place.name: place.row_count for place in find_person(customer, catalog, ledger, warehouse)}
    places = {"landing.orders", "landing.customers", "landing.events", "raw.orders", "core.order_lines", "core.customers"}
    assert places <= found.keys()
    assert {place.name: place.row_count for place in erase(customer, "the officer", catalog, ledger, warehouse)} == found
    assert find_person(customer, catalog, ledger, warehouse) == []
    assert verify_published(catalog.tables.values(), ledger, warehouse).differences == []
    without_person = 0
    for one in ledger.states(catalog.tables):
        known = states[one.table, one.interval.start]
        assert (one.version, one.row_count, one.status, one.coverage) == (
            known.version,
            known.row_count,
            known.status,
            known.coverage,
        )
        with warehouse.session(read_only=True) as session:
            if not set(PERSON_COLUMNS) & session.columns(one.table).keys():
                without_person += 1
                assert one.fingerprint == known.fingerprint, one.table
    assert (without_person > 60, tables) == (True, len(world.published()))
    for pipeline in PIPELINES:
        runs = write_audit_publish(world.run(pipeline, D1, D3))
        assert [run.table for run in runs if run.published] == [], "computed again it is the same"
