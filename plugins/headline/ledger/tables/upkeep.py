"""What upkeep has done: who was erased, what was removed after its time, what was retired."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, DateTime, String, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from headline.ledger.tables.base import HISTORY, metadata

erasure = Table(
    "erasure",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("digest", String(32), nullable=False, unique=True, comment="salted hash of the person's id"),
    Column("salt", String(64), nullable=False, comment="the same in all rows"),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("files", JSONB, nullable=False, server_default="[]", comment="landed files that were written anew"),
    Column("counts", JSONB, nullable=False, server_default="{}", comment="place to the number of rows changed"),
    Column("finished_at", DateTime(timezone=True), nullable=True, comment="null until it has ended"),
)

retention = Table(
    "retention",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("run_id", String, nullable=False),
    Column("removed", JSONB, nullable=False, comment="kind to the count and the bytes of what was removed"),
    Column("removed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

retirement = Table(
    "retirement",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("table_name", String, nullable=False),
    Column("retired_on", Date, nullable=False, comment="as the graveyard says"),
    Column("reason", Text, nullable=False),
    Column("replaced_by", String, nullable=True),
    Column("row_count", BigInteger, nullable=False, comment="rows that were dropped, quarantined ones too"),
    Column("period_count", BigInteger, nullable=False, comment="periods that were published"),
    Column("dropped_by", Text, nullable=False, comment="who asked for it"),
    Column("dropped_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    info=HISTORY,
)
