"""What was loaded, computed, audited and published, and what is known of each source's columns."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Index, Numeric, String, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB

from headline.ledger.tables.base import HISTORY, metadata

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
    Index("load_by_columns", "landing", text("md5(columns::text)"), "ds"),
    info=HISTORY,
)

staging_table = Table(
    "staging_table",
    metadata,
    Column("run_key", String, primary_key=True),
    Column("table_name", String, primary_key=True),
    Column("intervals", JSONB, nullable=False),
    Column("as_of", BigInteger, nullable=False, comment="inputs up to this version were seen"),
    Column("row_count", BigInteger, nullable=False),
    Column("state", String, nullable=False, comment="transformed, passed, failed, not_evaluated or published"),
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
    Column("outcome", String, nullable=False, comment="passed, warned, insufficient_history, waived, failed or not_evaluated"),
    Column("measured", Numeric, nullable=True),
    Column("threshold", Text, nullable=False),
    Column("kind", String, nullable=False, comment="schema, reconciliation, anomaly, duplicates or completeness"),
    Column("sample", JSONB, nullable=False, comment="keys of up to 20 of the rows found"),
    Column("audited_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("audit_by_table", "table_name", "audited_at"),
    Index(
        "audit_by_finding",
        "table_name",
        "id",
        postgresql_where=text("kind = 'anomaly' and outcome in ('failed', 'waived')"),
    ),
    info=HISTORY,
)

publication = Table(
    "publication",
    metadata,
    Column("version", BigInteger, primary_key=True),
    Column("pipeline", String, nullable=False),
    Column("table_name", String, nullable=False),
    Column("start", Date, nullable=False),
    Column("end", Date, nullable=False),
    Column("status", String, nullable=False, comment="complete, partial or open"),
    Column("coverage", Numeric, nullable=False),
    Column("row_count", BigInteger, nullable=False, comment="rows of the whole staging table"),
    Column("as_of", BigInteger, nullable=False, comment="inputs up to this version were seen"),
    Column("inputs", JSONB, nullable=False, comment="table to the newest version seen"),
    Column("code_version", String, nullable=False, comment="hash of SQL, contract and macros"),
    Column("run_key", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("snapshots", JSONB, nullable=True, comment="table and quarantine to their snapshot, on engines that have them"),
    Index("publication_by_day", "table_name", "end", "version"),
    info=HISTORY,
)

# The history above says how it came about; planning and waiting read only this, by range of days.
period_state = Table(
    "period_state",
    metadata,
    Column("table_name", String, primary_key=True, comment="schema.table, or landing.<name>"),
    Column("start", Date, primary_key=True, comment="first day of the period"),
    Column("end", Date, nullable=False, comment="the day after its last"),
    Column("version", BigInteger, nullable=False, comment="at which its content became what it is"),
    Column("as_of", BigInteger, nullable=False, comment="inputs up to this version are in it"),
    Column("fingerprint", String, nullable=True, comment="of its rows; empty while in doubt, null where it was never known"),
    Column("row_count", BigInteger, nullable=False),
    Column("status", String, nullable=False, comment="complete, partial or open"),
    Column("coverage", Numeric, nullable=False),
    Column("run_id", String, nullable=False, comment="the run that made this version"),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("computed_at", DateTime(timezone=True), nullable=False, comment="when it was computed last, changed or not"),
    Column("code_version", String, nullable=True, comment="of what made it; null where that was never known"),
    Index("period_state_by_version", "table_name", "version"),
    Index("period_state_by_as_of", "table_name", "as_of"),
)

# One row: the warehouse of the published tables. A publication records first that it begins, and last that it ended.
warehouse = Table(
    "warehouse",
    metadata,
    Column("id", String, primary_key=True, comment="as the warehouse itself says"),
    Column("publication", BigInteger, nullable=False, comment="how many publications it holds"),
    Column("mark", String, nullable=False, comment="of the last of them; empty before the first"),
    Column("planned", String, nullable=True, comment="mark of a publication that has begun; null once it is recorded"),
)

schema_change = Table(
    "schema_change",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("landing", String, nullable=False, comment="landing.<name>"),
    Column("ds", Date, nullable=False, comment="first business day that arrived so"),
    Column("file", Text, nullable=False, comment="where the arrived file is kept"),
    Column("run_id", String, nullable=False),
    Column("columns", JSONB, nullable=False, comment="name to type, as they arrived"),
    Column("changes", JSONB, nullable=False, comment="column, kind of change, before, after, and whether it is a guess"),
    Column("is_blocking", Boolean, nullable=False),
    Column("found_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("schema_change_by_day", "landing", "ds", "id"),
    info=HISTORY,
)

held_day = Table(
    "held_day",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("landing", String, nullable=False, comment="landing.<name>"),
    Column("ds", Date, nullable=False),
    Column("file", Text, nullable=False, comment="where what was read is kept"),
    Column("run_id", String, nullable=False),
    Column("found", Text, nullable=False, comment="what it would take away from the day, in words"),
    Column("held_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("released_at", DateTime(timezone=True), nullable=True),
    Column("released_by", Text, nullable=True, comment="the run that was asked for the day, or how it came to an end"),
    Index("held_day_by_landing", "landing", "ds"),
)
