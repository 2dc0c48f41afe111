"""What has left: the runs of exports, the rows that receivers have, and those that they refused."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, DateTime, Index, Integer, String, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from headline.ledger.tables.base import HISTORY, metadata

export_run = Table(
    "export_run",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("export", String, nullable=False),
    Column("start", Date, nullable=False, comment="first day of the period"),
    Column("end", Date, nullable=False, comment="the day after its last"),
    Column("key", String(32), nullable=False, comment="equal for the same definition and the same inputs"),
    Column("state", String, nullable=False, comment="delivered, or failed"),
    Column("version", BigInteger, nullable=False, comment="newest version of its inputs"),
    Column("row_count", BigInteger, nullable=False, comment="rows of the result"),
    Column("sent_count", BigInteger, nullable=False, comment="rows that were written or sent"),
    Column("removed_count", BigInteger, nullable=False, comment="rows that were gone, and told as removed"),
    Column("refused_count", BigInteger, nullable=False, comment="rows that the receiver refuses, those of before too"),
    Column("place", Text, nullable=False, server_default="", comment="the manifest, the address or the table"),
    Column("error", Text, nullable=False, server_default="", comment="why it failed, without secrets"),
    Column("commit", String, nullable=False, server_default=""),
    Column("run_id", String, nullable=False),
    Column("ended_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("state in ('delivered', 'failed')", name="export_run_by_state"),
    Index("export_run_by_export", "export", "id"),
    info=HISTORY,
)

# The row of a key as the receiver has it; without a row hash it was told that the row is gone.
delivered_row = Table(
    "delivered_row",
    metadata,
    Column("export", String, primary_key=True),
    Column("key_hash", String(32), primary_key=True),
    Column("key", JSONB, nullable=True, comment="of the row; null once it is gone"),
    Column("row_hash", String(32), nullable=False, comment="of all its values; empty once it is gone"),
    Column("delivery", String(32), nullable=False, comment="idempotency key of the newest delivery"),
    Column("delivered_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("export", String, primary_key=True),
    Column("key_hash", String(32), primary_key=True),
    Column("key", JSONB, nullable=False, comment="of the row that was refused"),
    Column("row_hash", String(32), nullable=False, comment="of all its values"),
    Column("reason", Text, nullable=False, comment="what the receiver said, without secrets and addresses"),
    Column("attempts", Integer, nullable=False),
    Column("run_id", String, nullable=False),
    Column("first_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("last_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
