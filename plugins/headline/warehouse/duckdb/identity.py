"""Which warehouse a file is."""

from __future__ import annotations

from headline.errors import SpecError
from headline.ledger import Identity
from headline.warehouse.duckdb.instance import WAREHOUSE
from headline.warehouse.duckdb.statements import Statements
from headline.warehouse.identity import IDENTITY, OWN_SCHEMA


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
