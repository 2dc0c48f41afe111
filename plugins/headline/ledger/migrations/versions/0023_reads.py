"""Who has read which numbers, and how: a row for every page, answer, query, export and report."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "read",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("reader", sa.Text(), nullable=False, comment="Airflow's user name, or the run of an export or report"),
        sa.Column("channel", sa.String(), nullable=False, comment="page, api, query, export or report"),
        sa.Column("names", ARRAY(sa.Text()), nullable=False, comment="tables and metrics"),
        sa.Column("detail", sa.Text(), nullable=False, server_default="", comment="the address, the statement or the file"),
        sa.Column("row_count", sa.BigInteger(), nullable=True, comment="null where it was refused or failed"),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("channel in ('page', 'api', 'query', 'export', 'report')", name="read_by_channel"),
        sa.Index("read_at", "read_at"),
        sa.Index("read_by_reader", "reader", "read_at"),
    )
    op.execute(
        "create trigger history_stays before update or delete or truncate on read "
        "for each statement execute function history_stays()"
    )


def downgrade() -> None:
    op.drop_table("read")
