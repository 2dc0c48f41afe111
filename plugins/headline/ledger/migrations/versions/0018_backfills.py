"""Backfills over a range: who asked for which days and why, how far each chunk is, and what they did to totals."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backfill",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String(), nullable=False, unique=True, comment="the run of the DAG backfill that asked for it"),
        sa.Column("selection", sa.Text(), nullable=False, comment="pipelines and tables, as they were asked for"),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False, comment="included"),
        sa.Column("is_stale_only", sa.Boolean(), nullable=False, comment="only stale days, not all of the range"),
        sa.Column("with_downstream", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, comment="planned, running, failed, succeeded or cancelled"),
        sa.Column("plan", sa.Text(), nullable=False, comment="as it was shown, in Markdown"),
        sa.Column("totals_before", JSONB(), nullable=False, comment="by table: rows, and sums of money by column"),
        sa.Column("totals_after", JSONB(), nullable=True, comment="the same when it had ended"),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True, comment="who cancelled it"),
    )
    op.create_table(
        "backfill_chunk",
        sa.Column("backfill_id", sa.BigInteger(), sa.ForeignKey("backfill.id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, comment="from 1, in the order of work"),
        sa.Column("pipeline", sa.String(), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False, comment="the day after its last"),
        sa.Column("state", sa.String(), nullable=False, comment="waiting, running, done or failed"),
        sa.Column("run_id", sa.String(), nullable=True, comment="the run of the DAG backfill that worked on it last"),
        sa.Column("days", JSONB(), nullable=False, server_default="[]", comment="the days that it computed"),
        sa.Column("changed_count", sa.Integer(), nullable=False, server_default="0", comment="periods that were published"),
        sa.Column("row_count", sa.BigInteger(), nullable=False, server_default="0", comment="rows that were computed"),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Index("backfill_chunk_by_pipeline", "pipeline", "ended_at"),
    )


def downgrade() -> None:
    op.drop_table("backfill_chunk")
    op.drop_table("backfill")
