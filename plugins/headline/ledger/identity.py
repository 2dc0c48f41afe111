"""Which warehouse belongs to the ledger, and how far both are, to detect a lost, old or foreign warehouse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import uuid4

from sqlalchemy import text

from headline.ledger.locks import Locks

# What fixes a warehouse that is not the ledger's, or that lacks a table.
HOW_TO_RESTORE = (
    "Restore the warehouse file or the ledger that belongs to the other; or rebuild the warehouse from landing and ledger: "
    "headline rebuild; or restore both from a backup: headline restore <backup>"
)
_RECORDED = "select to_jsonb(recorded) from warehouse as recorded"
_IS_PUBLISHED = "select exists (select from period_state where left(table_name, 8) <> 'landing.')"
_PUBLISHED = "select array_agg(distinct table_name) from period_state where table_name = any(%(names)s)"
# There is one row, which the first publication makes.
BEGIN = text("""
    with known as (
        update warehouse set id = :id, publication = :publication, mark = :mark, planned = :planned returning id
    )
    insert into warehouse (id, publication, mark, planned)
    select :id, :publication, :mark, :planned where not exists (select from known)
""")
END = text("update warehouse set id = :id, publication = :publication, mark = :mark, planned = null")


@dataclass(frozen=True)
class Identity:
    """A warehouse and its state: `publication` counts its publications, `mark` is the last one's and no other's."""

    id: str
    publication: int = 0
    mark: str = ""

    @classmethod
    def new(cls) -> Identity:
        """That of a warehouse before its first publication."""
        return cls(uuid4().hex)

    def next(self) -> Identity:
        """What it is once one more publication is written."""
        return replace(self, publication=self.publication + 1, mark=uuid4().hex)


@dataclass(frozen=True)
class Recorded:
    """What the ledger knows of its warehouse. `planned`: the mark of a publication that has begun and is not recorded yet."""

    identity: Identity
    planned: str | None = None


def recorded(locks: Locks) -> Recorded | None:
    """What the ledger knows of its warehouse, read on the connection that holds the locks; None before the first publication."""
    row = locks.value(_RECORDED)
    return Recorded(Identity(row["id"], row["publication"], row["mark"]), row["planned"]) if row else None


def published(names: list[str], locks: Locks) -> list[str]:
    """Those of some tables of which the ledger says that periods are published."""
    return sorted(locks.value(_PUBLISHED, names=names) or [])


def mismatch(found: Identity | None, is_empty: bool, locks: Locks) -> str:
    """In words why a warehouse is not the one of the ledger; empty where they belong together.

    `found`: what the warehouse says of itself; None before its first publication. `is_empty`: whether it has no tables. Where a
    run has died between the commit of the warehouse and that of the ledger, the warehouse has the mark that the ledger has
    planned: the next run fixes that.
    """
    known = recorded(locks)
    expected, planned = (known.identity, known.planned) if known else (Identity(""), None)
    if found is None:
        if expected.mark or (is_empty and locks.value(_IS_PUBLISHED)):
            return "days are published according to the ledger, but it " + (
                "is missing or new: it was lost" if is_empty else "has no record of them: an old copy was restored"
            )
        return ""
    if found.mark in (expected.mark, planned):
        return ""
    told = f"it has {found.publication} publications, the ledger {expected.publication}"
    if not expected.mark:
        return f"the ledger has no record of it ({told}): the ledger was lost, or is older than the warehouse"
    if found.id != expected.id:
        return f"it belongs to another installation: its id is {found.id}, that of the ledger's warehouse {expected.id}"
    if found.publication < expected.publication:
        return f"it is older than the ledger ({told}): an old copy was restored"
    if found.publication > expected.publication:
        return f"it is newer than the ledger ({told}): an old copy of the ledger was restored"
    return f"both continued separately from an old copy ({told}, and the last one differs)"
