"""Persons who were erased, and what retention removed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasure",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("digest", sa.String(32), nullable=False, unique=True, comment="salted hash of the person's id"),
        sa.Column("salt", sa.String(64), nullable=False, comment="the same in all rows"),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("files", JSONB(), nullable=False, server_default="[]", comment="landed files that were written anew"),
        sa.Column("counts", JSONB(), nullable=False, server_default="{}", comment="place to the number of rows changed"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True, comment="null until it has ended"),
    )
    op.create_table(
        "retention",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("removed", JSONB(), nullable=False, comment="kind to the count and the bytes of what was removed"),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )


def downgrade() -> None:
    op.drop_table("retention")
    op.drop_table("erasure")
