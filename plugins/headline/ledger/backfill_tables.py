"""The ledger's tables of backfills over a range: a row for each request, and for each chunk of its work."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from headline.ledger.tables import metadata

backfill = Table(
    "backfill",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("run_id", String, nullable=False, unique=True, comment="the run of the DAG backfill that asked for it"),
    Column("selection", Text, nullable=False, comment="pipelines and tables, as they were asked for"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False, comment="included"),
    Column("is_stale_only", Boolean, nullable=False, comment="only stale days, not all of the range"),
    Column("with_downstream", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", String, nullable=False),
    Column("state", String, nullable=False, comment="planned, running, failed, succeeded or cancelled"),
    Column("plan", Text, nullable=False, comment="as it was shown, in Markdown"),
    Column("totals_before", JSONB, nullable=False, comment="by table: rows, and sums of money by column"),
    Column("totals_after", JSONB, nullable=True, comment="the same when it had ended"),
    Column("requested_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended_at", DateTime(timezone=True), nullable=True),
    Column("ended_by", String, nullable=True, comment="who cancelled it"),
)

backfill_chunk = Table(
    "backfill_chunk",
    metadata,
    Column("backfill_id", BigInteger, ForeignKey("backfill.id"), primary_key=True),
    Column("number", Integer, primary_key=True, comment="from 1, in the order of work"),
    Column("pipeline", String, nullable=False),
    Column("start", Date, nullable=False),
    Column("end", Date, nullable=False, comment="the day after its last"),
    Column("state", String, nullable=False, comment="waiting, running, done or failed"),
    Column("run_id", String, nullable=True, comment="the run of the DAG backfill that worked on it last"),
    Column("days", JSONB, nullable=False, server_default="[]", comment="the days that it computed"),
    Column("changed_count", Integer, nullable=False, server_default="0", comment="periods that were published"),
    Column("row_count", BigInteger, nullable=False, server_default="0", comment="rows that were computed"),
    Column("error", Text, nullable=True),
    Column("started_at", DateTime(timezone=True), nullable=True),
    Column("ended_at", DateTime(timezone=True), nullable=True),
    Index("backfill_chunk_by_pipeline", "pipeline", "ended_at"),
)
