"""Statements on an engine that charges for each: what ran for which table, what it scanned and cost."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "statement",
        sa.Column("query_id", sa.String(), primary_key=True, comment="as the engine calls it"),
        sa.Column("run_key", sa.String(), nullable=False),
        sa.Column("table_name", sa.String(), nullable=False, comment="empty where it is for no table alone"),
        sa.Column("step", sa.String(), nullable=False, comment="stage, audit, publish, upkeep or query"),
        sa.Column("state", sa.String(), nullable=False, comment="running, succeeded, failed or cancelled"),
        sa.Column("seconds", sa.Numeric(), nullable=False, server_default="0", comment="in the queue and at work"),
        sa.Column("bytes_scanned", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("cost", sa.Numeric(), nullable=False, server_default="0", comment="dollars, by the connection's price"),
        sa.Column("reason", sa.Text(), nullable=False, server_default="", comment="why it failed, as the engine says"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Index("statement_by_run", "run_key", "started_at"),
        sa.Index("statement_running", "step", postgresql_where=sa.text("state = 'running'")),
    )


def downgrade() -> None:
    op.drop_table("statement")
