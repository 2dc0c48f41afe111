"""Whether a warehouse is the one that the ledger knows, whatever its engine."""

from __future__ import annotations

from headline.errors import BadData
from headline.ledger import Identity, Locks, mismatch
from headline.ledger.identity import HOW_TO_RESTORE
from headline.warehouse.base import Session

# What a warehouse knows of itself, which is none of the published tables.
OWN_SCHEMA = "headline"
IDENTITY = f"{OWN_SCHEMA}.identity"


def mismatch_of(session: Session, found: Identity | None, locks: Locks) -> str:
    """In words why it is not the warehouse that the ledger knows; empty where they belong together."""
    return mismatch(found, not found and is_empty(session), locks)


def is_empty(session: Session) -> bool:
    """Whether there is no table but the calendar, which is made with the warehouse."""
    return session.tables() <= {"calendar.days"}


def foreign(place: object, told: str) -> BadData:
    """What to raise for a warehouse that is not the one that the ledger knows."""
    return BadData(f"the warehouse {place}: {told}. Nothing was computed or published. {HOW_TO_RESTORE}")
