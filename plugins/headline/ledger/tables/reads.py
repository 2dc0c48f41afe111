"""Who has read which numbers."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, String, Table, Text, func
from sqlalchemy.dialects.postgresql import ARRAY

from headline.ledger.tables.base import HISTORY, metadata

read = Table(
    "read",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("reader", Text, nullable=False, comment="Airflow's user name, or the run of an export or report"),
    Column("channel", String, nullable=False, comment="page, api, query, export or report"),
    Column("names", ARRAY(Text), nullable=False, comment="tables and metrics"),
    Column("detail", Text, nullable=False, server_default="", comment="the address, the statement or the file"),
    Column("row_count", BigInteger, nullable=True, comment="null where it was refused or failed"),
    Column("read_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("channel in ('page', 'api', 'query', 'export', 'report')", name="read_by_channel"),
    Index("read_at", "read_at"),
    Index("read_by_reader", "reader", "read_at"),
    info=HISTORY,
)
