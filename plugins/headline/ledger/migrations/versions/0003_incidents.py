"""Incidents and everything that happened to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="one of headline.incidents.kinds"),
        sa.Column("pipeline", sa.String(), nullable=False, comment="id of the pipeline, or of the DAG where it is none"),
        sa.Column("ds", sa.Date(), nullable=False, comment="the business day that is concerned"),
        sa.Column("state", sa.String(), nullable=False, comment="open, acknowledged or resolved"),
        sa.Column("cause_id", sa.BigInteger(), nullable=True, comment="the incident that it hangs on"),
        sa.Column(
            "since",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it became true; opened_at is when it was seen",
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "facts",
            postgresql.JSONB(),
            nullable=False,
            comment="what the message tells: run, task, checks, keys, never personal data",
        ),
        sa.ForeignKeyConstraint(["cause_id"], ["incident.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("pipeline", "kind", "ds", name="incident_once"),
    )
    op.create_index("incident_by_state", "incident", ["state", "opened_at"], unique=False)
    op.create_table(
        "incident_event",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "event",
            sa.String(),
            nullable=False,
            comment="opened, seen_again, told, delivery_failed, acknowledged, escalated, rearmed, linked or resolved",
        ),
        sa.Column("person", sa.String(), nullable=True, comment="an engineer of team.yml"),
        sa.Column("channel", sa.String(), nullable=True, comment="inbox, email, slack or sns"),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("incident_event_by_incident", "incident_event", ["incident_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("incident_event_by_incident", table_name="incident_event")
    op.drop_table("incident_event")
    op.drop_index("incident_by_state", table_name="incident")
    op.drop_table("incident")
