"""Which warehouse a file is, and whether it is the one that the ledger knows."""

from __future__ import annotations

from pathlib import Path

from headline.errors import BadData, SpecError
from headline.ledger import Identity, Locks, mismatch
from headline.ledger.identity import MENDING
from headline.warehouse.base import Session
from headline.warehouse.duckdb.instance import WAREHOUSE
from headline.warehouse.duckdb.statements import Statements

# What the warehouse knows of itself, which is none of the published tables.
OWN_SCHEMA = "headline"
IDENTITY = f"{OWN_SCHEMA}.identity"


def identity_of(statements: Statements) -> Identity | None:
    """Which warehouse this is and what was published last; None before the first publication."""
    try:
        rows = statements.execute(f"select id, publication, mark from {WAREHOUSE}.{IDENTITY}").fetchall()
    except SpecError:  # nothing was published since identities are kept
        return None
    return Identity(*rows[0]) if rows else None


def identify(statements: Statements, before: Identity | None, identity: Identity) -> None:
    """Write which warehouse this is from now on."""
    if before is None:
        values = f"'{identity.id}' as id, {identity.publication}::bigint as publication, '{identity.mark}' as mark"
        statements.execute(f"create schema if not exists {OWN_SCHEMA}")
        statements.execute(f"create or replace table {IDENTITY} as select {values}")
    else:
        statements.execute(f"update {IDENTITY} set publication = {identity.publication}, mark = '{identity.mark}'")


def mismatch_of(session: Session, found: Identity | None, locks: Locks) -> str:
    """In words why it is not the warehouse that the ledger knows; empty where they belong together."""
    return mismatch(found, not found and is_empty(session), locks)


def is_empty(session: Session) -> bool:
    """Whether there is no table but the calendar, which is made with the file."""
    return session.tables() <= {"calendar.days"}


def foreign(path: Path, told: str) -> BadData:
    """What to raise for a warehouse that is not the one that the ledger knows."""
    return BadData(f"the warehouse {path}: {told}. Nothing was computed or published. {MENDING}")
