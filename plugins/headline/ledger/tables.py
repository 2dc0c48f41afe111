"""The ledger's tables. Rows of history are only ever added; the others hold how things are now.

A table of history says so in its `info`, and a migration gives it the trigger `history_stays`.
"""

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
    MetaData,
    Numeric,
    Sequence,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
HISTORY = {"history": True}

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

# One row: the warehouse that what is published stands in. A publication tells first which it will be, and last that it was.
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

repair = Table(
    "repair",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("source", String, nullable=False),
    Column("landing", String, nullable=False, comment="landing.<name>, or a pipeline whose day is computed again"),
    Column("ds", Date, nullable=False),
    Column("attempt", Integer, nullable=False, comment="from 1; 3 at most"),
    Column("run_id", String, nullable=False, comment="the run that is to bring the day"),
    Column("reason", Text, nullable=False, comment="what was missing"),
    Column("before", JSONB, nullable=False, comment="what was there of the day before the attempt"),
    Column("after", JSONB, nullable=True, comment="what was there after it"),
    Column("outcome", String, nullable=False, comment="started, repaired, failed or escalated"),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True), nullable=True),
    UniqueConstraint("landing", "ds", "attempt", name="repair_attempt"),
)

incident = Table(
    "incident",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False, comment="one of headline.incidents.kinds"),
    Column("pipeline", String, nullable=False, comment="id of the pipeline, or of the DAG where it is none"),
    Column("ds", Date, nullable=False, comment="the business day that is concerned"),
    Column("state", String, nullable=False, comment="open, acknowledged or resolved"),
    Column("cause_id", BigInteger, ForeignKey("incident.id"), nullable=True, comment="the incident that it hangs on"),
    Column("since", DateTime(timezone=True), nullable=False, comment="when it became true; opened_at is when it was seen"),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("acknowledged_at", DateTime(timezone=True), nullable=True),
    Column("acknowledged_by", String, nullable=True),
    Column("resolved_at", DateTime(timezone=True), nullable=True),
    Column("facts", JSONB, nullable=False, comment="what the message tells: run, task, checks, keys, never personal data"),
    UniqueConstraint("pipeline", "kind", "ds", name="incident_once"),
    Index("incident_by_state", "state", "opened_at"),
)

incident_event = Table(
    "incident_event",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("incident_id", BigInteger, ForeignKey("incident.id"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column(
        "event",
        String,
        nullable=False,
        comment="opened, seen_again, told, delivery_failed, acknowledged, escalated, rearmed, linked or resolved",
    ),
    Column("person", String, nullable=True, comment="an engineer of team.yml"),
    Column("channel", String, nullable=True, comment="inbox, email, slack or sns"),
    Column("detail", Text, nullable=False),
    Index("incident_event_by_incident", "incident_id", "id"),
    info=HISTORY,
)
