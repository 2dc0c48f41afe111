"""Kinds and sample keys of checks, changes of a source's schema, repairs of missing days."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "audit",
        sa.Column(
            "kind",
            sa.String(),
            server_default="schema",
            nullable=False,
            comment="schema, reconciliation, anomaly, duplicates or completeness",
        ),
    )
    op.add_column(
        "audit",
        sa.Column(
            "sample", postgresql.JSONB(), server_default="[]", nullable=False, comment="keys of up to 20 of the rows found"
        ),
    )
    op.alter_column("audit", "kind", server_default=None)
    op.alter_column("audit", "sample", server_default=None)
    op.alter_column("audit", "outcome", comment="passed, warned, learning, accepted, failed or not_checked")
    op.create_table(
        "schema_change",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("landing", sa.String(), nullable=False, comment="landing.<name>"),
        sa.Column("ds", sa.Date(), nullable=False, comment="first business day that arrived so"),
        sa.Column("file", sa.Text(), nullable=False, comment="where the arrived file is kept"),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("columns", postgresql.JSONB(), nullable=False, comment="name to type, as they arrived"),
        sa.Column(
            "changes",
            postgresql.JSONB(),
            nullable=False,
            comment="column, kind of change, before, after, and whether it is a guess",
        ),
        sa.Column("is_blocking", sa.Boolean(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("schema_change_by_day", "schema_change", ["landing", "ds", "id"], unique=False)
    op.create_table(
        "repair",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("landing", sa.String(), nullable=False, comment="landing.<name>, or a pipeline whose day is computed again"),
        sa.Column("ds", sa.Date(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="from 1; 3 at most"),
        sa.Column("run_id", sa.String(), nullable=False, comment="the run that is to bring the day"),
        sa.Column("reason", sa.Text(), nullable=False, comment="what was missing"),
        sa.Column("before", postgresql.JSONB(), nullable=False, comment="what was there of the day before the attempt"),
        sa.Column("after", postgresql.JSONB(), nullable=True, comment="what was there after it"),
        sa.Column("outcome", sa.String(), nullable=False, comment="started, repaired, failed or escalated"),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("landing", "ds", "attempt", name="repair_attempt"),
    )


def downgrade() -> None:
    op.drop_table("repair")
    op.drop_index("schema_change_by_day", table_name="schema_change")
    op.drop_table("schema_change")
    op.drop_column("audit", "sample")
    op.drop_column("audit", "kind")
