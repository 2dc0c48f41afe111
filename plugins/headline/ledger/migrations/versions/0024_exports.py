"""Exports: their runs, the rows that receivers have by the hash of their values, and the rows that they refused."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "export_run",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("export", sa.String(), nullable=False),
        sa.Column("start", sa.Date(), nullable=False, comment="first day of the period"),
        sa.Column("end", sa.Date(), nullable=False, comment="the day after its last"),
        sa.Column("key", sa.String(32), nullable=False, comment="equal for the same definition and the same inputs"),
        sa.Column("state", sa.String(), nullable=False, comment="delivered, or failed"),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="newest version of its inputs"),
        sa.Column("row_count", sa.BigInteger(), nullable=False, comment="rows of the result"),
        sa.Column("sent_count", sa.BigInteger(), nullable=False, comment="rows that were written or sent"),
        sa.Column("removed_count", sa.BigInteger(), nullable=False, comment="rows that were gone, and told as removed"),
        sa.Column(
            "refused_count", sa.BigInteger(), nullable=False, comment="rows that the receiver refuses, those of before too"
        ),
        sa.Column("place", sa.Text(), nullable=False, server_default="", comment="the manifest, the address or the table"),
        sa.Column("error", sa.Text(), nullable=False, server_default="", comment="why it failed, without secrets"),
        sa.Column("commit", sa.String(), nullable=False, server_default=""),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("state in ('delivered', 'failed')", name="export_run_by_state"),
        sa.Index("export_run_by_export", "export", "id"),
    )
    op.create_table(
        "delivered_row",
        sa.Column("export", sa.String(), primary_key=True),
        sa.Column("key_hash", sa.String(32), primary_key=True),
        sa.Column("key", JSONB(), nullable=True, comment="of the row; null once it is gone"),
        sa.Column("row_hash", sa.String(32), nullable=False, comment="of all its values; empty once it is gone"),
        sa.Column("delivery", sa.String(32), nullable=False, comment="idempotency key of the newest delivery"),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.create_table(
        "dead_letter",
        sa.Column("export", sa.String(), primary_key=True),
        sa.Column("key_hash", sa.String(32), primary_key=True),
        sa.Column("key", JSONB(), nullable=False, comment="of the row that was refused"),
        sa.Column("row_hash", sa.String(32), nullable=False, comment="of all its values"),
        sa.Column("reason", sa.Text(), nullable=False, comment="what the receiver said, without secrets and addresses"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.execute(
        "create trigger history_stays before update or delete or truncate on export_run "
        "for each statement execute function history_stays()"
    )


def downgrade() -> None:
    for name in ("dead_letter", "delivered_row", "export_run"):
        op.drop_table(name)
