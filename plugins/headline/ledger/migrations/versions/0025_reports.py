"""The investor report: each edition as it was sent, its hashes, and who was sent it when."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TABLES = ("report", "report_sending")


def upgrade() -> None:
    op.create_table(
        "report",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("month", sa.Date(), nullable=False, comment="its first day"),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False, comment="when the newest of its figures was issued"),
        sa.Column("chain_head", sa.String(64), nullable=False, comment="newest hash of issued_figures as of then"),
        sa.Column("html_sha256", sa.String(64), nullable=False),
        sa.Column("pdf_sha256", sa.String(64), nullable=False),
        sa.Column("html", sa.LargeBinary(), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.Column("metrics", ARRAY(sa.Text()), nullable=False, comment="whose figures are in it"),
        sa.Column("missing", ARRAY(sa.Text()), nullable=False, comment="metrics whose figure of the month was not issued"),
        sa.Column("figure_count", sa.Integer(), nullable=False),
        sa.Column(
            "is_restated",
            sa.Boolean(),
            nullable=False,
            comment="whether a figure of the month differs from what was first reported",
        ),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("month", "as_of", name="report_once"),
    )
    op.create_table(
        "report_sending",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("report_id", sa.BigInteger(), sa.ForeignKey("report.id"), nullable=False),
        sa.Column("channel", sa.String(), nullable=False, comment="email or slack"),
        sa.Column("recipient", sa.String(), nullable=False, comment="address at work; empty for a channel that everybody reads"),
        sa.Column("event", sa.String(), nullable=False, comment="sending, sent or failed"),
        sa.Column("message_id", sa.String(), nullable=False, comment="the same each time that it is sent"),
        sa.Column("detail", sa.Text(), nullable=False, server_default="", comment="why it failed"),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("event in ('sending', 'sent', 'failed')", name="sending_event"),
        sa.Index("report_sending_by_report", "report_id", "id"),
    )
    for table in TABLES:
        op.execute(
            f"create trigger history_stays before update or delete or truncate on {table} "
            "for each statement execute function history_stays()"
        )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
