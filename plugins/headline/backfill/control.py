"""What may be done about a backfill without computing anything: see whether it is at work, end it, and record its effect."""

from __future__ import annotations

from headline.backfill.totals import totals
from headline.intervals import Interval
from headline.ledger import Backfills, Ledger, Locks
from headline.specs import Catalog
from headline.warehouse import Warehouse


def lock_of(backfill_id: int) -> str:
    """The lock that whoever works on a backfill holds."""
    return f"backfill {backfill_id}"


def cancel(catalog: Catalog, ledger: Ledger, warehouse: Warehouse, backfill_id: int, by: str) -> bool:
    """End a backfill: a chunk that is at work is published whole or not at all, and nothing begins after it.

    False where it has ended before.
    """
    is_mine = Backfills(ledger.conn_id).end(backfill_id, "cancelled", by)
    if is_mine and not is_at_work(backfill_id):  # whoever works on it records what came of it
        record_effect(catalog, ledger, warehouse, backfill_id)
    return is_mine


def is_at_work(backfill_id: int) -> bool:
    """Whether anybody works on a backfill at this moment."""
    locks = Locks("headline: is a backfill at work")
    try:
        return locks.is_held(lock_of(backfill_id))
    finally:
        locks.close()


def record_effect(catalog: Catalog, ledger: Ledger, warehouse: Warehouse, backfill_id: int) -> None:
    """Record rows and money as they are now, of the same days that the plan had them of: what differs is the effect."""
    backfills = Backfills(ledger.conn_id)
    before = {name: was for name, was in backfills.get(backfill_id).totals_before.items() if name in catalog.tables}
    days = {name: [Interval.from_json(pair) for pair in was["days"]] for name, was in before.items()}
    backfills.record_effect(backfill_id, totals(catalog, ledger, warehouse, days))
