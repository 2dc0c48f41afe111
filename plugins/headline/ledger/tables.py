"""The ledger's tables. Rows are only ever added, except the state of a candidate."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Index,
    MetaData,
    Numeric,
    Sequence,
    String,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

# One sequence orders everything that changes what a reader sees: loads and publications alike.
version_sequence = Sequence("version", metadata=metadata)

load = Table(
    "load",
    metadata,
    Column("version", BigInteger, primary_key=True),
    Column("landing", String, nullable=False, comment="landing.<name>"),
    Column("ds", Date, nullable=False),
    Column("file", Text, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("checksum", String(64), nullable=False, comment="SHA-256 of the file"),
    Column("columns", JSONB, nullable=False, comment="name to type, as they arrived"),
    Column("origin", Text, nullable=False),
    Column("extracted_at", DateTime(timezone=True), nullable=False),
    Column("run_id", String, nullable=False),
    Index("load_by_day", "landing", "ds", "version"),
)

candidate = Table(
    "candidate",
    metadata,
    Column("run_key", String, primary_key=True),
    Column("table_name", String, primary_key=True),
    Column("intervals", JSONB, nullable=False),
    Column("as_of", BigInteger, nullable=False, comment="inputs up to this version were seen"),
    Column("row_count", BigInteger, nullable=False),
    Column("state", String, nullable=False, comment="transformed, passed, failed, not_checked or published"),
    Column("run_id", String, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("run_key", String, nullable=False, index=True),
    Column("run_id", String, nullable=False),
    Column("table_name", String, nullable=False),
    Column("check_path", Text, nullable=False),
    Column("check_name", Text, nullable=False),
    Column("check_type", String, nullable=False),
    Column("outcome", String, nullable=False, comment="passed, warned, failed or not_checked"),
    Column("measured", Numeric, nullable=True),
    Column("threshold", Text, nullable=False),
    Column("audited_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("audit_by_table", "table_name", "audited_at"),
)

publication = Table(
    "publication",
    metadata,
    Column("version", BigInteger, primary_key=True),
    Column("pipeline", String, nullable=False),
    Column("table_name", String, nullable=False),
    Column("start", Date, nullable=False),
    Column("end", Date, nullable=False),
    Column("status", String, nullable=False, comment="complete or partial"),
    Column("coverage", Numeric, nullable=False),
    Column("row_count", BigInteger, nullable=False, comment="rows of the whole candidate"),
    Column("as_of", BigInteger, nullable=False, comment="inputs up to this version were seen"),
    Column("inputs", JSONB, nullable=False, comment="table to the newest version seen"),
    Column("code_version", String, nullable=False),
    Column("run_key", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("publication_by_day", "table_name", "end", "version"),
)
