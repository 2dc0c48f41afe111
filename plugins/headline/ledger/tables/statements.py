"""What ran on an engine that charges for each statement."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Numeric, String, Table, Text, func, text

from headline.ledger.tables.base import metadata

statement = Table(
    "statement",
    metadata,
    Column("query_id", String, primary_key=True, comment="as the engine calls it"),
    Column("run_key", String, nullable=False),
    Column("table_name", String, nullable=False, comment="empty where it is for no table alone"),
    Column("step", String, nullable=False, comment="stage, audit, publish, upkeep or query"),
    Column("state", String, nullable=False, comment="running, succeeded, failed or cancelled"),
    Column("seconds", Numeric, nullable=False, server_default="0", comment="in the queue and at work"),
    Column("bytes_scanned", BigInteger, nullable=False, server_default="0"),
    Column("cost", Numeric, nullable=False, server_default="0", comment="dollars, by the connection's price"),
    Column("reason", Text, nullable=False, server_default="", comment="why it failed, as the engine says"),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("statement_by_run", "run_key", "started_at"),
    Index("statement_running", "step", postgresql_where=text("state = 'running'")),
)
