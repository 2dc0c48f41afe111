"""Tables that were retired: what was published of them is dropped, and this says so for good."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retirement",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("retired_on", sa.Date(), nullable=False, comment="as the graveyard says"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("replaced_by", sa.String(), nullable=True),
        sa.Column("row_count", sa.BigInteger(), nullable=False, comment="rows that were dropped, quarantined ones too"),
        sa.Column("period_count", sa.BigInteger(), nullable=False, comment="periods that were published"),
        sa.Column("dropped_by", sa.Text(), nullable=False, comment="who asked for it"),
        sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.execute(
        "create trigger history_stays before update or delete or truncate on retirement "
        "for each statement execute function history_stays()"
    )


def downgrade() -> None:
    op.drop_table("retirement")
