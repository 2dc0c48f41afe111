"""Editions of the investor report as they were sent, and to whom each was."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY

from headline.ledger.tables.base import HISTORY, metadata

report = Table(
    "report",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("month", Date, nullable=False, comment="its first day"),
    Column("as_of", DateTime(timezone=True), nullable=False, comment="when the newest of its figures was issued"),
    Column("chain_head", String(64), nullable=False, comment="newest hash of issued_figures as of then"),
    Column("html_sha256", String(64), nullable=False),
    Column("pdf_sha256", String(64), nullable=False),
    Column("html", LargeBinary, nullable=False),
    Column("pdf", LargeBinary, nullable=False),
    Column("metrics", ARRAY(Text), nullable=False, comment="whose figures are in it"),
    Column("missing", ARRAY(Text), nullable=False, comment="metrics whose figure of the month was not issued"),
    Column("figure_count", Integer, nullable=False),
    Column("is_restated", Boolean, nullable=False, comment="whether a figure of the month differs from what was first reported"),
    Column("run_id", String, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("month", "as_of", name="report_once"),
    info=HISTORY,
)

report_sending = Table(
    "report_sending",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("report_id", BigInteger, ForeignKey("report.id"), nullable=False),
    Column("channel", String, nullable=False, comment="email or slack"),
    Column("recipient", String, nullable=False, comment="address at work; empty for a channel that everybody reads"),
    Column("event", String, nullable=False, comment="sending, sent or failed"),
    Column("message_id", String, nullable=False, comment="the same each time that it is sent"),
    Column("detail", Text, nullable=False, server_default="", comment="why it failed"),
    Column("run_id", String, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("event in ('sending', 'sent', 'failed')", name="sending_event"),
    Index("report_sending_by_report", "report_id", "id"),
    info=HISTORY,
)
