"""Days that were read again and would have lost what is published of them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "held_day",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("landing", sa.String(), nullable=False, comment="landing.<name>"),
        sa.Column("ds", sa.Date(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False, comment="where what was read is kept"),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False, comment="what it would take away from the day, in words"),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "released_by", sa.Text(), nullable=True, comment="the run that was asked for the day, or how it came to an end"
        ),
    )
    op.create_index("held_day_by_landing", "held_day", ["landing", "ds"])


def downgrade() -> None:
    op.drop_table("held_day")
