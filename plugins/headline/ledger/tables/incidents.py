"""Incidents, what happened to them, and the attempts to bring missing days."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, DateTime, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB

from headline.ledger.tables.base import HISTORY, metadata

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
