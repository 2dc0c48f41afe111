"""The ledger's tables of issued figures: what investors were told, what would move it, and who has decided about that."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from headline.ledger.tables.base import HISTORY, metadata

figure_request = Table(
    "figure_request",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False, comment="issue, or restatement of what was issued"),
    Column("pipeline", String, nullable=False),
    Column("start", Date, nullable=False, comment="first day of what it is about"),
    Column("end", Date, nullable=False, comment="the day after its last"),
    Column("sha256", String(64), nullable=False, comment="of the staged result: what is approved, and nothing else"),
    Column("figures", JSONB, nullable=False, comment="each with its old and new value, and what the difference is put down to"),
    Column("reason", Text, nullable=False),
    Column("requester", String, nullable=False, comment="who asked for the run; scheduler where nobody did"),
    Column("run_id", String, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("id", "requester", "sha256", name="figure_request_once"),
    Index("figure_request_by_result", "pipeline", "sha256", "id"),
    info=HISTORY,
)

figure_decision = Table(
    "figure_decision",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("request_id", BigInteger, nullable=False),
    Column("event", String, nullable=False, comment="asked, approved, refused or published"),
    Column("person", String, nullable=True, comment="who has decided; null where nobody did"),
    Column("requester", String, nullable=False, comment="as the request says"),
    Column("sha256", String(64), nullable=False, comment="as the request says"),
    Column("run_id", String, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    ForeignKeyConstraint(
        ["request_id", "requester", "sha256"],
        ["figure_request.id", "figure_request.requester", "figure_request.sha256"],
        name="figure_decision_of_request",
    ),
    CheckConstraint("person is null or person <> requester or event = 'asked'", name="nobody_decides_their_own"),
    CheckConstraint("person is not null or event not in ('approved', 'refused')", name="somebody_decides"),
    Index("figure_decision_by_request", "request_id", "id"),
    info=HISTORY,
)

issued_figures = Table(
    "issued_figures",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False, comment="place in the chain; the database gives it"),
    Column("pipeline", String, nullable=False),
    Column("metric", String(collation="C"), nullable=False, comment="as metrics.yml calls it"),
    Column("definition_version", String, nullable=False, comment="hash of the definition in metrics.yml"),
    Column("segment", String(collation="C"), nullable=False, comment="column=value; empty for the whole"),
    Column("start", Date, nullable=False, comment="first day of the period"),
    Column("end", Date, nullable=False, comment="the day after its last"),
    Column("value", Numeric, nullable=True, comment="null where it is not defined, such as a rate of nothing"),
    Column("coverage", Numeric, nullable=False),
    Column("status", String, nullable=False, comment="draft, approved or issued"),
    Column("reason", Text, nullable=False),
    Column("requester", String, nullable=True),
    Column("approver", String, nullable=True),
    Column("request_id", BigInteger, ForeignKey("figure_request.id"), nullable=True),
    Column("run_id", String, nullable=False),
    Column("commit", String, nullable=False, comment="of the code; empty where it is not known"),
    Column("code_version", String, nullable=False, comment="hash of SQL, contract and macros of the table"),
    Column("contract_version", String, nullable=False, comment="hash of the contract of the table"),
    Column("inputs", String, nullable=False, comment="hash of the input periods"),
    Column("as_of", BigInteger, nullable=False, comment="inputs up to this version are in it"),
    Column("recorded_at", DateTime(timezone=True), nullable=False, comment="the database gives it"),
    Column("previous_hash", String(64), nullable=False, unique=True, comment="hash of the row before"),
    Column("hash", String(64), nullable=False, comment="SHA-256 of the row before and of this one"),
    CheckConstraint("approver <> requester", name="nobody_approves_their_own"),
    CheckConstraint("status <> 'approved' or (approver is not null and requester is not null)", name="approved_by_somebody"),
    CheckConstraint("status in ('draft', 'approved', 'issued')", name="status_is_known"),
    Index("issued_figures_by_period", "pipeline", "start", "metric", "segment", "id"),
    Index("issued_figures_as_of", "metric", "segment", "start", text("id desc"), postgresql_where=text("status = 'issued'")),
    info=HISTORY,
)
